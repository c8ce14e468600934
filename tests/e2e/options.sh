#!/bin/bash
# world: nsd,mx
# The other options of `clean` and `check`, and `classify`.
source "$(dirname "$0")/lib.sh"

sessions() { # how many the servers have seen since the last reset
    mx sync
    mx totals | sed -n 's/.*sessions=\([0-9]*\).*/\1/p' | paste -sd+ >"$T/sum"
    echo $(($(cat "$T/sum")))
}
reasons() { tail -n +2 "$T/out" | sed 's/.*,//' | paste -sd' '; }
run() { mailcheck clean "${probe_options[@]}" --columns reason "$@"; }

cat >"$T/list.csv" <<'LIST'
email,name
live.a@pipelining.example,Ann
info@catchall.example,Info
dead.a@plain.example,Bob
x@nullmx.example,Nil
broken,Bad
LIST

# --- how far ---------------------------------------------------------------------------------------
run --offline "$T/list.csv"
same "--offline" "$(reasons)" "not_probed not_probed not_probed not_probed invalid_syntax"
run --no-smtp "$T/list.csv"
same "--no-smtp" "$(reasons)" "not_probed not_probed not_probed null_mx invalid_syntax"
run --plan "$T/list.csv"
same "--plan: exit status" "$status" 0
same "none of them asks a server" "$(sessions)" 0
# 30 addresses at a minute's rate of 60 and a day's budget of 20, 25 at the 240 a minute of any host
mkdir "$T/planned"
printf 'careful\tmx.pipelining.example\trefuses\t2\t1s\t10\t10\t5\t60\t60\t20\t2\n' >"$T/planned/providers.tsv"
{
    for i in $(seq 30); do echo "p$i@pipelining.example"; done
    for i in $(seq 25); do echo "q$i@plain.example"; done
    printf '%s\n' P1@pipelining.example x@nullmx.example broken
} >"$T/plan.csv"
mailcheck clean --no-store --lists "$T/planned" --plan "$T/plan.csv"
same "--plan: rows, addresses, decided, asked, how long" "$(tr -s ' ' <"$T/out")" "rows 58
addresses, each once 56
domains 3
decided without 1

to be asked about addresses domains sessions time, at least
careful 20 1 2 20 s
other hosts 25 1 1 7.0 s
in all 45 2 3 20 s

careful: 10 more than the budget of a day; they will be not_probed
$(tail -n 1 "$T/out")"
ok "--plan fits 80 columns" lacks '^.{81}' "$T/out"
mx reset
run --sample 1 "$T/list.csv"
same "--sample probes so many" "$(grep -cE ',(accepted|no_such_mailbox|catch_all)$' "$T/out")" 1
same "--sample: every row is there" "$(wc -l <"$T/out")" 6

# --- until -----------------------------------------------------------------------------------------
printf '%s\n' email live@greyforever.example live@pipelining.example >"$T/until.csv"
run --greylist-wait 1h --until 2s "$T/until.csv"
same "--until: who waits is greylisted" "$(reasons)" "greylisted accepted"
same "--until: exit status" "$status" 0

# --- limits ----------------------------------------------------------------------------------------
mx reset
for i in $(seq 40); do echo "live$i@slow.example"; done >"$T/many"
run --per-mx 1 "$T/many"
mx sync
ok "--per-mx 1" has 'mx.slow.example.*peak=1' <(mx totals)
mx reset
/usr/bin/python3 "$here/expect.py" list "$here/expected/personalities.tsv" | grep '^live.one' |
    head -n 20 >"$T/some"
run --concurrency 1 "$T/some"
mx sync
same "--concurrency 1: one session at a time" "$(awk -F'\t' '$1 == "session" {
    split($0, at, "at_ms="); split(at[2], lasted, "lasted_ms=")
    print at[2] + 0, at[2] + lasted[2] }' "$WORLD/mx.log" | sort -n |
    awk 'end > $1 + 5 { overlaps++ } { if ($2 > end) end = $2 } END { print overlaps + 0 }')" 0

