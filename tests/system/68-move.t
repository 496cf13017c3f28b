#!/bin/bash
# A stage crosses between devices and pool while blocks flow: every block passes
# it once, and what cannot cross says why and stays.
. "$(dirname "$0")/lib.sh"

# mark: refuses a block that it has seen; check: refuses one that it has not.
# A mark is an eighth of what the audit can tell apart, so it is no matter there.
cat >"$TEST_DIR/mark.c" <<'C'
#include <pilot/pilot.h>
#include <math.h>
#include <string.h>
static int is_marked(const double *x)
{
    return *x * 1024 - rint(*x * 1024) == 0.125;
}
static int mark(pe_context *ctx, const pe_block *in, pe_block *out)
{
    const double *x = in->data;
    pe_error e = {0};
    if (is_marked(x))
        return pe_context_fail(ctx, "marked twice");
    if (pe_block_reserve(out, in->points, in->features, in->dtype, &e) < 0)
        return pe_context_fail(ctx, "%s", e.text);
    memcpy(out->data, in->data, pe_block_bytes(in));
    *(double *)out->data = (rint(*x * 1024) + 0.125) / 1024;
    return PE_FORWARD;
}
static int check(pe_context *ctx, const pe_block *in, pe_block *out)
{
    if (!is_marked(in->data))
        return pe_context_fail(ctx, "never marked");
    return pe_context_pass(ctx, in, out);
}
static int nowhere(pe_context *ctx)
{
    return pe_context_fail(ctx, "there is no such thing here");
}
static int on_device(pe_context *ctx)
{
    return *pe_context_device(ctx) ? 0 : nowhere(ctx);
}
static int pass(pe_context *ctx, const pe_block *in, pe_block *out)
{
    return pe_context_pass(ctx, in, out);
}
const pe_function mark_function = {.abi = PE_FUNCTION_ABI, .name = "mark",
                                   .process_edge = mark,
                                   .process_cloud = mark};
const pe_function check_function = {.abi = PE_FUNCTION_ABI, .name = "check",
                                    .process_cloud = check};
const pe_function local_function = {.abi = PE_FUNCTION_ABI, .name = "local",
                                    .open = on_device,
                                    .process_edge = pass,
                                    .process_cloud = pass};
C
cc -shared -fPIC -I"$SRC/include" -o "$TEST_DIR/mark.so" "$TEST_DIR/mark.c" -lm

# pipeline FILE STAGES: two pilots of two devices each, two ranks.
pipeline() {
    cat >"$TEST_DIR/$1.yaml" <<Y
version: 1
pipeline: move
pilots:
  devices: {kind: edge, devices: 2}
  others: {kind: edge, devices: 2}
  broker: {kind: broker}
  params: {kind: params}
  pool: {kind: pool, ntasks: 2}
epoch: {interval: 50ms}
results: "off"
stages:
  sense:
    pilot: [devices, others]
    function: generator
    block: {points: 20, rate: 100}
    options: {features: 4, blocks: 1000000}
$2
Y
}

# start FILE RUN: it flows, from both of its edges, and is followed by $pid.
start() {
    sum=$TEST_DIR/$2.json
    pilot run "$TEST_DIR/$1.yaml" --run "$2" --summary "$sum" \
        >"$TEST_DIR/$2.out" 2>&1 &
    pid=$!
    children="$children $pid"
    for pilot in devices others; do
        wait_for 60 in_state "$2/$pilot" ACTIVE || die "$2: $pilot is up"
    done
    wait_for 60 applied "$2" 40 || die "$2: blocks flow"
}

# more RUN N: N more blocks than now are committed.
more() {
    wait_for 60 applied "$1" $(($(committed "$1" applied) + $2)) ||
        die "$1: blocks flow on"
}

# drained RUN: it is asked to end, and does.
drained() {
    pilot cancel "$1" >"$TEST_DIR/cancel.out" 2>&1
    wait "$pid"
    is $? 0 "$1: exit status" || sed 's/^/# /' "$TEST_DIR/$1.out"
}

