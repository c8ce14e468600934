#!/bin/bash
# world: nsd,mx
# The examples of README.md and of the manual, as they stand there: each runs in a folder with the
# files it names, and must do its work.
source "$(dirname "$0")/lib.sh"
root=$PWD
mkdir -p "$T/bin" "$T/work" "$T/config/mailcheck" "$T/log" "$T/Maildir/.Bounces/"{cur,new,tmp}
ln -s "$MAILCHECK" "$T/bin/mailcheck"
PATH=$T/bin:$PATH
unset -f mailcheck # that of lib.sh
# servers of our own need no manners
printf '%s\n' 'pace = off' 'timeout = 2s' 'greylist-wait = 1s' >"$T/config/mailcheck/mailcheck.conf"
cd "$T/work" || exit 1
printf '%s\n' email,name live.a@pipelining.example,Ann dead.a@pipelining.example,Bob \
    ann@acme.example,Ann >list.csv
cp list.csv customers.csv
printf '1\tlive.b@pipelining.example\tx@nullmx.example\n' >people.tsv
cp "$root/tests/cases/bounces/qmail.eml" "$T/Maildir/.Bounces/new/1"
echo 'Nov  2 10:00:00 h postfix/smtp[1]: 4A: to=<a@example.org>, relay=x, dsn=5.1.1, status=bounced (host x said: 550 5.1.1 no such user (in reply to RCPT TO command))' |
    gzip >"$T/log/mail.log.1.gz"

# What an example leaves, where that can be said in a word: PATTERN FILE WANTED.
leaves() {
    case $1 in
    *'--split out'*) grep -l '^live.a' out/send.csv && grep -l '^dead.a' out/drop.csv ;;
    *' > bounces.csv') grep '^nobody@example.org,hard' bounces.csv && grep '^a@example.org,hard' bounces.csv ;;
    *' > annotated.csv') grep '^ann@acme.example,Ann,unknown,not_probed' annotated.csv ;;
    *'report.html -o clean.csv'*) grep '<h1>' report.html && grep '^dead.a' clean.csv ;;
    *'clean --plan'*) grep '^in all ' out.txt ;;
    *'night.json'*) grep '"deliverable": 1' night.json ;;
    *'cut -f3'*) grep '^x@nullmx.example.undeliverable.null_mx$' out.txt ;;
    *Spamhaus*) grep '^blocked.550' out.txt ;;
    *'550 5.4.1'*) grep '^no_such_mailbox.550' out.txt ;;
    *'/v1/check'*) grep '"email":"ann@example.com"' out.txt ;;
    *) true ;;
    esac >/dev/null
}
run_example() { # COMMAND
    local command=${1//\/var\/log/$T/log} status=0
    rm -rf out out.txt ./*.html clean.csv
    case $command in
    *'&') # a service: it goes on behind
        eval "${command% &} &" 2>"$T/err"
        service=$!
        return
        ;;
    *--follow*) # until it is told to end
        eval "${command%%#*} >out.txt &" 2>"$T/err"
        wait_until "$command" grep -q '^nobody@example.org,hard' out.txt
        kill -TERM $!
        wait $! || status=$(($? == 143 ? 0 : 1))
        ;;
    curl*)
        wait_until "the service answers" curl -fsS http://localhost:8025/healthz
        eval "$command" >out.txt 2>"$T/err" || status=$?
        kill -TERM "$service"
        wait "$service"
        ;;
    *) eval "$command" >out.txt 2>"$T/err" </dev/null || status=$? ;;
    esac
    # `check` says the verdict by its status
    [[ $status == 0 || ($command == *"mailcheck check"* && $status == 1[012]) ]] && leaves "$command"
}

examples=0
while read -r line; do
    [[ $line != 'sudo '* && $line != 'make '* ]] || continue
    [[ $line != [0-9]* ]] || line=mailcheck${line#*mailcheck} # when cron runs it
    ok "example: $line" run_example "$line"
    examples=$((examples + 1))
done < <({
    sed -n '/^\.Sh EXAMPLES/,$ s/^\.Dl //p' "$root/data/man/mailcheck.1" | sed 's/\\(dq/"/g'
    sed -e ':a' -e '/\\$/N; s/\\\n//; ta' -e '/^    [^ #]/!d' -e 's/^    //' "$root/README.md"
    # those in a sentence
    grep -oE '`mailcheck (clean|check|classify|store|bounces)( [^`]*)?`' "$root/README.md" | tr -d '`' |
        grep -E '\.csv|stats'
})
ok "there are examples" test "$examples" -ge 17
finish
