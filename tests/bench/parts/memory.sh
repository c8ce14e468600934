# shellcheck shell=bash disable=SC2154
# Memory with DNS and SMTP.
start_mx 64 'prefix.bao=live'
start_dns 64
for each in 100 9; do
    $bin/tests/bench/make_list "$people" $((people / each)) >"$work/people.csv"
    spend 1 $online --per-mx 8 "$work/people.csv"
    row 3 "DNS and SMTP, $people rows, $each a domain: bytes a unique address" - \
        "$(calc "$kib * 1024 / ($people * 0.926)" 1)" "<= 80"
done
stop_mx
stop_dns
