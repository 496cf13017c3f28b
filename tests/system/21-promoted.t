#!/bin/bash
# A Redis of the test's own: a replica of it takes over that lacks the last
# commits, and one has lost all (rule 4).
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

replica=$TEST_DIR/replica
mkdir "$replica"
replica_do() { redis-cli -s "$replica/socket" "$@" 2>/dev/null; }
in_sync() { replica_do INFO replication | grep -q master_link_status:up; }
# A second server, with all that the first one has.
replica_up() {
    redis_port=$((20000 + RANDOM % 10000))
    until [ "$(redis_do CONFIG SET port $redis_port)" = OK ]; do
        redis_port=$((20000 + RANDOM % 10000))
    done
    redis-server --port 0 --unixsocket "$replica/socket" \
        --dir "$(mktemp -d "$replica/XXXXXX")" --save "" --appendonly yes \
        --appendfsync always --replicaof 127.0.0.1 "$redis_port" \
        >>"$replica/log" 2>&1 &
    replica_pid=$!
    children="$children $replica_pid"
    wait_for 30 in_sync || die "a replica does not start"
}
# behind RUN: the replica is promoted, and the run commits to the first one.
behind() {
    replica_do REPLICAOF NO ONE >/dev/null
    lacks=$(committed "$1" applied)
    wait_for 30 applied "$1" $((lacks + 60))
    ok $? "$1: commits that the replica does not have"
}

# --- at the same address

start promoted 600
wait_for 30 applied promoted 40
replica_up
behind promoted
redis_kill
mv "$replica/socket" "$redis/socket"
redis_pid=$replica_pid
finish_run promoted 600

# --- at another one, where the run goes on

# Devices ask how far the pool is before it has learned again what they sent.
slow=delay=20@fetch

start moved 600
wait_for 30 applied moved 40
replica_up
behind moved
kill -INT "$pilot_pid"
wait "$pilot_pid"
is $? 0 "moved: drained" || sed 's/^/# /' "$TEST_DIR/moved.out"
redis_kill
export PILOT_PARAMS=unix://$replica/socket
out=$(PILOT_FAULT=$slow pilot run --resume moved 2>&1)
is $? 0 "moved: resume: exit status" || printf '%s\n' "$out" | sed 's/^/# /'
has "$out" " sent again, which the parameter service had lost" \
    "moved: what is sent again is said"
exact moved --blocks 600
mv "$replica/socket" "$redis/socket"
export PILOT_PARAMS=unix://$redis/socket

# --- one that has nothing any more, under a run and where one goes on

start flushed 300
wait_for 30 applied flushed 100
redis_do FLUSHALL >/dev/null
finish_run flushed 300
has "$(cat "$TEST_DIR/flushed.out")" "'pilot cancel --run flushed'" \
    "emptied: ... and what to type for the old one"
has "$(cat "$TEST_DIR/flushed.out")" "has nothing any more of run 'flushed'" \
    "flushed: it is said, with what to do"

start refilled 600
wait_for 30 applied refilled 100
kill -INT "$pilot_pid"
wait "$pilot_pid"
redis_do FLUSHALL >/dev/null
out=$(PILOT_FAULT=$slow pilot run --resume refilled 2>&1)
is $? 0 "refilled: resume: exit status" || printf '%s\n' "$out" | sed 's/^/# /'
exact refilled --blocks 600

end_tests
