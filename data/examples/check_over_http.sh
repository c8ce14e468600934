#!/bin/sh
# Asks `mailcheck serve` about one address, as the program behind a sign-up form would: at once with
# what is known in 800 ms, and once more a little later where the mail server took its time.
#
#     check_over_http.sh ann@example.com
#
# Prints ADDRESS, STATUS and REASON. Exit status as of `mailcheck check`: 0 deliverable,
# 10 undeliverable, 11 risky, 12 unknown; 1 where nobody answered, which is no reason to turn
# somebody away.
#
# MAILCHECK_URL  where the service is (http://localhost:8025)
# MAILCHECK_KEY  the key, where it wants one; it is not seen in the list of processes
set -eu
url=${MAILCHECK_URL:-http://localhost:8025}/v1/check

ask() { # DEADLINE: sets code and verdict
    # by POST: what stands in a URL ends up in the logs of proxies
    quoted=$(printf '%s' "$address" | sed 's/[\\"]/\\&/g')
    body="{\"email\": \"$quoted\", \"deadline\": \"$1\"}"
    reply=$(printf '%s' "${MAILCHECK_KEY:+header = \"Authorization: Bearer $MAILCHECK_KEY\"}" |
        curl --silent --show-error --max-time 65 --config - --write-out '\n%{http_code}' \
            --header 'Content-Type: application/json' --data "$body" "$url") || exit 1
    code=${reply##*
}
    verdict=${reply%
*}
}
field() { printf '%s\n' "$verdict" | sed -n "s/.*\"$1\":\"\([a-z_]*\)\".*/\1/p"; }

[ $# = 1 ] || { echo "usage: $0 ADDRESS" >&2; exit 2; }
address=$1
ask 800ms
[ "$code" != 202 ] || ask 20s
case $code in
200 | 202) ;;
*)
    echo "$url: $code $verdict" >&2
    exit 1
    ;;
esac
status=$(field status)
printf '%s\t%s\t%s\n' "$address" "$status" "$(field reason)"
case $status in
deliverable) exit 0 ;;
undeliverable) exit 10 ;;
risky) exit 11 ;;
*) exit 12 ;;
esac
