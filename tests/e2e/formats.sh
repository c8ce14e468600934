#!/bin/bash
# world: none
# Lists as they come: every row out once, in order, its bytes untouched. Offline.
source "$(dirname "$0")/lib.sh"
/usr/bin/python3 "$here/formats.py" "$MAILCHECK" "$T" || failures=1
finish
