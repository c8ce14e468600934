#!/bin/bash
# world: none
# The HTML report in a browser without a window: it renders, the console stays silent, nothing
# scrolls sideways on a phone, every text stands out from its ground (AA), paper stays white, every
# drawing has its numbers as text, and what came from a list or a server stays text.
source "$(dirname "$0")/lib.sh"
chromium=$(command -v chromium || command -v chromium-browser) || {
    skip "report page" "chromium is not installed"
    finish
}
mkdir -p "$T/pages"
MAILCHECK_PAGES=$T/pages "${MAILCHECK_BUILD:-build/release}"/tests/unit/test_report >/dev/null 2>&1
printf 'email\n"<script>alert(1)</script>@x.example"\nann@gmial.com\n' >"$T/list.csv"
mailcheck clean --offline --report "$T/pages/cell.html" --lang zh-Hant -o "$T/o.csv" "$T/list.csv"
same "--report page.html --lang" "$status" 0
ok "the page says its language" has '<html lang="zh-Hant">' "$T/pages/cell.html"
mailcheck clean --offline --report "$T/x.html" --lang xx "$T/list.csv"
same "a language there is not" "$status" 2
same "pages to look at" "$(find "$T/pages" -name '*.html' | wc -l)" 22
# another build makes the same pages
[ "${MAILCHECK_VARIANT:-release}" = release ] || find "$T/pages" -name '[0-9]*.html' -delete
HOME=$T /usr/bin/python3 "$here/browser.py" "$chromium" "$T/pages"/*.html || failures=1
finish
