#!/bin/bash
# An edge that gets more devices by its policy, and ends them: by an event of
# outside and by the time of the week; every block of theirs is counted once.
. "$(dirname "$0")/lib.sh"

cat >"$TEST_DIR/job.yaml" <<'Y'
version: 1
pipeline: fleet
sign: yes
pilots:
  devices:
    kind: edge
    devices: 2
    scale: {max: 6, hold: 1s, on: {night: 6, calm: -2}}
  broker: {kind: broker}
  params: {kind: params}
  pool: {kind: pool, ntasks: 1}
stages:
  sense: {pilot: devices, function: generator, block: {points: 10, within: 1s, rate: 5}, options: {features: 4, blocks: 0}}
  learn: {pilot: pool, function: audit}
streams: {sense: {partitions: 4}}
epoch: {interval: 50ms}
results: "off"
Y

# --- before anything is started

check() { pilot config check "$TEST_DIR/job.yaml" "$@" 2>&1; }
check >/dev/null
ok $? "an edge has a policy"
out=$(check --set pilots.devices.scale.lag=5s)
is $? 78 "a lag: exit status"
has "$out" "pilots.devices.scale.lag=5s: scale: lag is for pools; devices \
come and go by at (times) and on (events)" "a lag: one error"
out=$(check --set pilots.devices.scale.max=5)
has "$out" "max: 5 is no number of whole pilots, of which each has 2 devices" \
    "half a pilot"
out=$(check --set pilots.pool.scale.max=2 --set pilots.pool.scale.lag=5s)
has "$out" "has one, too: a run has one policy" "two policies"
printf '1\n2\n' >"$TEST_DIR/rows.csv"
out=$(check --set stages.sense.function=file --set "stages.sense.options=" \
    --set "stages.sense.options.path=$TEST_DIR/rows.csv")
is $? 78 "rows of a file: exit status"
has "$out" "those of another pilot would read the same rows again" \
    "rows of a file are dealt out once"
shown() { pilot config show "$1" | sed '1,/^# Every key/d'; }
shown "$TEST_DIR/job.yaml" >"$TEST_DIR/shown.yaml"
grep -q "scale:" "$TEST_DIR/shown.yaml" &&
    diff "$TEST_DIR/shown.yaml" <(shown "$TEST_DIR/shown.yaml")
ok $? "what is shown is a file with the same policy"

# --- by an event

told() { pilot scale fleet 2>/dev/null | grep -q -- "$1"; }
show() { pilot scale fleet 2>&1 | sed 's/^/# /'; }
pilot run "$TEST_DIR/job.yaml" --run fleet --summary "$TEST_DIR/sum.json" \
    >"$TEST_DIR/out" 2>&1 &
pid=$!
children="$children $pid"
wait_for 40 applied fleet 20
ok $? "the run learns" || sed 's/^/# /' "$TEST_DIR/out"
wait_for 20 told "all is well: 2 devices"
ok $? "all is well with those of the file" || show
has "$(pilot event fleet day 2>&1)" "it has night, calm" "an unknown event"
pilot event fleet night
wait_for 40 told "now      6 devices in 3 pilots"
ok $? "an event brings two pilots, one after the other" || show
has "$(pilot scale fleet)" "event night: 6 devices" "why stands there"
wait_for 30 in_state fleet/devices.3 ACTIVE
ok $? "they sense" || pilot status fleet 2>&1 | sed 's/^/# /'
is "$(pilot scale --dry-run fleet | cut -d: -f1)" nothing \
    "--dry-run: nothing more"
pilot event fleet calm
wait_for 40 in_state fleet/devices.3 CANCELED
ok $? "another one ends the last of them" || show
wait_for 30 told "now      4 devices in 2 pilots"
ok $? "... and no more" || show
is "$(pilot scale --json fleet | sed -n 's/^ *"failed": \([0-9]*\).*/\1/p' |
    head -n 1)" 0 "who left as asked has not failed" || show

# --- who decides is gone between what it did and its word of that

# As it leaves things: the event waits, and its row is under way.
done="devices.3 is asked to leave"
kill -KILL "$(redis_do GET "pilot:{fleet}:keeper" | cut -d' ' -f2)"
state=$(redis_do GET "pilot:{fleet}:scale")
id=$(grep -o '"event":"[^"]*"' <<<"$state" | tail -n 1 | cut -d'"' -f4)
has "$state" "$done" "what was done is told"
redis_do HSET "pilot:{fleet}:events" "calm $id" 1 >/dev/null
redis_do SET "pilot:{fleet}:scale" "${state//$done/under way}" >/dev/null
taken() { [ "$(redis_do HLEN "pilot:{fleet}:events")" = 0 ]; }
wait_for 40 taken
ok $? "another one decides" || show
wait_for 10 told "it is done; who decided was gone before"
ok $? "... and sees that it is done" || show
wait_for 10 told "all is well: 4 devices"
ok $? "... so it is not done again" || show

# --- the end

# The pool cannot end while it stands still, so the run does for a while.
kill -STOP $(agents fleet pilot-agent)
kill -INT "$pid"
draining() { pilot status fleet 2>/dev/null | grep -q "DRAINING"; }
wait_for 20 draining
pilot event fleet night
wait_for 30 taken
ok $? "an event that comes as the run ends is dropped" || show
wait_for 10 told "event night came as the run ends"
ok $? "... and told" || show
kill -CONT $(agents fleet pilot-agent)
wait "$pid"
is $? 0 "exit status" || sed 's/^/# /' "$TEST_DIR/out"
exact fleet
is "$(get "$TEST_DIR/sum.json" applied)" "$(get "$TEST_DIR/sum.json" sent)" \
    "every block of every device once"
has "$(cat "$TEST_DIR/out")" "scale: 2 to 4 devices: event night" \
    "the run told of it"
is "$(sed '/2 to 4 devices/,$d' "$TEST_DIR/out" | grep -c "looked after")" 1 \
    "who looks after them is said once"
is "$(grep -c "no pilot of it lives" "$TEST_DIR/out")" 0 \
    "devices that end with the run are no news"
idle() { ! agents fleet pilot-edge && ! pgrep -f "scale --keep fleet\$"; }
wait_for 30 idle
ok $? "nothing is left"

end_tests
