#!/bin/bash
# world: none
# Exports of mailing programs, of a CRM and of spreadsheets, west and east: found out, unaltered,
# split.
source "$(dirname "$0")/lib.sh"
/usr/bin/python3 "$here/exports.py" "$MAILCHECK" "$T" || failures=$((failures + 1))
finish
