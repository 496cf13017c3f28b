#!/bin/bash
# The three models in the pool: kernels by name, their threads, the same bytes
# from any number of ranks, scores of every mode, and the model file.
. "$(dirname "$0")/lib.sh"

smoke=$SRC/jobs/smoke.yaml

# A kernel that is asked for runs, and is named in the report.
kernels=$(pilot --version | sed -n 's/^kernels *[^(]*(of \(.*\))/\1/p' | tr -d ,)
has " $kernels " " plain " "--version says which kernels there are: $kernels"
for kernel in $kernels; do
    for model in kmeans iforest autoencoder; do
        sum=$TEST_DIR/$model-$kernel.json
        out=$(pilot run "$smoke" --quiet --summary "$sum" \
            --set stages.learn.function=$model \
            --set stages.learn.options="{kernel: $kernel}" \
            --set stages.sense.options.blocks=6 2>&1)
        is "$? $(get "$sum" kernel) $(get "$sum" points)" \
            "0 $kernel 12000" "$model by $kernel" || echo "# $out"
    done
done
sum=$TEST_DIR/env.json
PILOT_KERNEL=plain pilot run "$smoke" --quiet --summary "$sum" \
    --set stages.sense.options.blocks=6 >/dev/null 2>&1
is "$(get "$sum" kernel)" plain "PILOT_KERNEL is heard"
out=$(PILOT_KERNEL=fast pilot run "$smoke" 2>&1)
is $? 78 "a kernel that is not there: exit status"
has "$out" "does not run the kernels 'fast'; it runs plain, blas" \
    "... and those that are"

# ticks PID, has_used PID TICKS: of a core, by a process.
ticks() { cut -d' ' -f14 "/proc/$1/stat"; }
has_used() { [ "$(ticks "$1")" -ge "$2" ]; }

out=$(pilot run "$smoke" --dry-run --set stages.learn.options='{kernel: plain}')
has "$out" "kernels plain here" "a dry run names the kernel of the stage"
out=$(PILOT_KERNEL=fast pilot run "$smoke" --dry-run)
has "$out" "by kernels that this machine does not run" \
    "... also one that is only elsewhere"

# No thread beyond the rank's own, whichever library computes.
threads() {
    pilot run "$smoke" --quiet --run "threads-$1" \
        --set stages.learn.options="{kernel: $1}" \
        --set stages.sense.options.blocks=0 --set pilots.pool.ntasks=1 \
        >/dev/null 2>&1 &
    pid=$!
    children="$children $pid"
    wait_for 20 in_state "threads-$1/pool" ACTIVE
    rank=$(agents "threads-$1" pilot-agent | head -n 1)
    wait_for 20 has_used "$rank" $(($(ticks "$rank") + 50))
    ok $? "a rank computes by $1"
    n=$(ls "/proc/$rank/task" | wc -l)
    grep -c openblas "/proc/$rank/maps" >"$TEST_DIR/maps"
    kill -INT $pid
    wait $pid
}
threads plain
own=$n
is "$(cat "$TEST_DIR/maps")" 0 "OpenBLAS is not loaded unless it is asked for"
threads blas
is "$n" "$own" "with it a rank has no more threads"
[ "$(cat "$TEST_DIR/maps")" -gt 0 ]
ok $? "... and it is there"

# tensors RUN: the model in Redis behind its header, which names the run.
tensors() {
    redis_do GET "pilot:{$1}:model" | head -c -1 >"$TEST_DIR/$1.model"
    [ "$(wc -c <"$TEST_DIR/$1.model")" -gt 2000 ] || echo "none of $1"
    len=$(od -An -t u8 -N 8 "$TEST_DIR/$1.model" | tr -d ' ')
    tail -c "+$((9 + len))" "$TEST_DIR/$1.model" | cksum
}

# job MODEL OPTIONS: four devices, epochs counted in blocks.
job() {
    cat >"$TEST_DIR/job.yaml" <<Y
version: 1
pipeline: counted
pilots:
  devices: {kind: edge, devices: 4}
  broker: {kind: broker}
  params: {kind: params}
  pool: {kind: pool}
stages:
  sense: {pilot: devices, function: generator, block: {points: 150}, options: {features: 9, blocks: 40}}
  learn: {pilot: pool, function: $1, options: {$2}}
streams: {sense: {partitions: 4}}
epoch: {blocks: 16}
results: "off"
Y
}

for row in "kmeans|exact: true" "kmeans|exact: true, decay: 0.9" \
    "iforest|" "iforest|refit: true"; do
    model=${row%%|*}
    job "$model" "${row#*|}"
    seen=
    for ranks in 1 2 3 4; do
        run="counted-$((runs = ${runs:-0} + 1))"
        out=$(pilot run "$TEST_DIR/job.yaml" --quiet --run "$run" \
            --set pilots.pool.ntasks=$ranks 2>&1) || echo "# $out"
        seen="$seen$(tensors "$run") of $model
"
    done
    is "$(printf '%s' "$seen" | sort -u | wc -l)" 1 \
        "$row: the same tensors from 1, 2, 3 and 4 ranks"
done
is "$(committed counted-1 points)" 24000 "... of all points"

# Python reads a model, where it and its library are there.
if python3 -c 'import safetensors.numpy' 2>/dev/null; then
    python3 - "$TEST_DIR/counted-1.model" <<'P'
import sys
from safetensors.numpy import load_file
t = load_file(sys.argv[1])
assert t["centers"].shape == (25, 9) and t["counts"].sum() > 20000
P
    ok $? "Python's safetensors reads it"
fi

# Every mode and every model, with results on: a score for every point.
for model in kmeans iforest autoencoder; do
    for mode in score_after test_then_train; do
        job $model "mode: $mode, contamination: 0.05"
        sum=$TEST_DIR/$model-$mode.json
        out=$(pilot run "$TEST_DIR/job.yaml" --quiet --run "$model-$mode" \
            --set pilots.pool.ntasks=2 --set results=topic \
            --set epoch='{interval: 50ms}' --summary "$sum" 2>&1)
        is "$? $(get "$sum" applied) $(get "$sum" points)" "0 160 24000" \
            "$model, $mode" || echo "# $out"
    done
done

end_tests
