#!/bin/bash
# run.sh full|smoke [PART...]
# Speed and memory, as ratios taken side by side in one run: ours over a bare program that does only
# the unavoidable part. `make bench` (some minutes), `make bench-smoke` (seconds: checks that the
# bench itself works). Nothing here passes or fails by speed. A part is a file of parts/; without
# any named, all are run.
set -euo pipefail
cd "$(dirname "$0")/../.."
size=${1:-full}
shift || true
all_parts=(rows bounces start dns smtp peers mix memory store serve floor)
if [ "${BENCH_INSIDE:-}" != 1 ]; then
    if ! why=$(tests/world/run -n 2>&1); then
        echo "bench: $why"
        exit 0
    fi
    # The private network reaches no registry: what is downloaded is downloaded here.
    if [ "$size" = full ] && ! [ -d build/peers/node_modules/validator ] && command -v npm >/dev/null; then
        mkdir -p build/peers
        (cd build/peers && timeout 120 npm install --silent --no-audit --no-fund \
            deep-email-validator@0.1.27 validator@13.15.35) || export npm_trouble="npm could not install it"
    fi
    exec env BENCH_INSIDE=1 tests/world/run -s none "$PWD/tests/bench/run.sh" "$size" "$@"
fi

case $size in
smoke)
    rows=20000 big=40000 sample=2000 reports=260 domains=2000 hosts=50 rounds=1 people=5000 peer_hosts=40 away=5
    ;;
*)
    rows=1000000 big=10000000 sample=100000 reports=13000 domains=300000 hosts=4000 rounds=5
    people=1000000 peer_hosts=4000 away=50
    ;;
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

# --- what the parts share ------------------------------------------------------------------------
offline="$mailcheck clean -q --offline"
online="$mailcheck clean -q --no-store --pace off --helo probe.sender.mailworld --greylist-wait 0"
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
# One MX host a domain (dN.bench is host N), so that the list decides how many share a session.
mkfifo "$work/ready"
run_mx() { # SCRIPT [LOG]
    "${server[@]}" $bin/tests/servers/mock_mx "$@" >"$work/ready" 2>"$work/mx.out" &
    mx=$!
    servers+=("$mx")
    read -r -t 60 _ <"$work/ready"
}
start_mx() { # HOSTS SETTINGS [LOG]: names refused but those of make_list
    local i
    for ((i = 0; i < $1; i++)); do
        printf 'server\t198.19.%d.%d\tothers=unknown\t%b\n' $((i / 256)) $((i % 256)) "$2"
    done >"$work/mx.tsv"
    run_mx "$work/mx.tsv" ${3:+"$3"}
}
stop_mx() { kill "$mx" && wait "$mx" || true; }
people() { # HOSTS RECIPIENTS-A-HOST NAME
    awk -v h="$1" -v n="$2" -v name="$3" 'BEGIN { print "email"
        for (i = 0; i < n; i++) for (k = 0; k < h; k++) printf "%s%d@d%d.bench\n", name, i, k }'
}


for part in "${@:-${all_parts[@]}}"; do
    # shellcheck source=/dev/null
    . "tests/bench/parts/$part.sh"
done
echo
printf '%s, %s cores, %s, %s\n\n' "$(date -u +%F)" "$(nproc)" \
    "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(uname -r)"
printf '| goal | what | measured against | wanted | ratio or figure | |\n'
printf '| --- | --- | --- | --- | --- | --- |\n'
printf '%s\n' "${table[@]}"