# --- where -----------------------------------------------------------------------------------------
echo live@port.example >"$T/one"
run "$T/one"
ok "port 25 is closed there" has ',connect_failed$' "$T/out"
run --smtp-port 2526 "$T/one"
ok "--smtp-port" has ',(accepted|unproven)$' "$T/out"
echo ann@private.example >"$T/one"
run "$T/one"
ok "a private address is not connected to" has ',unroutable_mx$' "$T/out"
run --allow-private-mx "$T/one"
ok "--allow-private-mx" has ',(connect_failed|timeout)$' "$T/out"

# --- lists -----------------------------------------------------------------------------------------
mx reset
mkdir "$T/lists"
printf '%s\n' '# never again' live.a@pipelining.example >"$T/lists/suppress.txt"
run --lists "$T/lists" "$T/list.csv"
same "--lists: suppress.txt" "$(reasons)" \
    "suppressed catch_all no_such_mailbox null_mx invalid_syntax"
mx sync
ok "who is suppressed is never asked about" lacks 'live\.a@pipelining' "$WORLD/mx.log"
printf '%s\n' email info@implicit.example info@pipelining.example >"$T/role.csv"
mailcheck clean "${probe_options[@]}" --columns status,reason "$T/role.csv"
same "accepted and role" "$(tail -n +2 "$T/out" | paste -sd' ')" \
    "info@implicit.example,risky,role info@pipelining.example,undeliverable,no_such_mailbox"
mailcheck clean "${probe_options[@]}" --allow role --columns status "$T/role.csv"
same "--allow role" "$(tail -n +2 "$T/out" | paste -sd' ')" \
    "info@implicit.example,deliverable info@pipelining.example,undeliverable"

# --- outputs ---------------------------------------------------------------------------------------
mkdir "$T/split"
run --split "$T/split" "$T/list.csv"
same "--split: send.csv has your columns only" "$(cat "$T/split/send.csv")" \
    $'email,name\nlive.a@pipelining.example,Ann'
same "--split: review.csv" "$(cat "$T/split/review.csv")" $'email,name\ninfo@catchall.example,Info'
same "--split: drop.csv" "$(wc -l <"$T/split/drop.csv")" 4
printf '%s\n' '# settings' 'offline = true' 'columns = status' >"$T/settings"
mailcheck clean --no-store --config "$T/settings" "$T/list.csv"
same "--config" "$(head -n 2 "$T/out" | paste -sd' ')" \
    "email,name,mc_status live.a@pipelining.example,Ann,unknown"
printf '%s\n' 'nonsense = 1' >"$T/settings"
mailcheck clean --no-store --config "$T/settings" "$T/list.csv"
same "--config with nonsense" "$status" 2
ok "says where" has 'settings' "$T/err"
mailcheck clean --offline --no-store -v "$T/list.csv"
ok "-v says what was detected" has 'email' "$T/err"
mailcheck clean --offline --no-store -q "$T/there-is-no-such-file"
ok "-q still tells errors" has 'there-is-no-such-file' "$T/err"

# --- check -v, classify ------------------------------------------------------------------------------
mailcheck check "${probe_options[@]}" -v live.a@pipelining.example
ok "check -v shows the dialogue" has 'RCPT TO:<live.a@pipelining.example>' "$T/err"
ok "and its replies" has '250' "$T/err"
mailcheck classify '550 5.1.1 User unknown' '450 4.2.0 Greylisted' '250 2.1.5 Ok' \
    '550 5.7.1 Client host [192.0.2.1] blocked using zen.spamhaus.org'
same "classify" "$(cut -f1 "$T/out" | paste -sd' ')" "no_such_mailbox greylisted accepted blocked"
echo '452 4.2.2 Mailbox full' | "$MAILCHECK" classify >"$T/out"
same "classify reads lines" "$(cat "$T/out")" $'mailbox_full\t452 4.2.2 Mailbox full'
finish
