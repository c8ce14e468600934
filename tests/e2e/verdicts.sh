#!/bin/bash
# world: nsd,mx
# Each personality of the scripted servers and each way DNS can answer: the right verdict, and
# politeness in every session.
source "$(dirname "$0")/lib.sh"

{
    echo "name,email"
    cat "$here"/expected/{personalities,dns}.tsv | grep -v '^#' | grep . | cut -f1 | sed 's/^/x,/'
} >"$T/list.csv"
cut -d, -f2 "$T/list.csv" | tail -n +2 >"$T/addresses"

mailcheck clean "${probe_options[@]}" "$T/list.csv"
same "exit status" "$status" 0
expect rows "$T/list.csv" "$T/out"
expect verdicts "$here/expected/personalities.tsv" "$T/out"
expect verdicts "$here/expected/dns.tsv" "$T/out"

ok "all sessions end" mx sync
mx totals | sed 's/^/server\t/' >"$T/totals"
cat "$WORLD/mx.log" "$T/totals" >"$T/log"
expect polite "$T/log" "$T/addresses" 2

# Politeness in the use of things: a session serves many recipients and many domains.
sessions() { awk -F'\t' -v name="$1" '$2 == name { sub("sessions=", "", $3); print $3 }' "$T/totals.plain"; }
mx totals >"$T/totals.plain"
ok "one session for the many domains of an MX" test "$(sessions mx.pipelining.example)" -le 3
finish
