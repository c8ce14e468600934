#!/bin/bash
# world: nsd,mx
# Exit statuses, `check`, pipes, -o, reports, signals: what scripts lean on.
source "$(dirname "$0")/lib.sh"

# --- usage ---------------------------------------------------------------------------------------
mailcheck --version
ok "--version" test "$status" = 0
ok "--version names itself" has '^mailcheck [0-9]' "$T/out"
mailcheck --help
ok "--help" test "$status" = 0 -a -s "$T/out"
for command in clean check; do
    mailcheck $command --help
    ok "$command --help" test "$status" = 0 -a -s "$T/out"
    ok "$command --help fits and has an example" has "^  mailcheck $command " <(grep -v ' $' "$T/out")
done
mailcheck nonsense
same "unknown command" "$status" 2
mailcheck clean --nonsense
same "unknown option" "$status" 2
mailcheck clean --reprot x.html
ok "a slip of the finger" has 'mean --report\?' "$T/err"
cp /dev/null "$T/some.csv"
mailcheck "$T/some.csv"
same "a list without a command" "$status" 2
ok "what to say instead" has "mailcheck clean $T/some.csv" "$T/err"
mailcheck ann@example.com
ok "an address without a command" has 'mailcheck check ann@example.com' "$T/err"
mailcheck clean --timeout nonsense /dev/null
same "bad duration" "$status" 2
mailcheck clean --columns nonsense /dev/null
same "bad column" "$status" 2
mailcheck check
same "check without an address" "$status" 2
mailcheck clean --offline "$T/there-is-no-such-file"
same "no such file" "$status" 1
ok "the message names the file" has there-is-no-such-file "$T/err"

# --- check ---------------------------------------------------------------------------------------
one() { # ADDRESS STATUS REASON EXIT
    mailcheck check "${probe_options[@]}" "$1"
    same "check $1" "$(cat "$T/out") $status" "$1"$'\t'"$2"$'\t'"$3 $4"
}
one live@pipelining.example deliverable accepted 0
one dead@nullmx.example undeliverable null_mx 10
one any@catchall.example risky catch_all 11
one live@block-banner.example unknown blocked 12
one nonsense undeliverable invalid_syntax 10
mailcheck check "${probe_options[@]}" live@pipelining.example dead@pipelining.example
same "of several, the worst" "$status" 10
mailcheck check "${probe_options[@]}" live@pipelining.example live@block-banner.example \
    any@catchall.example
same "unknown is worse than risky" "$status" 12
mailcheck check "${probe_options[@]}" --format jsonl live@pipelining.example
ok "check --format jsonl" has '"mc_status": *"deliverable"' "$T/out"
printf 'live@pipelining.example\nnonsense\n' | "$MAILCHECK" check "${probe_options[@]}" - \
    >"$T/out" 2>"$T/err"
same "check - reads lines" "$(cut -f1,2 "$T/out")" \
    $'live@pipelining.example\tdeliverable\nnonsense\tundeliverable'
mailcheck check --offline ann@gmial.com
same "check --offline" "$(cut -f2,3 "$T/out") $status" $'unknown\tnot_probed 12'
mailcheck check --no-smtp ann@pipelining.example
same "check --no-smtp" "$(cut -f2,3 "$T/out") $status" $'unknown\tnot_probed 12'

# --- clean: columns, keep, report, fail-if -------------------------------------------------------
cat >"$T/list.csv" <<'LIST'
email,name
live.a@pipelining.example,Ann
dead.a@pipelining.example,Bob
LIVE.A@pipelining.EXAMPLE,Ann again
x@nullmx.example,Nil
any@catchall.example,Any
broken,Bad
LIST
mailcheck clean "${probe_options[@]}" --columns reason,status,duplicate_of "$T/list.csv"
same "--columns picks and orders" "$(cat "$T/out")" \
    'email,name,mc_reason,mc_status,mc_duplicate_of
