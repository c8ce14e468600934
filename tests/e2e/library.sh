#!/bin/bash
# world: nsd,mx
# The library in other programs' loops: the examples, asking real mail servers, line by line.
source "$(dirname "$0")/lib.sh"
[ "${MAILCHECK_VARIANT:-release}" = release ] || exit 0 # it is the release that is linked
need=$(sed -n 's/^LIB_PKGS *:= *//p' Makefile)
for example in poll_loop libevent_loop; do
    # shellcheck disable=SC2046,SC2086 # words on purpose
    ok "$example compiles" cc -Wall -Wextra -Werror -Iinclude -o "$T/$example" \
        data/examples/$example.c build/release/libmailcheck.a $(pkg-config --libs $need) -lunistring
done
same "libevent_loop: some at once" \
    "$("$T/libevent_loop" live.a@pipelining.example dead.a@pipelining.example any@catchall.example nonsense \
        x@nullmx.example 2>"$T/err" | sort)" \
    "any@catchall.example	risky	catch_all
dead.a@pipelining.example	undeliverable	no_such_mailbox
live.a@pipelining.example	deliverable	accepted
nonsense	undeliverable	invalid_syntax
x@nullmx.example	undeliverable	null_mx"
coproc loop { exec "$T/poll_loop" 2>"$T/err"; }
ask() { # ADDRESS: the answer, while the input stays open
    local answer
    echo "$1" >&"${loop[1]}"
    read -r -t 20 answer <&"${loop[0]}" && echo "$answer"
}
same "poll_loop: a line in" "$(ask live.b@pipelining.example)" \
    "live.b@pipelining.example	deliverable	accepted"
same "... and another" "$(ask dead.b@slow.example)" "dead.b@slow.example	undeliverable	no_such_mailbox"
same "... known already" "$(ask live.b@pipelining.example)" \
    "live.b@pipelining.example	deliverable	accepted"
# shellcheck disable=SC2154 # coproc sets it
input=${loop[1]} number=$loop_PID
exec {input}>&-
wait "$number"
same "... and the end of the input is its end" $? 0
finish
