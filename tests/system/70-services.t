#!/bin/bash
# scripts/services: start, twice, status, stop; ports taken, no Java; a run
# that brings its own services and takes them away.
. "$(dirname "$0")/lib.sh"

services=$SRC/scripts/services
dir=$TEST_DIR/services

# ended PID: gone, or only not reaped yet.
ended() {
    [ ! -e "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null
}

KAFKA_JVM_PERFORMANCE_OPTS="-XX:TieredStopAtLevel=1 -Dours=1" \
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
has "$(tr '\0' ' ' <"/proc/$KAFKA_PID/cmdline")" \
    " -XX:TieredStopAtLevel=1 -Dours=1 " "Java is given what it is to have"
is "$(grep -cE '^cluster.id=[A-Za-z0-9_][A-Za-z0-9_-]{21}$' \
    "$dir/kafka/meta.properties")" 1 "the cluster has a name"
out=$("$services" start --dir "$TEST_DIR/other" \
    --redis-port "${PILOT_PARAMS##*:}" 2>&1)
is $? 69 "port taken: exit status"
has "$out" "port ${PILOT_PARAMS##*:} for redis is taken" "port taken: says so"
kill -KILL "$REDIS_PID"
wait_for 20 test ! -e "/proc/$REDIS_PID"
"$services" status --dir "$dir" >/dev/null
is $? 1 "status when one is dead"
"$services" start --dir "$dir" 2>/dev/null
is $? 0 "start brings back what is dead"
# shellcheck disable=SC1091
. "$dir/env"
# What knows them finds them again after a stop.
ports="$PILOT_BROKER $PILOT_PARAMS"
pilot services stop --dir "$dir"
is $? 0 "stop, by the verb"
[ ! -e "$dir/env" ] && ended "$KAFKA_PID"
ok $? "stop ends them"
pilot services start --dir "$dir" --only redis 2>/dev/null
pilot services start --dir "$dir" 2>/dev/null
# shellcheck disable=SC1091
. "$dir/env"
is "$PILOT_BROKER $PILOT_PARAMS" "$ports" "a start keeps the ports of before"
# One of the two may be stopped.
pilot services stop --dir "$dir" --only redis
is "$("$services" status --dir "$dir" | cut -d ' ' -f 1,2 | head -n 2)" \
    "kafka running
redis stopped" "stop --only: the other one goes on"
pilot services start --dir "$dir" 2>/dev/null
# shellcheck disable=SC1091
. "$dir/env"
is "$PILOT_BROKER $PILOT_PARAMS" "$ports" "... and a start finds it"
# A broker that was killed a moment ago is none: another one is started.
kill -KILL "$KAFKA_PID"
"$services" start --dir "$dir" 2>/dev/null
is $? 0 "a broker that was killed: another one is started"
# shellcheck disable=SC1091
. "$dir/env"
"$BUILD/tests/system/topic" create services-topic 1
is $? 0 "... which answers"
# One that says nothing is not taken for one that runs.
kill -STOP "$KAFKA_PID"
out=$("$services" start --dir "$dir" 2>&1)
is $? 69 "a broker that does not answer: exit status"
has "$out" "process $KAFKA_PID, is there and does not answer" "... is named"
kill -CONT "$KAFKA_PID"
# A start that fails half-way leaves what ran before.
kill -KILL "$KAFKA_PID"
wait_for 10 ended "$KAFKA_PID"
out=$(JAVA_HOME=/nowhere "$services" start --dir "$dir" 2>&1)
is $? 78 "half a start: exit status"
has "$out" "JAVA_HOME is '/nowhere'" "half a start: says why"
ended "$REDIS_PID"
is $? 1 "half a start: the Redis that ran goes on"
has "$("$services" status --dir "$dir")" \
    "redis running ${PILOT_PARAMS#redis://} pid $REDIS_PID" "... and is known"
"$services" start --dir "$dir" 2>/dev/null
is $? 0 "half a start: the next one brings the rest"
# shellcheck disable=SC1091
. "$dir/env"
is "$PILOT_BROKER $PILOT_PARAMS" "$ports" "... at the ports of before"
"$services" stop --purge --dir "$dir"
is $? 0 "stop"
ended "$KAFKA_PID" && ended "$REDIS_PID" && [ ! -e "$dir" ]
ok $? "stop leaves no process and no file"
"$services" stop --dir "$dir"
is $? 0 "stop with nothing there"

# A folder whose name a shell would take apart is refused, not half used.
out=$("$services" start --dir "$TEST_DIR/a b" 2>&1)
is $? 64 "folder with a blank: exit status"
has "$out" "without blanks" "folder with a blank: says so"

# A process that ended but is not reaped yet does not hold stop up.
bash -c 'redis-server --port 0 --save "" >/dev/null & echo $! >"$0"
    exec sleep 60' "$TEST_DIR/zombie" &
parent=$!
children="$children $parent"
wait_for 20 test -s "$TEST_DIR/zombie"
zombie=$(cat "$TEST_DIR/zombie")
started=$(sed 's/.*) //' "/proc/$zombie/stat" | cut -d' ' -f20)
mkdir "$TEST_DIR/unreaped"
printf 'REDIS_PID=%s\nREDIS_START=%s\n' "$zombie" "$started" \
    >"$TEST_DIR/unreaped/env"
timeout 9 "$services" stop --dir "$TEST_DIR/unreaped"
is $? 0 "a zombie counts as ended"
kill -KILL $parent
wait $parent 2>/dev/null

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
[ ! -e "$TEST_DIR/nojava/env" ] && [ -e "$TEST_DIR/nojava/redis.log" ]
ok $? "no Java: Redis had been started"
is "$(pgrep -f "$TEST_DIR/nojava" | wc -l)" 0 "no Java: ... and is taken back"
"$services" stop --purge --dir "$TEST_DIR/nojava"
out=$(env -u HOME -u PILOT_HOME -u XDG_STATE_HOME "$services" status 2>&1)
is $? 78 "no HOME: exit status"
has "$out" "set PILOT_HOME to the folder that keeps the state" \
    "no HOME: says what to set"

# Without services anywhere a run starts its own and takes them away.
out=$(env -u PILOT_BROKER -u PILOT_PARAMS -u PILOT_PASSWORD_FILE \
    pilot run "$SRC/jobs/file.yaml" --run own 2>&1)
is $? 0 "own services: exit status" || printf '%s\n' "$out" | sed 's/^/# /'
is "$(pgrep -f "$PILOT_HOME/own" | wc -l)" 0 "own services: nothing is left"

# What they had is kept, or they are had again.
alone() { env -u PILOT_BROKER -u PILOT_PARAMS -u PILOT_PASSWORD_FILE "$@"; }
own=$PILOT_HOME/own
ok "$(alone pilot results own --csv --no-header 2>/dev/null | wc -l |
    awk '{ print $1 < 100 }')" "own services: the answers are there without"
