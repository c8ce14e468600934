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
./share/doc/mailcheck/examples/check_over_http.sh ./share/doc/mailcheck/examples/libevent_loop.c \
./share/doc/mailcheck/examples/nginx.conf ./share/doc/mailcheck/examples/poll_loop.c \
./share/doc/mailcheck/examples/signup.html \
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
same "nothing is left" "$(find "$root" -type f -o -type l -o -name 'mailcheck*')" ""
same "what is hardened" "$(readelf -ldW "$MAILCHECK" |
    grep -oE 'GNU_RELRO|BIND_NOW|\<PIE|GNU_STACK.*RW ' | tr -s ' 0x' ' ' | cut -d' ' -f1 | sort -u | paste -sd' ')" \
    "BIND_NOW GNU_RELRO GNU_STACK PIE"

# A tarball builds where there is no git: the objects of this build spare it the compiling.
ok "make dist" quiet make dist
tar xzf build/mailcheck-*.tar.gz -C "$T"
source=$(echo "$T"/mailcheck-*)
mkdir "$source/build"
mkdir "$source/build/release"
cp -a build/release/{src,gen,mailcheck,libmailcheck.a} "$source/build/release/"
find "$source" -path "$source/build" -prune -o -type f -exec touch -d '2020-01-01' {} +
ok "make, from the tarball" quiet make -C "$source"
same "what it makes runs" "$("$source/build/mailcheck" --version)" "$("$MAILCHECK" --version)"
ok "make dist, from the tarball" quiet make -C "$source" dist
same "which holds the same" "$(tar tzf "$source"/build/mailcheck-*.tar.gz | grep -v '/$' | sort)" \
    "$(tar tzf build/mailcheck-*.tar.gz | grep -v '/$' | sort)"
rm -rf "$source"

if command -v dpkg-shlibdeps >/dev/null; then
    ok "make deb" quiet make deb
    same "the packages" "$(cd build && echo ./*.deb | sed -E 's/_[0-9.]+_[a-z0-9]+//g')" \
        "./libmailcheck-dev.deb ./libmailcheck0.deb ./mailcheck.deb"
    ok "the package wants its libraries" has 'Depends: .*libc-ares2' \
        <(dpkg-deb -f build/mailcheck_*.deb Depends | sed 's/^/Depends: /')
    ok "who maintains it can be reached" lacks '@.*(invalid|localhost)>' \
        <(dpkg-deb -f build/mailcheck_*.deb Maintainer)
    for package in build/*.deb; do
        dpkg-deb -x "$package" "$T/deb"
    done
    libraries=$(dirname "$(echo "$T"/deb/usr/lib/*/libmailcheck.a)")
    export PKG_CONFIG_PATH=$libraries/pkgconfig
    config() { pkg-config --define-variable=prefix="$T/deb/usr" "$@" libmailcheck; }
    example=$T/deb/usr/share/doc/libmailcheck-dev/examples/check.c
    # shellcheck disable=SC2046
    ok "the example compiles with the packages" quiet cc -o "$T/shared" "$example" \
        $(config --cflags --libs)
    same "and runs" "$(LD_LIBRARY_PATH=$libraries "$T/shared" --offline ann@gmial.com nonsense)" \
        "$said"
    # shellcheck disable=SC2046
    ok "and with their archive" quiet cc -o "$T/static" "$example" $(config --cflags) \
        "$libraries/libmailcheck.a" $(config --static --libs-only-l | sed 's/-lmailcheck//')
    same "which runs alone" "$("$T/static" --offline ann@gmial.com nonsense)" "$said"
    ok "each symbol has its version" has '^ mailcheck_submit@MAILCHECK_0 0\.1\.0$' \
        <(dpkg-deb -I build/libmailcheck0_*.deb symbols)
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
