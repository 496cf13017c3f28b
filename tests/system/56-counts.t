#!/bin/bash
# What a summary counts is of the whole run, whoever died in it and however
# often it went on; what is not says since when it counts.
. "$(dirname "$0")/lib.sh"

# supervisor RUN PILOT: its pid.
supervisor() {
    agents "$1" pilot-supervisor | while read -r pid; do
        ! tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q "/$2 " || echo "$pid"
    done
}

# start FILE RUN / again RUN: in the background; $sum is its summary.
start() {
    sum=$TEST_DIR/$2.json
    pilot run "$1" --run "$2" --summary "$sum" >"$TEST_DIR/$2.out" 2>&1 &
    pid=$!
    children="$children $pid"
}
again() {
    rm -f "$sum"
    pilot run --resume "$1" --summary "$sum" >"$TEST_DIR/$1.out" 2>&1 &
    pid=$!
    children="$children $pid"
}

# more RUN N: N more blocks than now are committed.
more() {
    wait_for 30 applied "$1" $(($(committed "$1" applied) + $2)) && return
    sed 's/^/# /' "$TEST_DIR/$1.out"
    die "$1: blocks flow on"
}

# cut RUN: the command that follows it is killed, and its agents leave.
cut() {
    kill -KILL "$pid"
    wait "$pid" 2>/dev/null
    wait_for 30 none_left "$1" || die "$1: its agents leave"
}

# ended RUN: with status 0.
ended() {
    wait "$pid"
    is $? 0 "$1: exit status" || sed 's/^/# /' "$TEST_DIR/$1.out"
}

# side STAGE SIDE: how many blocks it has put through the stage.
side() {
    sed -n "/^ *\"stages\": {/,\$p" "$sum" | sed -n "/^ *\"$1\": {/,/}/p" |
        sed -n "s/^ *\"$2\": \([0-9]*\),*/\1/p" | head -n 1
}

# whole RUN: every block passed each stage on one of the sides.
whole() {
    for s in first std; do
        is "$(($(side $s devices) + $(side $s pool)))" \
            "$(committed "$1" applied)" "$1: $s: each block on one side"
    done
}

# --- stages, with a rank, an agent, supervisors and the command killed ---

cat >"$TEST_DIR/sides.yaml" <<'Y'
version: 1
pipeline: sides
pilots:
  devices: {kind: edge, devices: 2}
  broker: {kind: broker}
  params: {kind: params}
  pool: {kind: pool, ntasks: 2}
epoch: {interval: 50ms}
results: "off"
stages:
  sense:
    pilot: devices
    function: generator
    block: {points: 20, rate: 60}
    options: {features: 4, blocks: 1000000}
  first: {pilot: devices, function: select, options: {columns: "0-3"}}
  std: {pilot: devices, function: standardise, options: {mean: "0,0,0,0", scale: "1,1,1,1"}}
  learn: {pilot: pool, function: audit}
Y
start "$TEST_DIR/sides.yaml" counts-sides
more counts-sides 40
kill -KILL "$(agents counts-sides pilot-agent | tail -n 1)"
more counts-sides 40
pilot move counts-sides/std --to pool >/dev/null 2>&1
ok $? "sides: a stage moves"
kill -KILL "$(agents counts-sides pilot-edge)"
more counts-sides 40
for p in devices pool; do
    kill -KILL "$(supervisor counts-sides $p)"
    more counts-sides 40
done
cut counts-sides
again counts-sides
more counts-sides 40
pilot cancel counts-sides >/dev/null 2>&1
ended counts-sides
is "$(get "$sum" state)" "drained" "sides: it drained"
whole counts-sides
has "$(cat "$TEST_DIR/counts-sides.out")" "those since the restart of" \
    "sides: the summary says what is of the last processes alone"
has "$(cat "$TEST_DIR/counts-sides.out")" "what ranks fetched, replayed" \
    "sides: ... and what nobody told before it was cut off"
cpu=$(sed -n '/"cpu_s": {/,/}/s/^ *"pool": \([0-9]*\).*/\1/p' "$sum" | tail -n 1)
sensed=$(get "$sum" sensed)
again counts-sides
more counts-sides 40
pilot cancel counts-sides >/dev/null 2>&1
ended counts-sides
whole counts-sides
[ "$(get "$sum" sensed)" -ge $((sensed + 40)) ]
ok $? "sides: what devices sensed before is counted in"
now=$(sed -n '/"cpu_s": {/,/}/s/^ *"pool": \([0-9]*\).*/\1/p' "$sum" | tail -n 1)
[ "${now:-0}" -ge "${cpu:-1}" ]
ok $? "sides: so are its CPU seconds"
! grep -q "what ranks fetched, replayed" "$TEST_DIR/counts-sides.out"
ok $? "sides: a run that was drained knows all that came before"
exact counts-sides

# --- what devices have learned ---

cat >"$TEST_DIR/fed.yaml" <<'Y'
version: 1
pipeline: fed
pilots:
  devices: {kind: edge, devices: 2}
  broker: {kind: broker}
  params: {kind: params}
  pool: {kind: pool}
stages:
  sense:
    pilot: devices
    function: generator
    block: {points: 100, rate: 40}
    options: {features: 4, blocks: 400}
  infer: {pilot: devices, function: score}
  learn:
    pilot: devices
    function: kmeans
    sync: 200ms
    options: {clusters: 4}
streams: {infer: {partitions: 2}}
epoch: {interval: 50ms}
Y
# learned KEY: of all devices of the pilot, or [KEY N] of the Nth of them.
learned() {
    sed -n '/^  "learned": {/,/^  }/p' "$sum" |
        sed -n "s/^ *\"$1\": \([0-9]*\),*/\1/p" | sed -n "${2:-1}p"
}
points() { [ "$(committed counts-fed points)" -ge "$1" ] 2>/dev/null; }

start "$TEST_DIR/fed.yaml" counts-fed
wait_for 60 points 8000
kill -KILL "$(agents counts-fed pilot-edge)"
wait_for 60 points 16000
kill -KILL "$(supervisor counts-fed devices)"
wait_for 60 points 24000
ok $? "fed: it learns, whoever dies"
cut counts-fed
again counts-fed
wait_for 60 points 36000
pilot cancel counts-fed >/dev/null 2>&1
ended counts-fed
again counts-fed
ended counts-fed
is "$(get "$sum" state)" "done" "fed: it is done"
is "$(get "$sum" points)" 80000 "fed: every row was learned once"
is "$(learned rows)" 80000 "fed: the summary has all rows that devices learned"
is "$(learned syncs)" "$(committed counts-fed applied)" \
    "fed: ... in as many deltas as were merged"
is "$(learned bytes)" "$(committed counts-fed bytes)" "fed: ... and their bytes"

end_tests
