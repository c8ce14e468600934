# shellcheck shell=bash disable=SC2154
# Without SMTP: one address a domain.
$bin/tests/bench/make_list 0 "$domains" >"$work/names"
(echo email && sed 's/^/ann@/' "$work/names") >"$work/one.csv"
anchor_dns="$bin/tests/bench/anchor_dns 198.18.0.54 $work/names"
start_dns 64
compare "$rounds" "$mailcheck clean -q --no-smtp $work/one.csv" "$anchor_dns 1000 8"
stop_dns
row 4 "--no-smtp, $domains domains: CPU a lookup" "bare c-ares" "$(calc "$ratio_cpu")" "<= 1.3"
row 4 "the same: lookups a second" "bare c-ares" "$(calc "1 / $ratio_wall")" ">= 1"
# As a provider's resolver is: then what counts is how many are under way, which ours finds out.
head -n $((domains / 3)) "$work/names" >"$work/names.part"
head -n $((domains / 3 + 1)) "$work/one.csv" >"$work/part.csv"
start_dns 64 10
compare 1 "$mailcheck clean -q --no-smtp $work/part.csv" \
    "$bin/tests/bench/anchor_dns 198.18.0.54 $work/names.part 1000 8"
stop_dns
row 4 "10 ms away, $((domains / 3)) domains: lookups a second" "bare c-ares, 1000 under way" \
    "$(calc "1 / $ratio_wall")" -
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
