#!/bin/bash
# Runs whose topics are streams in a Redis: no Kafka, no Java.  A rank, the
# devices and the Redis are killed meanwhile; each block counts once.
. "$(dirname "$0")/lib.sh"

dir=$TEST_DIR/services
services() { "$SRC/scripts/services" "$@" --dir "$dir" 2>>"$TEST_DIR/err"; }
leave() { services stop --purge >/dev/null; }
at_end leave
mkdir "$TEST_DIR/bin"
printf '#!/bin/sh\nexit 1\n' >"$TEST_DIR/bin/java"
chmod +x "$TEST_DIR/bin/java"
PATH="$TEST_DIR/bin:$PATH" JAVA_HOME='' services start --broker redis ||
    sed 's/^/# /' "$TEST_DIR/err"
is "$(services status | sed 's/ pid.*//; s/127[0-9.:]*/AT/; /^folder/d')" \
    "kafka none: the topics are in the Redis
redis running AT" "services without a Java"
services start --only kafka
is $? 64 "a Kafka beside it is refused"
# shellcheck disable=SC1091
. "$dir/env"
export PILOT_BROKER PILOT_PARAMS PILOT_BROKER_AUTH PILOT_PASSWORD_FILE
is "${PILOT_BROKER%%:*}" redis "where the broker is"

audit="$SRC/tests/system/audit.yaml"
pilot run "$audit" --run streams-plain >"$TEST_DIR/out" 2>&1
is $? 0 "a run" || tail -n 5 "$TEST_DIR/out" | sed 's/^/# /'
verified streams-plain
out=$(pilot inspect "$PILOT_BROKER/pilot.streams-plain.sense" 2>&1)
has "$out" "800 records" "its topic, looked into"
out=$(pilot services topic "$PILOT_BROKER/streams-own" --partitions 2 2>/dev/null)
has "$out" "made, 2 partitions" "a topic for others"

# killed RUN FAULT: a run with a fault is exact in spite of it.
killed() {
    PILOT_FAULT=$2 pilot run "$audit" --run "$1" >"$TEST_DIR/out" 2>&1
    is $? 0 "$1: $2" || tail -n 5 "$TEST_DIR/out" | sed 's/^/# /'
    verified "$1"
}
killed streams-rank kill@commit:3
killed streams-device kill@sent:20

# The Redis itself, twice.
pilot run "$audit" --run streams-redis --set stages.sense.block.rate=40 \
    >"$TEST_DIR/out" 2>&1 &
run=$!
children="$children $run"
gone() { services status | grep -q '^redis stopped'; }
for i in 20 60; do
    wait_for 40 applied streams-redis $i
    kill -KILL "$(sed -n 's/^REDIS_PID=//p' "$dir/env")"
    wait_for 10 gone
    services start --broker redis
done
wait $run
is $? 0 "the Redis is killed twice" ||
    tail -n 20 "$TEST_DIR/out" | sed 's/^/# /'
verified streams-redis
end_tests
