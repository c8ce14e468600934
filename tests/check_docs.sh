#!/bin/bash
# Every option and command that --help names stands in the manual pages and in the completion of each
# shell, every reason and column in mailcheck(1), the pages name no option that does not exist, and
# mandoc, where there is one, finds nothing wrong with them. Part of every build.
set -euo pipefail
cd "$(dirname "$0")/.."
page=data/man/mailcheck.1
mailcheck=build/release/mailcheck
status=0
complain() {
    echo "$page: $*"
    status=1
}
commands=$("$mailcheck" --help | sed -n 's/^  \([a-z]*\) .*/\1/p')
options=$(for command in $commands; do "$mailcheck" "$command" --help; done |
    grep -oE '^ +(-., )? *--[a-z][a-z0-9-]+' | grep -oE -- '--.*' | sort -u)
text=$(sed 's/\\-/-/g' "$page")
for option in $options; do
    grep -qE "(Fl|,) -${option#--}( |\$)" <<<"$text" || complain "$option is missing"
done
for option in $(grep -oE '(Fl|,) -[a-z][a-z0-9-]+' <<<"$text" | sed -E 's/(Fl|,) -/--/' | sort -u); do
    [ "$option" = --version ] || [ "$option" = --print-completion ] || grep -qx -- "$option" <<<"$options" ||
        complain "$option does not exist"
done
for command in $commands; do
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
# each option of each command in each completion; and as a line of the config file
config_page=data/man/mailcheck.conf.5
completions=$(mktemp -d)
trap 'rm -rf "$completions"' EXIT
for shell in bash zsh fish; do
    "$mailcheck" --print-completion $shell >"$completions/$shell"
done
for option in $options; do
    name=${option#--}
    for shell in bash zsh fish; do
        grep -qE -- "(--|-l )$name([] =|)}'[]|\$)" "$completions/$shell" ||
            complain "$option is missing in the completion for $shell"
    done
    [[ $name == help || $name == config || $name == print-config ]] ||
        grep -q "^\.It Cm $name Ta " "$config_page" || complain "$name is missing in $config_page"
done
for name in $(sed -n 's/^\.It Cm \([a-z-]*\) Ta .*/\1/p' "$config_page"); do
    grep -qx -- "--$name" <<<"$options" || complain "$config_page: $name does not exist"
done
# lines of the source are as long as elsewhere here, and the pages need not be installed
if command -v mandoc >/dev/null && mandoc -T lint "$page" "$config_page" |
    grep -vE 'line longer than 80 bytes|referenced manual not found: Xr mailcheck'; then
    status=1
fi
exit $status
