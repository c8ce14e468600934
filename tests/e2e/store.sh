#!/bin/bash
# world: nsd,mx
# The memory between runs: what it saves, what survives kill -9, what happens when it is broken.
source "$(dirname "$0")/lib.sh"
store=$T/verdicts.db
options=(--store "$store" --pace off --per-mx 2 --timeout 2s --greylist-wait 1s)
source "$here/store_lib.sh"
make_list 40 >"$T/list.csv"
make_list 1 >"$T/few.csv"

# --- the second run asks nobody ------------------------------------------------------------------
mailcheck clean "${options[@]}" -o "$T/first.csv" "$T/list.csv"
same "a run with a store" "$status" 0
first=$(asked_in_all)
ok "it asked" test "$first" -gt 100
mailcheck clean "${options[@]}" --report "$T/report.json" -o "$T/second.csv" "$T/list.csv"
same "again" "$status" 0
same "nobody is asked again" "$(asked_in_all)" "$first"
same "nor is DNS" "$(grep -oE '"dns_questions": [0-9]+' "$T/report.json")" '"dns_questions": 0'
same "the same verdicts" "$(compare "$T/second.csv")" "$(compare "$T/first.csv")"
ok "they say where from" has ',store,20' "$T/second.csv"
same "the store is private" "$(stat -c %a "$store")" 600
mailcheck clean "${options[@]}" --no-store -o "$T/third.csv" "$T/list.csv"
ok "--no-store asks" test "$(asked_in_all)" -gt "$first"
ok "and says so" lacks ',store,20' "$T/third.csv"
asked=$(asked_in_all)
mailcheck clean "${options[@]}" --max-age 0 -o "$T/third.csv" "$T/list.csv"
ok "--max-age 0 asks" test "$(asked_in_all)" -gt "$asked"
asked=$(asked_in_all)
mailcheck check --store "$store" live1@pipelining.example
same "check uses it too" "$(cat "$T/out") $(asked_in_all)" \
    "live1@pipelining.example"$'\t'deliverable$'\t'"accepted $asked"
mailcheck clean "${options[@]}" --no-smtp --columns source -o "$T/third.csv" "$T/list.csv"
ok "--no-smtp says what DNS says" lacks store "$T/third.csv"
for depth in --offline --no-smtp "--sample 5"; do
    # shellcheck disable=SC2086 # words on purpose
    mailcheck clean "${options[@]}" --store "$T/untouched/v.db" $depth -o "$T/third.csv" "$T/list.csv"
    same "$depth with a store" "$status" 0
    ok "$depth makes none" test ! -e "$T/untouched"
done

# --- the usual place -----------------------------------------------------------------------------
usual=$XDG_STATE_HOME/mailcheck/verdicts.db
run=(--pace off --timeout 2s --greylist-wait 1s)
plain() { mailcheck check "${run[@]}" live1@pipelining.example; }
ok "nothing was made there" test ! -e "$XDG_STATE_HOME"
for depth in --offline --no-smtp "--sample 5" --plan --no-store; do
    # shellcheck disable=SC2086 # words on purpose
    mailcheck clean "${run[@]}" $depth -o "$T/third.csv" "$T/few.csv"
    ok "$depth makes none there" test ! -e "$XDG_STATE_HOME"
done
asked=$(asked_in_all)
mailcheck clean "${run[@]}" -o "$T/third.csv" "$T/few.csv"
ok "without a store yet everybody is asked" test "$(asked_in_all)" -gt "$asked"
same "the usual file" "$(stat -c %a "$usual") $(stat -c %a "$XDG_STATE_HOME/mailcheck")" "600 700"
asked=$(asked_in_all)
plain
mailcheck clean "${run[@]}" -o "$T/third.csv" "$T/few.csv"
same "check and clean use it" "$status $(asked_in_all)" "0 $asked"
mailcheck store stats
ok "so does store" has "^file	$usual\$" "$T/out"
mailcheck clean --print-config
ok "--print-config names it" has "^store = $usual\$" "$T/out"
rm -r "$XDG_STATE_HOME"
env -u XDG_STATE_HOME "$MAILCHECK" check "${run[@]}" live1@pipelining.example >"$T/out"
ok "else under ~/.local/state" test -e "$HOME/.local/state/mailcheck/verdicts.db"
env -u XDG_STATE_HOME -u HOME "$MAILCHECK" check "${run[@]}" live1@pipelining.example \
    >"$T/out" 2>"$T/err"
