#!/bin/bash
# world: nsd,unbound,mx
# SERVFAIL, REFUSED and silence are no answers: dns_failed, and nobody else is held up. Where IPv6
# leads nowhere, a domain that has nothing else is not called one without a mail server.
source "$(dirname "$0")/lib.sh"

{
    echo "email"
    /usr/bin/python3 "$here/expect.py" list "$here/expected/resolver.tsv"
} >"$T/list.csv"
mailcheck clean "${probe_options[@]}" "$T/list.csv"
same "exit status" "$status" 0
expect verdicts "$here/expected/resolver.tsv" "$T/out"

mailcheck clean "${probe_options[@]}" --dns 198.18.0.54 "$T/list.csv"
ok "--dns asks another server" has '^ann@refused.example,undeliverable,no_such_domain' "$T/out"
mailcheck clean "${probe_options[@]}" --dns 198.18.0.97 --dns-timeout 1s "$T/list.csv"
same "no resolver at all: exit status" "$status" 0
same "no resolver at all: dns_failed" "$(tail -n +2 "$T/out" | cut -d, -f3 | sort -u)" dns_failed

# --- last, since there is no way back: this host loses IPv6 ---
ip -6 route del local 2001:2::/48 dev lo 2>/dev/null || true
{
    echo email
    printf '%s.example\n' live@bothfamilies live@implicit live@onlysix live@implicit6 ann@nomx
} >"$T/list.csv"
mailcheck clean "${probe_options[@]}" --columns mc_reason "$T/list.csv"
same "without IPv6" "$(tail -n +2 "$T/out")" "live@bothfamilies.example,connect_failed
live@implicit.example,accepted
live@onlysix.example,connect_failed
live@implicit6.example,connect_failed
ann@nomx.example,no_mail_server"
finish
