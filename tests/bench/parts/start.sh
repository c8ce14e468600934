# shellcheck shell=bash disable=SC2154
# Starting up.
spend 40 $bin/tests/bench/empty
empty=$wall
spend 40 sh -c "$mailcheck check --offline ann@x.example >/dev/null; exit 0"
shell_and_check=$wall check_kib=$kib
spend 40 sh -c "$bin/tests/bench/empty; exit 0"
row 10 "check --offline: ms above an empty program" - \
    "$(calc "($shell_and_check - $wall) * 1000" 1)" "<= 4"
row 10 "check --offline: peak memory, MB" - "$(calc "$check_kib / 1024" 1)" "<= 10"
