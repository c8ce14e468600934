#!/bin/bash
# world: nsd,mx
# `serve`: what it answers and to whom, that it keeps its deadlines, and that nobody who is slow,
# big, many or malformed keeps the others from their answers.
source "$(dirname "$0")/lib.sh"
/usr/bin/python3 "$here/serve.py" "$MAILCHECK" "$T" || failures=1

mailcheck serve --listen nowhere
same "--listen nowhere" "$status" 1
mailcheck serve --make-key shop
same "--make-key without --keys" "$status" 2
mailcheck serve --keys "$T/no.such.file"
same "--keys of a file there is not" "$status" 1
mailcheck serve operand
same "an operand" "$status" 2
finish
