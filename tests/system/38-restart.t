#!/bin/bash
# The final pass can be ended at any moment: what a run has of answers is the
# old whole or the new one, and the next pass makes the very same files.
. "$(dirname "$0")/lib.sh"

rows=60000
awk -v n=$rows 'BEGIN { srand(5); print "temp,hum"; for (i = 0; i < n; i++)
    printf "%.4f,%.4f\n", rand(), rand() }' >"$TEST_DIR/rows.csv"
cat >"$TEST_DIR/alone.yaml" <<'Y'
version: 1
pipeline: alone
pilots:
  pool: {kind: pool}
stages:
  sense: {pilot: pool, function: file, block: {points: 200}, options: {path: rows.csv}}
  learn: {pilot: pool, function: kmeans, options: {clusters: 3}}
results: off
Y
sed -e 's/pool: {kind: pool}/&\n  devices: {kind: edge}\n  broker: {kind: broker}\n  params: {kind: params}/' \
    -e 's/sense: {pilot: pool/sense: {pilot: devices/' \
    "$TEST_DIR/alone.yaml" >"$TEST_DIR/served.yaml"

# sums RUN: of its answers, but for how long they took.
sums() {
    (cd "$PILOT_HOME/$1/results" && for f in *; do
        echo "$f $(sed 's/"seconds": *[0-9.e-]*//' "$f" | cksum)"
    done) 2>&1
}
gone() { ! kill -0 "$1"; }
scorer() { pgrep -P "$1" -x pilot-score; }

# --- of a run that has answers ---
pilot run "$TEST_DIR/alone.yaml" --run restart-alone >"$TEST_DIR/out" 2>&1
is $? 0 "alone: exit status" || sed 's/^/# /' "$TEST_DIR/out"
before=$(sums restart-alone)
is "$(pilot results restart-alone --csv --no-header 2>/dev/null |
    cut -d, -f1 | sort -u)" "" "alone: nobody makes up when a row was sensed"
RANDOM=11
torn=
for i in $(seq 24); do
    pilot score restart-alone >"$TEST_DIR/out" 2>&1 &
    pid=$!
    children="$children $pid"
    wait_for 10 scorer $pid
    child=$(scorer $pid)
    sleep "0.$(printf %03d $((RANDOM % 250)))"
    case $((i % 3)) in
    0) kill -KILL "$child" ;;
    1) kill -KILL $pid ;;
    2) kill -KILL $pid "$child" ;;
    esac 2>/dev/null
    wait $pid
    [ -z "$child" ] || wait_for 10 gone "$child"
    [ "$(sums restart-alone)" = "$before" ] || torn="$torn $i"
done 2>/dev/null
is "$torn" "" "alone: answers are whole, whoever is killed, and when"
pilot score restart-alone >"$TEST_DIR/out" 2>&1
is $? 0 "alone: the next pass" || sed 's/^/# /' "$TEST_DIR/out"
is "$(sums restart-alone)" "$before" "alone: it makes the very same"
is "$(cd "$PILOT_HOME/restart-alone" && echo results.*)" \
    results.lock "alone: nothing is left of those before it"

# --- of one that has none yet ---
pilot run "$TEST_DIR/served.yaml" --run restart-served >"$TEST_DIR/out" 2>&1 &
pid=$!
children="$children $pid"
wait_for 60 scorer $pid
ok $? "served: the run comes to its final pass"
kill -KILL $pid
wait $pid 2>/dev/null
pilot run --resume restart-served >"$TEST_DIR/out" 2>&1
is $? 0 "served: it is resumed" || sed 's/^/# /' "$TEST_DIR/out"
has "$(cat "$TEST_DIR/out")" "6,000 outliers of 60,000 rows (final model" \
    "served: and ends with its answers"
before=$(sums restart-served)
pilot score restart-served >"$TEST_DIR/out" 2>&1
is "$(sums restart-served)" "$before" "served: another pass makes the same"

# --- no room ---
mkdir "$TEST_DIR/disk"
if mount -t tmpfs -o size=7m none "$TEST_DIR/disk" 2>/dev/null; then
    leave() { umount -l "$TEST_DIR/disk"; }
    at_end leave
    mv "$PILOT_HOME/restart-alone" "$TEST_DIR/disk"
    before=$(PILOT_HOME=$TEST_DIR/disk sums restart-alone)
    PILOT_HOME=$TEST_DIR/disk pilot score restart-alone >"$TEST_DIR/out" 2>&1
    is $? 73 "full: exit status" || sed 's/^/# /' "$TEST_DIR/out"
    has "$(cat "$TEST_DIR/out")" "disk full (" "full: said"
    is "$(PILOT_HOME=$TEST_DIR/disk sums restart-alone)" "$before" \
        "full: the old ones are whole"
    mount -o remount,size=64m "$TEST_DIR/disk"
    PILOT_HOME=$TEST_DIR/disk pilot score restart-alone >"$TEST_DIR/out" 2>&1
    is $? 0 "full: with room it goes on" || sed 's/^/# /' "$TEST_DIR/out"
    is "$(PILOT_HOME=$TEST_DIR/disk sums restart-alone)" "$before" \
        "full: and makes the same"
else
    ok 0 "full: # SKIP no file system of its own can be mounted here"
fi

end_tests
