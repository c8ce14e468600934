# For the end-to-end scripts, sourced: each assertion prints a TAP line that tests/run.sh counts.
# shellcheck shell=bash
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
MAILCHECK=${MAILCHECK:-$PWD/build/mailcheck}
here=tests/e2e
T=${WORLD:-}
if [ -z "$T" ]; then # no private network, a folder all the same
    T=$(mktemp -d "${TMPDIR:-/tmp}/mailcheck-test.XXXXXX")
    trap 'rm -rf "$T"' EXIT
fi
export T XDG_STATE_HOME=$T/state XDG_CONFIG_HOME=$T/config HOME=$T

failures=0
ok() { # NAME COMMAND...: the command must succeed
    local name=$1
    shift
    if "$@"; then
        echo "ok - $name"
    else
        failures=$((failures + 1))
        echo "not ok - $name: $*"
        # what the program said last
        [ ! -s "$T/err" ] || head -c 2000 "$T/err" | sed 's/^/# stderr: /'
    fi
}
same() { # NAME GOT WANTED
    if [ "$2" = "$3" ]; then
        echo "ok - $1"
    else
        failures=$((failures + 1))
        echo "not ok - $1"
        sed 's/^/# got:    /' <<<"$2"
        sed 's/^/# wanted: /' <<<"$3"
        [ ! -s "$T/err" ] || head -c 2000 "$T/err" | sed 's/^/# stderr: /'
    fi
}
# Polls until the command succeeds; a test that waits in vain ends here.
wait_until() { # WHAT COMMAND...
    local what=$1 until=$((SECONDS + 20))
    shift
    until "$@" >/dev/null 2>&1; do
        if ((SECONDS >= until)); then
            echo "not ok - waited in vain: $what"
            tail -n 5 "$T/err" | sed 's/^/# stderr: /'
            exit 1
        fi
        read -r -t 0.02 <>"$WORLD/never" || true # the processor is for the program under test
    done
}
asked() { grep -q "$1.*rcpt=[1-9]" <<<"$(mx totals)"; } # did that server see a recipient?
skip() { echo "ok - $1 # SKIP $2"; }
finish() { exit $((failures > 0)); }

# The program, its output in $T/out and $T/err, its exit status in $status.
mailcheck() {
    status=0
    "$MAILCHECK" "$@" >"$T/out" 2>"$T/err" || status=$?
}
# The same, fit for servers of our own.
probe_options=(--no-store --pace off --per-mx 2 --timeout 2s --greylist-wait 1s)
expect() { /usr/bin/python3 "$here/expect.py" "$@" || failures=$((failures + 1)); }
has() { grep -qE -- "$1" "$2"; }
lacks() { ! grep -qE -- "$1" "$2"; }
