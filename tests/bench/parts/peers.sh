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
        people "$((n == 10 ? peer_hosts / 4 : peer_hosts))" "$n" user >"$work/people.csv"
        compare "$((rounds > 2 ? 2 : 1))" "node tests/bench/peer.mjs $package $work/people.csv" \
            "$online --per-mx 8 $work/people.csv"
        row 8 "deep-email-validator, $n addresses a domain: CPU an address" "ours" \
            "$(calc "$ratio_cpu" 1)" "$([ $n = 10 ] && echo '>= 40' || echo '>= 5')"
    done
    stop_mx
    stop_dns
fi
