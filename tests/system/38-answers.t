#!/bin/bash
# A file in, its outliers out: all rows by the final model, the warm-up's too.
. "$(dirname "$0")/lib.sh"

# numbers N SEED: rows of four numbers, three blobs; every 500th, from 137 on,
# is far off in all columns, near a corner.
numbers() {
    awk -v n="$1" -v x="$2" '
        function u() { x = (16807 * x) % 2147483647; return x / 2147483647 }
        BEGIN {
            print "a,b,c,d"
            for (i = 0; i < n; i++) {
                k = int(3 * u())
                for (f = 0; f < 4; f++) {
                    v = 10 * ((k * (f + 1)) % 3) + u() + u() + u()
                    if (i % 500 == 137)
                        v = (u() < 0.5 ? -1 : 1) * (40 + 20 * u())
                    printf "%s%.4f", f ? "," : "", v
                }
                print ""
            }
        }'
}

# found RUN [OPTION...]: numbers of the rows that are outliers.
found() {
    pilot results "$@" --outliers --csv --no-header 2>/dev/null |
        cut -d, -f4 | sort -n | tr '\n' ' '
}

# file_run RUN OPTION...: jobs/file.yaml as it ships, on the planted file.
file_run() {
    local name=$1
    shift
    pilot run "$SRC/jobs/file.yaml" --run "$name" \
        --summary "$TEST_DIR/$name.json" \
        --set stages.sense.options.path="$TEST_DIR/planted.csv" "$@" \
        >"$TEST_DIR/$name.out" 2>&1
}

numbers 10000 7 >"$TEST_DIR/planted.csv"
truth=$(seq 137 500 9999 | tr '\n' ' ')

for model in kmeans iforest autoencoder; do
    set -- --set stages.learn.function=$model \
        --set "stages.learn.options={contamination: 0.002}"
    # k-means is what ships: only its contamination is the user's.
    [ $model != kmeans ] ||
        set -- --set stages.learn.options.contamination=0.002
    file_run "answer-$model" "$@"
    is $? 0 "$model: exit status" ||
        sed 's/^/# /' "$TEST_DIR/answer-$model.out"
    has "$(cat "$TEST_DIR/answer-$model.out")" \
        "20 outliers of 10,000 rows (final model, version " \
        "$model: the summary ends with it"
    is "$(found "answer-$model")" "$truth" "$model: 20 of 20"
done
is "$(pilot results answer-kmeans --csv --no-header 2>/dev/null | wc -l)" \
    10000 "every row has an answer, the warm-up's too"
is "$(get "$TEST_DIR/answer-kmeans.json" threshold_from)" \
    "exact for contamination 0.002 over all 10000 scores" \
    "the summary says which threshold"
has "$(pilot results answer-kmeans --top 1 --json 2>/dev/null)" '"values":{"a":' \
    "values of the highest are kept"
pilot results --stream answer-kmeans --csv --no-header \
    >"$TEST_DIR/stream" 2>"$TEST_DIR/err"
is "$(wc -l <"$TEST_DIR/stream")" 10000 "the stream has every row, too"
ok $(($(grep -c ',warming,' "$TEST_DIR/stream") == 0)) \
    "there the warm-up's have no score"

# Made once more, they are the same.
cp "$PILOT_HOME/answer-kmeans/results/rows.npy" "$TEST_DIR/before.npy"
pilot score answer-kmeans 2>"$TEST_DIR/err"
is $? 0 "score RUN: exit status" || sed 's/^/# /' "$TEST_DIR/err"
cmp -s "$PILOT_HOME/answer-kmeans/results/rows.npy" "$TEST_DIR/before.npy"
ok $? "score RUN: the same answers"
rm -r "$PILOT_HOME/answer-kmeans/results"
pilot results answer-kmeans 2>"$TEST_DIR/err"
is $? 65 "no answers: exit status"
has "$(cat "$TEST_DIR/err")" "'pilot score answer-kmeans' makes them" \
    "no answers: what makes them is said"
pilot run --resume answer-kmeans >"$TEST_DIR/out" 2>&1
is $? 0 "a run that is done makes what it lacks"
cmp -s "$PILOT_HOME/answer-kmeans/results/rows.npy" "$TEST_DIR/before.npy"
ok $? "... the same"

# A model on its own, and files it has never seen.
pilot model get answer-kmeans "$TEST_DIR/m.safetensors" 2>"$TEST_DIR/err"
is $? 0 "model get: exit status"
has "$(pilot model show "$TEST_DIR/m.safetensors")" "centers      F64  3x4" \
    "model show: tensors"
pilot model list answer-kmeans --version 1 2>"$TEST_DIR/err"
is $? 65 "model: a version that is not kept"
numbers 1000 99 >"$TEST_DIR/new.csv"
for by in "$TEST_DIR/m.safetensors" answer-kmeans; do
    is "$(pilot score "$by" "$TEST_DIR/new.csv" --outliers --csv --no-header \
        2>/dev/null | cut -d, -f4 | tr '\n' ' ')" "137 637 " \
        "score ${by##*/} FILE"
