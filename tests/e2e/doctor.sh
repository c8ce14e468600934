#!/bin/bash
# world: own
# `doctor`: a host as it should be, and each thing that may be wrong with one.
source "$(dirname "$0")/lib.sh"
if [ -z "${DOCTOR_WORLD:-}" ]; then
    export DOCTOR_WORLD=1
    exec tests/world/run -s nsd,mx -w tests/world/doctor "$0"
fi

doctor() { mailcheck doctor --timeout 3s "$@"; }
said() { # CHECK: how it is judged, the worst first
    awk -v check="$1" '$2 == check { print $1 }' "$T/out" | sort -ru | paste -sd' '
}
judged() { # NAME CHECK RESULT [WORDS] [STATUS]
    same "$1" "$(said "$2")" "$3"
    [ -z "${4:-}" ] || ok "$1: why" has "$4" "$T/out"
    [ -z "${5:-}" ] || same "$1: exit status" "$status" "$5"
}

# --- as it should be; the clock of a test machine is what it is
doctor
same "fit" "$status" 0
same "every check has its say" "$(awk '$1 ~ /^(ok|warn|fail)$/ { print $2 }' "$T/out" | uniq | paste -sd' ')" \
    "files clock resolver port25 helo ptr sender spf dmarc blocklist"
for check in resolver helo ptr sender spf dmarc blocklist; do
    judged "fit: $check" "$check" ok
done
judged "a provider that greets with 554" port25 "warn ok" 'icloud.com .*: 5[0-9][0-9] '
ok "the others' greetings are shown" has 'gmail.com \(gmail-smtp-in.l.google.com \[198.18.7.1\]\): 220 ' "$T/out"
mx sync
same "one session each, and no recipient" \
    "$(mx totals | grep -c 'provider.*sessions=1.*rcpt=0')" 4
ok "SPF of two strings is one text" has 'spf .*v=spf1 a -all' "$T/out"
ok "DMARC of the domain above" has 'dmarc +sender.mailworld: v=DMARC1; p=reject' "$T/out"

doctor --format jsonl
ok "JSON" /usr/bin/python3 -c 'import json, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
assert {row["check"] for row in rows} >= {"helo", "ptr", "port25", "blocklist"}
assert all(row["result"] in ("ok", "warn", "fail") and row["found"] for row in rows)
assert all((row["advice"] is not None) or row["result"] == "ok" for row in rows), rows
assert not any(row["stops_probing"] for row in rows)' "$T/out"

# --- who we are
doctor --source-ip 198.18.0.26
judged "no PTR record" ptr fail 'no PTR record \(NXDOMAIN\)' 1
judged "the name leads elsewhere than connections come from" helo warn 'leave from 198.18.0.26'
doctor --source-ip 198.18.0.27
judged "the PTR name does not lead back" ptr fail 'does not lead back'
doctor --source-ip 198.18.0.28 --helo dyn-28.pool.sender.mailworld
judged "a PTR name like a customer's" ptr warn 'dyn'
judged "on a blocklist" blocklist "ok fail" '198.18.0.28 is on zen.spamhaus.org .*PBL' 1
judged "its name leads there" helo ok
doctor --helo noaddress.mailworld
judged "a name without an address" helo fail 'has no address' 1
doctor --helo localhost
judged "a name that nobody knows" helo "warn fail" '' 1
hostname localhost
doctor
judged "no name at all" helo fail '--helo' 3
hostname probe.sender.mailworld

# --- the sender
doctor --mail-from me@nullmx.example
judged "a sender whose domain takes no mail" sender fail 'null_mx' 1
judged "and has no SPF record" spf warn 'no SPF'
judged "and no DMARC record" dmarc warn 'no DMARC'
doctor --mail-from me@twospf.mailworld
judged "two SPF records" spf fail '2 SPF records' 1
doctor --mail-from me@openspf.mailworld
judged "an SPF record for everybody" spf warn '\+all' 0

# --- the way out
doctor --smtp-port 26
judged "port 25 closed" port25 fail '[Rr]efused' 3
mkfifo "$T/proxy"
/usr/bin/python3 tests/servers/mock_socks.py 198.18.0.80 1080 "$T/proxy.log" >"$T/proxy" 2>/dev/null &
read -r -t 10 _ <"$T/proxy"
doctor --proxy socks5://198.18.0.80:1080
judged "through a proxy" port25 "warn ok" '' 0
judged "whose address the HELO name tells" helo ok 'address of the proxy'
ok "all went through it" has '198.18.7.1 25' "$T/proxy.log"

# --- the resolver
resolver() { # ADDRESS KIND
    mkfifo "$T/ready.$1"
    /usr/bin/python3 tests/servers/mock_resolver.py "$1" 198.18.0.54 "$2" >"$T/ready.$1" &
    read -r -t 10 _ <"$T/ready.$1"
}
resolver 198.18.0.61 hijack
doctor --dns 198.18.0.61
judged "a resolver that invents addresses" resolver "ok fail" 'invents the address 198.18.7.66' 1
resolver 198.18.0.62 deny
doctor --dns 198.18.0.62
judged "a resolver that denies what it cannot find" resolver "ok fail" 'broken domains do not exist' 1
resolver 198.18.0.63 refuse
doctor --dns 198.18.0.63
judged "lists that refuse the resolver are not believed" blocklist warn 'does not answer this resolver' 0
ip addr add 8.8.8.8/32 dev lo
resolver 8.8.8.8 honest
doctor --dns 8.8.8.8
judged "a public resolver" blocklist warn '8.8.8.8 is Google' 0
doctor --dns 198.18.0.77 --dns-timeout 200ms
judged "no resolver" resolver fail '' 3
judged "what could not be asked is no fault of the name" helo warn

# --- the host
(
    ulimit -n 100
    exec "$MAILCHECK" doctor --timeout 3s
) >"$T/out" 2>"$T/err"
judged "few open files" files warn 'open files allow [0-9]+ connections'
doctor nonsense
same "an operand" "$status" 2
finish
