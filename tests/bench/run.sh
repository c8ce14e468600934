#!/bin/bash
# Speed and memory, as ratios taken side by side in one run: ours over a bare program that does only
# the unavoidable part. `make bench` (some minutes), `make bench-smoke` (seconds: checks that the
# bench itself works). Nothing here passes or fails by speed.
set -euo pipefail
cd "$(dirname "$0")/../.."
size=${1:-full}
if [ "${BENCH_INSIDE:-}" != 1 ]; then
    if ! why=$(tests/world/run -n 2>&1); then
        echo "bench: $why"
        exit 0
    fi
    exec env BENCH_INSIDE=1 tests/world/run -s none "$PWD/tests/bench/run.sh" "$@"
fi

case $size in
smoke) rows=20000 big=40000 sample=2000 domains=2000 hosts=50 rounds=1 people=5000 reports=260 ;;
*) rows=1000000 big=10000000 sample=100000 domains=300000 hosts=4000 rounds=5 people=1000000 reports=13000 ;;
esac
bin=build/release
mailcheck=$bin/mailcheck
export SPEND=$bin/tests/bench/spend
work=$(mktemp -d)
servers=()
trap 'kill "${servers[@]}" 2>/dev/null || true; rm -rf "$work"' EXIT
client=() server=()
if [ "$(nproc)" -gt 1 ]; then
    client=(taskset -c 0) server=(taskset -c 1)
fi
ulimit -n "$(ulimit -Hn)"

compare() { # ROUNDS OURS ANCHOR: sets ours_cpu, anchor_wall, ratio_cpu, ...
    local figures
    figures=$("${client[@]}" tests/bench/compare.py "$@")
    eval "$figures"
}
spend() { # RUNS COMMAND...: sets cpu, wall and kib
    local figures
    figures=$("${client[@]}" "$SPEND" "$@" 2>>"$work/err") || [ $? = 3 ]
    read -r cpu wall kib <<<"$figures"
}
calc() { awk "BEGIN { printf \"%.${2:-2}f\", $1 }"; }
table=()
row() { # GOAL WHAT ANCHOR OURS WANTED ("<= 1.2", ">= 3", "-")
    local held=-
    [ "$5" = - ] || held=$(awk "BEGIN { print ($4 $5) ? \"held\" : \"not held\" }")
    table+=("$(printf '| %s | %s | %s | %s | %s | %s |' "$1" "$2" "$3" "$5" "$4" "$held")")
    printf '%s: %s %s\n' "$2" "$4" "$held"
}
have() { command -v "$1" >/dev/null; }

# --- rows, offline -------------------------------------------------------------------------------
offline="$mailcheck clean -q --offline"
$bin/tests/bench/make_list "$rows" >"$work/list.csv"
compare "$rounds" "$offline $work/list.csv" "$bin/tests/bench/anchor_csv $work/list.csv"
row 1 "offline, $rows rows: CPU" "libcsv parsing the file" "$(calc "$ratio_cpu")" "<= 1.0"
per_row=$(calc "$ours_cpu * 1e9 / $rows" 0)
reader='import csv,sys
for row in csv.reader(open(sys.argv[1], newline="", encoding="utf-8")): pass'
printf '%s\n' "$reader" >"$work/reader.py"
compare 1 "/usr/bin/python3 $work/reader.py $work/list.csv" "$offline $work/list.csv"
row 2 "Python's csv module reading the file: CPU" "ours, all of it" "$(calc "$ratio_cpu")" ">= 3"
if /usr/bin/python3 -c 'import email_validator' 2>/dev/null; then
    cat >"$work/validator.py" <<'END'
import csv, sys, email_validator
for row in csv.reader(open(sys.argv[1], newline="", encoding="utf-8")):
    try: email_validator.validate_email(row[2], check_deliverability=False)
    except email_validator.EmailNotValidError: pass
END
    head -n $((sample / 5 + 1)) "$work/list.csv" >"$work/part.csv"
    compare 1 "/usr/bin/python3 $work/validator.py $work/part.csv" "$offline $work/part.csv"
    row 2 "python3-email-validator: CPU" "ours" "$(calc "$ratio_cpu" 0)" ">= 100"
