#!/bin/bash
# What a device needs, built without MPI: `configure --disable-pool`, and only
# what runs there; how much memory it takes.  Other machines: 81-machines.
. "$(dirname "$0")/lib.sh"

[ ! -e "$SRC/config.status" ] ||
    skip_rest "the source tree is configured itself: no other build of it"
device=$TEST_DIR/build
mkdir "$device"
# An MPI that cannot be had is not looked for.
(cd "$device" && MPICC=/nowhere/mpicc "$SRC/configure" --disable-pool \
    CFLAGS=-O0) >"$TEST_DIR/log" 2>&1
is $? 0 "configure" || tail -n 20 "$TEST_DIR/log" | sed 's/^/# /'
make -C "$device" -j"$(nproc)" pilot pilot-edge pilot-supervisor \
    >"$TEST_DIR/log" 2>&1
is $? 0 "make pilot pilot-edge pilot-supervisor" ||
    tail -n 20 "$TEST_DIR/log" | sed 's/^/# /'
# What they ask for themselves: in Debian 13 librdkafka has libcurl, and that SSH.
readelf -d "$device/pilot" "$device/pilot-edge" "$device/pilot-supervisor" |
    grep NEEDED >"$TEST_DIR/needed"
has "$(cat "$TEST_DIR/needed")" "librdkafka" "what they link is known"
is "$(grep -i -e libmpi -e slurm -e hdf5 -e blas -e ssh "$TEST_DIR/needed")" "" \
    "none of them needs MPI, Slurm, HDF5, BLAS or SSH"
out=$(PILOT_LIBEXEC=$device "$device/pilot" doctor \
    --resource ssh://pi@sensor-7 2>&1)
has "$out" "built without SSH" "a host behind SSH is refused by name"
unit="$BUILD/scripts/site/pilot-edge@.service"
if command -v systemd-analyze >/dev/null; then
    mkdir "$TEST_DIR/units"
    sed 's,^\(    exec \).*/pilot",\1"/bin/true",' "$unit" \
        >"$TEST_DIR/units/pilot-edge@site.service"
    out=$(systemd-analyze verify "$TEST_DIR/units/pilot-edge@site.service" \
        2>&1 |
        grep pilot-edge | grep -v "Command .man ") # is not installed
    is "$out" "" "systemd finds no fault with the unit"
else
    ok 0 "the unit # SKIP needs systemd-analyze (systemd)"
fi

cat >"$TEST_DIR/edge.yaml" <<'Y'
version: 1
pipeline: device
pilots:
  broker: {kind: broker}
  params: {kind: params}
  devices: {kind: edge, devices: 2}
stages:
  sense: {pilot: devices, function: generator, block: {points: 10}, options: {features: 3, blocks: 25}}
streams: {sense: {partitions: 2, topic: device-topic}}
Y
out=$(PILOT_LIBEXEC=$device "$device/pilot" run "$TEST_DIR/edge.yaml" \
    --run device 2>&1)
is $? 0 "its devices run" || printf '%s\n' "$out" | sed 's/^/# /'
has "$out" "50 sensed" "... and sense"
# A sensor's blocks of 1,000 points: 256 kB each, 20 a second.
cat >"$TEST_DIR/rss.yaml" <<'Y'
version: 1
pipeline: device
pilots:
  broker: {kind: broker}
  params: {kind: params}
  devices: {kind: edge, devices: 1}
stages:
  sense: {pilot: devices, function: generator, block: {points: 1000, rate: 20}, options: {features: 32, blocks: 60}}
streams: {sense: {partitions: 2, topic: device-rss}}
Y
PILOT_LIBEXEC=$device "$device/pilot" run "$TEST_DIR/rss.yaml" \
    --run device-rss >"$TEST_DIR/log" 2>&1 &
run=$!
most=0
while kill -0 $run 2>/dev/null; do
    for pid in $(pgrep -f "pilot-edge $PILOT_HOME/device-rss/"); do
        kb=$(awk '/^VmHWM/ { print $2 }' "/proc/$pid/status" 2>/dev/null)
        [ "${kb:-0}" -le "$most" ] || most=$kb
    done
    sleep 0.1
done
wait $run
is $? 0 "a device with blocks of 1,000 points" || sed 's/^/# /' "$TEST_DIR/log"
[ "$most" -gt 0 ] && [ "$most" -le 30720 ]
ok $? "... takes $most kB of memory, of 30 MiB"

cat >"$TEST_DIR/pool.yaml" <<'Y'
version: 1
pipeline: device
pilots:
  broker: {kind: broker}
  params: {kind: params}
  pool: {kind: pool, ntasks: 1}
stages:
  learn: {pilot: pool, function: audit}
streams: {sense: {partitions: 2, topic: device-topic}}
Y
out=$(PILOT_LIBEXEC=$device "$device/pilot" run "$TEST_DIR/pool.yaml" \
    --run nopool 2>&1)
is $? 78 "a pool is refused there"
has "$out" "pilot-agent is neither in" "... with what is missing"
out=$(pilot run "$TEST_DIR/pool.yaml" --run learns --until eof 2>&1)
is $? 0 "a pool elsewhere" || printf '%s\n' "$out" | sed 's/^/# /'
is "$(committed learns applied)" 50 "... learns from what they have sent"
end_tests