same "no home: goes on" "$? $(cut -f3 "$T/out")" "0 accepted"
same "no home: a warning of one line" "$(grep -c 'nothing is remembered' "$T/err") $(wc -l <"$T/err")" "1 1"
echo >"$XDG_STATE_HOME"
plain
same "an unusable place: goes on" "$status $(cut -f3 "$T/out")" "0 accepted"
ok "an unusable place: a warning" has "nothing is remembered: $usual cannot be used" "$T/err"
rm "$XDG_STATE_HOME"
mkdir -p "${usual%/*}"
head -c 20000 /dev/urandom >"$usual"
plain
same "a damaged usual file fails" "$status" 1
ok "and names the way out" has --no-store "$T/err"
rm -r "$XDG_STATE_HOME"
echo "store = $store" >"$T/settings"
asked=$(asked_in_all)
mailcheck clean --config "$T/settings" -o "$T/third.csv" "$T/list.csv"
same "a config file may ask for it" "$status $(asked_in_all)" "0 $asked"
mailcheck check --config "$T/settings" --no-store --pace off --timeout 2s live1@pipelining.example
ok "--no-store wins over it" test "$(asked_in_all)" -gt "$asked"

# --- what changed, as a page ---------------------------------------------------------------------
mailcheck clean "${options[@]}" --report "$T/report.html" -o "$T/third.csv" "$T/list.csv"
ok "the page says what changed" has 'Changed since the last time' "$T/report.html"
mailcheck clean "${options[@]}" --no-store --report "$T/report.html" -o "$T/third.csv" "$T/few.csv"
ok "without a store it does not" lacks 'Changed since the last time' "$T/report.html"

mailcheck clean "${options[@]}" --plan "$T/list.csv"
ok "--plan says what is known" has '^known to the store +6[0-9]+$' "$T/out"
mailcheck clean "${options[@]}" -v -o "$T/third.csv" "$T/list.csv"
ok "-v: how it began, for logs" \
    has '^mailcheck: run=start list=".*/list.csv" pid=[0-9]+ depth=smtp store=".*/verdicts.db"$' "$T/err"
ok "-v: when the list was read" \
    has '^mailcheck: stage=read seconds=[0-9.]+ rows=[0-9]+ .* dns_questions=0 ' "$T/err"
ok "-v: what came of it" \
    has '^mailcheck: run=done list=".*/list.csv" status=0 .* asked=0 .* dns_questions=0 newly_dead=0 ' "$T/err"

# --- mailcheck store -----------------------------------------------------------------------------
mailcheck store --store "$store" stats
ok "store stats" has '^accepted	[0-9]' "$T/out"
mailcheck store --store "$store" get LIVE1@pipelining.example
ok "store get" has '^LIVE1@pipelining.example	accepted	probe	20' "$T/out"
mailcheck store --store "$store" export
ok "store export" has '^dead1@plain.example	no_such_mailbox	probe' "$T/out"
mailcheck store --store "$store" forget live1@pipelining.example @plain.example
same "store forget" "$status $(cat "$T/out")" "0 81 addresses forgotten"
ok "it is forgotten" eval "! cat '$store'* | grep -aq 'plain.example@'"
mailcheck store --store "$store" get live1@pipelining.example
same "what is forgotten is not known" "$status" 1
mailcheck store --store "$store" forget @slow.example ann@
same "store forget: one that is no address" "$status" 2
mailcheck store --store "$store" get live1@slow.example '"LIVE1"@SLOW.example' 'Ann <live1@slow.example>'
same "and nobody is forgotten; store get by any spelling" "$status $(grep -c accepted "$T/out")" "0 3"
mailcheck store --store "$store" prune --max-age 0
mailcheck store --store "$store" stats
ok "store prune" has '^addresses	0$' "$T/out"
env -u XDG_STATE_HOME -u HOME "$MAILCHECK" store stats 2>"$T/err"
same "store without a place: wrong usage" "$?" 2
ok "it says what is missing" has "--store FILE" "$T/err"
mailcheck store --config "$T/settings" stats
same "store: the config file names it" "$status" 0
for wrong in "" nonsense get "stats all"; do
    # shellcheck disable=SC2086 # words on purpose
    mailcheck store --store "$store" $wrong
    same "store $wrong: wrong usage" "$status" 2
done
mailcheck store --store "$T/none.db" stats
same "store: no such file" "$status" 1
ok "and none is made" test ! -e "$T/none.db"

# --- no place for it -----------------------------------------------------------------------------
mailcheck check --store /proc/nowhere/v.db live1@pipelining.example
same "no place for the store" "$status" 1

