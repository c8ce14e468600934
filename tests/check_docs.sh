#!/bin/bash
# Every option and command that --help names stands in the manual page, every reason and column too,
# the manual names no option that does not exist, and mandoc finds nothing wrong with it.
set -euo pipefail
cd "$(dirname "$0")/.."
page=data/man/mailcheck.1
mailcheck=build/release/mailcheck
status=0
complain() {
    echo "$page: $*"
    status=1
}
options=$(for command in clean check classify; do "$mailcheck" "$command" --help; done |
    grep -oE -- '--[a-z][a-z0-9-]+' | sort -u)
text=$(sed 's/\\-/-/g' "$page")
for option in $options; do
    grep -qE "(Fl|,) -${option#--}( |\$)" <<<"$text" || complain "$option is missing"
done
for option in $(grep -oE '(Fl|,) -[a-z][a-z0-9-]+' <<<"$text" | sed -E 's/(Fl|,) -/--/' | sort -u); do
    [ "$option" = --version ] || grep -qx -- "$option" <<<"$options" ||
        complain "$option does not exist"
done
for command in $("$mailcheck" --help | sed -n 's/^  \([a-z]*\) .*/\1/p'); do
    grep -q "^\.It Cm $command\$" <<<"$text" || complain "command $command is missing"
done
# reasons with their status and score, out of the table that the program is built from
while IFS='|' read -r reason state score; do
    grep -qE "^\.It $reason Ta $state Ta $score\$" <<<"$text" ||
        complain "$reason ($state, $score) is missing or wrong"
done < <(sed -nE 's/^ *X\([A-Z0-9_]+, *"([a-z0-9_]+)", *([A-Z]+), *([0-9]+)\).*/\1|\L\2|\E\3/p' \
    src/verdict/verdict.h)
for column in $(grep -oE '"mc_[a-z_]+"' src/verdict/columns.c | tr -d '"'); do
    grep -q "$column" <<<"$text" || complain "column $column is missing"
done
mandoc -T lint -W warning "$page" || status=1
exit $status
