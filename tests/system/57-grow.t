#!/bin/bash
# Devices that are added to a run: it waits for them as for its own, whoever
# dies, and its summary has their blocks.
. "$(dirname "$0")/lib.sh"

cat >"$TEST_DIR/grow.yaml" <<'Y'
version: 1
pipeline: grow
pilots:
  devices: {kind: edge, devices: 2}
  broker: {kind: broker}
  params: {kind: params}
  pool: {kind: pool}
epoch: {interval: 50ms}
results: "off"
stages:
  sense:
    pilot: devices
    function: generator
    block: {points: 20, rate: 25}
    options: {features: 4, blocks: 200}
  learn: {pilot: pool, function: audit}
Y

# start FILE RUN ARGS: in the background.
start() {
    sum=$TEST_DIR/$2.json
    pilot run "$1" --run "$2" --summary "$sum" "${@:3}" \
        >"$TEST_DIR/$2.out" 2>&1 &
    pid=$!
    children="$children $pid"
    wait_for 40 applied "$2" 20
    ok $? "$2: blocks flow" || sed 's/^/# /' "$TEST_DIR/$2.out"
}
# has_sent RUN DEVICE: something of it is committed.
has_sent() {
    redis_do GET "pilot:{$1}:state" | grep -q "^device .* $2\$"
}
# refused STATUS N WORDS: of devices.
refused() {
    out=$(pilot resize -n "$2" grow/devices 2>&1)
    is $? "$1" "-n $2: exit status"
    has "$out" "$3" "-n $2: one error"
}

# --- more of them, which end behind those of the file ---

start "$TEST_DIR/grow.yaml" grow
refused 78 +1 "has as many devices as the file says: -n +2"
refused 78 -1 "'pilot cancel' ends one that was added"
out=$(pilot resize -n +2 grow/devices 2>&1)
is $? 0 "two more devices" || printf '%s\n' "$out" | sed 's/^/# /'
has "$out" "grow/devices.2 brings 2 more devices" "... of a pilot of their own"
wait_for 40 has_sent grow devices.2-1
ok $? "they send"
kill -KILL "$(agents grow/devices.2 pilot-edge)"
wait "$pid"
is $? 0 "the run is done" || sed 's/^/# /' "$TEST_DIR/grow.out"
is "$(get "$sum" state)" "done" "grow: done"
is "$(committed grow applied)" 800 "it has waited for those that were added"
is "$(get "$sum" sent)" 800 "the summary has what they sent"
exact grow
none_left grow
ok $? "no process left"

# --- one that leaves, one that dies for good ---

start "$TEST_DIR/grow.yaml" grow-less --set stages.sense.options.blocks=100000
pilot resize -n +2 grow-less/devices >/dev/null 2>&1
wait_for 40 has_sent grow-less devices.2-0
ok $? "less: devices are added"
pilot cancel grow-less/devices.2 >/dev/null 2>&1
wait_for 40 in_state grow-less/devices.2 CANCELED
ok $? "less: ... and leave" || pilot status grow-less | sed 's/^/# /'
n=$(committed grow-less applied)
wait_for 40 applied grow-less $((n + 50))
ok $? "less: the others go on"
kill -INT "$pid"
wait "$pid"
is $? 0 "less: exit status" || sed 's/^/# /' "$TEST_DIR/grow-less.out"
is "$(get "$sum" sent)" "$(committed grow-less applied)" \
    "less: every block that was sent is in the model"
exact grow-less

# --- what deals out rows of files has no more devices ---

awk 'BEGIN { print "a,b"; for (i = 0; i < 4000; i++) print i % 7 "," i % 5 }' \
    >"$TEST_DIR/rows.csv"
sed -e 's/function: generator/function: file/' \
    -e "s|options: {features: 4, blocks: 200}|options: {path: $TEST_DIR/rows.csv}|" \
    "$TEST_DIR/grow.yaml" >"$TEST_DIR/file.yaml"
start "$TEST_DIR/file.yaml" grow-file
out=$(pilot resize -n +2 grow-file/devices 2>&1)
is $? 78 "file: exit status"
has "$out" "would read the same rows again" "file: one error"
wait "$pid"
is $? 0 "file: the run goes on"
is "$(get "$sum" points)" 4000 "file: every row once"

end_tests
