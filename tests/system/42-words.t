#!/bin/bash
# What a run says of what it left out, and where what it prints cannot go.
# shellcheck disable=SC1091
. "$(dirname "$0")/lib.sh"

sum=$TEST_DIR/sum.json
smoke="$SRC/jobs/smoke.yaml --set stages.sense.options.blocks=4"

# file NAME: run over the rows of a file, want exit status $want.
file() {
    out=$(pilot run "$SRC/jobs/file.yaml" --run "$1" --summary "$sum" --set \
        "stages.sense.options.path=$TEST_DIR/$1.csv" 2>&1)
    is $? "$want" "$1: exit status" || printf '%s\n' "$out" | sed 's/^/# /'
}

# --- nothing was learned from

printf 'nan,2\n3,nan\n4,inf\n' >"$TEST_DIR/masked.csv"
printf 'a,b\n' >"$TEST_DIR/titles.csv"
want=65
file masked
has "$out" "pilot: no row was learned from: 3 rows masked" "masked: said"
has "$out" $'\nrows      3 masked' "masked: in the table"
is "$(get "$sum" masked) $(get "$sum" state) $(get "$sum" exit)" \
    "3 failed 65" "masked: in the summary"
file titles
has "$out" "titles.csv: no row of it can be learned from" "titles: said"

# --- the reference is what the programs read by

pilot config keys --markdown >"$TEST_DIR/reference.md"
is "$(diff "$SRC/doc/reference.md" "$TEST_DIR/reference.md" | head -n 5)" "" \
    "doc/reference.md: as 'pilot config keys --markdown' has it"

# --- one row of three

printf '1,2\n3,nan\n4,5\n' >"$TEST_DIR/some.csv"
want=0
file some
has "$out" $'\nrows      1 masked' "some: the first one is in the table"
is "$(get "$sum" masked)" 1 "some: and in the summary"

# --- nowhere to print to

if [ -c /dev/full ]; then
    # shellcheck disable=SC2086
    for command in "run -Q $smoke" "run --dry-run $smoke" "status" \
        "status --json" "config show $smoke" "--help"; do
        err=$(pilot $command 2>&1 >/dev/full)
        is "$? $err" "73 pilot: what is printed cannot be written; is the \
disk full?" "pilot ${command%% /*}: a full disk is said once"
    done
fi
# shellcheck disable=SC2086
pilot run -Q $smoke --summary /dev/null >/dev/null
is $? 0 "--summary /dev/null"
[ -c /dev/null ]
ok $? "--summary /dev/null leaves the device there" || exit 1
# Files that are opened get no number of what is printed.
# shellcheck disable=SC2086
pilot run -Q $smoke --run closed <&- >&- 2>&-
is $? 0 "run with nothing open"
grep -q '^run ' "$PILOT_HOME"/closed/*.* "$PILOT_HOME"/closed/*/*
is $? 1 "... prints into no file of its own"

# --- a terminal

if command -v script >/dev/null; then
    long=$(script -qec "stty cols 80; pilot status" /dev/null | tr -d '\r' |
        awk 'length > 80' | wc -l)
    is "$long" 0 "pilot status fits 80 columns"
fi

end_tests
