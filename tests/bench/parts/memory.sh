# shellcheck shell=bash disable=SC2154
# Memory with DNS and SMTP. Part of it, 14 MB, is there whatever the list: more rows than elsewhere,
# since the goal is about 10 million of them.
many=$((people * 3))
start_mx 64 'prefix.bao=live'
start_dns 64
for each in 100 9; do
    $bin/tests/bench/make_list "$many" $((many / each)) >"$work/people.csv"
    spend 1 $online --per-mx 8 "$work/people.csv"
    row 3 "DNS and SMTP, $many rows, $each a domain: bytes a unique address" - \
        "$(calc "$kib * 1024 / ($many * 0.926)" 1)" "<= 80"
done
stop_mx
stop_dns
