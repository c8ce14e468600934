# shellcheck shell=bash disable=SC2154
# The probe, against a bare client on the same servers.
start_mx "$hosts" 'prefix.bao=live'
start_dns "$hosts"
# Rows and DNS are taken off by a run that probes one address of all and does everything else. The
# bare client pipelines QUIT, as who knows beforehand that no answer will ask for a control; the
# polite one waits with it for the answers, and for the server to close.
for n in 1 10 50; do
    people "$hosts" "$n" user >"$work/people.csv"
    bare="$bin/tests/bench/anchor_smtp 198.19.0.0 $hosts 1000 $n $((hosts * n))"
    probe="$online --per-mx 8 --concurrency 1000 $work/people.csv"
    compare "$rounds" "$probe" "$bare" "$online --sample 1 $work/people.csv"
    row 7 "probe, $n recipients a session: CPU, less rows and DNS" "bare pipelining client" \
        "$(calc "$less_cpu")" "<= 1.15"
    row 7 "the same: addresses a second, less rows and DNS" "bare pipelining client" \
        "$(calc "1 / $less_wall")" ">= 0.85"
    row 7 "the same, all told: addresses a second" "bare pipelining client" \
        "$(calc "1 / $ratio_wall")" -
    compare "$rounds" "$probe" "$bare polite" "$online --sample 1 $work/people.csv"
    row 7 "the same: CPU, less rows and DNS" "bare client, QUIT after the answers" \
        "$(calc "$less_cpu")" "<= 1.15"
    row 7 "the same: addresses a second, less rows and DNS" "bare client, QUIT after the answers" \
        "$(calc "1 / $less_wall")" ">= 0.85"
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
compare "$rounds" "$online --per-mx 8 --concurrency 500 $work/people.csv" \
    "$bin/tests/bench/anchor_smtp 198.19.0.0 $hosts 500 1 $hosts"
limit=$(calc "$hosts * 0.15 / 500" 4)
both=$ours_wall
row 9 "500 connections, 50 ms replies: bare client's share of the limit" "3 waits a session" \
    "$(calc "$limit / $anchor_wall")" -
spend 3 $mailcheck clean -q --no-smtp "$work/people.csv"
row 9 "ours, DNS's time taken off" "3 waits a session" "$(calc "$limit / ($both - $wall)")" ">= 0.9"
stop_mx
fewer=$((hosts / 16))
start_mx "$fewer" 'delay_ms=50\tprefix.bao=live'
people "$fewer" 50 bao >"$work/people.csv"
compare "$rounds" "$online --concurrency $fewer $work/people.csv" \
    "$bin/tests/bench/anchor_smtp 198.19.0.0 $fewer $fewer 51 $((fewer * 51)) lockstep"
row 9 "50 live recipients and a control: rate" "one command at a time" \
    "$(calc "1 / $ratio_wall" 1)" ">= 10"
stop_mx

start_mx "$hosts" 'delay_ms=1000'
spend 1 $online --per-mx 8 --concurrency 50 --timeout 20s --until 3s "$work/people.csv"
few=$kib
spend 1 $online --per-mx 8 --concurrency 5000 --timeout 20s "$work/people.csv"
row 10 "$hosts open sessions: MB more than 50" - "$(calc "($kib - $few) / 1024" 1)" "<= 8"
stop_mx
stop_dns
