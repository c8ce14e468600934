# shellcheck shell=bash disable=SC2154
# Delivery reports: against Python's email package.
# The email package only parses and walks the parts; ours finds who failed and why. Its parser as
# users call it: message_from_binary_file without a policy (compat32, the faster one).
/usr/bin/python3 tests/bench/make_bounces.py "$reports" "$work/Maildir" "$work/mbox"
cat >"$work/walk.py" <<'END'
import email, os, sys
for name in os.listdir(sys.argv[1]):
    with open(os.path.join(sys.argv[1], name), "rb") as file:
        for part in email.message_from_binary_file(file).walk(): pass
END
cat >"$work/mbox.py" <<'END'
import mailbox, sys
for message in mailbox.mbox(sys.argv[1], create=False):
    for part in message.walk(): pass
END
compare "$rounds" "/usr/bin/python3 $work/walk.py $work/Maildir/cur" "$mailcheck bounces -q --no-store $work/Maildir"
row 11 "Python's email package parsing a Maildir of $reports reports: CPU" "ours, all of it" \
    "$(calc "$ratio_cpu" 1)" ">= 5"
maildir_cpu=$anchor_cpu
compare "$rounds" "/usr/bin/python3 $work/mbox.py $work/mbox" "$mailcheck bounces -q --no-store $work/mbox"
row 11 "its mailbox module, the same reports as an mbox: CPU" "ours" "$(calc "$ratio_cpu" 1)" ">= 5"
row - "reports a CPU second: Maildir, mbox" - \
    "$(calc "$reports / $maildir_cpu" 0), $(calc "$reports / $anchor_cpu" 0)" -
rm -r "$work/Maildir" "$work/mbox"
