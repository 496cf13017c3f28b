#!/bin/bash
# Models that learn on devices: no row in the topic, exact across deaths, a
# device that cannot send learns on.
. "$(dirname "$0")/lib.sh"

# shellcheck disable=SC1090
. "$(dirname "$PILOT_PASSWORD_FILE")/env"
thaw() { kill -CONT "$KAFKA_PID" 2>/dev/null; }
at_end thaw

# Rows of two blobs, and no value twice: 9 digits of a fixed sequence.
awk 'BEGIN {
    x = 12345
    for (i = 0; i < 40000; i++) {
        for (k = 0; k < 3; k++) {
            x = (x * 16807) % 2147483647
            printf "%s%.9f", k ? "," : "", (i % 2) * 5 + x / 2147483647
        }
        print ""
    }
}' >"$TEST_DIR/rows.csv"

cat >"$TEST_DIR/fed.yaml" <<'END'
version: 1
pipeline: fed
pilots:
  devices: {kind: edge, devices: 2}
  broker: {kind: broker}
  params: {kind: params}
  pool: {kind: pool, ntasks: 2}
stages:
  sense:
    pilot: devices
    function: file
    block: {points: 100, within: 1s, rate: 15}
    options: {path: rows.csv}
  infer: {pilot: devices, function: score}
  learn:
    pilot: devices
    function: kmeans
    sync: 300ms
    options: {clusters: 4, contamination: 0.01}
streams: {infer: {partitions: 2}}
epoch: {interval: 50ms}
END
cd "$TEST_DIR" || exit 1

run_in_back() {
    pilot run fed.yaml --run "$@" --summary "$TEST_DIR/$1.json" \
        >"$TEST_DIR/$1.out" 2>&1 &
    pilot_pid=$!
    children="$children $pilot_pid"
}

points() {
    n=$(committed "$1" points)
    [ "${n:-0}" -ge "$2" ]
}

# --- a file, an agent and a rank that are killed, a broker that is away ---

run_in_back fed-killed
wait_for 40 points fed-killed 2000
ok $? "killed: the run learns"
kill -KILL "$(agents fed-killed pilot-edge)"
wait_for 40 points fed-killed 5000
ok $? "killed: it goes on without the agent that died"
kill -KILL "$(agents fed-killed pilot-agent | head -n 1)"
wait_for 60 points fed-killed 8000
ok $? "killed: it goes on without the ranks that died"
# Nothing gets through, and the devices learn on.
kill -STOP "$KAFKA_PID"
# A row of a device: name, sensed, sent, ..., syncs, rows, rows held, ...
held() {
    redis_do HGET 'pilot:{fed-killed}:pilots' devices | tr -d ' ' |
        grep -o '\["devices-[^]]*\]' |
        awk -F, '{s += $11} END {exit !(s >= 1500)}'
}
wait_for 30 held
ok $? "killed: devices that cannot send learn on, and say so"
thaw
wait "$pilot_pid"
is $? 0 "killed: the run is done" || sed 's/^/# /' fed-killed.out
is "$(get fed-killed.json points)" 40000 "killed: every row was learned once"
is "$(get fed-killed.json refused)" 0 "killed: nothing was refused"
sent=$(get fed-killed.json sent)
[ "$sent" -lt 200 ]
ok $? "killed: deltas are few: $sent for 400 blocks"
has "$(cat fed-killed.out)" "no row has left them" \
    "killed: the summary says what devices have learned"

out=$(pilot status --learned fed-killed 2>&1)
has "$out" "devices-0 " "killed: a line says what each device has learned"
has "$out" "devices-1 " "... and of the other one" ||
    printf '%s\n' "$out" | sed 's/^/# /'

# --- what is in the topic ---

out=$("$BUILD/tests/system/wire" rows.csv pilot.fed-killed.infer 2)
is $? 0 "wire: no value of a row is in any record: ${out##*$'\n'}" ||
    printf '%s\n' "$out" | sed 's/^/# /'
"$BUILD/tests/system/wire" rows.csv pilot.fed-killed.infer 2 plant >found
is $? 1 "wire: one that is there would be found" || sed 's/^/# /' found

# --- a forest: trees go up ---

run_in_back trees --set stages.learn.function=iforest \
    --set stages.learn.options='{trees: 20, psi: 64}' \
    --set stages.sense.block.rate=40
wait_for 40 points trees 3000
ok $? "trees: the run learns"
kill -KILL "$(agents trees pilot-edge)"
wait "$pilot_pid"
is $? 0 "trees: the run is done" || sed 's/^/# /' trees.out
is "$(get trees.json points)" 40000 "trees: every row was learned once"
is "$(get trees.json refused)" 0 "trees: nothing was refused"
out=$("$BUILD/tests/system/wire" rows.csv pilot.trees.infer 2)
is $? 0 "trees: no value of a row is in any record: ${out##*$'\n'}" ||
    printf '%s\n' "$out" | sed 's/^/# /'
out=$(pilot model show trees 2>&1)
has "$out" "tree_device" "trees: the model knows whose its trees are" ||
    printf '%s\n' "$out" | sed 's/^/# /'

# --- deltas that are too old ---

# The first one of a device, of one block, may be in time.
out=$(pilot run fed.yaml --run fed-stale --set stages.learn.stale=1ms \
    --set stages.sense.block.rate=200 --summary stale.json 2>&1)
stale=$(get stale.json stale)
[ "${stale:-0}" -ge 39000 ]
ok $? "stale: rows of deltas that come too late are counted: $stale" ||
    printf '%s\n' "$out" | sed 's/^/# /'
has "$out" "$stale not merged (stale deltas of devices)" "stale: and said"
is "$(get stale.json masked) $(committed fed-stale stale)" "0 $stale" \
    "stale: they are no masked rows, and committed"
is "$(($(committed fed-stale points) + stale))" 40000 "stale: no row is lost"

# --- the job that ships ---

out=$(pilot run "$SRC/jobs/federated.yaml" --run shipped \
    --summary shipped.json --set stages.sense.options.blocks=60 \
    --set stages.learn.sync=200ms 2>&1)
is $? 0 "shipped: jobs/federated.yaml runs" ||
    printf '%s\n' "$out" | sed 's/^/# /'
is "$(get shipped.json points)" 120000 "shipped: every row was learned once"
is "$(get shipped.json exactly_once)" on "shipped: exactly once"

# --- what cannot be ---

bad() {
    out=$(pilot config check "$1" --set "$2" 2>&1)
    is $? 78 "$2 is refused"
    has "$out" "$3" "... and why"
}
bad fed.yaml stages.learn.function=audit "model audit learns on a pool"
bad fed.yaml stages.learn.options.exact=true "exact: its sums"
bad fed.yaml stages.learn.options.threshold=exact "score of every row"
out=$(pilot config check fed.yaml --set stages.learn.function=iforest \
    --set stages.learn.options='{refit: yes}' 2>&1)
is $? 78 "a forest that refits is refused"
has "$out" "refit: its trees" "... and why"
bad fed.yaml results=topic "stay on devices"
bad fed.yaml stages.learn.pilot=pool "sync is for a model on devices"
bad fed.yaml stages.learn.least=1 "least"

end_tests
