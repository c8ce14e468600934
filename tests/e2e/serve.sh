#!/bin/bash
# world: nsd,mx
# `serve`: what it answers and to whom, that it keeps its deadlines, and that nobody who is slow,
# big, many or malformed keeps the others from their answers.
source "$(dirname "$0")/lib.sh"
/usr/bin/python3 "$here/serve_hostile.py" "$MAILCHECK" "$T" >"$T/hostile.tap" &
/usr/bin/python3 "$here/serve.py" "$MAILCHECK" "$T" || failures=1
schema=build/servers/openapi-specification/usr/share/openapi-specification/schemas/v3.0/schema.json
if [ -e $schema ] && /usr/bin/python3 -c 'import jsonschema' 2>/dev/null; then
    /usr/bin/python3 "$here/serve_openapi.py" "$MAILCHECK" "$T" $schema || failures=1
else
    skip "the OpenAPI document" "openapi-specification or python3-jsonschema is missing"
fi
wait $! || failures=1
cat "$T/hostile.tap"

mailcheck serve --listen nowhere
same "--listen nowhere" "$status" 1
mailcheck serve --make-key shop
same "--make-key without --keys" "$status" 2
mailcheck serve --keys "$T/no.such.file"
same "--keys of a file there is not" "$status" 1
mailcheck serve operand
same "an operand" "$status" 2

unpacked=build/servers/systemd
if analyze=$(command -v systemd-analyze || ls $unpacked/usr/bin/systemd-analyze 2>/dev/null); then
    [ ! -d $unpacked ] || export SYSTEMD_UNIT_PATH=$T/units:$PWD/$unpacked/lib/systemd/system
    mkdir -p "$T/units"
    sed "s|/usr/local/bin/mailcheck|$(realpath "$MAILCHECK")|" data/systemd/mailcheck.service \
        >"$T/units/mailcheck.service"
    cp data/systemd/mailcheck.socket "$T/units"
    "$analyze" verify --man=no "$T"/units/mailcheck.* >"$T/err" 2>&1
    same "the units are as systemd wants them" "$(grep -v '^$' "$T/err")" ""
    "$analyze" security --offline=true --threshold=19 --no-pager "$T/units/mailcheck.service" \
        >"$T/err" 2>&1
    same "systemd-analyze security: under 2.0" $? 0
else
    skip "systemd-analyze" "it is not installed"
fi
finish
