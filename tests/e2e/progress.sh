#!/bin/bash
# world: nsd,mx
# The progress line on terminals of all kinds; that it is silent elsewhere is in commands.sh, SIGUSR1
# without a terminal in signals.sh.
source "$(dirname "$0")/lib.sh"
export MAILCHECK
/usr/bin/python3 "$here/progress.py" || failures=$((failures + 1))
finish
