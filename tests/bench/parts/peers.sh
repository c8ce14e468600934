# shellcheck shell=bash disable=SC2154
# The probe, against what others use: an npm package, asked about the same addresses on the same
# servers. Loading Node.js and its list is part of it, as reading our rows is of ours.
package=build/peers/node_modules/deep-email-validator
peer() { # ADDRESSES-A-DOMAIN
    domains_of_peer=$(($1 == 10 ? peer_hosts / 4 : peer_hosts))
    people "$domains_of_peer" "$1" user >"$work/people.csv"
    compare "$((rounds > 2 ? 2 : 1))" "node tests/bench/peer.mjs $package $work/people.csv" \
        "$online --per-mx 8 $work/people.csv"
}
if ! have node || ! [ -f "$package/dist/index.js" ]; then
    echo "deep-email-validator: not measured, since ${npm_trouble:-node or the package is not there}"
else
    # As the goal was measured when it was set: one mail host serves all domains.
    start_dns 1
    start_mx 1 'prefix.bao=live'
    peer 10
    row 8 "deep-email-validator, 10 addresses a domain: CPU an address" "ours" \
        "$(calc "$ratio_cpu" 1)" ">= 40"
    peer 1
    row 8 "deep-email-validator, 1 addresses a domain: CPU an address" "ours" \
        "$(calc "$ratio_cpu" 1)" ">= 5"
    stop_mx
    stop_dns
    # The worst that a list can be: a mail host for each domain, so that no session is shared. What
    # bare clients take for the sessions and for two questions a domain (MX and A) is what any
    # program would need.
    start_dns "$peer_hosts"
    start_mx "$peer_hosts" 'prefix.bao=live'
    for n in 10 1; do
        peer "$n"
        row 8 "the same, a mail host for each domain, $n addresses" "ours" "$(calc "$ratio_cpu" 1)" -
        awk -v n="$domains_of_peer" 'BEGIN { for (i = 0; i < n; i++) printf "d%d.bench\n", i }' \
            >"$work/peer.names"
        spend 3 $bin/tests/bench/anchor_smtp 198.19.0.0 "$domains_of_peer" 100 "$n" \
            $((domains_of_peer * n)) polite
        sessions=$cpu
        spend 3 $bin/tests/bench/anchor_dns 198.18.0.54 "$work/peer.names" 100 1
        row 8 "the same" "bare clients for DNS and SMTP" \
            "$(calc "$ours_cpu / ($sessions + 2 * $cpu)" 1)" -
    done
    stop_mx
    stop_dns
fi
