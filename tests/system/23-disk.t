#!/bin/bash
# The disk of Kafka is full: the broker ends, which is said with the reason;
# nothing is lost when there is room and it is started again.
. "$(dirname "$0")/lib.sh"

job=$SRC/tests/system/audit.yaml
dir=$TEST_DIR/services
mkdir -p "$dir/kafka"
mount -t tmpfs -o size=64m none "$dir/kafka" 2>/dev/null ||
    skip_rest "no file system of its own can be mounted here: root alone may"
services() { "$SRC/scripts/services" "$@" --only kafka --dir "$dir"; }
leave() {
    services stop
    umount -l "$dir/kafka"
}
at_end leave
services start 2>"$TEST_DIR/err"
ok $? "a broker with a disk of its own" || sed 's/^/# /' "$TEST_DIR/err"
# Redis is that of all tests.
word() { sed -n "s/^$1=//p" "$dir/env"; }
PILOT_BROKER=$(word PILOT_BROKER)
says() { grep -q "$1" "$TEST_DIR/disk.out"; }
gone() { ! kill -0 "$1"; }

pilot run "$job" --run disk --summary "$TEST_DIR/disk.json" \
    --set stages.sense.block.rate=60 --set stages.sense.options.blocks=400 \
    >"$TEST_DIR/disk.out" 2>&1 &
run=$!
children=$run
wait_for 30 applied disk 40
ok $? "the run learns"
cat /dev/zero >"$dir/kafka/filler" 2>/dev/null
wait_for 60 gone "$(word KAFKA_PID)"
ok $? "a broker that cannot write ends"
wait_for 60 says "pool pool waits: broker .* is away: its disk is full; free \
some space in $dir/kafka and start it again"
ok $? "who follows the run is told, with the folder" ||
    sed 's/^/# /' "$TEST_DIR/disk.out"
is "$(grep -c 'its disk is full' "$TEST_DIR/disk.out")" 1 "... once"
status_waits() {
    pilot status -r -o reason disk/pool | grep -q "waits since [0-9:]*: broker"
}
wait_for 30 status_waits
ok $? "pilot status has no figures of before, but since when it waits" ||
    pilot status disk | sed 's/^/# /'
rm "$dir/kafka/filler"
services start 2>"$TEST_DIR/err"
is "$? $(word PILOT_BROKER)" "0 $PILOT_BROKER" "it is started where it was" ||
    sed 's/^/# /' "$TEST_DIR/err"
wait_for 60 says "pool pool goes on: the broker is back"
ok $? "the run goes on, and says so"
wait "$run"
is $? 0 "exit status" || sed 's/^/# /' "$TEST_DIR/disk.out"
exact disk --blocks 400

end_tests
