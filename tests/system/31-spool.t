#!/bin/bash
# Devices with a spool: no network at full rate, an agent that is killed in it,
# all of it sent once and in order; a drain without a broker, and a resume.
. "$(dirname "$0")/lib.sh"

# shellcheck disable=SC1090
. "$(dirname "$PILOT_PASSWORD_FILE")/env"
thaw() { kill -CONT "$KAFKA_PID" "$REDIS_PID" 2>/dev/null; }
at_end thaw
gone() { ! kill -0 "$1"; }

cat >"$TEST_DIR/spool.yaml" <<'END'
version: 1
pipeline: spool
pilots:
  devices:
    kind: edge
    devices: 2
    queue: 64KiB
    spool: {size: 64MiB}
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

# left RUN N: at least N blocks are sensed and not sent.
left() {
    od -An -v -tu8 -w128 -j256 -N256 "$PILOT_HOME/$1/devices/counts" \
        2>/dev/null |
        awk -v n="$2" '{s += $2 + $16 - $3 - $4 - $5 - $15}
            END {exit !(s >= n)}'
}

# of RUN COUNTER: out of its summary.
of() { get "$TEST_DIR/$1.json" "$2"; }

adds_up() {
    is "$(of "$1" sensed)" $(($(of "$1" sent) + $(of "$1" filtered) + \
        $(of "$1" dropped) + $(of "$1" spooled) + $(of "$1" lost))) \
        "$1: what was sensed adds up" || sed 's/^/# /' "$TEST_DIR/$1.out"
    is "$(of "$1" lost) $(of "$1" dropped)" "0 0" "$1: nothing is lost"
}

# start RUN WORD...
start() {
    run=$1
    shift
    pilot run "$@" --summary "$TEST_DIR/$run.json" \
        >"$TEST_DIR/$run.out" 2>&1 &
    pilot_pid=$!
    children="$children $pilot_pid"
}

start killed "$TEST_DIR/spool.yaml" --run killed
wait_for 30 applied killed 20
ok $? "killed: the run learns"
# No network: the next agent begins without any service, too.
kill -STOP "$KAFKA_PID" "$REDIS_PID"
# Several times what the queues hold.
wait_for 30 left killed 500
ok $? "killed: blocks wait on the disk"
kill -KILL "$(agents killed pilot-edge)"
wait_for 30 left killed 900
ok $? "killed: the next agent goes on from there"
thaw
wait_for 30 applied killed 1000
ok $? "killed: all of it is sent"
kill -INT "$pilot_pid"
wait "$pilot_pid"
is $? 0 "killed: exit status" || sed 's/^/# /' "$TEST_DIR/killed.out"
exact killed
adds_up killed
is "$(of killed spooled)" 0 "killed: nothing is left"
ok "$([ ! -e "$PILOT_HOME/killed/devices/spool" ]; echo $?)" \
    "killed: no file is left"
has "$(cat "$TEST_DIR/killed.out")" "an agent before has left in " \
    "killed: it is said"

# --- a drain without a broker ---

# given_up RUN: its devices have ended, and their spools have the rest.
given_up() {
    grep -q '"reason":"its sources have ended"' \
        "$PILOT_HOME/$1/devices/beat.json"
}

start stayed "$TEST_DIR/spool.yaml" --run stayed
wait_for 30 applied stayed 20
ok $? "stayed: the run learns"
kill -STOP "$KAFKA_PID"
wait_for 30 left stayed 200
ok $? "stayed: blocks wait on the disk"
kill -INT "$pilot_pid"
wait_for 60 given_up stayed
ok $? "stayed: the devices end without the broker"
thaw
wait_for 30 gone "$pilot_pid"
ok $? "stayed: the pool does not wait for what is spooled" ||
    kill -KILL "$pilot_pid"
wait "$pilot_pid"
is $? 0 "stayed: exit status" || sed 's/^/# /' "$TEST_DIR/stayed.out"
adds_up stayed
spooled=$(of stayed spooled)
ok $((spooled < 100)) "stayed: most of them are spooled"
has "$(tr -s ' \n' ' ' <"$TEST_DIR/stayed.out")" \
    "$spooled blocks are spooled and not sent yet, in " "stayed: it is said"
out=$(pilot runs --rm stayed 2>&1)
is $? 75 "stayed: it is not removed"
has "$out" "run stayed has $spooled blocks on the disks of its devices" \
    "stayed: for what is not sent"
begun=$(committed stayed applied)
start stayed --resume stayed
wait_for 30 applied stayed $((begun + spooled + 20))
ok $? "stayed: a resume sends them"
kill -INT "$pilot_pid"
wait "$pilot_pid"
is $? 0 "stayed: exit status then" || sed 's/^/# /' "$TEST_DIR/stayed.out"
has "$(cat "$TEST_DIR/stayed.out")" "devices: $spooled blocks (" \
    "stayed: they are said"
exact stayed
adds_up stayed
is "$(of stayed spooled)" 0 "stayed: nothing is left"
ok "$([ ! -e "$PILOT_HOME/stayed/devices/spool" ]; echo $?)" \
    "stayed: no file is left"

end_tests