fi
$bin/tests/bench/make_list "$big" >"$work/big.csv"
unique=$(calc "$big * 0.932" 0) # addresses that are valid and met for the first time
compare 3 "$offline $work/big.csv" "$bin/tests/bench/anchor_csv $work/big.csv"
row 1 "offline, $big rows: CPU" "libcsv parsing the file" "$(calc "$ratio_cpu")" "<= 1.2"
spend 1 $offline "$work/big.csv"
row 3 "offline, $big rows: bytes a unique address" - "$(calc "$kib * 1024 / $unique" 1)" "<= 25"
spend 1 sh -c "cat $work/big.csv | $offline"
row 3 "the same through a pipe" - "$(calc "$kib * 1024 / $unique" 1)" "<= 35"
rm "$work/big.csv"

# --- delivery reports ----------------------------------------------------------------------------
# The email package only parses and walks the parts; ours finds who failed and why. Its parser as
# users call it: message_from_binary_file without a policy (compat32, the faster one).
/usr/bin/python3 tests/bench/make_bounces.py "$reports" "$work/Maildir" "$work/mbox"
cat >"$work/walk.py" <<'END'
import email, os, sys
for name in os.listdir(sys.argv[1]):
    with open(os.path.join(sys.argv[1], name), "rb") as file:
        for part in email.message_from_binary_file(file).walk(): pass
END
cat >"$work/mbox.py" <<'END'
import mailbox, sys
for message in mailbox.mbox(sys.argv[1], create=False):
    for part in message.walk(): pass
END
compare "$rounds" "/usr/bin/python3 $work/walk.py $work/Maildir/cur" "$mailcheck bounces -q $work/Maildir"
row 11 "Python's email package parsing a Maildir of $reports reports: CPU" "ours, all of it" \
    "$(calc "$ratio_cpu" 1)" ">= 5"
maildir_cpu=$anchor_cpu
compare "$rounds" "/usr/bin/python3 $work/mbox.py $work/mbox" "$mailcheck bounces -q $work/mbox"
row 11 "its mailbox module, the same reports as an mbox: CPU" "ours" "$(calc "$ratio_cpu" 1)" ">= 5"
row - "reports a CPU second: Maildir, mbox" - \
    "$(calc "$reports / $maildir_cpu" 0), $(calc "$reports / $anchor_cpu" 0)" -
rm -r "$work/Maildir" "$work/mbox"

# --- starting up ---------------------------------------------------------------------------------
spend 40 $bin/tests/bench/empty
empty=$wall
spend 40 sh -c "$mailcheck check --offline ann@x.example >/dev/null; exit 0"
shell_and_check=$wall check_kib=$kib
spend 40 sh -c "$bin/tests/bench/empty; exit 0"
row 10 "check --offline: ms above an empty program" - \
    "$(calc "($shell_and_check - $wall) * 1000" 1)" "<= 4"
row 10 "check --offline: peak memory, MB" - "$(calc "$check_kib / 1024" 1)" "<= 10"

