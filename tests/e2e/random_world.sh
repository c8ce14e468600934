#!/bin/bash
# world: own
# A world of servers with random settings, 2,000 rows: complete, in order, byte for byte, nobody
# called dead who lives, every status right, and polite. RANDOM_SEED picks another world;
# RANDOM_ROWS, RANDOM_DOMAINS and RANDOM_SERVERS its size.
source "$(dirname "$0")/lib.sh"
seed=${RANDOM_SEED:-1}
rows=${RANDOM_ROWS:-2000}

if [ -z "${RANDOM_WORLD:-}" ]; then
    export RANDOM_WORLD=$T/random
    /usr/bin/python3 tests/world/generate.py "$RANDOM_WORLD" --seed "$seed" --rows "$rows" \
        --domains "${RANDOM_DOMAINS:-150}" --servers "${RANDOM_SERVERS:-60}"
    exec tests/world/run -s nsd,mx -w "$RANDOM_WORLD" "$0"
fi

mailcheck clean "${probe_options[@]}" "$RANDOM_WORLD/list.csv"
same "exit status (seed $seed)" "$status" 0
expect world "$RANDOM_WORLD/list.csv" "$RANDOM_WORLD/expected.tsv" "$T/out"

ok "all sessions end" mx sync
mx totals | sed 's/^/server\t/' >"$T/totals"
cat "$WORLD/mx.log" "$T/totals" >"$T/log"
cut -f2 "$RANDOM_WORLD/expected.tsv" >"$T/addresses"
expect polite "$T/log" "$T/addresses" 2
finish