live.a@pipelining.example,Ann,accepted,deliverable,
dead.a@pipelining.example,Bob,no_such_mailbox,undeliverable,
LIVE.A@pipelining.EXAMPLE,Ann again,accepted,deliverable,1
x@nullmx.example,Nil,null_mx,undeliverable,
any@catchall.example,Any,catch_all,risky,
broken,Bad,invalid_syntax,undeliverable,'
same "nothing on stderr" "$(cat "$T/err")" ""
mailcheck clean "${probe_options[@]}" --columns reason --keep deliverable,risky "$T/list.csv"
same "--keep" "$(cut -d, -f3 "$T/out" | paste -sd' ')" "mc_reason accepted accepted catch_all"
mailcheck clean "${probe_options[@]}" --report "$T/report.json" "$T/list.csv"
/usr/bin/python3 "$here/report_schema.py" data/report.schema.json "$T/report.json" \
    tests/cases/report/*.json || failures=$((failures + 1))
mailcheck clean "${probe_options[@]}" --report "$T/report.txt" "$T/list.csv"
ok "--report .txt" has 'undeliverable' "$T/report.txt"
mailcheck clean "${probe_options[@]}" --fail-if 'undeliverable>10%' "$T/list.csv"
same "--fail-if holds" "$status" 4
mailcheck clean "${probe_options[@]}" --fail-if 'unknown>20%' "$T/list.csv"
same "--fail-if does not hold" "$status" 0

# --- all columns of one probed row ---------------------------------------------------------------
mailcheck clean "${probe_options[@]}" --format jsonl "$T/list.csv"
/usr/bin/python3 - "$T/out" <<'CHECK' || failures=$((failures + 1))
import json, re, sys
rows = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8")]
checks = {
    "names": list(rows[0]) == ["email", "name"] + ["mc_" + c for c in (
        "status reason score email suggestion role disposable free catch_all provider mx smtp "
        "duplicate_of source checked_at").split()],
    "mx": rows[0]["mc_mx"] == "mx.pipelining.example",
    "smtp": re.match(r"RCPT 550 5\.1\.1 ", rows[1]["mc_smtp"] or "") is not None,
    "source": [r["mc_source"] for r in rows] == ["probe", "probe", "probe", "dns", "probe",
                                                 "syntax"],
    "checked_at": all(re.match(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$", r["mc_checked_at"])
                      for r in rows),
    "duplicate_of": [r["mc_duplicate_of"] for r in rows] == [None, None, 1, None, None, None],
    "email": rows[2]["mc_email"] in ("live.a@pipelining.example", "LIVE.A@pipelining.example"),
    "catch_all": rows[4]["mc_catch_all"] is True and rows[0]["mc_catch_all"] is False,
    "score": all(isinstance(r["mc_score"], int) for r in rows),
}
for name, good in checks.items():
    print("%sok - column %s" % ("" if good else "not ", name), "" if good else rows)
sys.exit(not all(checks.values()))
CHECK

# --- -o: complete or not at all ------------------------------------------------------------------
echo before >"$T/result.csv"
mailcheck clean --offline --no-store -o "$T/result.csv" "$T/list.csv"
ok "-o writes" has '^broken,Bad,undeliverable' "$T/result.csv"
same "-o leaves stdout empty" "$(cat "$T/out")" ""
echo before >"$T/result.csv"
mailcheck clean --offline --no-store -o "$T/result.csv" "$T/there-is-no-such-file"
same "-o: a failed run leaves what was there" "$(cat "$T/result.csv")" before
same "-o: and nothing beside it" "$(ls "$T" | grep -c '^result\.csv')" 1
mailcheck clean --offline --no-store -o "$T/list.csv" "$T/list.csv"
ok "-o onto the input itself" has '^broken,Bad,undeliverable' "$T/list.csv"
mailcheck clean --offline --no-store -o "$T/no/such/folder/x.csv" "$T/list.csv"
same "-o into nowhere" "$status" 1

# --- nothing is written over the list, and what cannot be written is said before hours have passed -
mkdir "$T/out.d"
cp "$T/list.csv" "$T/list.txt"
cp "$T/list.csv" "$T/out.d/review.csv"
ln -s list.txt "$T/link.txt"
refused() { # NAME OPTIONS...
    local before
    before=$(cat "$T/list.txt" "$T/out.d/review.csv" | cksum)
    mailcheck clean --offline --no-store "${@:2}"
    same "$1" "$status $(cat "$T/list.txt" "$T/out.d/review.csv" | cksum) $(wc -l <"$T/err")" \
        "2 $before 1"
}
refused "a report over the list" --report "$T/list.txt" "$T/list.txt"
refused "by another name" --report "$T/link.txt" "$T/list.txt"
refused "a report over the rows" --report "$T/new.txt" -o "$T/new.txt" "$T/list.txt"
refused "parts over the list" --split "$T/out.d" "$T/out.d/review.csv"
refused "parts over the rows" --split "$T/out.d" -o "$T/out.d/drop.csv" "$T/list.txt"
mailcheck clean --offline --no-store --report "$T/no/such/r.html" -o "$T/result.csv" "$T/list.txt"
same "a report into nowhere" "$status $(head -n 1 "$T/result.csv")" "1 before"
same "and nothing is left beside it" "$(ls "$T" | grep -c '^result\.csv')" 1
mailcheck clean --offline --no-store --report /dev/null -o /dev/null "$T/list.txt"
same "a report to a device has no kind" "$status" 2

# --- pipes ---------------------------------------------------------------------------------------
seq 1 50000 | sed 's/.*/a&@x&.example/' >"$T/many"
"$MAILCHECK" clean --offline --no-store <"$T/many" 2>"$T/err" | head -n 1 >"$T/out"
same "a closed pipe ends quietly" "${PIPESTATUS[0]} $(cat "$T/err")" "1 "
"$MAILCHECK" clean --offline --no-store --columns reason <"$T/many" 2>"$T/err" | tail -n 1 >"$T/out"
same "the last row arrives" "$(cat "$T/out")" "a50000@x50000.example,not_probed"
if [ -w /dev/full ]; then
    "$MAILCHECK" clean --offline --no-store "$T/many" >/dev/full 2>"$T/err"
    same "a full disk is an error" "$?" 1
    ok "and said" has 'o space|write' "$T/err"
fi
same "what came is probed before more comes" "$(
    {
        echo live@postfixlike.example
        # the pipe stays open until the servers have seen the recipient
        wait_until "the first row is probed" asked mx.postfixlike.example >&2
        echo dead@pipelining.example
    } | "$MAILCHECK" clean "${probe_options[@]}" --columns reason 2>"$T/err" | paste -sd' '
)" "live@postfixlike.example,accepted dead@pipelining.example,no_such_mailbox"

finish