# --- DNS -----------------------------------------------------------------------------------------
start_dns() { # MX_HOSTS [DELAY_MS [LOSS]]
    "${server[@]}" $bin/tests/bench/dns_server 198.18.0.54 "$@" >"$work/dns.count" &
    dns=$!
    servers+=("$dns")
}
stop_dns() { # sets mx_questions and a_questions
    kill "$dns"
    wait "$dns" || true
    read -r mx_questions _ a_questions _ <"$work/dns.count"
}
online="$mailcheck clean -q --no-store --pace off --helo probe.sender.mailworld --greylist-wait 0"
$bin/tests/bench/make_list 0 "$domains" >"$work/names"
(echo email && sed 's/^/ann@/' "$work/names") >"$work/one.csv"
anchor_dns="$bin/tests/bench/anchor_dns 198.18.0.54 $work/names"
start_dns 64
compare 1 "$mailcheck clean -q --no-smtp $work/one.csv" "$anchor_dns 1000 8"
stop_dns
row 4 "--no-smtp, $domains domains: CPU a lookup" "bare c-ares" "$(calc "$ratio_cpu")" "<= 1.3"
row 4 "the same: lookups a second" "bare c-ares" "$(calc "1 / $ratio_wall")" ">= 1"
start_dns 64
spend 1 $mailcheck clean -q --no-smtp "$work/one.csv"
stop_dns
row 6 "MX questions a domain, as the server counted" - "$(calc "$mx_questions / $domains" 4)" "<= 1.001"
row 6 "A questions a MX host" - "$(calc "$a_questions / 64" 3)" "<= 2"
start_dns 64 50
spend 1 $mailcheck clean -q --no-smtp "$work/one.csv"
stop_dns
clean_wall=$wall
row 5 "50 ms away: questions asked again" - "$(calc "$mx_questions / $domains - 1" 5)" "<= 0.001"
head -n $((domains / 10)) "$work/names" >"$work/names.part"
start_dns 64 50
spend 1 $bin/tests/bench/anchor_dns 198.18.0.54 "$work/names.part" 10000 1
stop_dns
row 5 "50 ms away: lookups a second" "one socket, 10000 under way" \
    "$(calc "($domains / $clean_wall) / ($domains / 10 / $wall)" 1)" ">= 5"
start_dns 64 50 2
spend 1 $mailcheck clean -q --no-smtp "$work/one.csv"
stop_dns
row 5 "2% of the answers lost: rate" "ours without loss" "$(calc "$clean_wall / $wall")" ">= 0.5"

# --- SMTP ----------------------------------------------------------------------------------------
# One MX host a domain (dN.bench is host N), so that the list decides how many share a session.
mkfifo "$work/ready"
start_mx() { # HOSTS SETTINGS [LOG]: names refused but those of make_list
    local i
    for ((i = 0; i < $1; i++)); do
        printf 'server\t198.19.%d.%d\tothers=unknown\t%b\n' $((i / 256)) $((i % 256)) "$2"
    done >"$work/mx.tsv"
    "${server[@]}" $bin/tests/servers/mock_mx "$work/mx.tsv" ${3:+"$3"} >"$work/ready" 2>"$work/mx.out" &
    mx=$!
    servers+=("$mx")
    read -r -t 60 _ <"$work/ready"
}
stop_mx() { kill "$mx" && wait "$mx" || true; }
people() { # HOSTS RECIPIENTS-A-HOST NAME
    awk -v h="$1" -v n="$2" -v name="$3" 'BEGIN { print "email"
        for (i = 0; i < n; i++) for (k = 0; k < h; k++) printf "%s%d@d%d.bench\n", name, i, k }'
}
start_mx "$hosts" 'prefix.bao=live'
start_dns "$hosts"
for n in 1 10 50; do
    h=$hosts
    people "$h" "$n" user >"$work/people.csv"
    compare "$rounds" "$online --per-mx 8 --concurrency 1000 $work/people.csv" \
        "$bin/tests/bench/anchor_smtp 198.19.0.0 $h 1000 $n $((h * n))"
    whole=$ours_cpu ours=$ours_wall bare_wall=$anchor_wall bare_cpu=$anchor_cpu
    compare "$rounds" "$mailcheck clean -q --no-smtp $work/people.csv" true
    row 7 "probe, $n recipients a session: CPU, less rows and DNS" "bare pipelining client" \
        "$(calc "($whole - $ours_cpu) / $bare_cpu")" "<= 1.15"
    row 7 "the same: addresses a second, less rows and DNS" "bare pipelining client" \
        "$(calc "$bare_wall / ($ours - $ours_wall)")" ">= 0.85"
    row 7 "the same, all told: addresses a second" "bare pipelining client" \
        "$(calc "$bare_wall / $ours")" -
done
stop_mx

start_mx 20 'prefix.bao=live' "$work/mx.log"
people 20 100 user >"$work/people.csv"
spend 1 $online "$work/people.csv"
stop_mx
row 6 "sessions of 50 recipients each for 2000 at 20 hosts" "40" \
    "$(grep -c ^session "$work/mx.log")" "<= 40"
