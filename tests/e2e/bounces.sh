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

# --- what cannot be read, vanishes, never ends ---------------------------------------------------
# Permissions are nothing to root; this is a regular file that nobody can read at its beginning.
mailcheck bounces /proc/self/mem
same "an unreadable file" "$status $(wc -l <"$T/out")" "1 1"
ok "and why" has '^mailcheck: warning: /proc/self/mem: Input/output error$' "$T/err"
mkdir -p "$T/mixed/deeper"
cp $box/qmail.eml "$T/mixed/a"
ln -s /proc/self/mem "$T/mixed/b"
ln -s nowhere "$T/mixed/c"
cp $box/exim.eml "$T/mixed/deeper/d"
mailcheck bounces "$T/mixed"
same "the others of its folder are read" "$status $(cut -d, -f1 "$T/out" | tr '\n' ' ')" \
    "0 address nobody@example.org full@example.org "
same "one was not, one is not there" "$(grep -c warning "$T/err") $(grep -c mixed/b: "$T/err")" "1 1"

# What it says of the letters before the last file is more than a pipe holds: when its first word is
# here it knows all names and is far from the last.
mkdir "$T/moving"
name=$(printf 'x%.0s' {1..200})
for i in {1000..1599}; do echo "Subject: letter" >"$T/moving/$i-$name"; done
cp $box/qmail.eml "$T/moving/1600"
cp $box/exim.eml "$T/moving/1601"
exec {said}< <(exec "$MAILCHECK" bounces --no-store -v -o "$T/moving.csv" "$T/moving" 2>&1)
reader=$!
read -r first <&"$said"
rm "$T/moving/1600"
cat <&"$said" >"$T/err"
wait "$reader"
same "a file that another program moves on" "$? $(cut -d, -f1 "$T/moving.csv" | tr '\n' ' ')" \
    "0 address full@example.org "
same "is no trouble" "$(grep -c warning "$T/err") ${first##*: }" "0 no report"

# 64 MB without a line end, then one that counts.
{ head -c 67108864 /dev/zero | tr '\0' a && printf '\n%s\n' "$line"; } |
    /usr/bin/python3 -c 'import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=False)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)' \
        "$MAILCHECK" bounces --no-store >"$T/out" 2>"$T/err"
same "the line behind a very long one" "$(cut -d, -f1,2 "$T/out" | tail -n 1)" "a@example.org,hard"
ok "which is passed over" has 'a line of more than 1 MB is passed over' "$T/err"
ok "in little memory" test "$(tail -n 1 "$T/err")" -lt 65536

# A last line without an end, when the text before it has gone from memory by halves, or all of it.
printf '   550 ' >"$T/short"
mailcheck bounces "$T/short"
same "a last line without an end" "$(tail -n 1 "$T/out")" ",soft,server_error,550,$T/short:1"
for padding in 65530 131073; do
    { head -c $padding /dev/zero | tr '\0' ' ' && printf '%s' "$line"; } >"$T/padded"
    "$MAILCHECK" bounces --no-store >"$T/out" 2>"$T/err" < <(cat "$T/padded")
    same "one behind $padding blanks" "$(cut -d, -f1,2 "$T/out" | tail -n 1)" "a@example.org,hard"
done

# Two files with broken events: each is named as it is.
printf '{"event":\n' >"$T/broken"
cp "$T/broken" "$T/broken-with-a-longer-name"
mailcheck bounces "$T/broken-with-a-longer-name" "$T/broken"
ok "a broken event and where it is" has "^mailcheck: warning: $T/broken:1: no JSON, or cut short$" "$T/err"

mailcheck bounces "$T/there-is-none"
same "a file that is not there" "$status" 1
mailcheck bounces --verp nonsense /dev/null
same "a pattern without names" "$status" 2
finish