cp "$own/results/rows.npy" "$TEST_DIR/before.npy"
rm -r "$own/results"
out=$(alone pilot score own 2>&1)
is $? 0 "own services: the rows are scored again" ||
    printf '%s\n' "$out" | sed 's/^/# /'
cmp -s "$own/results/rows.npy" "$TEST_DIR/before.npy"
ok $? "... as they were"
is "$(pgrep -f "$own" | wc -l)" 0 "... and nothing is left"
out=$(alone pilot verify own 2>&1)
is $? 0 "own services: the run is counted again" ||
    printf '%s\n' "$out" | sed 's/^/# /'
has "$out" "own: exact: " "... and exact"
is "$(pgrep -f "$own" | wc -l)" 0 "... and nothing is left"
out=$(alone pilot score own "$SRC/jobs/example.csv" --top 1 2>&1)
is $? 0 "own services: a file by the model" || printf '%s\n' "$out" | sed 's/^/# /'
is "$(printf '%s\n' "$out" | grep -c 'starting a broker')" 0 \
    "... which was kept: they are not needed"
out=$(alone pilot results --stream own 2>&1)
is $? 69 "own services: the stream is theirs"
has "$out" "'pilot services start --dir $own/services' starts it again" \
    "... and what brings it back is said"
out=$(alone pilot run "$SRC/jobs/file.yaml" --run own-none --no-final 2>&1)
is $? 0 "own services, no answers" || printf '%s\n' "$out" | sed 's/^/# /'
has "$(alone pilot model show own-none 2>&1)" "kind           kmeans" \
    "... the model is kept"

# So does one whose services are pilots of this very host.
cp "$SRC/jobs/example.csv" "$TEST_DIR"
sed 's#{kind: \(broker\|params\)}#{kind: \1, resource: "local://"}#' \
    "$SRC/jobs/file.yaml" >"$TEST_DIR/here.yaml"
out=$(env -u PILOT_BROKER -u PILOT_PARAMS -u PILOT_PASSWORD_FILE \
    timeout 300 "$BUILD/pilot" run "$TEST_DIR/here.yaml" --run own-pilots 2>&1)
is $? 0 "pilots of this host: exit status" ||
    printf '%s\n' "$out" | sed 's/^/# /'
is "$(pgrep -f "$PILOT_HOME/own-pilots" | wc -l)" 0 "... and nothing is left"
# Else Redis would wait until the broker's last word is too old to count.
[ "$(grep -rah --include='appendonly*' '"kind":"broker"' \
    "$PILOT_HOME/own-pilots" | grep -c '"status":0')" -gt 0 ]
ok $? "... and Redis has heard that the broker has ended"

end_tests
