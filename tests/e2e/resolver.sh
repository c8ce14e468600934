#!/bin/bash
# world: nsd,unbound,mx
# SERVFAIL, REFUSED and silence are no answers: dns_failed, and nobody else is held up.
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
finish
