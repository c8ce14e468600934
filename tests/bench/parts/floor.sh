# shellcheck shell=bash disable=SC2154
# What it is made of: instructions, system calls.
instructions() { # COMMAND...
    valgrind --tool=none true 2>/dev/null || return 1
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$@" 2>&1 >/dev/null |
        sed -n 's/.*refs: *//p' | tr -d ,
}
calls() { # COMMAND...
    strace -f -c -o "$work/strace" "$@" >/dev/null 2>&1 || true
    awk '$NF == "total" { print $(NF - 1) == "total" ? $3 : $4 }' "$work/strace"
}
if have valgrind; then
    $bin/tests/bench/make_list "$sample" >"$work/part.csv"
    head -n 2 "$work/part.csv" >"$work/none.csv"
    some=$(instructions $offline "$work/part.csv") none=$(instructions $offline "$work/none.csv")
    libcsv=$(instructions $bin/tests/bench/anchor_csv "$work/part.csv")
    row - "instructions a row (callgrind)" "libcsv: $(calc "$libcsv / $sample" 0)" \
        "$(calc "($some - $none) / $sample" 0)" -
fi
start_mx 50 'prefix.bao=live'
start_dns 50
people 50 50 user >"$work/people.csv"
if have valgrind; then
    all=$(instructions $online --timeout 60s --per-mx 8 "$work/people.csv")
    dns_only=$(instructions $online --timeout 60s --sample 1 "$work/people.csv")
    bare=$(instructions $bin/tests/bench/anchor_smtp 198.19.0.0 50 50 50 2500)
    row - "instructions a recipient, less rows and DNS" "bare: $(calc "$bare / 2500" 0)" \
        "$(calc "($all - $dns_only) / 2500" 0)" -
fi
if have strace; then
    all=$(calls $online --per-mx 8 "$work/people.csv")
    dns_only=$(calls $online --sample 1 "$work/people.csv")
    bare=$(calls $bin/tests/bench/anchor_smtp 198.19.0.0 50 50 50 2500 polite)
    row - "system calls a session of 50 recipients (strace)" "bare, QUIT after the answers: $(calc "$bare / 50" 1)" \
        "$(calc "($all - $dns_only) / 50" 1)" -
fi
stop_mx
stop_dns
