#!/bin/bash
# The end of devices: a run of edges alone, an edge that dies for good while
# the broker is away.
. "$(dirname "$0")/lib.sh"

# shellcheck disable=SC1090
. "$(dirname "$PILOT_PASSWORD_FILE")/env"
thaw() { kill -CONT "$KAFKA_PID" 2>/dev/null; }
at_end thaw

cat >"$TEST_DIR/alone.yaml" <<'END'
version: 1
pipeline: alone
pilots:
  devices: {kind: edge, devices: 2}
  broker: {kind: broker}
  params: {kind: params}
stages:
  sense:
    pilot: devices
    function: generator
    block: {points: 10, within: 1s}
    options: {features: 4, blocks: 25}
streams: {sense: {topic: alone, partitions: 2}}
END

# pilot_run NAME FILE [WORD...]: in background.
pilot_run() {
    name=$1
    file=$2
    shift 2
    pilot run "$file" --run "$name" --summary "$TEST_DIR/$name.json" "$@" \
        >"$TEST_DIR/$name.out" 2>&1 &
    pilot_pid=$!
    children="$children $pilot_pid"
}

# ends NAME STATUS: it comes to its end by itself, with STATUS.
ends() {
    wait_for 30 test ! -e "/proc/$pilot_pid/fd"
    ok $? "$1: the run ends" || kill -KILL "$pilot_pid"
    wait "$pilot_pid"
    is $? "$2" "$1: exit status" || sed 's/^/# /' "$TEST_DIR/$1.out"
}

pilot_run alone "$TEST_DIR/alone.yaml"
ends alone 0
is "$(get "$TEST_DIR/alone.json" sent)" 50 "alone: all was sent"

pilot_run alone-live "$TEST_DIR/alone.yaml" --set stages.sense.function=proc \
    --set 'stages.sense.options={period: 5ms}'
wait_for 30 redis_do HEXISTS 'pilot:{alone-live}:boots' devices-0
waits() { [ -n "$(agents "$1" pilot-edge)" ]; }
wait_for 30 waits alone-live
kill -INT "$pilot_pid"
ends alone-live 0
ok $(($(get "$TEST_DIR/alone-live.json" sent) == 0)) "alone-live: some was sent"

# What cannot start again, while nobody can say where its partitions end.
job=$SRC/tests/system/audit.yaml
pilot_run buried "$job" --set stages.sense.block.rate=50 \
    --set stages.sense.options.blocks=100000
wait_for 30 applied buried 100
ok $? "buried: the run learns"
kill -STOP "$KAFKA_PID"
echo junk >"$PILOT_HOME/buried/devices/request.json"
kill -KILL "$(agents buried pilot-edge)"
wait_for 20 grep -q "cannot be written yet" "$TEST_DIR/buried.out"
ok $? "buried: the ends are waited for, and it is said"
thaw
ends buried 65
exact buried
none_left buried
ok $? "buried: no process left"

# The same of a pilot that nobody follows: its supervisor writes them.
pilot run "$job" --run alone-dead --set stages.sense.block.rate=50 \
    --set stages.sense.options.blocks=100000 >"$TEST_DIR/dead.out" 2>&1 &
pilot_pid=$!
children="$children $pilot_pid"
wait_for 30 applied alone-dead 100
ok $? "alone-dead: the run learns"
for program in "" pilot-supervisor pilot-agent pilot-edge; do
    # shellcheck disable=SC2046
    kill -KILL $([ -n "$program" ] && agents alone-dead "$program" ||
        echo "$pilot_pid") 2>/dev/null
done
wait_for 20 none_left alone-dead
ok $? "alone-dead: everything is dead"
counts=$PILOT_HOME/alone-dead/devices/counts
rm -f "$counts"
mkdir -p "$counts/in-the-way"
redis_do DEL 'pilot:{alone-dead}:ends' >/dev/null
timeout 60 "$BUILD/pilot-supervisor" "$PILOT_HOME/alone-dead/devices" \
    >"$TEST_DIR/dead.out" 2>&1
is $? 73 "alone-dead: it fails" || sed 's/^/# /' "$TEST_DIR/dead.out"
has "$(redis_do HGET 'pilot:{alone-dead}:ends' devices-3)" /dead \
    "alone-dead: its devices have ends" || sed 's/^/# /' "$TEST_DIR/dead.out"

end_tests
