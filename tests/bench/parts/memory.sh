# shellcheck shell=bash disable=SC2154
# Memory with DNS and SMTP.
start_mx 64 'prefix.bao=live'
start_dns 64
$bin/tests/bench/make_list "$people" $((people / 100)) >"$work/people.csv"
spend 1 $online --per-mx 8 "$work/people.csv"
row 3 "DNS and SMTP, $people rows: bytes a unique address" - \
    "$(calc "$kib * 1024 / ($people * 0.932)" 1)" "<= 80"
stop_mx
stop_dns
