#!/bin/bash
# Runs every test and counts: format and layers, whether the bench works, unit programs, fuzz
# corpora, end-to-end scripts; what runs code runs twice, from build/release and from build/asan.
# Logs are shown and kept (in build/test-logs) for failures only. The last line is
# `N passed, N failed, N skipped`.
#
#     tests/run.sh [-j JOBS] [-v VARIANTS] [PATTERN]     VARIANTS: "release asan"; PATTERN: of names
set -uo pipefail
cd "$(dirname "$0")/.."
jobs=$(($(nproc) + 1)) # most of the time a test waits for its servers
variants="release asan"
while getopts j:v: option; do
    case $option in
    j) jobs=$OPTARG ;;
    v) variants=$OPTARG ;;
    *) exit 2 ;;
    esac
done
shift $((OPTIND - 1))
pattern=${1:-}
logs=build/test-logs
rm -rf "$logs"
mkdir -p "$logs"
export ASAN_OPTIONS=exitcode=99 UBSAN_OPTIONS=print_stacktrace=1 LC_ALL=C.UTF-8
export PYTHONDONTWRITEBYTECODE=1

# --- the list: kind, name, variant, command ------------------------------------------------------
# In a container without namespaces the end-to-end tests cannot run: say so once, skip them.
no_world=$(tests/world/run -n 2>&1) && no_world=

names=() kinds=() variant_of=() commands=()
add() { # KIND VARIANT NAME COMMAND
    [[ -z $pattern || $3 == *$pattern* ]] || return 0
    kinds+=("$1") variant_of+=("$2") names+=("$3") commands+=("$4")
}
world_of() { sed -n 's/^# world: *//p' "$1"; }
skip_reason() { # SCRIPT
    local servers
    servers=$(world_of "$1")
    [ "$servers" != none ] || return 0
    if [ -n "$no_world" ]; then
        echo "$no_world"
    elif [[ $servers =~ postfix|exim|opensmtpd && $(id -u) != 0 ]]; then
        echo "real mail servers need root"
    fi
}

for variant in $variants; do
    for script in $(ls -S tests/e2e/*.sh 2>/dev/null); do # long ones first
        [[ $script == *lib.sh ]] && continue
        servers=$(world_of "$script")
        name="$variant $script"
        reason=$(skip_reason "$script")
        if [ -n "$reason" ]; then
            add skip "$variant" "$name" "$reason"
        elif [[ $servers == none || $servers == own ]]; then # it starts a world of its own
            add tap "$variant" "$name" "$script"
        else
            add tap "$variant" "$name" "tests/world/run -s $servers $script"
        fi
    done
done
for script in tests/check_*.sh; do
    add plain release "$script" "$script"
done
if [ -n "$no_world" ]; then
    add skip release "bench" "$no_world"
elif [[ " $variants " == *" release "* ]]; then
    add plain release "bench" "tests/bench/run.sh smoke"
fi
add plain release "format" "find src include tests data -name '*.[ch]' |
    xargs clang-format --dry-run -Werror"
for variant in $variants; do
    for source in tests/unit/test_*.c; do
        program=$(basename "$source" .c)
        add cmocka "$variant" "$variant unit $program" "build/$variant/tests/unit/$program"
    done
    for source in tests/fuzz/*.c; do
        [ -e "$source" ] || continue
        module=$(basename "$source" .c)
        add plain "$variant" "$variant corpus $module" \
            "find tests/fuzz/corpus/$module -type f -print0 |
                xargs -0 build/$variant/tests/fuzz/$module"
    done
done

# --- run, some at a time -------------------------------------------------------------------------
passed=0 failed=0 skipped=0
count() { grep -cE "$1" "$2" || true; }

# One test program says how many tests it holds: cmocka in its summary, a script in TAP lines, the
# others by their exit status.
tally() { # INDEX STATUS SECONDS
    local log=$logs/$1.log good=0 bad=0 skips=0
    case ${kinds[$1]} in
    cmocka)
        good=$(sed -n 's/^\[  PASSED  \] \([0-9]*\) test(s)\..*/\1/p' "$log" | paste -sd+ | sum_up)
        bad=$(sed -n 's/^\[  FAILED  \] [^:]*: \([0-9]*\) test(s).*/\1/p' "$log" | paste -sd+ |
            sum_up)
        skips=$(count '^\[  SKIPPED \] [^0-9]' "$log")
        ;;
    tap)
        bad=$(count '^not ok' "$log")
        skips=$(count '^ok .*# SKIP' "$log")
        good=$(($(count '^ok ' "$log") - skips))
        ;;
    *) [ "$2" != 0 ] || good=1 ;;
    esac
    [ "$2" = 0 ] || [ "$bad" -gt 0 ] || bad=1
    passed=$((passed + good)) failed=$((failed + bad)) skipped=$((skipped + skips))
    if [ "$bad" = 0 ]; then
        printf 'ok - %s (%d tests, %s s)\n' "${names[$1]}" "$((good + skips))" "$3"
        grep '^ok .*# SKIP' "$log" | sed 's/^/    /'
        rm -f "$log"
    else
        local kept=$logs/${names[$1]//[\/ ]/_}.log
        mv "$log" "$kept"
        printf 'not ok - %s (%d of %d tests, exit %d, %s s): %s\n' "${names[$1]}" "$bad" \
            "$((good + bad + skips))" "$2" "$3" "$kept"
        grep -vE '^(ok |\[ +(OK|RUN) )' "$kept" | tail -n 60 | sed 's/^/    /'
    fi
}
sum_up() { # "1+2+3" -> 6, "" -> 0
    local sum
    read -r sum || true
    echo $((${sum:-0}))
}

run_one() { # INDEX
    local start=${EPOCHREALTIME/./} status=0
    env MAILCHECK="$PWD/build/${variant_of[$1]}/mailcheck" \
        MAILCHECK_BUILD="$PWD/build/${variant_of[$1]}" MAILCHECK_VARIANT="${variant_of[$1]}" \
        timeout -k 5 200 bash -c "${commands[$1]}" >"$logs/$1.log" 2>&1 </dev/null || status=$?
    printf '%d %d.%01d\n' "$status" $(((${EPOCHREALTIME/./} - start) / 1000000)) \
        $(((${EPOCHREALTIME/./} - start) / 100000 % 10)) >"$logs/$1.done"
}
collect() {
    local file index status seconds
    for file in "$logs"/*.done; do
        [ -e "$file" ] || continue
        index=$(basename "$file" .done)
        read -r status seconds <"$file"
        rm -f "$file"
        tally "$index" "$status" "$seconds"
    done
}

trap 'kill $(jobs -p) 2>/dev/null; exit 130' INT TERM
running=0
for index in "${!names[@]}"; do
    if [ "${kinds[$index]}" = skip ]; then
        skipped=$((skipped + 1))
        printf 'ok - %s # SKIP %s\n' "${names[$index]}" "${commands[$index]}"
        continue
    fi
    if ((running == jobs)); then
        wait -n
        running=$((running - 1))
        collect
    fi
    run_one "$index" &
    running=$((running + 1))
done
wait
collect
printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" = 0 ]
