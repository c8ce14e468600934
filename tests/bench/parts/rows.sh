# shellcheck shell=bash disable=SC2154
# Rows, offline: against libcsv and Python, and memory.
$bin/tests/bench/make_list "$rows" >"$work/list.csv"
compare "$rounds" "$offline $work/list.csv" "$bin/tests/bench/anchor_csv $work/list.csv"
row 1 "offline, $rows rows: CPU" "libcsv parsing the file" "$(calc "$ratio_cpu")" "<= 1.0"
row - "CPU a row, ns" - "$(calc "$ours_cpu * 1e9 / $rows" 0)" -
reader='import csv,sys
for row in csv.reader(open(sys.argv[1], newline="", encoding="utf-8")): pass'
printf '%s\n' "$reader" >"$work/reader.py"
compare 1 "/usr/bin/python3 $work/reader.py $work/list.csv" "$offline $work/list.csv"
row 2 "Python's csv module reading the file: CPU" "ours, all of it" "$(calc "$ratio_cpu")" ">= 3"
if /usr/bin/python3 -c 'import email_validator' 2>/dev/null; then
    cat >"$work/validator.py" <<'END'
import csv, sys, email_validator
for row in csv.reader(open(sys.argv[1], newline="", encoding="utf-8")):
    try: email_validator.validate_email(row[2], check_deliverability=False)
    except email_validator.EmailNotValidError: pass
END
    head -n $((sample + 1)) "$work/list.csv" >"$work/part.csv"
    compare 1 "/usr/bin/python3 $work/validator.py $work/part.csv" "$offline $work/part.csv"
    row 2 "python3-email-validator, a list of $sample: CPU" "ours" "$(calc "$ratio_cpu" 0)" ">= 100"
fi
# It gets the addresses as a file of lines: reading the rows would be another package's work.
if have node && [ -d build/peers/node_modules/validator ]; then
    /usr/bin/python3 -c 'import csv, sys
for row in csv.reader(open(sys.argv[1], newline="", encoding="utf-8")): print(row[2] if len(row) > 2 else "")' \
        "$work/list.csv" >"$work/addresses"
    compare 1 "node tests/bench/validator.mjs build/peers/node_modules/validator $work/addresses" \
        "$offline $work/list.csv"
    row 2 "npm validator, the addresses alone: CPU" "ours, all of it" "$(calc "$ratio_cpu" 1)" ">= 10"
fi
$bin/tests/bench/make_list "$big" >"$work/big.csv"
unique=$(calc "$big * 0.932" 0) # addresses that are valid and met for the first time
compare 3 "$offline $work/big.csv" "$bin/tests/bench/anchor_csv $work/big.csv"
row 1 "offline, $big rows: CPU" "libcsv parsing the file" "$(calc "$ratio_cpu")" "<= 1.2"
spend 1 $offline "$work/big.csv"
row 3 "offline, $big rows: bytes a unique address" - "$(calc "$kib * 1024 / $unique" 1)" "<= 25"
spend 1 sh -c "cat $work/big.csv | $offline"
row 3 "the same through a pipe" - "$(calc "$kib * 1024 / $unique" 1)" "<= 35"
rm "$work/big.csv"
