#!/bin/bash
# Several pools on one run: they share its partitions by leases and commit to
# one model; one comes late, leaves, is killed, is stopped beyond its lease
# (rules 1, 3, 4; doc/design.md section 6).
. "$(dirname "$0")/lib.sh"

job=$SRC/tests/system/audit.yaml
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

# start RUN [OPTION...]: 8 devices at 60 blocks/s, a pool of two ranks.  It goes
# on until end_run: how long others take to come and go is no matter.
start() {
    run=$1
    shift
    pilot run "$job" --run "$run" --summary "$TEST_DIR/$run.json" \
        --set pilots.pool.ntasks=2 --set pilots.devices.devices=8 \
        --set streams.sense.partitions=8 --set stages.sense.block.rate=60 \
        --set stages.sense.options.blocks=0 "$@" \
        >"$TEST_DIR/$run.out" 2>&1 &
    pilot_pid=$!
    children="$children $pilot_pid"
}

# member RUN NAME RANKS [OPTION...]: another pool of the run; what it tells is
# in RUN-$tag.events, else RUN-NAME.events.
member() {
    run=$1
    name=$2
    ranks=$3
    as=$run-${tag:-$name}
    shift 3
    mkdir -p "$TEST_DIR/tmp-$as"
    TMPDIR="$TEST_DIR/tmp-$as" OMPI_MCA_plm=isolated \
        OMPI_MCA_btl_vader_backing_directory="$TEST_DIR/tmp-$as" \
        OMPI_MCA_btl_sm_backing_directory="$TEST_DIR/tmp-$as" \
        OMPI_MCA_btl=self,vader OMPI_MCA_odls_base_sigkill_timeout=0 \
        mpirun --oversubscribe --bind-to none -n "$ranks" \
        pilot-agent "$PILOT_HOME/$run" --pilot pool --member "$name" "$@" \
        >"$TEST_DIR/$as.events" 2>"$TEST_DIR/$as.err" &
    member_pid=$!
    children="$children $member_pid"
}

# ranks_of RUN NAME: pids of the ranks that serve as member NAME; those of
# `pilot run` are not told it, and are called as the pilot is.
ranks_of() {
    for pid in $(agents "$1" pilot-agent); do
        case "$(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null)" in
        *"--member $2 "*) echo "$pid" ;;
        *--member*) ;;
        *) [ "$2" != pool ] || echo "$pid" ;;
        esac
    done
}

# incarnation RUN NAME, is_another RUN NAME WAS: of its lease.
incarnation() { leases "$1" | sed -n "s/^$2 //p" | cut -d/ -f 5; }
is_another() {
    now=$(incarnation "$1" "$2")
    [ -n "$now" ] && [ "$now" != "$3" ]
}

has_devices() { [ -n "$(agents "$1" pilot-edge)" ]; }