done
sed '102a 1,2,3' "$TEST_DIR/new.csv" >"$TEST_DIR/odd.csv"
is "$(pilot score answer-kmeans "$TEST_DIR/odd.csv" --outliers --csv \
    --no-header 2>/dev/null | cut -d, -f4 | tr '\n' ' ')" "138 638 " \
    "rows keep their numbers behind one that is left out"
cut -d, -f1-3 "$TEST_DIR/new.csv" >"$TEST_DIR/three.csv"
pilot score answer-kmeans "$TEST_DIR/three.csv" 2>"$TEST_DIR/err"
is $? 65 "other columns: exit status"
has "$(cat "$TEST_DIR/err")" \
    "three.csv has 3 columns, the model was made for 4" \
    "other columns: both are named"

# A function that crashes ends the pass and nothing else.
cat >"$TEST_DIR/odd.c" <<'END'
#include <errno.h>
#include <pilot/function.h>
#include <stdlib.h>
#include <string.h>
static int odd(pe_context *ctx, const pe_block *in, pe_block *out)
{
    if (CRASH && strstr(program_invocation_name, "pilot-score"))
        abort();
    return pe_context_pass(ctx, in, out);
}
const pe_function odd_function = {
    .abi = PE_FUNCTION_ABI, .name = "odd", .process_cloud = odd};
END
build_odd() {
    cc -D_GNU_SOURCE -DCRASH="$1" -shared -fPIC -I"$SRC/include" \
        -o "$TEST_DIR/odd.so" "$TEST_DIR/odd.c"
}
cat >"$TEST_DIR/crash.yaml" <<END
version: 1
pipeline: crash
pilots:
  devices: {kind: edge, devices: 2}
  broker: {kind: broker}
  params: {kind: params}
  pool: {kind: pool, ntasks: 2}
stages:
  sense: {pilot: devices, function: generator,
          block: {points: 100}, options: {features: 4, blocks: 20}}
  odd: {pilot: pool, function: "$TEST_DIR/odd.so:odd_function"}
  learn: {pilot: pool, function: kmeans, options: {clusters: 5}}
epoch: {interval: 50ms}
END
build_odd 1
pilot run "$TEST_DIR/crash.yaml" --run answer-crash >"$TEST_DIR/out" 2>&1
is $? 1 "crash: exit status" || sed 's/^/# /' "$TEST_DIR/out"
has "$(cat "$TEST_DIR/out")" "run       answer-crash, done" \
    "crash: the run is done"
has "$(cat "$TEST_DIR/out")" "stage 'odd', process_cloud of" \
    "crash: the function is named"
build_odd 0
pilot score answer-crash >"$TEST_DIR/out" 2>&1
is $? 0 "crash: scored later" || sed 's/^/# /' "$TEST_DIR/out"
has "$(cat "$TEST_DIR/out")" " of 4000 rows (kmeans" "crash: every row"

# Devices that die send again: each row has one answer.
sed "s/blocks: 20}/blocks: 60}/; s/points: 100/points: 100, rate: 30/
    /function: \".*odd/d; s/pipeline: crash/pipeline: twice/" \
    "$TEST_DIR/crash.yaml" >"$TEST_DIR/twice.yaml"
pilot run "$TEST_DIR/twice.yaml" --run answer-twice \
    --summary "$TEST_DIR/twice.json" >"$TEST_DIR/twice.out" 2>&1 &
pilot_pid=$!
children="$children $pilot_pid"
wait_for 30 applied answer-twice 10
kill -KILL "$(agents answer-twice pilot-edge)"
wait "$pilot_pid"
is $? 0 "twice: exit status" || sed 's/^/# /' "$TEST_DIR/twice.out"
has "$(cat "$TEST_DIR/twice.out")" " of 12,000 rows (final model" \
    "twice: each row once"
has "$(tr -d '\n ' <"$TEST_DIR/twice.json")" '"notes":[]' \
    "twice: nothing differs from what was committed"

# Without services.
pilot run "$SRC/jobs/smoke.yaml" --run answer-smoke \
    --set stages.sense.options.blocks=8 >"$TEST_DIR/out" 2>&1
is $? 0 "smoke: exit status"
has "$(cat "$TEST_DIR/out")" " of 16,000 rows (final model" "smoke: every row"
pilot run "$SRC/jobs/smoke.yaml" --run answer-none --no-final \
    --set stages.sense.options.blocks=2 >"$TEST_DIR/out" 2>&1
is "$(grep -c '^final' "$TEST_DIR/out")" 0 "smoke: none where none are wanted"

# Runs.
has "$(pilot runs)" "answer-smoke" "runs: they are listed"
pilot runs --rm answer-twice 2>"$TEST_DIR/err"
is $? 0 "rm: exit status" || sed 's/^/# /' "$TEST_DIR/err"
[ ! -e "$PILOT_HOME/answer-twice" ]
ok $? "rm: the folder is gone"
is "$(redis_do KEYS 'pilot:{answer-twice}*')" "" "rm: its keys are gone"
pilot runs --rm answer-twice 2>"$TEST_DIR/err"
is $? 78 "rm: a run that is not there"

