#!/bin/bash
# Devices that are urgent: their blocks go ahead of all others in every rank
# (doc/design.md section 6), and each is counted once, whoever dies.
. "$(dirname "$0")/lib.sh"

export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

# Each rank writes down whose block it has, and waits in its first one until
# there is a gate.
cat >"$TEST_DIR/f.c" <<'C'
#include <pilot/function.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
static int keep(pe_context *ctx, const pe_block *in, pe_block *out)
{
    const char *dir = pe_context_value(ctx, "dir");
    char path[600];
    FILE *f;

    snprintf(path, sizeof(path), "%s/order.%d", dir, pe_context_index(ctx));
    f = fopen(path, "a");
    if (!f)
        return pe_context_fail(ctx, "%s cannot be written", path);
    fprintf(f, "%s\n", in->device);
    fclose(f);
    snprintf(path, sizeof(path), "%s/gate", dir);
    while (access(path, F_OK) != 0)
        usleep(10000);
    usleep(2000);
    return pe_context_pass(ctx, in, out);
}
const pe_function order = {
    .abi = PE_FUNCTION_ABI, .name = "order", .process_cloud = keep};
C
${CC:-cc} -shared -fPIC -I"$SRC/include" -o "$TEST_DIR/f.so" "$TEST_DIR/f.c" ||
    die "a function that tells the order"

# job NAME BLOCKS [KEY: VALUE]: four devices, the last two of them urgent.
job() {
    mkdir -p "$TEST_DIR/$1"
    cat >"$TEST_DIR/$1.yaml" <<Y
version: 1
pipeline: $1
context: {dir: $TEST_DIR/$1}
pilots:
  bulk: {kind: edge, devices: 2}
  alarm: {kind: edge, devices: 2, urgent: true}
  broker: {kind: broker}
  params: {kind: params}
  pool: {kind: pool, ntasks: 2}
stages:
  sense:
    pilot: [bulk, alarm]
    function: generator
    block: {points: 10, within: 1s, rate: 200}
    options: {features: 4, blocks: $2}
  order: {pilot: pool, function: "$TEST_DIR/f.so:order"}
  learn: {pilot: pool, function: audit}
epoch: {interval: 50ms}
results: off
${3:-}
Y
}

start() {
    run=$1
    shift
    pilot run "$TEST_DIR/$run.yaml" --run "$run" \
        --summary "$TEST_DIR/$run.json" "$@" >"$TEST_DIR/$run.out" 2>&1 &
    pilot_pid=$!
    children="$children $pilot_pid"
}

ended() {
    wait "$pilot_pid"
    is $? 0 "$1 ends well" || sed 's/^/#   | /' "$TEST_DIR/$1.out"
    is "$(get "$TEST_DIR/$1.json" exactly_once)" on "$1 adds up"
}

# --- the plan ---

job urgent-order 80
plan=$(pilot run "$TEST_DIR/urgent-order.yaml" --dry-run 2>&1)
has "$plan" "  0          0     alarm-0  urgent" "the plan has their partitions"
has "$plan" "  1          1     alarm-1  urgent" "... one for each rank"
has "$plan" "  2          0     bulk-0" "... and those of the others"

# --- ahead in every rank ---

# Everything is in the topic while each rank is at its first block.
start urgent-order
all_sent() { [ "$(redis_do HLEN "pilot:{urgent-order}:ends")" = 4 ]; }
wait_for 30 all_sent
ok $? "all devices have sent what they had"
begun() { [ -s "$TEST_DIR/urgent-order/order.0" ] &&
    [ -s "$TEST_DIR/urgent-order/order.1" ]; }
wait_for 30 begun
ok $? "each rank has begun a block"
touch "$TEST_DIR/urgent-order/gate"
ended urgent-order
exact urgent-order --blocks 80

# A rank that is through with its own blocks helps the other one, and then has
# those of no urgent device: these went first.
for rank in 0 1; do
    order=$TEST_DIR/urgent-order/order.$rank
    mixed=$(awk '/^bulk/ { n++ } /^alarm/ { before = n }
        END { print before + 0 }' "$order")
    [ "$mixed" -le 20 ]
    ok $? "rank $rank: nearly all urgent blocks were before the others" || {
        echo "#   so many others before the last urgent one: $mixed"
        uniq -c "$order" | sed 's/^/#   | /'
    }
done
n=$(sed -n '/"urgent": {/,/}/s/^ *"n": \([0-9]*\).*/\1/p' \
    "$TEST_DIR/urgent-order.json" | head -n 1)
is "$n" 160 "the summary tells of them apart"

# --- whoever dies ---

job urgent-kill 0
touch "$TEST_DIR/urgent-kill/gate"
start urgent-kill --set stages.sense.block.rate=60
wait_for 30 applied urgent-kill 100
ok $? "the run learns"
kill -KILL "$(agents urgent-kill pilot-agent | tail -n 1)"
wait_for 60 applied urgent-kill $(($(committed urgent-kill applied) + 200))
ok $? "... and goes on without the rank that was killed"
kill -INT "$pilot_pid"
ended urgent-kill
exact urgent-kill

# --- what cannot be ---

# refused TEXT NAME ARG...: the file is not taken, for that reason.
refused() {
    want=$1 name=$2
    shift 2
    out=$(pilot run "$TEST_DIR/urgent-order.yaml" --dry-run "$@" 2>&1)
    is $? 78 "$name"
    has "$out" "$want" "... and says why"
}
refused "none goes ahead; say 'epoch: {interval: ...}'" "a counted epoch" \
    --set epoch.interval= --set epoch.blocks=4
refused "of the 1 of stream 'sense' 0 cannot be urgent" "one partition" \
    --set streams.sense.partitions=1
refused "pilot 'alarm' has devices 0 to 1" "a device that there is not" \
    --set pilots.alarm.urgent=0,2

end_tests
