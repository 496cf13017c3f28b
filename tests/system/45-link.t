#!/bin/bash
# pilot-link: devices that reach a broker and a Redis over a slow link, and
# stay on it; words that it refuses.
. "$(dirname "$0")/lib.sh"

out=$(pilot-link --profile moon 127.0.0.1:1 2>&1)
is $? 64 "no such profile: exit status"
has "$out" "'moon' is none of: none lan mobile wan" "... names those there are"
out=$(pilot-link 127.0.0.1:1 h 2>&1)
is $? 64 "no port: exit status"
is "$out" "pilot-link: h: 'h' has no port: write HOST:PORT" "... says so alone"

# Kafka tells its clients where to go on: to the link, behind the link.
stop_kafka() { "$SRC/scripts/services" stop --purge --dir "$TEST_DIR/kafka"; }
at_end stop_kafka
"$SRC/scripts/services" start --only kafka --dir "$TEST_DIR/kafka" \
    --through 127.0.0.1 2>"$TEST_DIR/err" ||
    die "a broker with a second listener starts: $(cat "$TEST_DIR/err")"
direct=$(sed -n 's/^PILOT_BROKER=//p' "$TEST_DIR/kafka/env")
through=$(sed -n 's/^PILOT_BROKER_THROUGH=//p' "$TEST_DIR/kafka/env")
behind=$(sed -n 's/^PILOT_BROKER_BEHIND=//p' "$TEST_DIR/kafka/env")

pilot-link --delay 10ms..20ms --rate 200Mbit --stats "$TEST_DIR/stats" \
    "$through=$behind" "${PILOT_PARAMS#redis://}" >"$TEST_DIR/link" &
link=$!
children="$children $link"
wait_for 10 grep -q "${PILOT_PARAMS#redis://}" "$TEST_DIR/link"
is "$(sed -n 1p "$TEST_DIR/link")" "$through $behind" "it says where"

cat >"$TEST_DIR/job.yaml" <<Y
version: 1
pipeline: link
pilots:
  devices:
    kind: edge
    devices: 2
    broker: $through
    params: redis://$(sed -n 's/ .*//;2p' "$TEST_DIR/link")
  broker: {kind: broker, endpoint: "$direct"}
  params: {kind: params}
  pool: {kind: pool, ntasks: 2}
stages:
  sense:
    pilot: devices
    function: generator
    block: {points: 1000}
    options: {features: 32, blocks: 20}
  learn: {pilot: pool, function: audit}
streams: {sense: {partitions: 2}}
Y
PILOT_BROKER='' pilot run "$TEST_DIR/job.yaml" --run linked --no-final \
    --quiet --summary "$TEST_DIR/sum.json" >"$TEST_DIR/out" 2>&1
is $? 0 "a run over a link" || sed 's/^/# /' "$TEST_DIR/out"
is "$(get "$TEST_DIR/sum.json" applied)" 40 "... applies all blocks"
PILOT_BROKER=$direct exact linked
kill -TERM "$link"
wait "$link"
is $? 0 "the link ends when it is asked to"
up=$(sed -n 's/.*"up": {"bytes": \([0-9]*\).*/\1/p' "$TEST_DIR/stats")
delay=$(sed -n 's/.*"up".*"delay_ms": \([0-9]*\).*/\1/p' "$TEST_DIR/stats")
[ "$up" -gt $((40 * 1000 * 32 * 8)) ]
ok $? "all records went over it, $up bytes"
[ "$delay" -ge 10 ] && [ "$delay" -lt 20 ]
ok $? "... by a delay within its range"
end_tests