# has_share RUN NAME N: the member has N partitions.
has_share() {
    list=$(leases "$1" | sed -n "s/^$2 //p")
    n=0
    for piece in $(printf '%s' "${list##*/}" | tr , ' '); do
        n=$((n + ${piece#*-} - ${piece%-*} + 1))
    done
    [ -n "$list" ] && [ "$n" -eq "$3" ]
}

# both_have RUN N: pools `pool` and `b` have N partitions each.
both_have() { has_share "$1" pool "$2" && has_share "$1" b "$2"; }

# final RUN NAME KEY: out of the member's last event.
final() {
    grep '"event":"pool"' "$TEST_DIR/$1-$2.events" |
        sed -n "s/.*\"$3\":\"\\{0,1\\}\\([^\",}]*\\).*/\\1/p"
}

# writers RUN: members that have committed, sorted.
writers() {
    committed "$1" writer | sed 's/^.* \(.*\):.*/\1/' | sort -u | tr '\n' ' '
}

# has_written RUN NAME...: all of them have committed something.
has_written() {
    list=" $(writers "$1")"
    shift
    for name in "$@"; do
        case $list in
        *" $name "*) ;;
        *) return 1 ;;
        esac
    done
}

# goes_on RUN: another second's worth of blocks is committed.
goes_on() {
    wait_for 20 applied "$1" $(($(committed "$1" applied) + 480))
}

# end_run RUN [BLOCKS]: the devices stop, and what they have sent is processed;
# with BLOCKS they have stopped by themselves.
end_run() {
    [ -n "${2:-}" ] || kill -INT "$pilot_pid"
    wait "$pilot_pid"
    is $? 0 "$1: exit status" || sed 's/^/# /' "$TEST_DIR/$1.out"
    exact "$1" ${2:+--blocks "$2"}
    is "$(get "$TEST_DIR/$1.json" applied)" "$(get "$TEST_DIR/$1.json" sent)" \
        "$1: what was sent is applied"
}

# A second pool comes, takes its share, and leaves; a third is there at the
# end.  Nothing is done twice.
start pool-share
wait_for 30 applied pool-share 200
ok $? "share: the run learns"
has_share pool-share pool 8
ok $? "share: the first one up has all partitions"
member pool-share b 2
b=$member_pid
wait_for 20 both_have pool-share 4
ok $? "share: a second pool has half of them"
member pool-share c 1
c=$member_pid
wait_for 20 has_share pool-share c 2
ok $? "share: a third has a share by its ranks"
wait_for 20 has_written pool-share b c pool
ok $? "share: all of them commit"
goes_on pool-share
kill -USR1 "$b"
wait "$b"
is $? 0 "share: a pool that drains: exit status"
is "$(final pool-share b state) $(final pool-share b replayed)" "drained 0" \
    "share: ... its last event"
wait_for 20 has_share pool-share pool 5
ok $? "share: what it had is shared again"
goes_on pool-share
ok $? "share: ... and the run goes on"
end_run pool-share
wait "$c"
is $? 0 "share: the other pool ends with the run: exit status"
is "$(final pool-share c state) $(final pool-share c replayed)" "done 0" \
    "share: ... its last event"
is "$(get "$TEST_DIR/pool-share.json" replayed)" 0 "share: nothing is done twice"
stale=$(($(final pool-share b stale) + $(final pool-share c stale)))
[ "$stale" -gt 0 ]
ok $? "share: commits were rebased on another pool's ($stale)"
is "$(leases pool-share)" "" "share: all leases are back"
none_left pool-share
ok $? "share: no process left"

# One run, of which a second pool is killed, is stopped beyond its lease, and
# has its name taken; then the first one is killed.
#
# Killed: its partitions come free when its lease ends.
start pool-ends
wait_for 30 applied pool-ends 100
member pool-ends b 2 --lease 2s
wait_for 20 has_written pool-ends b
ok $? "dead: a second pool has its share"
kill -KILL "$member_pid" $(ranks_of pool-ends b)
wait "$member_pid" 2>/dev/null
wait_for 20 has_share pool-ends pool 8
ok $? "dead: what it had comes free"

# Stopped for longer than its lease, and let go on: a zombie.
member pool-ends z 2 --lease 2s
zombie=$member_pid
wait_for 20 has_written pool-ends z
ok $? "zombie: a second pool has its share"
kill -STOP $(ranks_of pool-ends z)
wait_for 20 has_share pool-ends pool 8
ok $? "zombie: stopped, it loses it"
goes_on pool-ends
ok $? "zombie: ... to one that goes on"
kill -CONT $(ranks_of pool-ends z)
wait_for 20 has_share pool-ends z 4
ok $? "zombie: let go on, it has a share again"

# Two processes under one name: the one that came last goes on.
tag=z2 member pool-ends z 2
wait "$zombie"
is $? 78 "twice: the first of a name ends: exit status" ||
    sed 's/^/# /' "$TEST_DIR/pool-ends-z.err"
has "$(cat "$TEST_DIR/pool-ends-z.events")" \
    "another process has taken over as member 'z' of this run" \
    "twice: ... and says why"
wait_for 20 has_share pool-ends z 4
ok $? "twice: the second one has the share"

# Killed and started again under its name: it goes on with what it had.
was=$(incarnation pool-ends pool)
kill -KILL $(ranks_of pool-ends pool)
wait_for 20 is_another pool-ends pool "$was"
ok $? "again: the first one is killed and started again"
wait_for 20 has_share pool-ends pool 4
ok $? "again: ... and has its share"
goes_on pool-ends
ok $? "again: ... and the run goes on"
end_run pool-ends
is "$(get "$TEST_DIR/pool-ends.json" deaths)" 1 "again: it was started again"
wait "$member_pid"
is $? 0 "again: the other pool: exit status"

# Epochs counted in blocks need every partition in one pool: a second one
# gives up, and the first is not disturbed.
start pool-counted --set epoch.interval= --set epoch.blocks=64
wait_for 30 applied pool-counted 64
member pool-counted b 1 --lease 1s
wait "$member_pid"
is $? 78 "counted: a second pool: exit status"
has "$(cat "$TEST_DIR/pool-counted-b.events")" \
    "epochs counted in blocks need every partition in one pool, and pool \
'pool' serves run 'pool-counted' too" "counted: ... and says why"
end_run pool-counted
is "$(get "$TEST_DIR/pool-counted.json" replayed)" 0 "counted: nothing is done twice"

# They go round the partitions, also to one that no device feeds: to its end.
start pool-unfed --set epoch.interval= --set epoch.blocks=64 \
    --set streams.sense.partitions=9 --set stages.sense.options.blocks=480
end_run pool-unfed 480
is "$(grep -c "^pilot: pool pool waits: epochs counted in blocks go round the \
partitions, and partition 8 gives no block while [0-9]* wait in others" \
    "$TEST_DIR/pool-unfed.out")" 1 "unfed: what is waited for is said, once"

# A drain while Redis is away ends, too; what is not committed is done again.
# Only a pool that has something to commit minds: this one has said so.
start pool-away
wait_for 30 applied pool-away 100
member pool-away b 2 --drain-limit 1s
wait_for 20 has_written pool-away b
ok $? "away: a second pool has its share"
redis=$(redis_do INFO server | sed -n 's/^process_id:\([0-9]*\).*/\1/p')
kill -STOP "$redis"
wait_for 20 grep -q 'pool b waits: Redis' "$TEST_DIR/pool-away-b.events"
ok $? "away: without Redis it waits"
kill -USR1 "$member_pid"
wait "$member_pid"
status=$?
kill -CONT "$redis"
is $status 75 "away: a drain without Redis: exit status" ||
    sed 's/^/# /' "$TEST_DIR/pool-away-b.err"
has "$(cat "$TEST_DIR/pool-away-b.events")" \
    "the parameter service did not answer for 1 s while pool 'b' drained" \
    "away: ... and says why"
end_run pool-away

# Two pools that warm up at once end with one model of all points: no device
# goes on before both of them are there.
for model in kmeans iforest autoencoder; do
    start "pool-$model" --set stages.learn.function=$model \
        --set stages.learn.options.warmup=20000
    wait_for 20 has_devices "pool-$model"
    devices=$(agents "pool-$model" pilot-edge)
    kill -STOP $devices
    member "pool-$model" b 2
    wait_for 20 both_have "pool-$model" 4
    ok $? "pool-$model: two pools are there"
    kill -CONT $devices
    wait_for 30 applied "pool-$model" 1000
    wait_for 20 has_written "pool-$model" b pool
    ok $? "pool-$model: both of them commit"
    kill -INT "$pilot_pid"
    wait "$pilot_pid"
    is $? 0 "pool-$model: exit status" ||
        sed 's/^/# /' "$TEST_DIR/pool-$model.out"
    wait "$member_pid"
    is $? 0 "pool-$model: the other pool: exit status"
    sent=$(get "$TEST_DIR/pool-$model.json" sent)
    is "$(committed "pool-$model" applied) $(committed "pool-$model" points)" \
        "$sent $((sent * 200))" "pool-$model: every point is in the model"
    is "$(get "$TEST_DIR/pool-$model.json" replayed) $(final \
        "pool-$model" b replayed)" "0 0" "pool-$model: none twice"
done

end_tests