start_mx 20 'prefix.bao=live' "$work/mx2.log"
people 20 50 bao >"$work/people.csv"
spend 1 $online "$work/people.csv"
stop_mx
row 6 "the same with a control for 1000 live ones: sessions" "20" \
    "$(grep -c ^session "$work/mx2.log")" "<= 20"

start_mx "$hosts" 'delay_ms=50'
people "$hosts" 1 user >"$work/people.csv"
compare 1 "$online --per-mx 8 --concurrency 500 $work/people.csv" \
    "$bin/tests/bench/anchor_smtp 198.19.0.0 $hosts 500 1 $hosts"
limit=$(calc "$hosts * 0.15 / 500" 4)
both=$ours_wall
row 9 "500 connections, 50 ms replies: bare client's share of the limit" "3 waits a session" \
    "$(calc "$limit / $anchor_wall")" -
spend 1 $mailcheck clean -q --no-smtp "$work/people.csv"
row 9 "ours, DNS's time taken off" "3 waits a session" "$(calc "$limit / ($both - $wall)")" ">= 0.9"
stop_mx

start_mx "$hosts" 'delay_ms=1000'
spend 1 $online --per-mx 8 --concurrency 50 --timeout 20s --until 3s "$work/people.csv"
few=$kib
spend 1 $online --per-mx 8 --concurrency 5000 --timeout 20s "$work/people.csv"
row 10 "$hosts open sessions: MB more than 50" - "$(calc "($kib - $few) / 1024" 1)" "<= 8"
stop_mx

start_mx 64 'prefix.bao=live'
stop_dns
start_dns 64
$bin/tests/bench/make_list "$people" $((people / 100)) >"$work/people.csv"
spend 1 $online --per-mx 8 "$work/people.csv"
row 3 "DNS and SMTP, $people rows: bytes a unique address" - \
    "$(calc "$kib * 1024 / ($people * 0.932)" 1)" "<= 80"
stop_mx

# --- what it is made of --------------------------------------------------------------------------
instructions() { # COMMAND...
    valgrind --tool=none true 2>/dev/null || return 1
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$@" 2>&1 >/dev/null |
        sed -n 's/.*refs: *//p' | tr -d ,
}
calls() { # COMMAND...
    strace -f -c -o "$work/strace" "$@" >/dev/null 2>&1 || true
    awk '$NF == "total" { print $(NF - 1) == "total" ? $3 : $4 }' "$work/strace"
}
if have valgrind; then
    head -n $((sample + 1)) "$work/list.csv" >"$work/part.csv"
    head -n 2 "$work/list.csv" >"$work/none.csv"
    some=$(instructions $offline "$work/part.csv") none=$(instructions $offline "$work/none.csv")
    libcsv=$(instructions $bin/tests/bench/anchor_csv "$work/part.csv")
    row - "instructions a row (callgrind)" "libcsv: $(calc "$libcsv / $sample" 0)" \
        "$(calc "($some - $none) / $sample" 0)" -
fi
row - "CPU a row, ns" - "$per_row" -
if have strace; then
    start_mx 50 'prefix.bao=live'
    stop_dns
    start_dns 50
    people 50 50 user >"$work/people.csv"
    all=$(calls $online --per-mx 8 "$work/people.csv")
    dns_only=$(calls $mailcheck clean -q --no-smtp "$work/people.csv")
    bare=$(calls $bin/tests/bench/anchor_smtp 198.19.0.0 50 50 50 2500)
    row - "system calls a session of 50 recipients (strace)" "bare: $(calc "$bare / 50" 1)" \
        "$(calc "($all - $dns_only) / 50" 1)" -
    stop_mx
fi
stop_dns
echo
printf '%s, %s cores, %s, %s\n\n' "$(date -u +%F)" "$(nproc)" \
    "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(uname -r)"
printf '| goal | what | measured against | wanted | ratio or figure | |\n'
printf '| --- | --- | --- | --- | --- | --- |\n'
printf '%s\n' "${table[@]}"