# --- hashed --------------------------------------------------------------------------------------
hashed=(--store "$T/hashed.db" --store-hashed --pace off --timeout 2s)
mailcheck check "${hashed[@]}" live1@pipelining.example dead1@pipelining.example
asked=$(asked_in_all)
mailcheck check "${hashed[@]}" live1@pipelining.example dead1@pipelining.example
same "hashed: found again" "$(cut -f3 "$T/out" | paste -sd' ') $(asked_in_all)" \
    "accepted no_such_mailbox $asked"
ok "hashed: no address in it" eval "! grep -aqE 'live1|dead1' '$T'/hashed.db*"
same "hashed: the key is private" "$(stat -c %a "$T/hashed.db.key")" 600

# --- what came back ------------------------------------------------------------------------------
back=(--store "$T/back.db" --pace off --timeout 2s)
bounced() { # WHEN ADDRESS DSN STATUS TEXT
    printf '%s h postfix/smtp[1]: %s: to=<%s>, relay=mx[198.18.0.1]:25, dsn=%s, status=%s (host mx said: %s (in reply to RCPT TO command))\n' \
        "$(LC_ALL=C date -d "$1" '+%b %e %T')" "$RANDOM" "$2" "$3" "$4" "$5"
}
said() { # ADDRESS...
    mailcheck check "${back[@]}" --format jsonl "$@"
    sed -E 's/.*"mc_reason":"([a-z_]*)".*"mc_source":"([a-z_]*)".*/\1 \2/' "$T/out" | paste -sd' '
}
people=(live{1,2,3,4}@pipelining.example dead1@pipelining.example)
same "first all live" "$(said "${people[@]}")" \
    "accepted probe accepted probe accepted probe accepted probe no_such_mailbox probe"
{
    bounced now live1@pipelining.example 5.1.1 bounced '550 5.1.1 no such user'
    for day in 1 2 3; do
        bounced "$day days ago" live2@pipelining.example 4.2.2 deferred '452 4.2.2 mailbox full'
    done
    bounced now live3@pipelining.example 5.7.1 bounced '550 5.7.1 blocked using Spamhaus'
    bounced "2 days ago" live4@pipelining.example 5.1.1 bounced '550 5.1.1 no such user'
} >"$T/mail.log"
mailcheck bounces "${back[@]:0:2}" -v "$T/mail.log" tests/cases/bounces/complaint.eml
same "bounces with a store" "$status" 0
ok "what was new" has "^6 were new to the store; 1 were against addresses it called deliverable" "$T/err"
ok "our own precision" has "^precision	4 deliverable, 1 of them bounced later .75.00% right" "$T/err"
ok "and which rule said so" has '^of them by the rule "unknown"	1$' "$T/err"
asked=$(asked_in_all)
same "hard buries, soft lowers, blocked is nothing, the older one too; a complaint" \
    "$(said "${people[@]:0:4}" annoyed@example.org)" \
    "no_such_mailbox bounce mailbox_full bounce accepted store accepted store suppressed bounce"
same "and nobody was asked" "$(asked_in_all)" "$asked"
mailcheck bounces "${back[@]:0:2}" -v "$T/mail.log" tests/cases/bounces/complaint.eml
ok "the same again counts nothing" has "^0 were new to the store; 0 were" "$T/err"
mailcheck store "${back[@]:0:2}" stats
same "store stats" "$(grep -E '^(reports|complaints|precision|bounced)' "$T/out")" "reports	6
complaints	1
precision	4 deliverable, 1 of them bounced later (75.00% right)
precision at others	4 deliverable, 1 of them bounced later (75.00% right)
bounced later as no_such_mailbox	1"
mailcheck bounces --no-store "$T/mail.log"
ok "--no-store feeds none" test ! -e "$usual"
mailcheck bounces "$T/mail.log"
ok "else the usual one is fed" test -e "$usual"
mailcheck bounces --store /proc/nowhere/v.db "$T/mail.log"
same "no place for the store that was named" "$status" 1

# --- one run a list at a time --------------------------------------------------------------------
printf 'email\nlive1@silent-rcpt.example\n' >"$T/waits.csv"
"$MAILCHECK" clean --store "$store" --pace off --timeout 60s "$T/waits.csv" >"$T/one.csv" \
    2>"$T/one.err" &
