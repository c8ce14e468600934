#!/bin/bash
# world: none
# bounces --follow: what is there, what comes, what moves; logs through rotation. Nothing sleeps: a
# line that must come is waited for.
source "$(dirname "$0")/lib.sh"

report() { # WHO
    printf 'From: MAILER-DAEMON@mx.example\nTo: news@s.example\nSubject: failure notice\n\n'
    printf 'It could not be delivered:\n<%s@example.org>: 550 5.1.1 no such user\n' "$1"
}
start() { # OPERANDS...
    rm -f "$T/pipe"
    mkfifo "$T/pipe"
    "$MAILCHECK" bounces --follow -v "$@" >"$T/pipe" 2>"$T/err" &
    watcher=$!
    exec 9<"$T/pipe"
    await "the header is there at once" address
}
await() { # WHAT ADDRESS
    local line=
    read -r -t 20 line <&9
    same "$1" "${line%%,*}" "$2"
}
stop() { # SIGNAL STATUS
    kill "-$1" "$watcher"
    local status=0 rest
    wait "$watcher" || status=$?
    rest=$(cat <&9)
    exec 9<&-
    same "ends on $1" "$status" "$2"
    same "nothing was said twice" "$rest" ""
}

# --- a Maildir -----------------------------------------------------------------------------------
M=$T/Maildir
mkdir -p "$M/cur"
report old >"$M/cur/1.there:2,S"
start "$M"
await "what is there is read first" old@example.org
mkdir "$M/tmp" "$M/new"
report two >"$M/tmp/2.host"
mv "$M/tmp/2.host" "$M/new/2.host"
await "delivered into a folder made later, by a rename" two@example.org
report three >"$M/tmp/3.host"
ln "$M/tmp/3.host" "$M/new/3.host" && rm "$M/tmp/3.host"
await "delivered by a link" three@example.org
mv "$M/new/2.host" "$M/cur/2.host:2,S"
mv "$M/cur/2.host:2,S" "$M/cur/2.host:2,RS"
mkdir -p "$M/.Sub/tmp" "$M/.Sub/cur" "$M/.Sub/new"
report four >"$M/.Sub/new/4.host"
await "in a folder below; what moved is not read again" four@example.org
report five >"$M/cur/5.host:2,"
await "copied into place" five@example.org
echo "just a letter" >"$M/tmp/6.host"
mv "$M/tmp/6.host" "$M/new/6.host"
report seven >"$M/tmp/7.host"
mv "$M/tmp/7.host" "$M/new/7.host"
await "behind one that is none" seven@example.org
stop TERM 143
ok "the summary at the end" has '^6 messages, .*: 6 hard, 0 soft, 0 blocked' "$T/err"

# --- a log ---------------------------------------------------------------------------------------
L=$T/log/mail.log
mkdir "$T/log"
line() { # WHO
    printf 'Nov  2 10:00:00 h postfix/smtp[1]: 4A: to=<%s@example.org>, relay=x, dsn=5.1.1, ' "$1"
    printf 'status=bounced (host x said: 550 5.1.1 no such user (in reply to RCPT TO command))\n'
}
start "$L"
line one >"$L"
await "a log that was not there" one@example.org
printf '%s' "$(line two)" | head -c 60 >>"$L"
printf '%s\n' "$(line two)" | tail -c +61 >>"$L"
await "a line in two halves" two@example.org
exec 8>>"$L"
mv "$L" "$L.1"
line three >&8
await "renamed, and still written" three@example.org
line four >"$L"
await "the new one" four@example.org
line five >&8
exec 8>&-
await "a last word in the old one" five@example.org
cp "$L" "$L.2"
: >"$L"
line six >>"$L"
await "copied and truncated" six@example.org
echo '{"event":"bounce","email":"seven@example.org","reason":"550 5.1.1 no such user"}' >>"$L"
await "an event" seven@example.org
printf '%s' "$(line eight)" >>"$L"
stop_with_rest() {
    kill -INT "$watcher"
    local status=0
    await "the line without an end, at the end" eight@example.org
    wait "$watcher" || status=$?
    exec 9<&-
    same "ends on INT" "$status" 130
}
stop_with_rest

# --- what cannot be watched ----------------------------------------------------------------------
mailcheck bounces --follow
same "standard input" "$status" 2
{ echo "From MAILER-DAEMON Mon Nov  2 10:00:00 2026" && report one; } >"$T/mbox"
mailcheck bounces --follow "$T/mbox"
same "an mbox" "$status" 1
ok "and why" has 'takes folders of mail, and logs' "$T/err"
mailcheck bounces --follow "$T/no/such/folder/log"
same "a log in a folder that is not there" "$status" 1
finish
