# shellcheck shell=bash disable=SC2154
# Delivery reports: against Python's email package.
# The email package only parses; ours finds who failed and why. Its parser as users call it:
# message_from_bytes without a policy (compat32, the faster one). Of an mbox it is given the
# messages, cut at the From_ lines.
/usr/bin/python3 tests/bench/make_bounces.py "$reports" "$work/Maildir" "$work/mbox" \
    "$work/standard" "$work/whole" "$work/flat"
cat >"$work/parse.py" <<'END'
import email, os, sys
path = sys.argv[1]
if os.path.isdir(path):
    for name in os.listdir(path):
        with open(os.path.join(path, name), "rb") as file:
            email.message_from_bytes(file.read())
else:
    with open(path, "rb") as file:
        box = file.read()
    for message in box.split(b"\nFrom MAILER-DAEMON Mon Nov  2 10:00:00 2026\n"):
        email.message_from_bytes(message)
END
bounces() { # WHAT PATH PARSED COUNT
    compare "$rounds" "/usr/bin/python3 $work/parse.py $work/$3" \
        "$mailcheck bounces -q --no-store $work/$2"
    row bounces "Python's email package parsing $1: CPU" "ours, all of it" "$(calc "$ratio_cpu" 1)" ">= 5"
    row - "such reports a CPU second" - "$(calc "$4 / $anchor_cpu" 0)" -
}
bounces "a Maildir of $reports reports of 200 systems, cut down to what matters" \
    Maildir Maildir/cur "$reports"
bounces "the same reports as an mbox" mbox mbox "$reports"
bounces "an mbox of $((reports / 4)) delivery status notifications" standard standard \
    $((reports / 4))
bounces "an mbox of $((reports / 50)) with all of the newsletter" whole whole $((reports / 50))
bounces "an mbox of $((reports / 10)) flat texts of 8 KB" flat flat $((reports / 10))
rm -r "$work/Maildir" "$work/mbox" "$work/standard" "$work/whole" "$work/flat"
