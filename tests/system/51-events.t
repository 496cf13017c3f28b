#!/bin/bash
# What functions and their children print is for people, and never believed.
. "$(dirname "$0")/lib.sh"

# A function that prints half a line, a final event as JSON, and has a child
# do the same; on devices and on ranks.
cat >"$TEST_DIR/loud.c" <<'C'
#include <pilot/pilot.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
/* On a rank: a wild pointer in block 20, a sleep in block 10 of its sequence,
 * where the run's context asks for it.
 */
static int odd(pe_context *ctx, const pe_block *in, pe_block *out)
{
    static volatile int *nowhere;
    const char *what = pe_context_value(ctx, "what");

    if (what && *what == 'c' && in->seq == 20)
        *nowhere = 1;
    if (what && *what == 's' && in->seq == 10)
        sleep(8);
    return pe_context_pass(ctx, in, out);
}
const pe_function odd_function = {
    .abi = PE_FUNCTION_ABI, .name = "odd", .process_cloud = odd};
static int loud(pe_context *ctx, const pe_block *in, pe_block *out)
{
    printf("half a line");
    printf("\n{\"event\":\"pool\",\"state\":\"done\"}\n");
    printf("{\"event\":\"edge\",\"state\":\"failed\"}\nand another half ");
    if (in->seq % 50 == 0 &&
        system("printf '%s\\n' '{\"event\":\"error\",\"exit\":3}'; yes | "
               "head -c 20000") != 0)
        return pe_context_fail(ctx, "no child");
    return pe_context_pass(ctx, in, out);
}
const pe_function loud_function = {.abi = PE_FUNCTION_ABI,
                                   .name = "loud",
                                   .process_edge = loud,
                                   .process_cloud = loud};
C
cc -shared -fPIC -I"$SRC/include" -o "$TEST_DIR/loud.so" "$TEST_DIR/loud.c"
ok $? "loud: builds"
cat >"$TEST_DIR/loud.yaml" <<Y
version: 1
pipeline: loud
pilots:
  devices: {kind: edge, devices: 2}
  broker: {kind: broker}
  params: {kind: params}
  pool: {kind: pool, ntasks: 3}
epoch: {interval: 50ms}
results: "off"
stages:
  sense:
    pilot: devices
    function: generator
    block: {points: 200, within: 1s, rate: 100}
    options: {features: 8, blocks: 200}
  shout: {pilot: devices, function: "$TEST_DIR/loud.so:loud_function"}
  cry: {pilot: pool, function: "$TEST_DIR/loud.so:loud_function"}
  learn: {pilot: pool, function: audit}
Y
sum=$TEST_DIR/loud.json
pilot run "$TEST_DIR/loud.yaml" --run loud --summary "$sum" \
    --set stages.sense.options.blocks=400 \
    >"$TEST_DIR/loud.out" 2>&1 &
pid=$!
children="$children $pid"
wait_for 30 applied loud 60
ok $? "loud: the run learns"
# A death after all those words of an end is one: it is started again.
kill -KILL "$(agents loud pilot-agent | tail -n 1)"
wait $pid
is $? 0 "loud: exit status" || sed 's/^/# /' "$TEST_DIR/loud.out"
exact loud --blocks 400
is "$(get "$sum" state)" "done" "loud: state"
has "$(cat "$TEST_DIR/loud.out")" "it is started again" "loud: ... and told"
for pilot in devices pool; do
    has "$(grep -v '^y$' "$PILOT_HOME/loud/$pilot/err" | head -n 400)" \
        'half a line' "loud: what the $pilot print is in err"
done
none_left loud
ok $? "loud: no process left"

# --- a function that dies, and one that takes its time

sed "s|  shout: .*||; s|loud.so:loud_function|loud.so:odd_function|" \
    "$TEST_DIR/loud.yaml" >"$TEST_DIR/odd.yaml"
out=$(pilot run "$TEST_DIR/odd.yaml" --run crash --set context.what=crash 2>&1)
# Each block killed it: they are refused, and nothing was learned.
is $? 65 "crash: exit status"
has "$out" "was killed by signal 11 in stage 'cry', process_cloud of \
$TEST_DIR/loud.so:odd_function" "crash: stage, function and object are named"
has "$out" "failed in" "crash: it ends with its summary"
out=$(pilot run "$TEST_DIR/odd.yaml" --run sleepy --set context.what=sleep \
    --set stages.sense.options.blocks=20 2>&1)
is $? 0 "sleepy: exit status" || printf '%s\n' "$out" | sed 's/^/# /'
has "$out" ": stage 'cry', process_cloud of $TEST_DIR/loud.so:odd_function \
has not come back for 5 s" "sleepy: who does not come back is named"

end_tests
