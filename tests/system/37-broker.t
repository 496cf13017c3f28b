#!/bin/bash
# A broker that is killed and has lost the end of its log (rule 2).
. "$(dirname "$0")/lib.sh"

dir=$TEST_DIR/services
services() { "$SRC/scripts/services" "$@" --dir "$dir" 2>>"$TEST_DIR/err"; }
leave() { services stop >/dev/null; }
at_end leave
services start >/dev/null
ok $? "services of its own" || sed 's/^/# /' "$TEST_DIR/err"
reach() {
    # shellcheck disable=SC1091
    . "$dir/env"
    export PILOT_BROKER PILOT_PARAMS PILOT_PASSWORD_FILE
}
reach
port=${PILOT_BROKER##*:}
admin=$BUILD/tests/system/topic
# killed COMMAND...: between a kill of the broker and its start.
killed() {
    kill -KILL "$KAFKA_PID"
    wait_for 10 gone "$KAFKA_PID"
    "$@"
    services start --only kafka --kafka-port "$port" >/dev/null
    reach
}
gone() { ! kill -0 "$1"; }
lose() { "$admin" cut "$dir"/kafka/lost-topic-0/*0.log 3 >/dev/null; }

cat >"$TEST_DIR/p.yaml" <<'Y'
version: 1
pipeline: lost
pilots:
  broker: {kind: broker}
  params: {kind: params}
  pool: {kind: pool, ntasks: 1}
stages:
  learn: {pilot: pool, function: audit}
streams: {sense: {partitions: 1, topic: lost-topic}}
epoch: {interval: 50ms}
Y
# start RUN OPTION...: a pool that has applied all 20 records.
start() {
    run=$1
    shift
    pilot run "$TEST_DIR/p.yaml" --run "$run" "$@" >"$TEST_DIR/$run.out" 2>&1 &
    child=$!
    children=$child
    wait_for 30 applied "$run" 20
}
"$admin" create lost-topic 1
for i in $(seq 20); do
    "$FOREIGN" lost-topic 0 npy 1 other
done

# --- live: the tail is lost, and the log grows beyond it

start live
ok $? "live: it reads" || sed 's/^/# /' "$TEST_DIR/live.out"

# Partitions are added behind its back: it reads on, and says so.  A client that
# is connected anew asks at once, else within a minute.
"$admin" grow lost-topic 3
ok $? "grown: it has more partitions"
killed true
says() { grep -q "lost-topic has 3 partitions by now and the run reads 1" \
    "$PILOT_HOME/live/pool/err"; }
wait_for 60 says
ok $? "grown: said" || sed 's/^/# /' "$PILOT_HOME/live/pool/err"
"$FOREIGN" lost-topic 2 npy 1 other
"$FOREIGN" lost-topic 0 npy 1 other
wait_for 30 applied live 21
ok $? "grown: what it reads goes on"
is "$(committed live applied)" 21 "grown: and no more than that"

kill -STOP "$(agents live/pool pilot-agent | tail -n 1)"
killed lose
"$FOREIGN" lost-topic 0 npy 10 other
kill -CONT "$(agents live/pool pilot-agent | tail -n 1)"
wait_for 60 gone $child
ok $? "live: it ends" || kill -KILL $child
wait $child
is $? 65 "live: exit status" || sed 's/^/# /' "$TEST_DIR/live.out"
has "$(cat "$TEST_DIR/live.out")" "record lost-topic/0/20 is not the one" \
    "live: said"
is "$(committed live applied)" 21 "live: nothing of it is learned"
children=

# --- resumed: as the other
out=$(timeout -k 5 60 pilot run --resume live 2>&1)
is $? 65 "resumed: exit status" || printf '%s\n' "$out" | sed 's/^/# /'
has "$out" "record lost-topic/0/20 is not the one" "resumed: said"

# --- another cluster at the same address: what was there is not

"$admin" delete lost-topic
"$admin" create lost-topic 1
"$FOREIGN" lost-topic 0 npy 20 other
cluster() { sed -n 's/^cluster.id=//p' "$dir/kafka/meta.properties"; }
was=$(cluster)
start recast
ok $? "recast: it reads" || sed 's/^/# /' "$TEST_DIR/recast.out"
killed rm -rf "$dir/kafka"
ok $([ "$(cluster)" != "$was" ]; echo $?) "recast: it is another cluster"
wait_for 90 gone $child
ok $? "recast: it ends" || kill -KILL $child
wait $child
is $? 65 "recast: exit status" || sed 's/^/# /' "$TEST_DIR/recast.out"
has "$(cat "$TEST_DIR/recast.out")" \
    "topic lost-topic is not there any more, and broker $PILOT_BROKER is" \
    "recast: said"
children=
out=$(timeout -k 5 60 pilot run --resume recast 2>&1)
is $? 65 "recast: resumed: exit status" || printf '%s\n' "$out" | sed 's/^/# /'
has "$out" "lost-topic/0/20, but the topic ends at 0" "recast: resumed: said"

end_tests
