#!/bin/bash
# What a compiler does not see: forbidden functions, leftovers, commands that must not exist.
set -euo pipefail
cd "$(dirname "$0")/.."
bad=0
refuse() { # WHY EXTENDED-REGEX FILES...
    local why=$1 pattern=$2 found
    shift 2
    found=$(grep -nE "$pattern" "$@" || true)
    [ -z "$found" ] || {
        printf '%s\n' "$found" | sed "s/\$/    <- $why/"
        bad=1
    }
}
mapfile -t sources < <(find src include -name '*.[ch]' | sort)
mapfile -t code < <(find src include tests data -name '*.[ch]' | sort)
refuse "unbounded or locale-bound function" \
    '\b(strcpy|strcat|sprintf|vsprintf|gets|atoi|atol|atof|strtok|setlocale)\(' "${sources[@]}"
refuse "depends on the locale" '#include <(ctype|wctype|locale)\.h>' "${sources[@]}"
refuse "the system resolver" '\b(getaddrinfo|gethostbyname|ares_search|ares_gethostbyname|ares_getaddrinfo)\(' "${sources[@]}"
refuse "mail is never sent" '"(DATA|BDAT)\b' "${sources[@]}"
refuse "unfinished" '\b(TODO|FIXME|XXX|HACK)\b|#if 0' "${code[@]}"
refuse "longer than 100 columns" '^.{101,}$' "${code[@]}"
exit "$bad"
