# For the tests of the store, sourced after lib.sh.
# shellcheck shell=bash
asked_in_all() { mx totals | grep -oE 'rcpt=[0-9]+' | awk -F= '{n += $2} END {print n + 0}'; }

# All but the columns that may differ between a run and one that was interrupted.
compare() { # FILE
    /usr/bin/python3 - "$1" <<'PYTHON'
import csv, sys
rows = list(csv.reader(open(sys.argv[1], encoding="utf-8")))
drop = {rows[0].index(name) for name in ("mc_source", "mc_checked_at", "mc_smtp")}
for row in rows:
    print([cell for i, cell in enumerate(row) if i not in drop])
PYTHON
}

# A list of every sort whose verdicts do not depend on the time they take.
make_list() { # ADDRESSES-OF-A-KIND
    local n=0 domain i
    echo id,email
    for ((i = 1; i <= $1; i++)); do
        for domain in pipelining plain postfixlike catchall full552 multiline verify252 slow; do
            echo $((n += 1)),"live$i@$domain.example"
            echo $((n += 1)),"dead$i@$domain.example"
        done
    done
    echo $((n += 1)),live@nullmx.example
    echo $((n += 1)),live@no-such-domain.example
    echo $((n += 1)),live@pipelining.example
    echo $((n += 1)),ann@mailinator.com
    echo $((n += 1)),broken
    echo
}
