#!/bin/bash
# world: none
# make install, uninstall, dist and deb; the library as another program sees it.
source "$(dirname "$0")/lib.sh"
[ "${MAILCHECK_VARIANT:-release}" = release ] || exit 0 # what is installed is the release

quiet() { "$@" >"$T/err" 2>&1; }
export MAKEFLAGS=
root=$T/root
ok "make install" quiet make install DESTDIR="$root" PREFIX=/opt/mc
same "what is installed" "$(cd "$root/opt/mc" && find . -type f -o -type l | sort | paste -sd' ')" \
    "./bin/mailcheck ./include/mailcheck.h ./include/mailcheck_event.h ./lib/libmailcheck.a ./lib/libmailcheck.so \
./lib/libmailcheck.so.0 ./lib/libmailcheck.so.0.1.0 ./lib/pkgconfig/libmailcheck.pc \
./lib/systemd/system/mailcheck-clean@.service ./lib/systemd/system/mailcheck-clean@.timer \
./lib/systemd/system/mailcheck.service ./lib/systemd/system/mailcheck.socket \
./share/bash-completion/completions/mailcheck ./share/doc/mailcheck/examples/check.c \
./share/doc/mailcheck/examples/libevent_loop.c ./share/doc/mailcheck/examples/poll_loop.c \
./share/fish/vendor_completions.d/mailcheck.fish ./share/mailcheck/report.schema.json ./share/man/man1/mailcheck.1 \
./share/man/man5/mailcheck.conf.5 ./share/zsh/site-functions/_mailcheck"
same "the library shows only its own names" \
    "$(nm -D --defined-only "$root/opt/mc/lib/libmailcheck.so" | awk '$2 == "T" { print $3 }' |
        grep -v '^mailcheck_.*@@MAILCHECK_0$')" ""
same "and all of the header's" \
    "$(nm -D --defined-only "$root/opt/mc/lib/libmailcheck.so" | grep -c '@@MAILCHECK_0$')" \
    "$(cat include/*.h | grep -c '^MAILCHECK_API')"

export PKG_CONFIG_PATH=$root/opt/mc/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=
config() { pkg-config --define-variable=prefix="$root/opt/mc" "$@" libmailcheck; }
example=$root/opt/mc/share/doc/mailcheck/examples/check.c
said="nonsense	undeliverable	invalid_syntax	
ann@gmial.com	unknown	not_probed	ann@gmail.com
0 of 2 deliverable (mailcheck $("$MAILCHECK" --version | cut -d' ' -f2))"
# shellcheck disable=SC2046 # words on purpose
ok "the example compiles" quiet cc -Wall -Wextra -Werror -o "$T/shared" "$example" \
    $(config --cflags --libs)
same "and runs, with the shared library" \
    "$(LD_LIBRARY_PATH=$root/opt/mc/lib "$T/shared" --offline ann@gmial.com nonsense)" "$said"
lines=$'ann@gmial.com\tunknown\tnot_probed\nnonsense\tundeliverable\tinvalid_syntax'
examples=$(dirname "$example")
# shellcheck disable=SC2046
ok "the example of a loop of one's own compiles" quiet cc -Wall -Wextra -Werror -o "$T/poll_loop" \
    "$examples/poll_loop.c" $(config --cflags --libs)
same "and runs" "$(printf 'ann@gmial.com\nnonsense' |
    LD_LIBRARY_PATH=$root/opt/mc/lib "$T/poll_loop" --offline | sort)" "$lines"
# shellcheck disable=SC2046
ok "the example with libevent compiles" quiet cc -Wall -Wextra -Werror -o "$T/libevent_loop" \
    "$examples/libevent_loop.c" $(config --cflags --libs) $(pkg-config --libs libevent_core)
same "and runs" "$(LD_LIBRARY_PATH=$root/opt/mc/lib "$T/libevent_loop" --offline ann@gmial.com \
    nonsense | sort)" "$lines"
for language in c c++; do
    for header in mailcheck mailcheck_event; do
        # shellcheck disable=SC2046
        ok "$header.h is $language" quiet clang -x $language -Wall -Wextra -Werror -pedantic \
            -fsyntax-only $(config --cflags) -include "$header.h" /dev/null
    done
done
rm -f "$root"/opt/mc/lib/libmailcheck.so*
# shellcheck disable=SC2046
ok "the example compiles with the archive" quiet cc -o "$T/static" "$example" \
    $(config --cflags --libs --static)
same "and runs" "$("$T/static" --offline ann@gmial.com nonsense)" "$said"
ok "make uninstall" quiet make uninstall DESTDIR="$root" PREFIX=/opt/mc
same "nothing is left" "$(find "$root" -type f -o -type l)" ""

if git rev-parse HEAD >/dev/null 2>&1; then
    ok "make dist" quiet make dist
    ok "the tarball holds the source" \
        has '^mailcheck-[0-9.]*/Makefile$' <(tar tzf build/mailcheck-*.tar.gz)
fi
if command -v dpkg-shlibdeps >/dev/null; then
    ok "make deb" quiet make deb
    ok "the package wants its libraries" has 'Depends: .*libc-ares2' \
        <(dpkg-deb -f build/mailcheck_*.deb Depends | sed 's/^/Depends: /')
    if command -v lintian >/dev/null; then
        same "lintian finds no error" \
            "$(lintian --no-cfg --allow-root build/mailcheck_*.deb 2>&1 | grep '^E:')" ""
    else
        skip "lintian" "lintian is not installed"
    fi
else
    skip "make deb" "dpkg-dev is not installed"
fi
finish
