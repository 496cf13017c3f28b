#!/bin/bash
# Live devices: an agent that is killed with blocks in its queues, the order of
# incarnations, a device that starts while the broker is away.
. "$(dirname "$0")/lib.sh"

# shellcheck disable=SC1090
. "$(dirname "$PILOT_PASSWORD_FILE")/env"
thaw() { kill -CONT "$KAFKA_PID" 2>/dev/null; }
at_end thaw

cat >"$TEST_DIR/live.yaml" <<'END'
version: 1
pipeline: live
pilots:
  devices: {kind: edge, devices: 2}
  broker: {kind: broker}
  params: {kind: params}
  pool: {kind: pool, ntasks: 2}
stages:
  sense:
    pilot: devices
    function: proc
    block: {points: 10, within: 1s}
    options: {period: 2ms}
  learn: {pilot: pool, function: audit}
streams: {sense: {partitions: 2}}
epoch: {interval: 50ms}
results: "off"
END

# counted RUN: what the devices have counted, as "SENSED SENT".
counted() {
    od -An -v -tu8 -w128 -j256 -N256 "$PILOT_HOME/$1/devices/counts" \
        2>/dev/null |
        awk '{s += $2; t += $5} END {print s + 0, t + 0}'
}

# queued RUN N: at least N blocks are sensed and not sent.
queued() {
    set -- $(counted "$1") "$2"
    [ $(($1 - $2)) -ge "$3" ]
}

# adds_up RUN: all that was sensed is in some number.
adds_up() {
    f=$TEST_DIR/$1.json
    is "$(get "$f" sensed)" $(($(get "$f" sent) + $(get "$f" filtered) + \
        $(get "$f" dropped) + $(get "$f" spooled) + $(get "$f" lost))) \
        "$1: what was sensed adds up" || sed 's/^/# /' "$TEST_DIR/$1.out"
    is "$(get "$f" sent)" \
        $(($(get "$f" applied) + $(get "$f" refused))) \
        "$1: what was sent is what was learned"
}

start() {
    pilot run "$TEST_DIR/live.yaml" --run "$1" --summary "$TEST_DIR/$1.json" \
        >"$TEST_DIR/$1.out" 2>&1 &
    pilot_pid=$!
    children="$children $pilot_pid"
    wait_for 30 applied "$1" 20
    ok $? "$1: the run learns"
}

boot_of() {
    redis_do HGET "pilot:{$1}:boots" "$2"
}

# another RUN OLD: device devices-0 has another incarnation than OLD.
another() {
    new=$(boot_of "$1" devices-0)
    [ -n "$new" ] && [ "$new" != "$2" ]
}

start lost
kill -STOP "$KAFKA_PID"
wait_for 20 queued lost 30
ok $? "lost: blocks wait in the queues"
boot=$(boot_of lost devices-0)
kill -KILL "$(agents lost pilot-edge)"
# The next one senses though it cannot send yet.
wait_for 20 queued lost 30
ok $? "lost: the next one senses while the broker is away"
thaw
wait_for 20 another lost "$boot"
ok $? "lost: another incarnation"
ok $(($(boot_of lost devices-0) <= boot)) "lost: it comes behind the one before"
sent=$(committed lost applied)
wait_for 20 applied lost $((sent + 50))
kill -INT "$pilot_pid"
wait "$pilot_pid"
is $? 0 "lost: exit status" || sed 's/^/# /' "$TEST_DIR/lost.out"
exact lost
adds_up lost
ok $(($(get "$TEST_DIR/lost.json" lost) == 0)) "lost: some were"
has "$(cat "$TEST_DIR/lost.out")" "sensed and not sent were lost with the" \
    "lost: it is said"

# The pool is behind, the agent dies twice, and the service has forgotten what
# it handed out: no acknowledged block is taken for a repeat.
start forgets
ranks=$(agents forgets pilot-agent)
kill -STOP $ranks
for i in 1 2; do
    boot=$(boot_of forgets devices-0)
    redis_do DEL "pilot:{forgets}:boots" >/dev/null
    kill -KILL "$(agents forgets pilot-edge)"
    wait_for 20 another forgets "$boot"
    ok $? "forgets: incarnation $i"
    ok $(($(boot_of forgets devices-0) <= boot)) "forgets: it is larger"
done
kill -CONT $ranks
sent=$(committed forgets applied)
wait_for 20 applied forgets $((sent + 50))
kill -INT "$pilot_pid"
wait "$pilot_pid"
is $? 0 "forgets: exit status" || sed 's/^/# /' "$TEST_DIR/forgets.out"
exact forgets
is "$(get "$TEST_DIR/forgets.json" deduplicated)" 0 "forgets: no repeats"
adds_up forgets

end_tests
