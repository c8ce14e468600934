#!/bin/bash
# Speed and memory, as ratios taken side by side in one run: ours over a bare program that does only
# the unavoidable part. `make bench` (a few minutes), `make bench-smoke` (seconds: checks that the
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
smoke) rows=20000 big=0 domains=2000 recipients=5000 rounds=1 ;;
*) rows=1000000 big=10000000 domains=100000 recipients=200000 rounds=3 ;;
esac
bin=build/release
mailcheck=$bin/mailcheck
work=$(mktemp -d)
servers=()
trap 'kill "${servers[@]}" 2>/dev/null || true; rm -rf "$work"' EXIT
client=() server=()
if [ "$(nproc)" -gt 1 ]; then
    client=(taskset -c 0) server=(taskset -c 1)
fi
compare() { # ROUNDS OURS ANCHOR -> figures in the associative array f
    local line
    line=$("${client[@]}" tests/bench/compare.py "$@")
    while IFS=$'\t' read -r name value; do f[$name]=$value; done < <(
        /usr/bin/python3 -c 'import json,sys
for k, v in json.loads(sys.argv[1]).items(): print(k, v, sep="\t")' "$line")
}
declare -A f
table=()
row() { table+=("$(printf '%-52s | %-22s | %8s | %8s | %s' "$@")"); }
held() { awk -v a="$1" -v b="$2" 'BEGIN { print (a <= b) ? "held" : "not held" }'; }
at_least() { awk -v a="$1" -v b="$2" 'BEGIN { print (a >= b) ? "held" : "not held" }'; }
two() { awk -v a="$1" 'BEGIN { printf "%.2f", a }'; }

# --- rows, offline ---------------------------------------------------------------------------
$bin/tests/bench/make_list "$rows" >"$work/list.csv"
compare "$rounds" "$mailcheck clean -q --offline $work/list.csv" \
    "$bin/tests/bench/anchor_csv $work/list.csv"
row "offline clean, $rows rows: CPU" "libcsv parsing" 3.0 "$(two "${f[ratio_cpu]}")" \
    "$(held "${f[ratio_cpu]}" 3.0)"
if [ "$big" -gt 0 ]; then
    $bin/tests/bench/make_list "$big" >"$work/big.csv"
    compare 1 "$mailcheck clean -q --offline $work/big.csv" \
        "$bin/tests/bench/anchor_csv $work/big.csv"
    unique=$(awk -v n="$big" 'BEGIN { print n * 0.95 }')
    bytes=$(awk -v k="${f[ours_kib]}" -v n="$unique" 'BEGIN { printf "%.1f", k * 1024 / n }')
    row "offline clean, $big rows: CPU" "libcsv parsing" 3.0 "$(two "${f[ratio_cpu]}")" \
        "$(held "${f[ratio_cpu]}" 3.0)"
    row "offline, $big rows: bytes a unique address" "-" 120 "$bytes" "$(held "$bytes" 120)"
    rm "$work/big.csv"
fi

# --- DNS -----------------------------------------------------------------------------------------
start_dns() { # MX_HOSTS [DELAY_MS]
    "${server[@]}" $bin/tests/bench/dns_server 198.18.0.54 "$@" >"$work/dns.count" &
    dns=$!
    servers+=("$dns")
}
stop_dns() {
    kill "$dns"
    wait "$dns" || true
    servers=()
}
$bin/tests/bench/make_list 0 "$domains" >"$work/names"
{
    echo email
    sed 's/^/ann@/' "$work/names"
} >"$work/one.csv"
start_dns 64
compare "$rounds" "$mailcheck clean -q --no-smtp $work/one.csv" \
    "$bin/tests/bench/anchor_dns 198.18.0.54 $work/names 1000 8"
stop_dns
row "MX stage, $domains domains: CPU a lookup" "bare c-ares" 2.0 "$(two "${f[ratio_cpu]}")" \
    "$(held "${f[ratio_cpu]}" 2.0)"
rate=$(awk -v r="${f[ratio_wall]}" 'BEGIN { printf "%.2f", 1 / r }')
row "MX stage: rate" "bare c-ares" 0.5 "$rate" "$(at_least "$rate" 0.5)"
start_dns 64
"${client[@]}" $mailcheck clean -q --no-smtp "$work/one.csv" >/dev/null
stop_dns
row "MX stage: questions the server saw" "$domains MX, 64 A" "-" "-" "$(cat "$work/dns.count")"

# --- SMTP ----------------------------------------------------------------------------------------
hosts=64
for ((i = 0; i < hosts; i++)); do
    printf 'server\t198.19.0.%d\tothers=unknown' "$i"
    printf '\tprefix.%s=live' bao carlos dina emre farid grace hans ines jun karin luca mei noor
    printf '\n'
done >"$work/mx.tsv"
ulimit -n 20000 2>/dev/null || true
mkfifo "$work/ready"
"${server[@]}" $bin/tests/servers/mock_mx "$work/mx.tsv" >"$work/ready" 2>"$work/mx.out" &
mx=$!
read -r -t 20 _ <"$work/ready"
start_dns "$hosts"
servers+=("$mx")
$bin/tests/bench/make_list "$recipients" $((recipients / 100)) >"$work/people.csv"
options="--no-store --pace off --helo probe.sender.mailworld --per-mx 8 --greylist-wait 0"
compare "$rounds" "$mailcheck clean -q $options $work/people.csv" \
    "$bin/tests/bench/anchor_smtp 198.19.0.0 $hosts 500 50 $recipients"
rate=$(awk -v r="${f[ratio_wall]}" 'BEGIN { printf "%.2f", 1 / r }')
row "probe, $recipients recipients: recipients a second" "bare pipelining client" 0.5 "$rate" \
    "$(at_least "$rate" 0.5)"
row "probe: CPU (DNS, rows and report included)" "bare pipelining client" "-" \
    "$(two "${f[ratio_cpu]}")" "-"
row "probe: peak memory of ours, KiB" "-" "-" "${f[ours_kib]%.*}" "-"
stop_dns
kill "$mx"

printf '%-52s | %-22s | %8s | %8s | %s\n' "what" "anchor" "goal" "ratio" "held?"
printf '%s\n' "${table[@]}"
