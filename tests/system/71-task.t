#!/bin/bash
# Tasks beside a stream (doc/design.md section 6): each slice is done, whoever
# dies, and its result is there once; the stream stays exact.
. "$(dirname "$0")/lib.sh"

export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

cat >"$TEST_DIR/f.c" <<'C'
#include <pilot/function.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
static int one(pe_context *ctx, pe_block *out, double x)
{
    pe_error e;

    if (pe_block_reserve(out, 1, 1, PE_F8, &e) < 0)
        return pe_context_fail(ctx, "%s", e.text);
    *(double *)out->data = x;
    return PE_FORWARD;
}
static double value(const pe_block *in) { return *(const double *)in->data; }
static int square_do(pe_context *ctx, const pe_block *in, pe_block *out)
{
    return one(ctx, out, value(in) * value(in));
}
static int sum_do(pe_context *ctx, const pe_block *in, pe_block *out)
{
    double sum = 0;

    for (size_t i = 0; i < (size_t)in->points * in->features; i++)
        sum += ((const double *)in->data)[i];
    return one(ctx, out, sum);
}
/* Slow, until there is a gate. */
static int slow_do(pe_context *ctx, const pe_block *in, pe_block *out)
{
    char path[600];

    snprintf(path, sizeof(path), "%s/gate", pe_context_value(ctx, "dir"));
    for (int i = 0; i < 20 && access(path, F_OK) != 0; i++)
        usleep(10000);
    return one(ctx, out, value(in));
}
/* Does not look whether it is wanted. */
static int stuck_do(pe_context *ctx, const pe_block *in, pe_block *out)
{
    char path[600];

    snprintf(path, sizeof(path), "%s/free", pe_context_value(ctx, "dir"));
    while (access(path, F_OK) != 0)
        usleep(10000);
    return one(ctx, out, value(in));
}
static int errs_do(pe_context *ctx, const pe_block *in, pe_block *out)
{
    if (value(in) == 2)
        return pe_context_fail(ctx, "two does not please me");
    return one(ctx, out, value(in));
}
static int dies_do(pe_context *ctx, const pe_block *in, pe_block *out)
{
    if (value(in) == 1)
        abort();
    return one(ctx, out, value(in));
}
#define F(f) const pe_function f = \
    {.abi = PE_FUNCTION_ABI, .name = #f, .process_cloud = f##_do}
F(square);
F(sum);
F(slow);
F(stuck);
F(errs);
F(dies);
const pe_function edge = {
    .abi = PE_FUNCTION_ABI, .name = "edge", .process_edge = sum_do};
C
${CC:-cc} -shared -fPIC -I"$SRC/include" -o "$TEST_DIR/f.so" "$TEST_DIR/f.c" ||
    die "functions of tasks"
f=$TEST_DIR/f.so

cat >"$TEST_DIR/job.yaml" <<Y
version: 1
pipeline: task
context: {dir: $TEST_DIR}
pilots:
  devices: {kind: edge, devices: 4}
  broker: {kind: broker}
  params: {kind: params}
  pool: {kind: pool, ntasks: 2}
stages:
  sense:
    pilot: devices
    function: generator
    block: {points: 100, within: 1s, rate: 60}
    options: {features: 8, blocks: 0}
  learn: {pilot: pool, function: audit}
epoch: {interval: 50ms}
results: off
Y

pilot run "$TEST_DIR/job.yaml" --run task-audit \
    --summary "$TEST_DIR/sum.json" >"$TEST_DIR/out" 2>&1 &
pilot_pid=$!
children="$children $pilot_pid"
wait_for 30 applied task-audit 100 || die "the run begins"

# task NAME ARG...: `pilot task`, its words in $out and its status in $rc.
task() {
    out=$(pilot task "task-audit/$1" "${@:2}" 2>&1)
    rc=$?
}
# result FILE: the last value of a .npy.
result() { tail -c 8 "$1" | od -An -t f8 | tr -d ' '; }
# counts NAME: slices, done, failed
counts() {
    pilot task task-audit 2>/dev/null |
        awk -v n="$1" '$1 == n {print $2, $3, $4, $5}'
}
claimed() { [ "$(redis_do HEXISTS "pilot:{task-audit}:claims" "$1/0")" = 1 ]; }
has_done() {
    done_now=$(counts "$1" | cut -d ' ' -f 3)
    [ "${done_now:-0}" -ge "$2" ]
}

# --- slices that are numbers, and rows of a file ---

task squares --function "$f:square" --slices 40 --wait 60s
is $rc 0 "40 slices are done" || printf '%s\n' "$out" | sed 's/^/#   | /'
is "$(counts squares)" "done 40 40 0" "... and listed"
task squares --out "$TEST_DIR/squares.npy"
is $rc 0 "their results are written"
is "$(result "$TEST_DIR/squares.npy")" 1521 "... in the order of the slices"
task squares --out "$TEST_DIR/squares.npy" --merge sum
is "$(result "$TEST_DIR/squares.npy")" 20540 "... or their sum"
task squares --function "$f:square" --slices 2
is $rc 65 "a task of that name is there"

seq 1 1000 | sed 's/$/,1/' >"$TEST_DIR/rows.csv"
task rows --function "$f:sum" --over "$TEST_DIR/rows.csv" --points 64 \
    --read delimiter=comma --wait 60s
is $rc 0 "a task over a file" || printf '%s\n' "$out" | sed 's/^/#   | /'
is "$(counts rows)" "done 16 16 0" "... that ends where the file does"
task rows --out "$TEST_DIR/rows.npy" --merge sum
is "$(result "$TEST_DIR/rows.npy")" 501500 "... has each of its rows once"

# --- whoever dies ---

task slow --function "$f:slow" --slices 60
wait_for 60 has_done slow 3
ok $? "a slow task goes on"
kill -KILL "$(agents task-audit pilot-agent | tail -n 1)"
wait_for 60 has_done slow 10
ok $? "... when a rank was killed"
kill -KILL $(agents task-audit pilot-agent)
touch "$TEST_DIR/gate"
task slow --wait 90s
is $rc 0 "... and when all were, to its end"
task slow --out "$TEST_DIR/slow.npy" --merge sum
is "$(result "$TEST_DIR/slow.npy")" 1770 "... each slice is there once"

# --- what fails ---

task errs --function "$f:errs" --slices 5 --wait 60s
is $rc 1 "a slice that fails"
task errs
has "$out" "slice 2: two does not please me" "... is named, with its words"
is "$(counts errs)" "failed 5 4 1" "... and the others are done"
task errs --out "$TEST_DIR/errs.npy"
is $rc 65 "... so not all is there"
task errs --out "$TEST_DIR/errs.npy" --merge mean --partial
is "$(result "$TEST_DIR/errs.npy")" 2 "... but what is can be had"
task dies --function "$f:dies" --slices 4 --wait 90s
is $rc 1 "a slice that kills its rank"
task dies
# Or that of a rank that died with it, before its slice was kept.
printf '%s\n' "$out" | grep -q "the rank that did slice [0-3] died, 2 times"
ok $? "... ends its task" || printf '%s\n' "$out"
task gone --function "$f:sum" --over "$TEST_DIR/none.csv" --wait 60s
is $rc 1 "a file that is not there"
has "$out" "none.csv" "... is named"
rm "$TEST_DIR/gate"
task stop --function "$f:slow" --slices 90000
wait_for 60 has_done stop 1
task stop --cancel
is $rc 0 "a task is canceled"
task stop --cancel
is $rc 65 "... once"

task stuck --function "$f:stuck" --slices 1
wait_for 30 claimed stuck
task stuck --cancel
wait_for 30 grep -q "'stuck': slice 0 was given up" \
    "$PILOT_HOME/task-audit/pool/err"
ok $? "a function that does not come back is told of"
touch "$TEST_DIR/free"
task free --function "$f:square" --slices 9 --wait 60s
is $rc 0 "... and when it does, its rank goes on"

# refused STATUS PART NAME ARG...
refused() {
    want=$1 part=$2 name=$3
    shift 3
    out=$(pilot task "$@" 2>&1)
    is $? "$want" "$name"
    has "$out" "$part" "... and says why"
}
refused 78 "has no symbol 'none'" "no such function" task-audit/a \
    --function "$f:none" --slices 3
refused 78 "has no process_cloud" "one that is for devices" task-audit/a \
    --function "$f:edge" --slices 3
refused 64 "give --over PATH, or --slices N" "over nothing" task-audit/a \
    --function "$f:sum"
refused 64 "'0' is not a number from 1" "no slices" task-audit/a \
    --function "$f:sum" --slices 0
refused 64 "write task-audit/NAME" "no name" task-audit --function "$f:sum"
refused 65 "has no task 'nobody'" "a task that there is not" task-audit/nobody

# --- the stream ---

kill -INT "$pilot_pid"
wait "$pilot_pid"
is $? 0 "the run ends well" || sed 's/^/#   | /' "$TEST_DIR/out"
exact task-audit
is "$(sed -n 's/^tasks  *\([0-9]*\) slices done.*/\1/p' "$TEST_DIR/out")" \
    "$(pilot task task-audit | awk 'NR > 1 { n += $4 } END { print n }')" \
    "its summary counts slices, also those of ranks that died"
none_left task-audit
ok $? "no process is left"
refused 65 "is over" "nobody to do one" task-audit/late --function "$f:sum" \
    --slices 3

end_tests
