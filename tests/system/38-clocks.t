#!/bin/bash
# Records of devices without a clock, stamped 1970: in a topic that we made
# they outlive a retention check; in one of others they are deleted.
. "$(dirname "$0")/lib.sh"

dir=$TEST_DIR/services
kafka=
services() { "$SRC/scripts/services" "$@" --dir "$dir" 2>>"$TEST_DIR/err"; }
leave() {
    [ -z "$kafka" ] || kill -KILL "$kafka" && wait "$kafka"
    services stop
}
at_end leave
services start --only kafka
ok $? "a broker of its own" || sed 's/^/# /' "$TEST_DIR/err"
# Of its folder's env: Redis is that of all tests.
word() { sed -n "s/^$1=//p" "$dir/env"; }
PILOT_BROKER=$(word PILOT_BROKER)
pid=$(word KAFKA_PID)

# The same broker once more, which looks at retention every half second, and
# makes a topic for whoever writes to it.
mapfile -d '' -t command <"/proc/$pid/cmdline"
services stop
cat >>"$dir/conf/server.properties" <<'X2'
auto.create.topics.enable=true
num.partitions=1
log.retention.check.interval.ms=500
log.initial.task.delay.ms=500
X2
"${command[@]}" >"$TEST_DIR/kafka.log" 2>&1 </dev/null &
kafka=$!
admin=$BUILD/tests/system/topic
wait_for 60 "$admin" create clocks-topic 1
ok $? "it is up" || tail -n 20 "$TEST_DIR/kafka.log" | sed 's/^/# /'

# check N: a retention check takes place: what others keep by the writers'
# clocks is gone, in topic N.
check() {
    log=$dir/kafka/others-$1-0/00000000000000000000.log
    wait_for 30 env FOREIGN_TIME=1000 "$FOREIGN" "others-$1" 0 npy 1 clock
    [ -d "${log%/*}" ] && wait_for 30 test ! -e "$log"
}
check before
ok $? "a record of 1970 in a topic of others is deleted"
for i in 1 2 3 4 5; do
    FOREIGN_TIME=1000 "$FOREIGN" clocks-topic 0 npy 4 clock || die "sent"
done
# The check that was under way may have been past ours; the next is not.
check now && check "then"
ok $? "two checks with records of 1970 in our topic"
cat >"$TEST_DIR/p.yaml" <<'Y'
version: 1
pipeline: clocks
pilots:
  broker: {kind: broker}
  params: {kind: params}
  pool: {kind: pool, ntasks: 1}
stages:
  learn: {pilot: pool, function: audit}
streams: {sense: {partitions: 1, topic: clocks-topic}}
epoch: {interval: 50ms}
Y
out=$(timeout -k 5 60 pilot run "$TEST_DIR/p.yaml" --run clocks --until eof 2>&1)
is $? 0 "a run over our topic" || printf '%s\n' "$out" | sed 's/^/# /'
is "$(committed clocks applied)" 20 "all of them are there"
exact clocks
end_tests
