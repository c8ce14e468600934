#!/bin/bash
# Every header compiles alone, and every file of src is clean for clang as well as for gcc.
set -euo pipefail
cd "$(dirname "$0")/.."
flags=(-std=c11 -D_GNU_SOURCE -DMC_VERSION='"0"' -Isrc -Iinclude -Ibuild/release/gen -Itests
    -Itests/servers -fsyntax-only -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes
    -Wswitch-enum -Werror)
# shellcheck disable=SC2046 # words on purpose
flags+=($(pkg-config --cflags libevent_core libcares libidn2 libpsl openssl jansson sqlite3))
compiler=cc
command -v clang >/dev/null && compiler=clang
bad=0
while read -r header; do
    $compiler "${flags[@]}" -x c -include "$header" /dev/null || bad=1
done < <(find src include tests -name '*.h' | sort)
mapfile -t sources < <(find src tests/unit tests/servers tests/sim -name '*.c' | sort)
printf '%s\0' "${sources[@]}" | xargs -0 -P2 -n12 $compiler "${flags[@]}" || bad=1
exit "$bad"
