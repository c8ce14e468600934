#!/bin/bash
# world: none
# bounces: what is found where, formats, exit statuses.
source "$(dirname "$0")/lib.sh"

box=tests/cases/bounces
mkdir -p "$T/Maildir/cur" "$T/Maildir/new" "$T/Maildir/tmp" "$T/Maildir/.Sub/cur"
cp $box/qmail.eml "$T/Maildir/new/1"
cp $box/dsn_blocked.eml "$T/Maildir/cur/2:2,S"
cp $box/exim.eml "$T/Maildir/.Sub/cur/3"
cp $box/dsn_two.eml "$T/Maildir/tmp/4"
echo index >"$T/Maildir/dovecot-uidlist"
mailcheck bounces "$T/Maildir"
same "a Maildir and its folder" "$(cut -d, -f1-3 "$T/out" | sort)" "address,bounce,reason
alive@example.org,blocked,blocked
full@example.org,soft,mailbox_full
nobody@example.org,hard,no_such_mailbox"
same "exit status" "$status" 0

line='Nov  2 10:00:00 h postfix/smtp[1]: 4A: to=<a@example.org>, relay=x, dsn=5.1.1, status=bounced (host x said: 550 5.1.1 no such user (in reply to RCPT TO command))'
echo "$line" | gzip >"$T/mail.log.1.gz"
mailcheck bounces --format jsonl "$T/mail.log.1.gz"
ok "a gzipped log as JSON" has '"address":"a@example.org","bounce":"hard","reason":"no_such_mailbox"' "$T/out"
echo "$line" | "$MAILCHECK" bounces -v >"$T/out" 2>"$T/err"
ok "standard input" has '^a@example.org,hard,no_such_mailbox,.*,stdin:1$' "$T/out"
ok "the summary" has '1 lines, 0 events: 1 hard, 0 soft, 0 blocked' "$T/err"

# --- into a file, and what is no report ----------------------------------------------------------
mailcheck bounces -v -o "$T/rows.csv" $box/qmail.eml $box/letter.eml
same "nothing on standard output" "$(cat "$T/out")" ""
same "the rows in the file" "$(cut -d, -f1,2 "$T/rows.csv")" "address,bounce
nobody@example.org,hard"
ok "which message reports nothing" has 'letter.eml: no report' "$T/err"
ok "and how many" has '1 that report nothing' "$T/err"
mailcheck bounces -o "$T/no/folder/rows.csv" $box/qmail.eml
same "a file that cannot be made" "$status" 1

cp $box/qmail.eml "$T/mine.eml"
mailcheck bounces -o "$T/mine.eml" "$T/mine.eml"
same "a file is not written over itself" "$status $(cmp "$T/mine.eml" $box/qmail.eml && echo same)" "2 same"

# --- what is no text, and traps ------------------------------------------------------------------
printf '\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest' >"$T/mail.msg"
mailcheck bounces "$T/mail.msg"
same "a message of Outlook" "$status" 1
ok "and what to do with it" has 'mail.msg is an Outlook message.*save it as .eml' "$T/err"
mailcheck bounces "$T/mail.msg" $box/qmail.eml
same "the next one is read all the same" "$status $(wc -l <"$T/out")" "1 2"
mailcheck bounces </dev/null
same "nothing" "$status $(cat "$T/out")" "0 address,bounce,reason,smtp,source"
mailcheck bounces <"$T/Maildir"
same "a folder as standard input" "$status $(wc -l <"$T/out")" "0 4"

mailcheck bounces "$T/there-is-none"
same "a file that is not there" "$status" 1
mailcheck bounces --verp nonsense /dev/null
same "a pattern without names" "$status" 2
finish