program=$!
wait_until "the silent server is asked" asked mx.silent-rcpt.example
mailcheck clean "${options[@]}" "$T/waits.csv"
same "a second run of the same list" "$status" 1
ok "it names the first" has "waits.csv.*process $program:" "$T/err"
ln -s verdicts.db "$T/other.db"
ln -s waits.csv "$T/other.csv"
mailcheck clean "${options[@]:2}" --store "$T/other.db" "$T/other.csv"
same "by other names too" "$status" 1
rm "$T/other.db" "$T/other.csv"
mailcheck clean "${options[@]}" -o "$T/third.csv" "$T/list.csv"
same "another list, the same store" "$status" 0
same "the same verdicts beside it" "$(compare "$T/third.csv")" "$(compare "$T/first.csv")"
kill -9 "$program"
wait "$program" 2>"$T/never.err"
mailcheck clean "${options[@]}" --timeout 1s "$T/waits.csv"
same "killed, it holds nothing back" "$status" 0

# --- two at once, over lists that overlap --------------------------------------------------------
head -n 400 "$T/list.csv" >"$T/front.csv"
(head -n 1 "$T/list.csv" && tail -n 500 "$T/list.csv") >"$T/back.csv"
"$MAILCHECK" clean "${options[@]:2}" --store "$T/both.db" -o "$T/front.out" "$T/front.csv" \
    2>"$T/front.err" &
first=$!
mailcheck clean "${options[@]:2}" --store "$T/both.db" -o "$T/back.out" "$T/back.csv"
same "two at once" "$status" 0
wait "$first"
same "and the other one" "$? $(cat "$T/front.err")" "0 "
other() { # rows whose verdict is not that of one alone
    awk -F, 'NR == FNR { v[$1] = $3 " " $4; next } v[$1] != $3 " " $4' "$T/second.csv" "$1"
}
same "each has the verdicts of one alone" "$(other "$T/front.out")$(other "$T/back.out")" ""
same "and all its rows" "$(wc -l <"$T/front.out") $(wc -l <"$T/back.out")" "400 501"
mailcheck store --store "$T/both.db" stats
ok "and the store is whole" test "$status" = 0
rm -f "$T"/both.db*

# several that make it together
for kind in plain hashed; do
    for round in 1 2 3 4 5; do
        rm -f "$T"/new.db*
        : >"$T/new.db"
        for i in 1 2 3 4 5 6; do
            if [ $kind = hashed ]; then
                "$MAILCHECK" bounces --store "$T/new.db" --store-hashed /dev/null
            else
                "$MAILCHECK" store --store "$T/new.db" stats
            fi >"$T/never.out" 2>>"$T/together.err" &
        done
        wait
    done
    same "several make one together: $kind" "$(cat "$T/together.err")" ""
done

# --- a night that is too short -------------------------------------------------------------------
until_seconds() { # of --until WHEN
    mailcheck clean --offline -v --until "$1" "$T/few.csv"
    grep -oE 'until_seconds=[0-9]+' "$T/err" | cut -d= -f2
}
same "--until 90m" "$(until_seconds 90m)" 5400
in_two_hours=$(until_seconds "$(date -d '2 hours' +%H:%M)")
ok "--until a time of day" test "$in_two_hours" -gt 7000 -a "$in_two_hours" -le 7200
an_hour_ago=$(until_seconds "$(date -d '1 hour ago' +%H:%M)")
ok "--until a time that was: tomorrow" test "$an_hour_ago" -gt 82000 -a "$an_hour_ago" -le 82800
mailcheck clean --offline --until 25:00 "$T/few.csv"
same "--until 25:00: wrong usage" "$status" 2
printf '%s\n' email live1@silent-rcpt.example live7001@pipelining.example live2@silent-rcpt.example \
    >"$T/short.csv"
for source in probe store; do
    mailcheck clean "${options[@]:2}" --store "$T/short.db" --timeout 60s --until 1s -v --columns reason,source \
        -o "$T/short.out" "$T/short.csv"
    same "--until with a store, $source: done" "$status" 0
    ok "who was answered for" has "^live7001@pipelining.example,accepted,$source" "$T/short.out"
    same "the rest is not_probed" "$(grep -cE '^live.@silent-rcpt.example,not_probed,' "$T/short.out")" 2
    ok "that is logged" has '^mailcheck: stage=until seconds=1' "$T/err"
