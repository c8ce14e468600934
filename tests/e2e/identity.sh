#!/bin/bash
# world: nsd,mx
# Who we say we are, and what happens where probing cannot work: exit 3, one line, no verdict.
source "$(dirname "$0")/lib.sh"

seen() { # what the servers saw of HELO and sender
    mx sync
    awk -F'\t' '$1 == "session" { sub("sender=", "", $NF); print $5, $NF }' "$WORLD/mx.log" | sort -u
    mx reset
}
mailcheck check "${probe_options[@]}" live@pipelining.example
same "HELO is the host's name, the sender its postmaster" "$(seen)" \
    "probe.sender.mailworld postmaster@probe.sender.mailworld"
mailcheck check "${probe_options[@]}" --helo out.firm.mailworld live@pipelining.example
same "--helo" "$(seen)" "out.firm.mailworld postmaster@out.firm.mailworld"
mailcheck check "${probe_options[@]}" --helo out.firm.mailworld \
    --mail-from verify@firm.mailworld live@pipelining.example
same "--mail-from" "$(seen)" "out.firm.mailworld verify@firm.mailworld"

cat >"$T/list.csv" <<'LIST'
email
live@pipelining.example
x@nullmx.example
broken
LIST
verdicts="live@pipelining.example,unknown,not_probed x@nullmx.example,undeliverable,null_mx \
broken,undeliverable,invalid_syntax"

# The host's name is that of the private world only.
hostname localhost
mailcheck clean "${probe_options[@]}" --columns status,reason "$T/list.csv"
same "no usable name: exit status" "$status" 3
same "no usable name: DNS and syntax decide" "$(tail -n +2 "$T/out" | paste -sd' ')" "$verdicts"
same "no usable name: one line says so" "$(wc -l <"$T/err")" 1
ok "and what to do" has '--helo' "$T/err"
same "nobody was asked" "$(seen)" ""
mailcheck clean "${probe_options[@]}" --helo out.firm.mailworld --columns status,reason \
    "$T/list.csv"
same "a given name is taken" "$status" 0
mx reset
echo "198.18.0.25 short out.hosts.mailworld" >>/etc/hosts
hostname short
mailcheck check "${probe_options[@]}" live@pipelining.example
same "else the first dotted name of its line in the hosts file" "$(seen)" \
    "out.hosts.mailworld postmaster@out.hosts.mailworld"
hostname probe.sender.mailworld

# Three large providers, none completes a handshake: port 25 is closed.
cat >"$T/closed.csv" <<'LIST'
email
a@closed1.example
b@closed2.example
c@closed3.example
x@nullmx.example
LIST
mailcheck clean "${probe_options[@]}" --columns status,reason "$T/closed.csv"
same "port 25 closed: exit status" "$status" 3
same "port 25 closed: not_probed" "$(tail -n +2 "$T/out" | cut -d, -f3 | paste -sd' ')" \
    "not_probed not_probed not_probed null_mx"
ok "port 25 closed: said" has '25' "$T/err"
# One of them answers: it is not closed.
echo live@pipelining.example >>"$T/closed.csv"
mailcheck clean "${probe_options[@]}" --columns status,reason "$T/closed.csv"
same "another server answers: exit status" "$status" 0
ok "and the rest is connect_failed" has '^a@closed1.example,unknown,(connect_failed|timeout)' \
    "$T/out"

# Our descriptors are our trouble, not the servers'.
/usr/bin/python3 "$here/expect.py" list "$here/expected/personalities.tsv" | grep '^live' |
    head -n 60 >"$T/many"
(
    ulimit -n 40
    exec "$MAILCHECK" clean "${probe_options[@]}" --columns status,reason "$T/many"
) >"$T/out" 2>"$T/err"
ok "few descriptors: nobody is called dead" lacks 'no_such_mailbox|no_mail_server|no_such_domain' \
    "$T/out"
same "few descriptors: every row" "$(wc -l <"$T/out")" 60
finish
