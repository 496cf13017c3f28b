#!/bin/bash
# Each fault in the phases of a block's way that no other script has: one run on
# its own Kafka and Redis heals from each of them, and is exact
# (doc/guarantees.md). Wrong variants of the program still fit the sources.
. "$(dirname "$0")/lib.sh"

matrix=$SRC/tests/fault/matrix
out=$("$SRC/tests/fault/mutants" --check)
ok $? "mutants: ${out##*: }" || printf '%s\n' "$out" | sed 's/^/# /'
is "$("$matrix" --help | head -n 1)" \
    "matrix [OPTION]... [ROW[/PHASES]]... - one run, struck by each fault in each" \
    "it says how it is called"
"$matrix" --no-such >/dev/null
is $? 64 "an option that is none"
lacks=
for row in $("$matrix" --list | cut -d ' ' -f 1); do
    grep -q "$row/" "$SRC/doc/guarantees.md" || lacks="$lacks $row"
done
is "$lacks" "" "doc/guarantees.md has every row"

"$matrix" --build "$BUILD" >"$TEST_DIR/out" 2>&1
status=$?
while read -r line; do
    case $line in
    matrix*": ok "*) ok 0 "${line#*: ok }" ;;
    matrix*": FAILED "*) ok 1 "${line#*: FAILED }" ;;
    esac
done <"$TEST_DIR/out"
is $status 0 "the matrix: $(tail -n 1 "$TEST_DIR/out")" ||
    sed 's/^/# /' "$TEST_DIR/out"

end_tests
