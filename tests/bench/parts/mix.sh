# shellcheck shell=bash disable=SC2154
# A list as they come, on servers as they come, all far away (50 ms): how close is the whole run to
# the longer of what DNS and what the sessions take at least, by the servers' own counts? Of 20
# servers twelve tell mailboxes apart, three accept everybody, one each does not pipeline, takes 10
# recipients a message, takes four times as long, hangs up after 20 refusals, refuses us. Eight
# connections a server: two leave the whole machine waiting for the slowest of them.
mix_hosts=$((peer_hosts / 2))
mkdir "$work/lists"
awk -F '\t' -v OFS='\t' '$1 == "default" { $4 = 8 } { print }' data/lists/providers.tsv \
    >"$work/lists/providers.tsv"
start_dns "$mix_hosts" "$away"
$bin/tests/bench/make_list "$people" >"$work/people.csv"
for ((i = 0; i < mix_hosts; i++)); do
    settings=$(printf '\tprefix.%s=live' anna bao carlos dina emre farid grace hans ines jun info)
    delay=$away
    case $((i % 20)) in
    12 | 13 | 14) settings+='\tothers=live' ;;
    15) settings+='\tpipelining=0' ;;
    16) settings+='\tmax_rcpt=10' ;;
    17) delay=$((4 * away)) ;;
    18) settings+='\thard_errors=20' ;;
    19) settings+='\tfault=banner bye 554 5.7.1 Your host is on our list' ;;
    esac
    printf 'server\t198.19.%d.%d\tdelay_ms=%d%b\n' $((i / 256)) $((i % 256)) "$delay" "$settings"
done >"$work/mix.tsv"
run_mx "$work/mix.tsv" "$work/mix.log"
spend 1 $online --lists "$work/lists" --per-mx 8 --concurrency 500 "$work/people.csv"
mix_wall=$wall
stop_mx
stop_dns
# The least time: a session waits for the greeting, for EHLO, and for each 50 recipients (10, 1
# where the server does not do better), 8 sessions at a time with a server and 500 in all.
session_limit=$(awk -F '\t' '
    FNR == NR { split($3, delay, "="); ms[$2] = delay[2]; each[$2] = /max_rcpt/ ? 10 : 50
                lockstep[$2] = /pipelining=0/; next }
    $1 == "session" {
        for (i = 6; i <= NF; i++) { split($i, field, "="); of[field[1]] = field[2] }
        told = of["accepted"] + of["refused"] + of["deferred"]
        waits = lockstep[$2] ? 1 + of["commands"] : 2 + int((told + each[$2] - 1) / each[$2])
        server[$2] += waits * ms[$2] / 1000 / 8
        all += waits * ms[$2] / 1000 / 500 }
    END { for (s in server) if (server[s] > all) all = server[s]; print all }' \
    "$work/mix.tsv" "$work/mix.log")
start_dns "$mix_hosts" "$away"
$bin/tests/bench/make_list 0 $((mx_questions + a_questions)) >"$work/names"
spend 1 $bin/tests/bench/anchor_dns 198.18.0.54 "$work/names" 1000 8
stop_dns
row 11 "a list of $people rows, $away ms away: wall time, $(calc "$mix_wall" 1) s" \
    "the longer of DNS, $(calc "$wall" 1) s, and sessions, $(calc "$session_limit" 1) s" \
    "$(calc "$mix_wall / ($session_limit > $wall ? $session_limit : $wall)")" "<= 1.5"
rm "$work/mix.log"
