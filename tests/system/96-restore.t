#!/bin/bash
# Checkpoints of the model, and runs that begin with one.
. "$(dirname "$0")/lib.sh"

cat >"$TEST_DIR/job.yaml" <<Y
version: 1
pipeline: restore
pilots: {pool: {kind: pool, ntasks: 2}}
stages:
  sense:
    pilot: pool
    function: generator
    block: {points: 500, within: 1s, rate: 50}
    options: {features: 8, blocks: 150}
  learn: {pilot: pool, function: kmeans, options: {clusters: 5, contamination: 0.03, seed: 7}}
Y
run() { pilot run "$TEST_DIR/job.yaml" --no-final "$@" 2>"$TEST_DIR/err"; }

run --run saved --set checkpoint.every=1s --set checkpoint.keep=1 >"$TEST_DIR/out"
is $? 0 "a run with checkpoints" || sed 's/^/# /' "$TEST_DIR/err"
file=$(ls "$PILOT_HOME"/saved/pool/checkpoints/*)
is "$(basename "$file" | sed 's/[0-9]\{20\}/N/')" "model-N.safetensors" \
    "one of them stays"
has "$(pilot model show "$file")" kmeans "it is a model"
grep -q "not scored (warm-up)" "$TEST_DIR/out"
ok $? "that run had a warm-up"

run --run restored --restore "$file" --set stages.learn.options.final=stream \
    --set stages.learn.options.contamination=0.030 >"$TEST_DIR/out"
is $? 0 "a run begins with it" || sed 's/^/# /' "$TEST_DIR/err"
has "$(cat "$TEST_DIR/err")" "begins with $file: kmeans of 8 features" \
    "it says with what"
! grep -q "not scored (warm-up)" "$TEST_DIR/out"
ok $? "it has no warm-up"

# refused NAME TEXT ARG...: one error, and no run.
refused() {
    run --run "no-$1" --restore "$file" "${@:3}" >"$TEST_DIR/out"
    status=$?
    has "$status $(tail -n 1 "$TEST_DIR/err")" "$2" "$1"
}
refused options "78 pilot: restore: $file was made with clusters: 5, and stage \
'learn' has 6" --set stages.learn.options.clusters=6
[ ! -e "$PILOT_HOME/no-options" ]
ok $? "... and there is no run"
refused contamination "78 pilot: restore: $file was made with contamination: \
0.03, and stage 'learn' has 0.04" --set stages.learn.options.contamination=0.04
refused seed "78 pilot: restore: $file was made with seed: 7, and stage \
'learn' has 8" --set stages.learn.options.seed=8
refused mode "78 pilot: restore: $file was made with mode: test_then_train, \
and stage 'learn' has score_after" --set stages.learn.options.mode=score_after
refused features "restore.safetensors is a kmeans for 8 features, and stage \
'learn' is a kmeans for 9" --set stages.sense.options.features=9
sed 's/function: kmeans.*/function: iforest}/' "$TEST_DIR/job.yaml" \
    >"$TEST_DIR/forest.yaml"
pilot run "$TEST_DIR/forest.yaml" --restore "$file" 2>"$TEST_DIR/err"
has "$? $(cat "$TEST_DIR/err")" "78 pilot: restore: $file is a model of kind \
kmeans, and stage 'learn' learns by iforest" "kind"
head -c 1000 "$file" >"$TEST_DIR/cut"
file=$TEST_DIR/cut
refused cut "65 pilot: restore: $file:"
file=$TEST_DIR/nowhere
refused nowhere "cannot"

end_tests