done
if command -v systemd-analyze >/dev/null; then
    mkdir -p "$T/units"
    for unit in service timer; do
        sed "s|/usr/local/bin/mailcheck|$(realpath "$MAILCHECK")|" \
            "data/systemd/mailcheck-clean@.$unit" >"$T/units/mailcheck-clean@list.$unit"
    done
    systemd-analyze verify --man=no "$T"/units/mailcheck-clean@list.* >"$T/err" 2>&1
    same "the units are as systemd wants them" "$(grep -v '^$' "$T/err")" ""
    systemd-analyze security --offline=true --threshold=19 --no-pager \
        "$T/units/mailcheck-clean@list.service" >"$T/err" 2>&1
    same "systemd-analyze security: under 2.0" $? 0
else
    skip "systemd-analyze" "it is not installed"
fi

# --- another process keeps it busy ---------------------------------------------------------------
hold() { # MODE: a transaction, open until its input ends
    /usr/bin/python3 -c '
import sqlite3, sys
store = sqlite3.connect(sys.argv[1], isolation_level=None)
store.execute(sys.argv[2])
store.execute("SELECT count(*) FROM address").fetchall()
open(sys.argv[3], "w").close()
sys.stdin.read()' "$store" "$1" "$T/held" <"$T/holds" &
    exec {holds}>"$T/holds"
    wait_until "the store is held" test -e "$T/held"
    rm "$T/held"
}
let_go() { exec {holds}>&-; }
mkfifo "$T/holds"
printf '%s\n' email live{5001,5002}@pipelining.example >"$T/new.csv"
hold "BEGIN IMMEDIATE"
"$MAILCHECK" clean "${options[@]}" -o "$T/new.out" "$T/new.csv" \
    2>"$T/err" {holds}>&- &
program=$!
wait_until "it says that it waits" has "another process keeps the store busy" "$T/err"
same "nothing is written before the store" "$(ls "$T"/new.out 2>"$T/never.err")" ""
let_go
wait "$program"
same "a busy store is waited for" "$? $(grep -c deliverable "$T/new.out")" "0 2"
mailcheck store --store "$store" get live5002@pipelining.example
same "and fed" "$status" 0

hold "BEGIN" # reads, as long as it likes, what was before
"$MAILCHECK" store --store "$store" forget live5001@pipelining.example >"$T/out" 2>"$T/err" \
    {holds}>&- &
program=$!
gone() { ! "$MAILCHECK" store --store "$store" get live5001@pipelining.example; }
wait_until "it is forgotten" gone
let_go
wait "$program"
same "what somebody reads is forgotten too" "$? $(cat "$T/out" "$T/err")" "0 1 addresses forgotten"
ok "without a trace" eval "! cat '$store'* | grep -aq live5001"

# --- a store that is of no use -------------------------------------------------------------------
echo old >"$T/result.csv"
broken() { # NAME WHAT-IT-SAYS
    mailcheck clean "${options[@]}" --store "$T/bad.db" -o "$T/result.csv" "$T/list.csv"
    same "$1: fails" "$status" 1
    ok "$1: says why" has "$2" "$T/err"
    ok "$1: names the way out" has --no-store "$T/err"
    same "$1: the old result stays" "$(cat "$T/result.csv")" old
}
head -c 20000 /dev/urandom >"$T/bad.db"
broken "random bytes" "not a database"
mailcheck clean "${options[@]}" --store "$T/bad.db" --no-store -o "$T/third.csv" "$T/list.csv"
same "--no-store does without" "$status" 0
rm -f "$T"/bad.db*
cp "$store" "$T/bad.db"
truncate -s 12288 "$T/bad.db"
broken "truncated" "malformed|disk image"
rm -f "$T"/bad.db*
mkdir "$T/bad.db"
broken "a folder" "[Dd]irectory"
rmdir "$T/bad.db"
if mount -t tmpfs -o size=192k tmpfs "$T/small" 2>"$T/never.err" ||
    { mkdir -p "$T/small" && mount -t tmpfs -o size=192k tmpfs "$T/small"; }; then
    mailcheck clean "${options[@]}" --store "$T/small/v.db" -o "$T/result.csv" "$T/list.csv"
    same "disk full: fails" "$status" 1
    ok "disk full: says why" has "full" "$T/err"
    same "disk full: the old result stays" "$(cat "$T/result.csv")" old
    mount -o remount,size=10m "$T/small"
    mailcheck clean "${options[@]}" --store "$T/small/v.db" -o "$T/result.csv" "$T/list.csv"
    same "with room again: goes on" "$status" 0
    ok "with room again: from where it was" has ',store,20' "$T/result.csv"
    same "with room again: the same verdicts" "$(compare "$T/result.csv")" "$(compare "$T/first.csv")"
    umount "$T/small"
else
    skip "disk full" "no tmpfs here"
fi
finish
