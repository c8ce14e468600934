#!/bin/bash
# Installs what is missing to build (`demo`: and for the private network; `bench`: and for that;
# `check`: and for all tests), with apt, asking pkg-config and the headers first: where nothing is missing, nothing is
# touched and root is not needed. Servers are never installed: they are fetched and unpacked
# under build/servers, only the libraries they want come from apt. No service is started.
#
#     tests/deps.sh build|demo|bench|check
set -euo pipefail
cd "$(dirname "$0")/.."
what=${1:-build}
servers=build/servers

say() { printf 'deps: %s\n' "$*" >&2; }

need=()
has_module() { pkg-config --exists "$1" 2>/dev/null; }
has_header() { echo "#include <$1>" | cc -E - >/dev/null 2>&1; }
want() { # PACKAGE TEST...
    local package=$1
    shift
    "$@" >/dev/null 2>&1 || need+=("$package")
}

want gcc command -v cc
want libc6-dev has_header stdlib.h
want make command -v make
want pkg-config command -v pkg-config
want libevent-dev has_module libevent_core
want libc-ares-dev has_module libcares
want libcsv-dev has_header csv.h
want libhttp-parser-dev has_header http_parser.h
want libidn2-dev has_module libidn2
want libunistring-dev has_header uninorm.h
want libssl-dev has_module openssl
want libjansson-dev has_module jansson
want libsqlite3-dev has_module sqlite3
want libxxhash-dev has_header xxhash.h
want zlib1g-dev has_module zlib
if [ "$what" != build ]; then
    want python3-minimal test -x /usr/bin/python3
    want iproute2 command -v ip
    want util-linux command -v unshare
    want hostname command -v hostname
    want mount command -v mount
fi
if [ "$what" = bench ] || [ "$what" = check ]; then
    want wrk command -v wrk
fi
if [ "$what" = bench ]; then
    want python3-email-validator /usr/bin/python3 -c 'import email_validator'
fi
if [ "$what" = check ]; then
    want libcmocka-dev has_module cmocka
    want clang command -v clang
    want clang-format command -v clang-format
    want openssl command -v openssl
    want mandoc command -v mandoc
    want dpkg-dev command -v dpkg-shlibdeps
    want lintian command -v lintian
    want chromium command -v chromium
    want curl command -v curl
    want zsh command -v zsh
    want fish command -v fish
    want python3-jsonschema /usr/bin/python3 -c 'import jsonschema'
    want python3 /usr/bin/python3 -c 'import csv, json, socket, subprocess'
fi

as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo)
updated=
update() {
    [ -z "$updated" ] || return 1
    updated=1
    "${as_root[@]}" apt-get -q update >&2
}
# The lists may be missing (a bare image) or older than the mirror: then update, and once more.
apt_try() { # PACKAGE... -- COMMAND...
    local packages=()
    while [ "$1" != -- ]; do
        packages+=("$1")
        shift
    done
    shift
    apt-cache show "${packages[@]}" >/dev/null 2>&1 || update
    "$@" "${packages[@]}" </dev/null >&2 || { update && "$@" "${packages[@]}" </dev/null >&2; }
}
install() {
    command -v apt-get >/dev/null || {
        say "missing: $* (no apt-get here: install their equivalents)"
        exit 1
    }
    say "installing $*"
    apt_try "$@" -- "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get -q -y install --no-install-recommends
}
[ ${#need[@]} = 0 ] || install "${need[@]}"

# Fetch and unpack servers: nothing of theirs runs at installation, nothing lands in /usr or /etc.
fetch() { # PACKAGE...
    local missing=() package file
    for package; do
        [ -e "$servers/$package/.unpacked" ] || missing+=("$package")
    done
    [ ${#missing[@]} = 0 ] && return
    say "fetching ${missing[*]} into $servers (not installed)"
    rm -rf "$servers/fetch"
    mkdir -p "$servers/fetch"
    (cd "$servers/fetch" && apt_try "${missing[@]}" -- apt-get -q download)
    local libraries=()
    for package in "${missing[@]}"; do
        file=$(echo "$servers/fetch/${package}"_*.deb)
        while read -r library; do
            dpkg-query -W -f '${Status}' "$library" 2>/dev/null | grep -q ' installed' ||
                libraries+=("$library")
        done < <(dpkg -f "$file" Depends | tr ',' '\n' | sed 's/^ *//; s/[ |(].*//' | grep '^lib')
    done
    [ ${#libraries[@]} = 0 ] || install "${libraries[@]}"
    for package in "${missing[@]}"; do
        rm -rf "${servers:?}/$package"
        mkdir -p "$servers/$package"
        dpkg -x "$servers/fetch/${package}"_*.deb "$servers/$package"
        touch "$servers/$package/.unpacked"
    done
    rm -rf "$servers/fetch"
}
case $what in
demo) fetch nsd ;;
bench) fetch nsd nginx ;;
check)
    fetch nsd nginx unbound postfix exim4-daemon-light opensmtpd openapi-specification
    command -v systemd-analyze >/dev/null || fetch systemd
    ;;
esac
