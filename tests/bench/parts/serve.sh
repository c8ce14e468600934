# shellcheck shell=bash disable=SC2154
# `serve`: answers that are known, beside nginx with one worker saying always the same; answers that
# must be fetched, beside the resolver alone; connections that only wait. $seconds for each run.
nginx=$(command -v nginx || echo build/servers/nginx/usr/sbin/nginx)
seconds=$([ "$size" = smoke ] && echo 0.2 || echo 4)
known=500 cold=$([ "$size" = smoke ] && echo 50 || echo 2000)
crowd=$([ "$size" = smoke ] && echo 200 || echo 5000)
serve_client() { "${client[@]}" /usr/bin/python3 tests/bench/serve_client.py "$@"; }
start_serve() { # OPTION...
    "${server[@]}" $mailcheck serve --listen 127.0.0.1:8025 --pace off --helo probe.sender.mailworld \
        --concurrency 200 "$@" 2>"$work/serve.err" &
    serve=$!
    servers+=("$serve")
    serve_client wait || { cat "$work/serve.err" >&2; exit 1; }
}
stop_serve() { kill "$serve" && wait "$serve" || true; }

start_mx 64 'prefix.bao=live'
start_dns 64
people 64 $(((known + 63) / 64)) bao >"$work/known.csv"
start_serve --store "$work/serve.db"
serve_client know "$work/known.csv"
stop_serve
start_serve --store "$work/serve.db" # what is known comes from the store
body=$(serve_client one "$work/known.csv")
mkdir -p "$work/nginx/logs"
cat >"$work/nginx/conf" <<EOF
worker_processes 1;
daemon off;
pid $work/nginx/pid;
error_log $work/nginx/error;
events { worker_connections 1024; }
http {
    access_log off;
$(for kind in client_body proxy fastcgi uwsgi scgi; do echo "    ${kind}_temp_path $work/nginx/$kind;"; done)
    keepalive_requests 1000000000;
    server { listen 127.0.0.1:8026; location / { default_type application/json; return 200 '$body'; } }
}
EOF
"${server[@]}" "$nginx" -p "$work/nginx" -c "$work/nginx/conf" 2>"$work/nginx/err" &
servers+=($!)
serve_client wait 8026 || { cat "$work/nginx/err" >&2; exit 1; }
if have wrk; then
    load() { # PORT: requests a second, and the 99th percentile in ms
        LIST=$work/known.csv "${client[@]}" wrk -t 1 -c 32 -d "${seconds}s" --latency \
            -s tests/bench/serve_load.lua "http://127.0.0.1:$1" | awk '
            $1 == "99%" { v = $2; ms = v ~ /us$/ ? v / 1000 : v ~ /ms$/ ? v + 0 : v * 1000 }
            /^Requests\/sec/ { rate = $2 }
            /Non-2xx|Socket errors/ { print "serve: " $0 >"/dev/stderr"; refused = 1 }
            END { if (refused) exit 1; print rate, ms }'
    }
    [ "$size" != smoke ] || seconds=1
    ours_all=() theirs_all=() p99_all=() their_p99_all=()
    for ((i = 0; i < rounds; i++)); do
        read -r rate ms < <(load 8025)
        ours_all+=("$rate") p99_all+=("$ms")
        read -r rate ms < <(load 8026)
        theirs_all+=("$rate") their_p99_all+=("$ms")
    done
    middle() { printf '%s\n' "$@" | sort -g | sed -n "$((($# + 1) / 2))p"; }
    row serve "serve, known verdicts: answers a second" "nginx, 1 worker, the same bytes" \
        "$(calc "$(middle "${ours_all[@]}") / $(middle "${theirs_all[@]}")")" ">= 0.5"
    row serve "the same: 99th percentile, ms" "nginx: $(middle "${their_p99_all[@]}")" "$(middle "${p99_all[@]}")" "<= 5"
fi
row serve "a new mailbox, its server prompt: ms more at the 99th percentile" "a known one" \
    "$(serve_client probe "$cold")" "<= 5"
read -r idle_kib < <(serve_client idle "$crowd" "$serve")
row serve "$crowd idle connections: MB" - "$(calc "$idle_kib / 1024" 1)" "<= 50"
stop_serve
stop_dns
start_dns 64 10
start_serve --no-smtp
row serve "a new domain, the resolver 10 ms away: ms more at the 99th percentile" "the resolver alone" \
    "$(serve_client dns "$cold" 198.18.0.54)" "<= 3"
stop_serve
stop_dns
stop_mx
