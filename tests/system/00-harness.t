#!/bin/bash
# The runner itself: a test that is broken in any way is seen to be.
. "$(dirname "$0")/lib.sh"

runner=$SRC/tests/system/run

# A script of the body $2, run by the runner: its last words.
play() {
    printf '#!/bin/bash\n. "%s/lib.sh"\n%s\n' "$SRC/tests/system" "$2" \
        >"$TEST_DIR/$1.t"
    out=$(TMPDIR=$TEST_DIR "$runner" --no-services "$BUILD" "$TEST_DIR/$1.t" 2>&1)
    rc=$?
}

# caught NAME BODY TEXT: the runner fails and says the text.
caught() {
    play "$1" "$2"
    is $rc 1 "$1: the runner fails"
    has "$out" "$3" "$1: and says so"
}

play good 'ok 0 "fine"
end_tests'
is "$rc $(grep -c '^ok 1 - good: fine$' <<<"$out")" "0 1" "a good script"

caught failing 'ok 1 "wrong"
end_tests' "not ok 1 - failing: wrong"
caught died 'ok 0 "fine"
exit 3' "not ok 2 - died: died with status 3 behind test 1"
caught left 'ok 0 "fine"
exit 0' "not ok 2 - left: died with status 0 behind test 1"
caught unset 'ok 0 "fine"
echo "$nothing"
end_tests' "died with status"
caught syntax 'ok 0 "fine"
if then
end_tests' "not ok"
caught endless 'ok 0 "fine"' "not ok 2 - endless: died with status 0"
caught empty 'end_tests' "not ok - empty plans 0 tests and makes 0"
caught twice 'ok 0 "fine"
echo "ok 1 - fine"
end_tests' "not ok - twice plans 1 tests and makes 2"
caught status 'ok 0 "fine"
at_end leave
leave() { exit 9; }
end_tests' "not ok - status exits with 9"
caught killed 'ok 0 "fine"
kill -KILL $$' "not ok - killed ends by signal 9"

# What a condition asks for is there.
play chain 'ok 1 "a" || echo "# seen"
is 1 2 "b" || echo "# seen"
has abc d "c" || echo "# seen"
end_tests'
is "$(grep -c '^# seen$' <<<"$out")" 3 "a failure can be acted on"

play order 'one() { echo "# one"; }
two() { echo "# two"; }
at_end one
at_end two
ok 0 "fine"
skip_rest "not here"'
is "$rc $(grep -c '^ok 2 - order # SKIP not here$' <<<"$out")" "0 1" \
    "a script that cannot go on"

# What other scripts have left is not there, by whatever name.
topic=$BUILD/tests/system/topic
is "$(redis_do DBSIZE) $("$topic" clear)" "0 0" "the servers are empty"
"$topic" create harness-topic 2
is "$("$topic" clear) $("$topic" clear)" "1 0" "... as they are made"

mkdir "$TEST_DIR/nothing"
out=$("$runner" --no-services "$TEST_DIR/nothing" good 2>&1)
is $? 1 "a folder that is no build: the runner fails"
has "$out" "nothing has no pilot: 'make check-system'" "... and says so"

# The scripts all end by it, and none has an exit of its own.
wrong=
for t in "$SRC"/tests/system/*.t; do
    [ "$(tail -n 1 "$t")" = end_tests ] && ! grep -q '^trap .* EXIT' "$t" ||
        wrong="$wrong $(basename "$t")"
done
is "$wrong" "" "every script comes to its end, or has died"

end_tests
