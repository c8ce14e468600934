# shellcheck shell=bash disable=SC2154
# The probe, against what others use: an npm package, asked about the same addresses on the same
# servers. Loading Node.js and its list is part of it, as reading our rows is of ours.
package=build/peers/node_modules/deep-email-validator
if ! have node || ! [ -f "$package/dist/index.js" ]; then
    echo "deep-email-validator: not measured, since ${npm_trouble:-node or the package is not there}"
else
    start_dns "$peer_hosts"
    start_mx "$peer_hosts" 'prefix.bao=live'
    for n in 10 1; do
        some=$((n == 10 ? peer_hosts / 4 : peer_hosts))
        people "$some" "$n" user >"$work/people.csv"
        compare "$((rounds > 2 ? 2 : 1))" "node tests/bench/peer.mjs $package $work/people.csv" \
            "$online --per-mx 8 $work/people.csv"
        row 8 "deep-email-validator, $n addresses a domain: CPU an address" "ours" \
            "$(calc "$ratio_cpu" 1)" "$([ $n = 10 ] && echo '>= 40' || echo '>= 5')"
        # What would be left of it for a program that does nothing but two questions a domain (MX
        # and A) and a session: these are the bare clients' times.
        awk -v n="$some" 'BEGIN { for (i = 0; i < n; i++) printf "d%d.bench\n", i }' >"$work/peer.names"
        spend 3 $bin/tests/bench/anchor_smtp 198.19.0.0 "$some" 100 "$n" $((some * n)) polite
        floor=$cpu
        spend 3 $bin/tests/bench/anchor_dns 198.18.0.54 "$work/peer.names" 100 1
        row 8 "the same" "bare clients for DNS and SMTP" "$(calc "$ours_cpu / ($floor + 2 * $cpu)" 1)" -
    done
    stop_mx
    stop_dns
fi
