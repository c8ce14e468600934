#!/bin/bash
# world: nsd,mx
# The page of `serve` in a browser without a window.
source "$(dirname "$0")/lib.sh"
chromium=$(command -v chromium || command -v chromium-browser) || {
    skip "the page of serve" "chromium is not installed"
    finish
}
/usr/bin/python3 "$here/serve_page.py" "$chromium" "$MAILCHECK" || failures=1
finish
