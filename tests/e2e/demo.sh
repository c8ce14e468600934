#!/bin/bash
# world: own
# What `make demo` shows, once it is built.
source "$(dirname "$0")/lib.sh"
[ "${MAILCHECK_VARIANT:-release}" = release ] || exit 0 # it is the release that is shown
tests/world/demo >"$T/out" 2>"$T/err"
same "make demo" "$?" 0
same "a row of each kind" "$(grep -cE '^.{39} .*(deliverable|risky|unknown) +[a-z_8]+ ' "$T/out")" 22
ok "all rows were cleaned" has '60 rows in all' "$T/out"
ok "it says what to do" has '^  - Do not mail this list as it is' "$T/out"
ok "the page is there" has '<h1>' build/demo/report.html
same "nothing else is said" "$(cat "$T/err")" ""
finish
