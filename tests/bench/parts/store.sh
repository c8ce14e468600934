# shellcheck shell=bash disable=SC2154
# The second run over a list that has not changed: the store answers for all of it.
$bin/tests/bench/make_list "$people" | grep -v '"' >"$work/known.csv"
$bin/tests/bench/fill_store "$work/known.db" "$work/known.csv"
known="$mailcheck clean --helo probe.sender.mailworld --store $work/known.db"
spend 1 $known -v -o "$work/known.out" "$work/known.csv"
row store "a run over a list known to the store: recipients, sessions, DNS questions" - \
    "$(grep -oE ' (asked|sessions|dns_questions)=[0-9]+' "$work/err" | awk -F= '{n += $2} END {print n + 0}')" "<= 0"
compare "$rounds" "$known -q $work/known.csv" "$mailcheck clean -q --offline $work/known.csv"
row store "the same: CPU" "offline" "$(calc "$ratio_cpu" 1)" "<= 5"
spend 1 $known -q "$work/known.csv"
row store "the same: bytes of memory an address" - "$(calc "$kib * 1024 / ($people * 0.932)" 1)" -
stored=$($mailcheck store --store "$work/known.db" stats | awk '$1 == "addresses" {print $2}')
row store "bytes of the store an address" - \
    "$(calc "$(stat -c %s "$work/known.db") / $stored" 1)" "<= 200"
rm "$work"/known.*
