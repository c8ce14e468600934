#!/bin/bash
# Who may include whom: the one-way flow between the rooms of src (src/README.md). A room that is
# not in the table, or an include against the flow, fails.
set -euo pipefail
cd "$(dirname "$0")/.."
awk '
BEGIN {
    allow["base"] = ""
    allow["loop"] = allow["address"] = allow["lists"] = allow["verdict"] = "base"
    allow["csv"] = allow["report"] = allow["store"] = "base verdict"
    allow["bounce"] = "base address verdict"
    allow["mx"] = "base loop address verdict"
    allow["smtp"] = "base loop lists verdict mx"
    allow["engine"] = "base loop address lists verdict mx smtp store mailcheck mailcheck_event"
    allow["clean"] = "base address lists verdict engine csv report mailcheck"
    allow["http"] = "base verdict address lists engine loop mailcheck"
    allow["doctor"] = "base loop mx"
    allow["cli"] = "*"
    allow["main.c"] = "*"
}
/^[ \t]*#[ \t]*include[ \t]*"/ {
    split(FILENAME, from, "/")
    room = from[2]
    match($0, /"[^"]*"/)
    path = substr($0, RSTART + 1, RLENGTH - 2)
    target = path
    sub(/[\/.].*/, "", target)
    if (!(room in allow)) {
        if (!seen[room]++) { print FILENAME ": room " room " is not in the table"; bad = 1 }
        next
    }
    if (path !~ /\// && path !~ /^mailcheck/) next # made by the build from data/
    if (target == room || allow[room] == "*" || (" " allow[room] " ") ~ (" " target " ")) next
    print FILENAME ":" FNR ": " room " may not include " path
    bad = 1
}
END { exit bad }
' $(find src -name '*.[ch]' | sort)
