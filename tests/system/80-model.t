#!/bin/bash
# A user's model: one folder, one row in the build (doc/examples/meanvar), by
# the words of its README, in a copy of the tree.
. "$(dirname "$0")/lib.sh"

copy=$TEST_DIR/tree
mkdir "$copy"
(cd "$SRC" && tar cf - --exclude='./build*' --exclude=./.git . ; true) |
    tar xf - -C "$copy"
cp -r "$SRC/build-aux" "$copy/"
example=doc/examples/meanvar

# The commands of the README, up to the build itself.
(cd "$copy" && sed -n '/^```sh/,/^```/p' $example/README.md | grep -v '^```' |
    sed '/^autoreconf/,$d' >steps && sh -e steps) >"$TEST_DIR/log" 2>&1
is $? 0 "the steps of the README" || sed 's/^/# /' "$TEST_DIR/log"

# Its next line.  For speed without optimisation, and what the steps have not
# touched is there already.
mkdir "$copy/build"
grep -q '^\(PE_\)\?CFLAGS.*-fsanitize' "$BUILD/Makefile" ||
    (cd "$BUILD" && tar cf - --exclude='./build*' --exclude='./tests/*/test_*' \
        --exclude='*.log' --exclude='*.trs' --exclude='./config.*' .) |
    tar xf - -C "$copy/build"
(cd "$copy" && autoreconf -fi && cd build &&
    ../configure --enable-werror CFLAGS=-O0 &&
    make -j"$(nproc)" && make tests/unit/test_model) \
    >"$TEST_DIR/log" 2>&1
is $? 0 "it builds, without a warning" || tail -n 20 "$TEST_DIR/log" | sed 's/^/# /'

export PATH="$copy/build:$PATH" PILOT_LIBEXEC="$copy/build"
sum=$TEST_DIR/sum.json
out=$(pilot run "$copy/$example/meanvar.yaml" --quiet --summary "$sum" 2>&1)
is $? 0 "it runs" || printf '%s\n' "$out" | sed 's/^/# /'
is "$(get "$sum" kind) $(get "$sum" applied) $(get "$sum" points)" \
    "meanvar 128 128000" "every point is learned from"
# One point in twenty is planted, and as many are asked for.
outliers=$(get "$sum" outliers)
[ "${outliers:-0}" -gt 4000 ] && [ "${outliers:-0}" -lt 9000 ]
ok $? "outliers: $outliers of 128000"
out=$(pilot run "$copy/$example/meanvar.yaml" \
    --set stages.learn.options.warmup=1 2>&1)
is $? 78 "its options are checked"
has "$out" "warmup" "... by name"

# The laws of all models hold for it.
out=$(cd "$copy/build" && top_srcdir=.. top_builddir=. tests/unit/test_model)
rc=$?
is $rc 0 "the laws of every model" ||
    printf '%s\n' "$out" | grep -A 5 '^not ok' | sed 's/^/# /'

end_tests
