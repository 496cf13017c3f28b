#!/bin/bash
# Devices that are late, or done: a function that does not come back, sources
# that have ended while the pool is behind, a secret that is wiped.
. "$(dirname "$0")/lib.sh"

cat >"$TEST_DIR/stuck.c" <<'END'
#include <pilot/function.h>
#include <unistd.h>
static int stuck(pe_context *ctx, const pe_block *in, pe_block *out)
{
    while (in->seq == 5)
        pause();
    return pe_context_pass(ctx, in, out);
}
const pe_function stuck_function = {
    .abi = PE_FUNCTION_ABI, .name = "stuck", .process_edge = stuck};
END
cc -shared -fPIC -I"$SRC/include" -o "$TEST_DIR/stuck.so" "$TEST_DIR/stuck.c"
ok $? "a function that does not come back is built"
cat >"$TEST_DIR/stuck.yaml" <<END
version: 1
pipeline: stuck
pilots:
  devices: {kind: edge, devices: 2}
  broker: {kind: broker}
  params: {kind: params}
stages:
  sense:
    pilot: devices
    function: generator
    block: {points: 10}
    options: {features: 4, blocks: 20}
  wait: {pilot: devices, function: "$TEST_DIR/stuck.so:stuck_function"}
streams: {wait: {topic: stuck, partitions: 2}}
END
pilot run "$TEST_DIR/stuck.yaml" --run asleep >"$TEST_DIR/stuck.out" 2>&1 &
pilot_pid=$!
children="$children $pilot_pid"
said() { [ "$(grep -c "stage 'wait' has not come back" \
    "$TEST_DIR/stuck.out")" -ge "$1" ]; }
wait_for 20 said 1
ok $? "stuck: the function is named" || sed 's/^/# /' "$TEST_DIR/stuck.out"
kill -INT "$pilot_pid"
wait_for 20 said 2
ok $? "stuck: Ctrl-C says what it waits for"
kill -INT "$pilot_pid"
wait_for 20 test ! -e "/proc/$pilot_pid/fd"
ok $? "stuck: twice ends it"
wait_for 10 none_left asleep
ok $? "stuck: no process left"

# The sources end while the pool stands still.
pilot run "$SRC/tests/system/audit.yaml" --run ended \
    --set stages.sense.block.rate=100 --set stages.sense.options.blocks=300 \
    >"$TEST_DIR/ended.out" 2>&1 &
pilot_pid=$!
children="$children $pilot_pid"
wait_for 30 applied ended 50
ranks=$(agents ended pilot-agent)
kill -STOP $ranks
draining() { pilot status ended | grep devices | grep -q DRAINING; }
wait_for 20 draining
ok $? "ended: an edge whose sources ended is not ACTIVE" ||
    pilot status ended | sed 's/^/# /'
kill -CONT $ranks
wait "$pilot_pid"
is $? 0 "ended: exit status" || sed 's/^/# /' "$TEST_DIR/ended.out"
exact ended --blocks 300

# A secret that was sent along, into the folder of a device.
pilot run "$TEST_DIR/stuck.yaml" --run wiped \
    --set stages.sense.options.blocks=3 >"$TEST_DIR/wiped.out" 2>&1
is $? 0 "wiped: a run" || sed 's/^/# /' "$TEST_DIR/wiped.out"
folder=$PILOT_HOME/wiped/devices
cp "$PILOT_PASSWORD_FILE" "$folder/password"
chmod 600 "$folder/password"
sed -i 's#"password_file": *"[^"]*"#"password_file": "password"#' \
    "$folder/request.json"
"$BUILD/pilot-supervisor" "$folder" >"$TEST_DIR/wiped.out" 2>&1
is $? 0 "wiped: it runs with its own copy" ||
    sed 's/^/# /' "$TEST_DIR/wiped.out"
[ ! -e "$folder/password" ]
ok $? "wiped: it is gone with the pilot"
[ -s "$PILOT_PASSWORD_FILE" ]
ok $? "wiped: the one it was made of is there"

end_tests
