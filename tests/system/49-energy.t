#!/bin/bash
# Joules: a policy that takes as few as the lag allows gives ranks back,
# measures what a million points take, and says so (doc/design.md section 6).
# Counters of the test's own stand for those of a processor.
. "$(dirname "$0")/lib.sh"

# 40 W, in microjoules: a counter of hardware that goes on by itself.
zone=$TEST_DIR/powercap/intel-rapl:0
mkdir -p "$zone"
echo package-0 >"$zone/name"
echo 262143328850 >"$zone/max_energy_range_uj"
echo 1000000 >"$zone/energy_uj"
count() {
    j=1000000
    while sleep 0.25; do
        j=$((j + 10000000))
        echo $j >"$zone/energy_uj.new"
        mv "$zone/energy_uj.new" "$zone/energy_uj"
    done
}
count &
children="$children $!"
export PILOT_POWERCAP=$TEST_DIR/powercap

job=$SRC/tests/system/audit.yaml
pilot run "$job" --run sparing --summary "$TEST_DIR/sparing.json" --no-final \
    --set pilots.pool.ntasks=2 --set pilots.devices.devices=2 \
    --set streams.sense.partitions=2 --set stages.sense.block.rate=20 \
    --set stages.sense.options.blocks=0 \
    --set 'pilots.pool.scale={lag: 5s, min: 1, max: 2, hold: 3s, for: energy}' \
    >"$TEST_DIR/out" 2>&1 &
pid=$!
children="$children $pid"

# says WORDS: the policy.
says() { pilot scale sparing 2>&1 | grep -q "$1"; }
ranks() { leases sparing | sed -n 's/^pool \([0-9]*\).*/\1/p'; }
has_ranks() { [ "$(ranks)" = "$1" ]; }

wait_for 30 applied sparing 40
ok $? "the run learns" || sed 's/^/# /' "$TEST_DIR/out"
wait_for 40 has_ranks 1
ok $? "one rank does: the other leaves" || pilot scale sparing | sed 's/^/# /'
wait_for 45 says 'a million points take [0-9.e+]* J on 1 rank'
ok $? "what a million points take is measured, and said" ||
    pilot scale sparing | sed 's/^/# /'
kill -INT $pid
wait $pid
is $? 0 "exit status" || sed 's/^/# /' "$TEST_DIR/out"
exact sparing
has "$(cat "$TEST_DIR/sparing.json")" '"source": "rapl"' \
    "the summary says by what"

out=$(pilot run "$job" --dry-run \
    --set 'pilots.pool.scale={max: 8, at: {"08:00": 8}, for: energy}' 2>&1)
is $? 78 "energy without a bound: exit status"
has "$out" "for: energy needs lag, the bound within which joules are saved" \
    "... says what it needs"
end_tests
