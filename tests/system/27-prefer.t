#!/bin/bash
# What a stage prefers: partitions go to the pool that is near the broker, by
# round trips over a slow link, to others when it is killed, and back; to a site
# that the file names; what cannot be had is said (doc/design.md section 6).
. "$(dirname "$0")/lib.sh"

# Kafka tells its clients where to go on: to the link, behind the link.
stop_kafka() { "$SRC/scripts/services" stop --purge --dir "$TEST_DIR/kafka"; }
at_end stop_kafka
"$SRC/scripts/services" start --only kafka --dir "$TEST_DIR/kafka" \
    --through 127.0.0.1 2>"$TEST_DIR/err" ||
    die "a broker with a second listener starts: $(cat "$TEST_DIR/err")"
direct=$(sed -n 's/^PILOT_BROKER=//p' "$TEST_DIR/kafka/env")
through=$(sed -n 's/^PILOT_BROKER_THROUGH=//p' "$TEST_DIR/kafka/env")
behind=$(sed -n 's/^PILOT_BROKER_BEHIND=//p' "$TEST_DIR/kafka/env")
export PILOT_BROKER=$direct
pilot-link --delay 40ms "$through=$behind" >"$TEST_DIR/link" &
children="$children $!"
wait_for 10 has_line "$TEST_DIR/link"

job=$TEST_DIR/job.yaml
cat >"$job" <<Y
version: 1
pipeline: prefer
pilots:
  devices: {kind: edge, devices: 6, site: lab}
  broker: {kind: broker, endpoint: "$direct"}
  params: {kind: params}
  far: {kind: pool, ntasks: 1, site: barn, broker: "$through"}
stages:
  sense:
    pilot: devices
    function: generator
    block: {points: 100, rate: 40}
    options: {features: 8, blocks: 0}
  learn:
    pilot: far
    function: audit
    prefer: {near: data}
streams: {sense: {partitions: 6}}
epoch: {interval: 100ms}
results: "off"
Y

# partitions RUN NAME: of the lease of a member.
partitions() { leases "$1" | sed -n "s/^$2 //p" | cut -d/ -f 6; }
has_all() { [ "$(partitions "$1" "$2")" = "$3" ]; }

# start RUN [OPTION...]: until end_run.
start() {
    run=$1
    shift
    pilot run "$job" --run "$run" --summary "$TEST_DIR/$run.json" "$@" \
        >"$TEST_DIR/$run.out" 2>&1 &
    pilot_pid=$!
    children="$children $pilot_pid"
}

# The same pool without the link, as member `near`.
near() {
    mkdir -p "$TEST_DIR/tmp"
    TMPDIR="$TEST_DIR/tmp" OMPI_MCA_plm=isolated OMPI_MCA_btl=self,vader \
        OMPI_MCA_odls_base_sigkill_timeout=0 OMPI_ALLOW_RUN_AS_ROOT=1 \
        OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 \
        mpirun --oversubscribe --bind-to none -n 2 \
        pilot-agent "$PILOT_HOME/prefer-near" --pilot far --member near \
        --lease 2s >>"$TEST_DIR/events" 2>>"$TEST_DIR/near.err" &
    near_pid=$!
    children="$children $near_pid"
}
near_ranks() { pgrep -f "pilot-agent $PILOT_HOME/prefer-near .*--member near"; }

# goes_on RUN: more blocks are committed.
goes_on() { wait_for 20 applied "$1" $(($(committed "$1" applied) + 200)); }

start prefer-near
wait_for 30 applied prefer-near 100
ok $? "a pool behind a slow link learns" ||
    sed 's/^/# /' "$TEST_DIR/prefer-near.out"
is "$(partitions prefer-near far)" 0-5 "... alone, it has all partitions"
has "$(pilot status --map prefer-near)" "no choice: no other pool" \
    "... and status says that there is no choice"
near
wait_for 20 has_all prefer-near near 0-5
ok $? "one that is near the broker gets them all" ||
    leases prefer-near | sed 's/^/# /'
goes_on prefer-near
map=$(pilot status --map prefer-near)
has "$map" "near its broker, " "... status says why"
has "$map" " ms there and back (far: " "... with both round trips"
has "$(pilot status --map --json prefer-near)" '"pilot": "near"' "... in JSON"

kill -KILL $(near_ranks) "$near_pid" 2>/dev/null
wait "$near_pid" 2>/dev/null
wait_for 20 has_all prefer-near far 0-5
ok $? "it is killed: the other has them" || leases prefer-near | sed 's/^/# /'
goes_on prefer-near
ok $? "... and goes on"
near
wait_for 20 has_all prefer-near near 0-5
ok $? "it is there again, and has them back" ||
    leases prefer-near | sed 's/^/# /'
goes_on prefer-near
kill -INT "$pilot_pid"
wait "$pilot_pid"
is $? 0 "exit status" || sed 's/^/# /' "$TEST_DIR/prefer-near.out"
wait "$near_pid"
is $? 0 "... of the other pool" || sed 's/^/# /' "$TEST_DIR/near.err"
exact prefer-near
is "$(get "$TEST_DIR/prefer-near.json" applied)" \
    "$(get "$TEST_DIR/prefer-near.json" sent)" "what was sent is applied"

# A site is named; no round trip is measured for it.
start prefer-site --set pilots.far.broker= \
    --set 'pilots.close={kind: pool, ntasks: 1, site: lab}' \
    --set 'stages.learn.pilot=[far, close]' \
    --set 'stages.learn.prefer={site: barn, avoid: lab}'
wait_for 30 has_all prefer-site far 0-5
ok $? "a site: its pool has all" || leases prefer-site | sed 's/^/# /'
has_close() { leases prefer-site | grep -q '^close '; }
wait_for 20 has_close
goes_on prefer-site
has "$(pilot status --map prefer-site)" "avoid: others are at lab" \
    "... and status says why"
kill -INT "$pilot_pid"
wait "$pilot_pid"
is $? 0 "site: exit status" || sed 's/^/# /' "$TEST_DIR/prefer-site.out"
exact prefer-site

out=$(pilot run "$job" --dry-run --set stages.learn.prefer.site=moon 2>&1)
is $? 78 "a site that nobody has: exit status"
has "$out" "no pilot is at site 'moon'; sites are: lab (devices), barn (far)" \
    "... names those there are"
end_tests
