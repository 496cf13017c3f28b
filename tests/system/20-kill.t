#!/bin/bash
# SIGKILL of a rank, of the pool, of an edge agent, of everything: the same
# exact result (rules 1, 3, 4, 5).
. "$(dirname "$0")/lib.sh"

job=$SRC/tests/system/audit.yaml

# start RUN: the audit job at 4 x 60 blocks/s for about 4 s, in background.
start() {
    pilot run "$job" --run "$1" --summary "$TEST_DIR/$1.json" \
        --set stages.sense.block.rate=60 --set stages.sense.options.blocks=240 \
        >"$TEST_DIR/$1.out" 2>&1 &
    pilot_pid=$!
    children="$children $pilot_pid"
    wait_for 30 applied "$1" 200
    ok $? "$1: the run learns"
}

# finish_run RUN STATUS
finish_run() {
    wait "$pilot_pid"
    is $? "$2" "$1: exit status" ||
        sed 's/^/# /' "$TEST_DIR/$1.out"
    exact "$1" --blocks 240
    none_left "$1"
    ok $? "$1: no process left"
}

start kill-rank
kill -KILL "$(agents kill-rank pilot-agent | tail -n 1)"
finish_run kill-rank 0

start kill-pool
kill -KILL $(agents kill-pool pilot-agent)
finish_run kill-pool 0

start kill-edge
kill -KILL "$(agents kill-edge pilot-edge)"
finish_run kill-edge 0

# all_ended RUN: its devices have sent all they had.
all_ended() {
    [ "$(redis_do HLEN "pilot:{$1}:ends")" = 4 ]
}

# The supervisor of the devices, where nobody starts it again at once: they
# stop, and have not ended for that.
start kill-super
kill -STOP "$pilot_pid"
kill -KILL "$(agents kill-super pilot-supervisor | while read -r pid; do
    ! tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q /devices || echo "$pid"
done)"
wait_for 20 grep -q draining "$PILOT_HOME/kill-super/devices/err"
ok $? "kill-super: its devices stop"
wait_for 1 all_ended kill-super
is $? 1 "kill-super: ... and do not end"
kill -CONT "$pilot_pid"
finish_run kill-super 0

# Only the command: its agents notice, finish what was sent, and leave.  The
# supervisor of the pool would say then that the run is done: it is ended before
# the run goes on, and not later, so before Redis is spoken to.
start kill-pilot
super=$(agents kill-pilot pilot-supervisor | while read -r pid; do
    ! tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q /pool || echo "$pid"
done)
kill -KILL "$pilot_pid"
wait "$pilot_pid" 2>/dev/null
kill -STOP "$super"
wait_for 20 none_left kill-pilot
ok $? "kill-pilot: its agents leave"
redis=$(redis_do INFO server | sed -n 's/^process_id:\([0-9]*\).*/\1/p')
thaw() { kill -CONT "$redis"; }
at_end thaw
kill -STOP "$redis"
pilot run --resume kill-pilot >"$TEST_DIR/kill-pilot.out" 2>&1 &
pilot_pid=$!
children="$children $pilot_pid"
wait_for 20 test ! -e "/proc/$super/fd/0"
ok $? "kill-pilot: resume: the old supervisor is ended first"
thaw
wait "$pilot_pid"
is $? 0 "kill-pilot: resume: exit status" ||
    sed 's/^/# /' "$TEST_DIR/kill-pilot.out"
exact kill-pilot --blocks 240

# Stopped until the devices have sent all they have, then let go on: a slow
# rank.
start stop-rank
rank=$(agents stop-rank pilot-agent | head -n 1)
kill -STOP "$rank"
wait_for 20 all_ended stop-rank
ok $? "stop-rank: the devices do not wait for it"
kill -CONT "$rank"
finish_run stop-rank 0

# Everything at once, then resumed by hand.
start kill-all
kill -KILL "$pilot_pid" $(agents kill-all pilot-agent) \
    $(agents kill-all pilot-edge)
wait "$pilot_pid" 2>/dev/null
wait_for 10 none_left kill-all
ok $? "kill-all: everything is dead"
pilot run --resume kill-all >"$TEST_DIR/kill-all.out" 2>&1
is $? 0 "kill-all: resume: exit status" ||
    sed 's/^/# /' "$TEST_DIR/kill-all.out"
exact kill-all --blocks 240

end_tests
