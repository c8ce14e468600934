#!/bin/bash
# world: nsd,mx
# `check -` as another program uses it: line by line, with a slow reader, with odd lines.
source "$(dirname "$0")/lib.sh"

/usr/bin/python3 "$here/stream.py" "$MAILCHECK" "${probe_options[@]}" || failures=$((failures + 1))

for input in /dev/null "$T/empty"; do
    [ -e "$input" ] || : >"$input"
    "$MAILCHECK" check --offline - <"$input" >"$T/out" 2>"$T/err"
    same "nothing in ($input), nothing out" "$? $(wc -c <"$T/out")" "0 0"
done
seq 1 60000 | sed 's/.*/a&@x&.example/' >"$T/many"
"$MAILCHECK" check --offline - <"$T/many" 2>"$T/err" | head -n 1 >"$T/out"
same "a closed pipe ends quietly" "${PIPESTATUS[0]} $(cat "$T/err")" "1 "
"$MAILCHECK" check --offline - <"$T/many" 2>"$T/err" | cut -f1 | cmp -s - "$T/many"
same "every line of a file, in order" "${PIPESTATUS[2]}" 0
# shellcheck disable=SC2002 # a pipe on purpose
cat "$T/many" | "$MAILCHECK" check --offline --unordered --format jsonl - >"$T/out" 2>"$T/err"
same "the same as JSON, through a pipe" "$(wc -l <"$T/out")" 60000
if [ -w /dev/full ]; then
    "$MAILCHECK" check --offline - <"$T/many" >/dev/full 2>"$T/err"
    same "a full disk is an error" "$?" 1
    ok "and said" has 'No space left' "$T/err"
fi
finish
