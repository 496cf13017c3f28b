#!/bin/bash
# The disk of Redis is full: said at once, waited for, and nothing is lost.
. "$(dirname "$0")/lib.sh"

job=$SRC/tests/system/audit.yaml
redis=$TEST_DIR/redis
mkdir "$redis"
mount -t tmpfs -o size=8m none "$redis" 2>/dev/null ||
    skip_rest "no file system of its own can be mounted here"
unset PILOT_PASSWORD_FILE
export PILOT_PARAMS=unix://$TEST_DIR/socket

leave() {
    kill -KILL "$redis_pid"
    wait "$redis_pid"
    umount -l "$redis"
}
at_end leave

redis_do() {
    redis-cli -s "$TEST_DIR/socket" "$@" 2>/dev/null
}

redis_answers() {
    [ "$(redis_do PING)" = PONG ]
}

# redis_up FSYNC
redis_up() {
    redis-server --port 0 --unixsocket "$TEST_DIR/socket" --dir "$redis" \
        --save "" --appendonly yes --appendfsync "$1" \
        --auto-aof-rewrite-percentage 0 >>"$TEST_DIR/log" 2>&1 &
    redis_pid=$!
    wait_for 30 redis_answers || die "redis-server does not start"
}

says() {
    grep -q "$2" "$TEST_DIR/$1.out"
}

# start RUN: it goes on until finish_run.
start() {
    pilot run "$job" --run "$1" --summary "$TEST_DIR/$1.json" \
        --set stages.sense.block.rate=60 --set stages.sense.options.blocks=0 \
        >"$TEST_DIR/$1.out" 2>&1 &
    pilot_pid=$!
    children="$children $pilot_pid"
    wait_for 30 applied "$1" 60
    ok $? "$1: the run learns"
    cat /dev/zero >"$redis/filler" 2>/dev/null
    wait_for 20 says "$1" "pool pool waits: .*its disk is full"
    ok $? "$1: the disk is full, and the run says so"
}

# finish_run RUN
finish_run() {
    wait_for 30 says "$1" "pool pool goes on"
    ok $? "$1: it goes on when there is room, and says so"
    kill -INT "$pilot_pid"
    wait "$pilot_pid"
    is $? 0 "$1: exit status" || sed 's/^/# /' "$TEST_DIR/$1.out"
    exact "$1"
}

# Redis refuses what it cannot write.
redis_up everysec
start refuses
rm "$redis/filler"
finish_run refuses

# One that promises every write ends instead.
redis_do CONFIG SET appendfsync always >/dev/null
start ends
wait "$redis_pid"
rm "$redis/filler"
redis_up always
finish_run ends

end_tests
