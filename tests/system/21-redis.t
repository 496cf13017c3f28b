#!/bin/bash
# A Redis of the test's own: killed, rolled back, and wanted by two homes
# (rules 1, 4 and 9).
. "$(dirname "$0")/lib.sh"

job=$SRC/tests/system/audit.yaml
redis=$TEST_DIR/redis
mkdir "$redis"
unset PILOT_PASSWORD_FILE
export PILOT_PARAMS=unix://$redis/socket

redis_do() {
    redis-cli -s "$redis/socket" "$@" 2>/dev/null
}

redis_answers() {
    [ "$(redis_do PING)" = PONG ]
}

redis_up() {
    redis-server --port 0 --unixsocket "$redis/socket" --dir "$redis" \
        --save "" --appendonly yes --appendfsync always >>"$redis/log" 2>&1 &
    redis_pid=$!
    children="$children $redis_pid"
    wait_for 30 redis_answers || die "redis-server does not start"
}

redis_kill() {
    kill -KILL "$redis_pid"
    wait "$redis_pid" 2>/dev/null
}

# The log as it is now; and Redis as it was then.
redis_keep() {
    rm -rf "$redis/kept"
    cp -r "$redis/appendonlydir" "$redis/kept"
}
redis_roll_back() {
    redis_kill
    rm -rf "$redis/appendonlydir"
    cp -r "$redis/kept" "$redis/appendonlydir"
    redis_up
}

# start RUN BLOCKS: of each of 4 devices, 60/s, in background.
start() {
    pilot run "$job" --run "$1" --summary "$TEST_DIR/$1.json" \
        --set stages.sense.block.rate=60 \
        --set stages.sense.options.blocks="$2" \
        >"$TEST_DIR/$1.out" 2>&1 &
    pilot_pid=$!
    children="$children $pilot_pid"
}

# finish_run RUN BLOCKS
finish_run() {
    wait "$pilot_pid"
    is $? 0 "$1: exit status" || sed 's/^/# /' "$TEST_DIR/$1.out"
    exact "$1" --blocks "$2"
}

redis_up

# --- killed, again and again

start kills 150
for n in 60 180 300 420; do
    wait_for 30 applied kills $n || break
    redis_kill
    redis_up
done
ok $? "kills: the run goes on after each of them"
finish_run kills 150
redis_kill
redis_up
exact kills --blocks 150

# --- behind the end of a run that is done

start back 240
wait_for 30 applied back 40
redis_keep
finish_run back 240
redis_roll_back
before=$(committed back applied)
[ "$before" -lt 960 ]
ok $? "back: $before of 960 blocks are left"
out=$(pilot run --resume back 2>&1)
is $? 0 "back: resume: exit status" || printf '%s\n' "$out" | sed 's/^/# /'
has "$out" "has less than the 960 blocks with which this run ended" \
    "back: the summary is not believed"
exact back --blocks 240
out=$(pilot run --resume back 2>&1)
is "$? $(printf '%s' "$out" | grep -c "going on")" "0 0" \
    "back: now it is done, and stays so"

# --- over a pool that was started again, and over the ends of the devices

incarnation() {
    leases over | cut -d/ -f 5
}
has_another() {
    now=$(incarnation)
    [ -n "$now" ] && [ "$now" != "$was" ]
}
all_ended() {
    [ "$(redis_do HLEN 'pilot:{over}:ends')" = 4 ]
}
start over 300
wait_for 30 applied over 40
was=$(incarnation)
redis_keep
all_ended
is $? 1 "over: what is kept lacks ends of devices"
kill -KILL $(agents over pilot-agent)
wait_for 30 has_another
ok $? "over: the pool is started again"
wait_for 30 applied over 160
ranks=$(agents over pilot-agent)
kill -STOP $ranks
wait_for 30 all_ended
ok $? "over: the devices have written their ends"
redis_roll_back # the devices may write them at once
kill -CONT $ranks
finish_run over 300
grep -q "another process has taken over" "$PILOT_HOME/over/pool/err"
is $? 1 "over: nobody is taken for its own successor"

# --- two homes, one name

start home 150
wait_for 30 applied home 20
out=$(PILOT_HOME=$TEST_DIR/other pilot run "$job" --run home 2>&1)
is $? 75 "home: the same name from another home: exit status"
has "$out" "a run of this name is that of $(hostname), in $PILOT_HOME, since" \
    "home: ... names the first"
[ ! -e "$TEST_DIR/other/home" ]
ok $? "home: ... leaves nothing"
# The same folder on another host, of which this one sees nothing.
if unshare -u -m mount -t tmpfs none "$TEST_DIR/redis" 2>/dev/null; then
    out=$(unshare -u -m sh -c 'hostname elsewhere &&
        mount -t tmpfs none "$PILOT_HOME" && pilot run "$1" --run home
        echo "status $?"; ls -A "$PILOT_HOME"' sh "$job" 2>&1)
    has "$out" "a run of this name is that of $(hostname), in $PILOT_HOME," \
        "home: the same name on another host"
    is "${out##*$'\n'}" "status 75" "home: ... exit status, and leaves nothing"
else
    ok 0 "home: the same name on another host # SKIP no host can be played"
fi
# A pilot by itself finds out where it lives.
PILOT_HOME=$TEST_DIR/third pilot submit -Q --resource local:// -n 1 \
    --run home --pilot pool "$job"
is $? 0 "home: a pilot of a third home is submitted"
out=$(PILOT_HOME=$TEST_DIR/third pilot wait -t 60s home/pool 2>&1)
is $? 1 "home: ... and fails"
has "$out$(PILOT_HOME=$TEST_DIR/third pilot status home/pool 2>&1)" \
    "a run of this name is that of" "home: ... and says why"
finish_run home 150
out=$(PILOT_HOME=$TEST_DIR/other pilot run "$job" --run home 2>&1)
is $? 75 "home: also when it is over"

# --- a state of the layout before

redis_do HSET 'pilot:{old}:state' commit 00000000000000000000000000000001 \
    version 7 >/dev/null
out=$(pilot run "$job" --run old 2>&1)
is $? 65 "old: exit status"
has "$out" "another version of pilot-edge: finish the run with that one" \
    "old: says what it is"
is "$(printf '%s\n' "$out" | grep -c WRONGTYPE)" 1 "old: ... once"

end_tests
