#!/bin/bash
# world: nsd,mx
# The sign-up form of data/examples in a browser without a window, behind nginx with the nginx.conf
# beside it, while others wait for servers that say nothing; and the script for a shell.
source "$(dirname "$0")/lib.sh"
[ "${MAILCHECK_VARIANT:-release}" = release ] || exit 0 # the browser's time, not ours
export PATH=$PATH:/usr/sbin
for program in chromium nginx openssl curl; do
    path=$(command -v $program || ls build/servers/nginx/usr/sbin/$program 2>/dev/null) || {
        skip "the sign-up form" "$program is not installed"
        finish
    }
    programs+=("$path")
done
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=shop.example \
    -addext subjectAltName=IP:127.0.0.1 -keyout "$T/shop.key" -out "$T/shop.pem" 2>"$T/err"
/usr/bin/python3 "$here/serve_form.py" "$MAILCHECK" "$T" "${programs[0]}" "${programs[1]}" || failures=1
finish
