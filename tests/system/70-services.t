#!/bin/bash
# scripts/services: start, twice, status, stop; ports taken, no Java; a run
# that brings its own services and takes them away.
. "$(dirname "$0")/lib.sh"

services=$SRC/scripts/services
dir=$TEST_DIR/services

"$services" start --dir "$dir" 2>"$TEST_DIR/err"
is $? 0 "start" || sed 's/^/# /' "$TEST_DIR/err"
before=$(cat "$dir/env")
"$services" start --dir "$dir" 2>/dev/null
is "$(cat "$dir/env")" "$before" "a second start changes nothing"
is "$(stat -c %a "$dir/password")" 600 "the password is ours alone"
out=$("$services" status --dir "$dir")
is $? 0 "status while they run"
has "$out" "kafka running" "status names the broker"
# shellcheck disable=SC1091
. "$dir/env"
out=$("$services" start --dir "$TEST_DIR/other" \
    --redis-port "${PILOT_PARAMS##*:}" 2>&1)
is $? 69 "port taken: exit status"
has "$out" "port ${PILOT_PARAMS##*:} for redis is taken" "port taken: says so"
kill -KILL "$REDIS_PID"
wait_for 5 test ! -e "/proc/$REDIS_PID"
"$services" status --dir "$dir" >/dev/null
is $? 1 "status when one is dead"
"$services" start --dir "$dir" 2>/dev/null
is $? 0 "start brings back what is dead"
# shellcheck disable=SC1091
. "$dir/env"
"$services" stop --purge --dir "$dir"
is $? 0 "stop"
[ ! -e "/proc/$KAFKA_PID" ] && [ ! -e "/proc/$REDIS_PID" ] && [ ! -e "$dir" ]
ok $? "stop leaves no process and no file"
"$services" stop --dir "$dir"
is $? 0 "stop with nothing there"

# No Java: the package is named.
mkdir "$TEST_DIR/bin"
for c in bash cat mkdir mv flock head od tr sleep redis-server setsid \
    timeout tail rm sed; do
    ln -s "$(command -v $c)" "$TEST_DIR/bin/$c"
done
out=$(env -u JAVA_HOME PATH="$TEST_DIR/bin" "$services" start \
    --dir "$TEST_DIR/nojava" 2>&1)
is $? 78 "no Java: exit status"
has "$out" "apt-get install default-jre-headless" "no Java: names the package"
"$services" stop --purge --dir "$TEST_DIR/nojava"

# Without services anywhere a run starts its own and takes them away.
out=$(env -u PILOT_BROKER -u PILOT_PARAMS -u PILOT_PASSWORD_FILE \
    pilot run "$SRC/jobs/file.yaml" --run own 2>&1)
is $? 0 "own services: exit status" || printf '%s\n' "$out" | sed 's/^/# /'
is "$(pgrep -f "$PILOT_HOME/own" | wc -l)" 0 "own services: nothing is left"
