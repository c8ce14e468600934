#!/bin/bash
# world: nsd,mx
# --proxy: everything goes through it, by address, DNS too; --source-ip; which family is used.
source "$(dirname "$0")/lib.sh"

proxy() { # PORT OPTIONS...: returns once it listens
    local port=$1
    shift
    mkfifo "$T/ready.$port"
    /usr/bin/python3 tests/servers/mock_socks.py 198.18.0.80 "$port" "$T/proxy.$port.log" "$@" \
        >"$T/ready.$port" 2>"$T/proxy.$port.err" &
    read -r -t 10 _ <"$T/ready.$port" || echo "not ok - the proxy did not start"
}
# There is no route to 198.19.255.0/24 but through the proxy.
proxy 1080 --map 198.19.255.53=198.18.0.54 --map 198.19.255.7=198.18.1.2
proxy 1081 --user 'ann:s:ecret' --map 198.19.255.7=198.18.1.2
proxy 1082 --refuse 198.18.1.2

try() { mailcheck check "${probe_options[@]}" "$@"; }
answer() { cut -f2,3 "$T/out" | tr '\t' ' '; }

try --dns 198.19.255.53 --proxy socks5://198.18.0.80:1080 live@noroute.example
same "DNS and SMTP go through the proxy" "$(answer)" "deliverable accepted"
ok "by address, not by name" lacks 'connect name' "$T/proxy.1080.log"
ok "DNS too, over TCP" has 'connect ip 198.19.255.53 53' "$T/proxy.1080.log"
try --dns 198.19.255.53 live@noroute.example
same "and without it there is no way" "$(answer)" "unknown dns_failed"

try --proxy 'socks5://ann:s%3Aecret@198.18.0.80:1081' live@noroute.example
same "with user and password" "$(answer)" "deliverable accepted"
try --proxy 'socks5://ann:wrong@198.18.0.80:1081' live@noroute.example
ok "a wrong password is no verdict" has '^unknown ' <(answer)
try --proxy socks5://198.18.0.80:1082 live@pipelining.example
ok "a proxy that refuses is no verdict" has '^unknown ' <(answer)
try --proxy socks5://198.18.0.81:1080 live@pipelining.example
ok "a proxy that is not there is no verdict" has '^unknown ' <(answer)
ok "and it is the proxy that is blamed" has proxy "$T/err"
try --proxy http://198.18.0.80:1080 live@pipelining.example
same "another kind of proxy is wrong usage" "$status" 2

mx reset
try --source-ip 198.18.0.77 live@pipelining.example
same "--source-ip" "$(answer)" "deliverable accepted"
mx sync
same "is what the server sees" "$(awk -F'\t' '$1 == "session" { print $4 }' "$WORLD/mx.log" |
    sort -u)" 198.18.0.77
try --source-ip 192.0.2.1 live@pipelining.example
ok "a source we do not have is no verdict" lacks 'undeliverable' "$T/out"
finish
