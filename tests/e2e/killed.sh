#!/bin/bash
# world: nsd,mx
# kill -9 at any instant: the same command again goes on, says the same as an undisturbed run, and
# asks next to nobody twice. KILLS: how many (40).
source "$(dirname "$0")/lib.sh"
source "$here/store_lib.sh"
kills=${KILLS:-40}
make_list 100 >"$T/list.csv"
clean() { # STORE OUTPUT; per kind of server a session or two, so that a run takes a while
    exec "$MAILCHECK" clean --store "$1" --pace off --per-mx 1 --timeout 5s --greylist-wait 1s \
        -o "$2" "$T/list.csv" >"$T/out" 2>"$T/err"
}

began=${EPOCHREALTIME/./}
(clean "$T/undisturbed.db" "$T/undisturbed.csv")
same "an undisturbed run" "$?" 0
took=$((${EPOCHREALTIME/./} - began))
asked=$(asked_in_all)
wanted=$(compare "$T/undisturbed.csv")

killed=0 differ=0 torn=0 errors=0 round=0 total=0
RANDOM=${SEED:-$$}
while ((killed < kills)); do
    mx reset
    round=$((round + 1))
    rm -f "$T/k.db"* "$T/k.csv"
    echo old >"$T/k.csv"
    # one to three times a list, then to its end
    for ((i = 0; i <= RANDOM % 3; i++)); do
        (clean "$T/k.db" "$T/k.csv") &
        program=$!
        read -r -t "$(printf '0.%06d' $(((RANDOM * 32768 + RANDOM) % (took < 999999 ? took : 999999))))" \
            <>"$WORLD/never" || true
        kill -9 "$program" 2>/dev/null && killed=$((killed + 1))
        wait "$program" 2>/dev/null
        # the old result, or the new one whole
        [ "$(cat "$T/k.csv")" = old ] || [ "$(compare "$T/k.csv")" = "$wanted" ] ||
            torn=$((torn + 1))
    done
    (clean "$T/k.db" "$T/k.csv") || errors=$((errors + 1))
    if [ "$(compare "$T/k.csv")" != "$wanted" ]; then
        differ=$((differ + 1))
        diff <(echo "$wanted") <(compare "$T/k.csv") | head -5 | sed 's/^/# /'
    fi
    total=$((total + $(asked_in_all)))
done
echo "# $killed kills over $round lists; asked $((total / round)) a list, undisturbed $asked"
ok "enough kills hit" test "$killed" -ge "$kills"
same "no run after a kill failed" "$errors" 0
same "no result was torn" "$torn" 0
same "every result is that of an undisturbed run" "$differ" 0
# of one list and kill: what was on its way, and nothing else
ok "next to nobody was asked twice" \
    test $((100 * (total - round * asked))) -le $((5 * killed * asked))
finish
