#!/bin/bash
# world: nsd,mx
# Each personality of the scripted servers and each way DNS can answer: the right verdict, and
# politeness in every session.
source "$(dirname "$0")/lib.sh"

{
    echo "name,email"
    cat "$here"/expected/{personalities,dns}.tsv | grep -v '^#' | grep . | cut -f1 | sed 's/^/x,/'
} >"$T/list.csv"

mailcheck clean "${probe_options[@]}" "$T/list.csv"
same "exit status" "$status" 0
expect rows "$T/list.csv" "$T/out"
expect verdicts "$here/expected/personalities.tsv" "$T/out"
expect verdicts "$here/expected/dns.tsv" "$T/out"

/usr/bin/python3 "$here/expect.py" read "$T/out" >"$T/addresses"
ok "all sessions end" mx sync
mx totals | sed 's/^/server\t/' >"$T/totals"
cat "$WORLD/mx.log" "$T/totals" >"$T/log"
expect polite "$T/log" "$T/addresses" 2

# A session serves many recipients and many domains of an MX.
sessions=$(awk -F'\t' '$3 == "mx.pipelining.example" { sub("sessions=", "", $4); print $4 }' \
    "$T/totals")
ok "few sessions for the many domains of one MX" test "$sessions" -le 4
finish
