#!/bin/bash
# world: nsd,postfix,exim,opensmtpd
# Real Postfix (with defaults, postscreen, low limits, greylisting, TLS), Exim and OpenSMTPD.
source "$(dirname "$0")/lib.sh"

{
    echo "email"
    /usr/bin/python3 "$here/expect.py" list "$here/expected/real.tsv"
} >"$T/list.csv"
mailcheck clean "${probe_options[@]}" --timeout 5s "$T/list.csv"
same "exit status" "$status" 0
expect rows "$T/list.csv" "$T/out"
expect verdicts "$here/expected/real.tsv" "$T/out"

postfix=$WORLD/mta/postfix.log
ok "Postfix saw no improper pipelining, no early talker" \
    lacks 'improper command pipelining|PREGREET|COMMAND PIPELINING' "$postfix"
# A limit of 4 cannot be known before it is met; after that it is.
ok "Postfix ended at most one session for errors" \
    test "$(grep -c 'too many errors' "$postfix")" -le 1
ok "Postfix saw no DATA" lacks ' (data|bdat)=' "$postfix"
ok "Postfix lost no connection of ours" lacks 'lost connection after' "$postfix"
ok "Postfix saw QUIT in each session" \
    test "$(grep 'disconnect from' "$postfix" | grep -vc ' quit=1')" \
    -le "$(grep -c 'too many errors' "$postfix")"
finish