# move STATUS WHAT SIDE WORDS NAME
move() {
    out=$(pilot move "$2" --to "$3" 2>&1)
    is $? "$1" "$5: exit status" || printf '%s\n' "$out" | sed 's/^/# /'
    has "$out" "$4" "$5"
}

# side SUMMARY STAGE SIDE: how many blocks it has put through the stage.
side() {
    sed -n "/^ *\"stages\": {/,\$p" "$1" | sed -n "/^ *\"$2\": {/,/}/p" |
        sed -n "s/^ *\"$3\": \([0-9]*\),*/\1/p" | head -n 1
}

pipeline move "  first: {pilot: [devices, others], function: select, options: \
{columns: \"0-3\"}}
  mark: {pilot: [devices, others], function: mark.so:mark_function}
  check: {pilot: pool, function: mark.so:check_function}
  learn: {pilot: pool, function: audit}"
start move move
move 0 move/mark pool "stage 'mark' is on the pool now" "to the pool"
more move 100
move 0 move/mark pool "stage 'mark' is on the pool already" "twice"
move 0 move/mark others "stage 'mark' is on others now" "back to one pilot"
more move 100
move 0 move/mark devices "stage 'mark' is on the devices now" "back to all"
more move 100
move 78 move/first pool "'mark', which takes its blocks, is on the devices; \
move that one first" "in turn"
move 78 move/sense pool "a source stays where it senses" "the source"
move 78 move/learn devices "the last stage is what the pool is for" "the last"
move 78 move/check devices "has no process_edge" "what has no entry point"
move 78 move/none pool "run move has no stage 'none'; it has: sense, first, \
mark, check, learn" "no such stage"
move 78 move/mark cloud "there is no pilot 'cloud'; give pool, devices, or one \
of: devices, others, broker, params, pool" "no such pilot"
move 78 move/mark broker "of kind broker and runs no stages" "no such side"
move 78 nothing/mark pool "there is no run 'nothing'" "no such run"
move 64 move pool "RUN/STAGE" "no stage"
move 0 move/mark pool "stage 'mark' is on the pool now" "mark again"
move 0 move/first pool "stage 'first' is on the pool now" "one in front of it"
more move 100
drained move
exact move
is "$(get "$sum" refused)" 0 "no block was marked twice, or never"
for s in first mark; do
    d=$(side "$sum" $s devices) p=$(side "$sum" $s pool)
    is "$((d + p))" "$(get "$sum" applied)" "$s: each block on one side"
    [ "$d" -gt 0 ] && [ "$p" -gt 0 ]
    ok $? "$s: both sides had some ($d and $p)"
done
has "$(cat "$TEST_DIR/move.out")" "mark: $d blocks on devices, $p on the pool" \
    "the summary says which side did it"
move 75 move/first devices "no pilot of devices" "a run that is over"

# Who dies goes on where the stage is: ranks and devices that come again have it
# from the run, and what was under way is as its records say.
start move kill
move 0 kill/mark pool "stage 'mark' is on the pool now" "kill: to the pool"
more kill 40
for p in $(agents kill pilot-agent | tail -n 1) \
    $(agents kill/others pilot-edge); do
    kill -KILL "$p"
done
more kill 100
move 0 kill/mark devices "stage 'mark' is on the devices now" "kill: and back"
more kill 40
drained kill
exact kill
is "$(get "$sum" refused)" 0 "kill: no block was marked twice, or never"

# What the other side cannot open stays, and nothing has stopped.
pipeline stay "  std: {pilot: [devices, others], function: standardise}
  local: {pilot: [devices, others], function: mark.so:local_function}
  score: {pilot: [devices, others], function: score}
  learn: {pilot: pool, function: kmeans, options: {clusters: 3}}"
start stay stay
move 0 stay/score pool "stage 'score' is on the pool now" \
    "score: the model scores there anyway"
move 78 stay/local pool "stage 'local' stays where it is; pool: stage 'local' \
is to come to the pool: stage 'local': there is no such thing here" \
    "a pool that cannot open it"
more stay 100
move 0 stay/score devices "stage 'score' is on the devices now" \
    "score: and back"
move 78 stay/std pool "has learned its scale" "standardise that learns"
more stay 100
drained stay
is "$(get "$sum" refused)" 0 "none was refused"

end_tests
