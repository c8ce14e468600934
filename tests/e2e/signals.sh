#!/bin/bash
# world: nsd,mx
# The first SIGINT or SIGTERM stops probing and still writes every row; a second ends at once.
source "$(dirname "$0")/lib.sh"
set -m # else background programs ignore SIGINT

{
    echo email
    for i in 1 2 3 4 5; do echo "live$i@silent-rcpt.example"; done
    echo live@pipelining.example
    echo broken
} >"$T/list.csv"

for signal in INT:130 TERM:143; do
    "$MAILCHECK" clean --no-store --pace off --timeout 60s --greylist-wait 0 --columns status,reason \
        --report "$T/report.json" -o "$T/result.csv" "$T/list.csv" >"$T/out" 2>"$T/err" &
    program=$!
    wait_until "the silent server is asked" asked mx.silent-rcpt.example
    kill -"${signal%:*}" "$program"
    wait "$program"
    same "SIG${signal%:*}: exit status" "$?" "${signal#*:}"
    same "SIG${signal%:*}: every row is there" "$(wc -l <"$T/result.csv")" 8
    same "SIG${signal%:*}: in order" "$(cut -d, -f1 "$T/result.csv" | paste -sd' ')" \
        "$(paste -sd' ' "$T/list.csv")"
    ok "SIG${signal%:*}: the rest is not_probed" has '^live5@.*,unknown,not_probed' "$T/result.csv"
    ok "SIG${signal%:*}: what was known stays" has '^broken,undeliverable,invalid_syntax' \
        "$T/result.csv"
    ok "SIG${signal%:*}: the report is there" test -s "$T/report.json"
    rm -f "$T/result.csv" "$T/report.json"
    mx reset
done

"$MAILCHECK" clean --no-store --pace off --timeout 60s --greylist-wait 1h -o "$T/result.csv" \
    <(
        cat "$T/list.csv"
        echo live@greyforever.example
        exec sleep 60
    ) >"$T/out" 2>"$T/err" &
program=$!
wait_until "the silent server is asked" asked mx.silent-rcpt.example
kill -INT "$program"
mx sync # it has heard: the session is closed; but the input is still open
kill -INT "$program"
wait "$program"
ok "a second signal ends at once" test "$?" -ge 128
same "and leaves no result" "$(ls "$T" | grep -c '^result\.csv')" 0

# With a store, in every form of output: what was known stays, and the same command goes on.
mx reset
printf '%s\n' email live{1,2}@silent-rcpt.example live@pipelining.example broken >"$T/goes-on.csv"
for source in probe store; do
    "$MAILCHECK" clean --store "$T/goes-on.db" --pace off --timeout 60s --greylist-wait 0 \
        --format jsonl --split "$T/split" --report "$T/report.html" -o "$T/result.jsonl" \
        "$T/goes-on.csv" >"$T/out" 2>"$T/err" &
    program=$!
    wait_until "the silent server is asked" asked mx.silent-rcpt.example
    wait_until "the other one has answered" \
        "$MAILCHECK" store --store "$T/goes-on.db" get live@pipelining.example
    kill -TERM "$program"
    wait "$program"
    same "$source: exit status" "$?" 143
    same "$source: every row, each where it belongs" \
        "$(grep -c . "$T/result.jsonl") $(cat "$T"/split/{send,review,drop}.csv | paste -sd' ')" \
        "4 email live@pipelining.example email live1@silent-rcpt.example live2@silent-rcpt.example email broken"
    ok "$source: the report is there" has '</html>' "$T/report.html"
    ok "$source: what was known" \
        has "live@pipelining.example.*\"mc_source\": ?\"$source\"" "$T/result.jsonl"
    rm -r "$T/split" "$T/result.jsonl" "$T/report.html"
    mx reset
done

# Rows that waited for a greylisting server are greylisted, not not_probed.
mx reset # the run before may have asked it
echo live@greyforever.example >"$T/grey.csv"
"$MAILCHECK" clean --no-store --pace off --timeout 5s --greylist-wait 1h --columns reason \
    "$T/grey.csv" >"$T/out" 2>"$T/err" &
program=$!
wait_until "the greylisting server is asked" asked mx.greyforever.example
mx sync # the session has ended: it waits now
kill -USR1 "$program"
wait_until "SIGUSR1 is answered" grep -q '1 of\|1 told to come back' "$T/err"
ok "SIGUSR1: how far, and what is waited for" \
    has '^mailcheck: 0 of 1 row done.*at least .*1 told to come back, next try in ' "$T/err"
kill -INT "$program"
wait "$program"
same "stopped while waiting: greylisted" "$(cat "$T/out")" "live@greyforever.example,greylisted"
finish