# A file's name is no YAML, and quiet is who was asked to be.
model="$TEST_DIR/answer-kmeans.st"
pilot model get answer-kmeans "$model" 2>/dev/null
for name in '[x]' "{it's}" '"q"' "'q'"; do
    cp "$TEST_DIR/planted.csv" "$TEST_DIR/$name"
    lines=$(cd "$TEST_DIR" &&
        pilot score -Q "$model" "$name" --csv --no-header 2>err | wc -l)
    is "$lines" 10000 "score: a file called $name"
    is "$(cat "$TEST_DIR/err")" "" "score -Q: no messages"
done
: >"$TEST_DIR/empty.st"
pilot score "$TEST_DIR/empty.st" "$TEST_DIR/planted.csv" 2>"$TEST_DIR/err"
is $? 65 "an empty model: exit status"
has "$(cat "$TEST_DIR/err")" "empty.st is no model: it is empty" \
    "an empty model is called one"

# Interrupted while a file is scored: nothing of it stays.
mkfifo "$TEST_DIR/fifo"
pilot score "$model" "$TEST_DIR/fifo" >/dev/null 2>"$TEST_DIR/err" &
pid=$!
children="$children $pid"
is_scoring() { grep -q 'fifo is a pipe that nobody writes' "$TEST_DIR/err"; }
wait_for 20 is_scoring
ok $? "score: a pipe without a writer is said" || sed 's/^/# /' "$TEST_DIR/err"
kill -TERM $pid
wait $pid
is $? 143 "score: exit status behind a TERM"
is "$(find "$PILOT_HOME" -maxdepth 1 -name 'score-*' | wc -l)" 0 "score: nothing stays behind it"

# What can be read once only.
want=$(pilot score "$model" "$TEST_DIR/new.csv" --outliers --csv --no-header \
    2>/dev/null | cut -d, -f4 | tr '\n' ' ')
for from in - /dev/stdin; do
    is "$(pilot score "$model" "$from" --outliers --csv --no-header \
        <"$TEST_DIR/new.csv" 2>"$TEST_DIR/err" | cut -d, -f3,4 | tr '\n' ' ')" \
        "$(printf ' %s' "$want" | sed 's/ \([0-9]\)/ stdin,\1/g; s/^ //')" \
        "score $from" || sed 's/^/# /' "$TEST_DIR/err"
done
is "$(grep -c '/proc/\|sense-0\|: 0 rows' "$TEST_DIR/err")" 0 \
    "score -: the file is called stdin"
has "$(gzip -c "$TEST_DIR/new.csv" | pilot score answer-kmeans - --top 1 \
    2>&1)" "stdin row " "score RUN -: packed, through a pipe"
cat "$TEST_DIR/new.csv" >"$TEST_DIR/fifo" &
children="$children $!"
is "$(pilot score "$model" "$TEST_DIR/fifo" --csv --no-header 2>/dev/null |
    wc -l)" 1000 "score FIFO: all its rows"
has "$(pilot inspect - <"$TEST_DIR/new.csv")" "stdin: 4 columns of 4" \
    "inspect -"
out=$(pilot score "$model" /dev/zero 2>&1)
is $? 65 "score: a device is refused" || echo "# $out"
has "$out" "/dev/zero is a device, and no file of rows" "... by its name"

# Without services a file is read again: one that is another by then is said.
cat >"$TEST_DIR/again.yaml" <<'END'
version: 1
pipeline: again
pilots: {pool: {kind: pool, ntasks: 2}}
stages:
  sense: {pilot: pool, function: file, options: {path: again.csv}}
  learn: {pilot: pool, function: kmeans, options: {clusters: 3}}
END
cp "$SRC/jobs/example.csv" "$TEST_DIR/again.csv"
pilot run "$TEST_DIR/again.yaml" --run read-again >"$TEST_DIR/out" 2>&1
is $? 0 "a file without services" || sed 's/^/# /' "$TEST_DIR/out"
is "$(grep -c 'is not what it was' "$TEST_DIR/out")" 0 "... that is as it was"
head -n 5 "$SRC/jobs/example.csv" | tail -n 1 >>"$TEST_DIR/again.csv"
pilot score read-again >"$TEST_DIR/out" 2>&1
has "$(cat "$TEST_DIR/out")" "again.csv is not what it was when the run began" \
    "a file that has changed since is said"
cp "$SRC/jobs/example.csv" "$TEST_DIR/again.csv"
pilot run "$TEST_DIR/again.yaml" --run read-old --no-final >"$TEST_DIR/out" 2>&1
touch -r "$TEST_DIR/again.csv" "$TEST_DIR/stamp"
tac "$SRC/jobs/example.csv" | grep -v '[a-z]' >"$TEST_DIR/other.csv"
head -n 1 "$SRC/jobs/example.csv" | cat - "$TEST_DIR/other.csv" \
    >"$TEST_DIR/again.csv"
touch -r "$TEST_DIR/stamp" "$TEST_DIR/again.csv"
pilot score read-old >"$TEST_DIR/out" 2>&1
has "$(cat "$TEST_DIR/out")" "again.csv is not what it was when the run began" \
    "... also one with the old time, as large as it was"

end_tests
