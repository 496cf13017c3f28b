#!/bin/bash
# The contract of brokers (tests/unit/broker_cases.h), which unit tests hold
# librdkafka's mock cluster to, with a Kafka that is killed meanwhile.
. "$(dirname "$0")/lib.sh"

dir=$TEST_DIR/services
services() { "$SRC/scripts/services" "$@" --dir "$dir" 2>>"$TEST_DIR/err"; }
leave() { services stop >/dev/null; }
at_end leave
services start --only kafka >/dev/null
ok $? "a Kafka of its own" || sed 's/^/# /' "$TEST_DIR/err"
# shellcheck disable=SC1091
. "$dir/env"

# What ends it at once, and what starts it where it was.
cat >"$TEST_DIR/leave" <<S
. "$dir/env"
kill -KILL "\$KAFKA_PID"
tail --pid="\$KAFKA_PID" -f /dev/null
S
cat >"$TEST_DIR/come" <<S
exec "$SRC/scripts/services" start --only kafka --dir "$dir" \
    --kafka-port "${PILOT_BROKER##*:}" >/dev/null
S
PILOT_TEST_BROKER=$PILOT_BROKER \
    PILOT_TEST_LEAVE="sh '$TEST_DIR/leave'" \
    PILOT_TEST_COME="bash '$TEST_DIR/come'" \
    timeout -k 10 400 "$BUILD/tests/unit/test_brokers" >"$TEST_DIR/tap" 2>&1
status=$?
# Its tests are ours, one by one, with what it said about each behind it.
while IFS= read -r line; do
    case $line in
    "ok "*) ok 0 "${line#*- }" ;;
    "not ok "*) ok 1 "${line#*- }" ;;
    1..*) ;;
    *) printf '# %s\n' "${line###}" ;;
    esac
done <"$TEST_DIR/tap"
is $status 0 "the contract is kept"
end_tests
