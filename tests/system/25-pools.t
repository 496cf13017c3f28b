#!/bin/bash
# Several pools on one run: they share its partitions by leases and commit to
# one model; one comes late, leaves, is killed, is stopped beyond its lease
# (rules 1, 3, 4; doc/design.md section 6).
. "$(dirname "$0")/lib.sh"

job=$SRC/tests/system/audit.yaml
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

# start RUN BLOCKS [OPTION...]: 8 devices at 60 blocks/s, a pool of two ranks.
start() {
    run=$1
    blocks=$2
    shift 2
    pilot run "$job" --run "$run" --summary "$TEST_DIR/$run.json" \
        --set pilots.pool.ntasks=2 --set pilots.devices.devices=8 \
        --set streams.sense.partitions=8 --set stages.sense.block.rate=60 \
        --set "stages.sense.options.blocks=$blocks" "$@" \
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

# has_share RUN NAME N: the member has N partitions.
has_share() {
    list=$(leases "$1" | sed -n "s/^$2 //p")
    n=0
    for piece in $(printf '%s' "${list##*/}" | tr , ' '); do
        n=$((n + ${piece#*-} - ${piece%-*} + 1))
    done
    [ -n "$list" ] && [ "$n" -eq "$3" ]
}

# final RUN NAME KEY: out of the member's last event.
final() {
    grep '"event":"pool"' "$TEST_DIR/$1-$2.events" |
        sed -n "s/.*\"$3\":\"\\{0,1\\}\\([^\",}]*\\).*/\\1/p"
}

# writers RUN: members that have committed, sorted.
writers() {
    committed "$1" writer | sed 's/^.* \(.*\):.*/\1/' | sort -u | tr '\n' ' '
}

# end_run RUN STATUS BLOCKS
end_run() {
    wait "$pilot_pid"
    is $? "$2" "$1: exit status" || sed 's/^/# /' "$TEST_DIR/$1.out"
    exact "$1" --blocks "$3"
}

# A second pool comes, takes its share, and leaves; a third is there at the
# end.  Nothing is done twice.
start pool-share 400
wait_for 30 applied pool-share 200
ok $? "share: the run learns"
has_share pool-share pool 8
ok $? "share: the first one up has all partitions"
member pool-share b 2
b=$member_pid
wait_for 20 has_share pool-share b 4
ok $? "share: a second pool has half of them"
has_share pool-share pool 4
ok $? "share: ... and the first the other half"
member pool-share c 1
c=$member_pid
wait_for 20 has_share pool-share c 2
ok $? "share: a third has a share by its ranks"
sleep 1
kill -USR1 "$b"
wait "$b"
is $? 0 "share: a pool that drains: exit status"
is "$(final pool-share b state) $(final pool-share b replayed)" "drained 0" \
    "share: ... its last event"
wait_for 20 has_share pool-share pool 5
ok $? "share: what it had is shared again"
end_run pool-share 0 400
wait "$c"
is $? 0 "share: the other pool ends with the run: exit status"
is "$(final pool-share c state) $(final pool-share c replayed)" "done 0" \
    "share: ... its last event"
is "$(get "$TEST_DIR/pool-share.json" replayed)" 0 "share: nothing is done twice"
is "$(writers pool-share)" "b c pool " "share: all of them have committed"
stale=$(($(final pool-share b stale) + $(final pool-share c stale)))
[ "$stale" -gt 0 ]
ok $? "share: commits were rebased on another pool's ($stale)"
is "$(leases pool-share)" "" "share: all leases are back"
none_left pool-share
ok $? "share: no process left"

# Killed: its partitions come free when its lease ends.
start pool-dead 400
wait_for 30 applied pool-dead 100
member pool-dead b 2 --lease 2s
b=$member_pid
wait_for 20 has_share pool-dead b 4
ok $? "dead: a second pool has its share"
sleep 0.5
kill -KILL "$b" $(ranks_of pool-dead b)
wait "$b"
wait_for 20 has_share pool-dead pool 8
ok $? "dead: what it had comes free"
end_run pool-dead 0 400

# Killed and started again under its name: it goes on with what it had.
start pool-again 400
wait_for 30 applied pool-again 100
member pool-again b 2
b=$member_pid
wait_for 20 has_share pool-again pool 4
kill -KILL $(ranks_of pool-again pool)
wait_for 20 has_share pool-again pool 4
ok $? "again: a pool that is started again has its share"
end_run pool-again 0 400
is "$(get "$TEST_DIR/pool-again.json" deaths)" 1 "again: it was started again"
wait "$b"
is $? 0 "again: the other pool: exit status"

# Stopped for longer than its lease, and let go on: a zombie.
start pool-zombie 500
wait_for 30 applied pool-zombie 100
member pool-zombie b 2 --lease 2s
b=$member_pid
wait_for 20 has_share pool-zombie b 4
ok $? "zombie: a second pool has its share"
kill -STOP $(ranks_of pool-zombie b)
wait_for 20 has_share pool-zombie pool 8
ok $? "zombie: stopped, it loses it"
sleep 0.5
kill -CONT $(ranks_of pool-zombie b)
wait_for 20 has_share pool-zombie b 4
ok $? "zombie: let go on, it has a share again"
end_run pool-zombie 0 500
wait "$b"
is $? 0 "zombie: the other pool: exit status" ||
    sed 's/^/# /' "$TEST_DIR/pool-zombie-b.err"

# Two processes under one name: the one that came last goes on.
start pool-twice 400
wait_for 30 applied pool-twice 100
member pool-twice b 1
first=$member_pid
wait_for 20 has_share pool-twice b 3
tag=b2 member pool-twice b 1
wait "$first"
is $? 78 "twice: the first of a name ends: exit status"
has "$(cat "$TEST_DIR/pool-twice-b.events")" \
    "another process has taken over as member 'b' of this run" \
    "twice: ... and says why"
end_run pool-twice 0 400
wait "$member_pid"
is $? 0 "twice: the second one: exit status"

# Epochs counted in blocks need every partition in one pool: a second one
# gives up, and the first is not disturbed.
start pool-counted 480 --set epoch.interval= --set epoch.blocks=64
wait_for 30 applied pool-counted 64
member pool-counted b 1 --lease 1s
wait "$member_pid"
is $? 78 "counted: a second pool: exit status"
has "$(cat "$TEST_DIR/pool-counted-b.events")" \
    "epochs counted in blocks need every partition in one pool, and pool \
'pool' serves run 'pool-counted' too" "counted: ... and says why"
end_run pool-counted 0 480
is "$(get "$TEST_DIR/pool-counted.json" replayed)" 0 "counted: nothing is done twice"

# They go round the partitions, also to one that no device feeds: to its end.
start pool-unfed 480 --set epoch.interval= --set epoch.blocks=64 \
    --set streams.sense.partitions=9
end_run pool-unfed 0 480
is "$(grep -c "^pilot: pool pool waits: epochs counted in blocks go round the \
partitions, and partition 8 gives no block while [0-9]* wait in others" \
    "$TEST_DIR/pool-unfed.out")" 1 "unfed: what is waited for is said, once"

# A drain while Redis is away ends, too; what is not committed is done again.
start pool-away 600
wait_for 30 applied pool-away 100
member pool-away b 2 --drain-limit 1s
wait_for 20 has_share pool-away b 4
redis=$(redis_do INFO server | sed -n 's/^process_id:\([0-9]*\).*/\1/p')
sleep 0.5
kill -STOP "$redis"
sleep 0.3
kill -USR1 "$member_pid"
wait "$member_pid"
status=$?
kill -CONT "$redis"
is $status 75 "away: a drain without Redis: exit status" ||
    sed 's/^/# /' "$TEST_DIR/pool-away-b.err"
has "$(cat "$TEST_DIR/pool-away-b.events")" \
    "the parameter service did not answer for 1 s while pool 'b' drained" \
    "away: ... and says why"
end_run pool-away 0 600

# Two pools that warm up at once end with one model of all points.
for model in kmeans iforest autoencoder; do
    start "pool-$model" 180 --set stages.learn.function=$model \
        --set stages.learn.options.warmup=100000
    wait_for 20 test -f "$PILOT_HOME/pool-$model/request.json"
    member "pool-$model" b 2
    wait "$pilot_pid"
    is $? 0 "pool-$model: exit status" ||
        sed 's/^/# /' "$TEST_DIR/pool-$model.out"
    wait "$member_pid"
    is $? 0 "pool-$model: the other pool: exit status"
    is "$(committed "pool-$model" applied) $(committed "pool-$model" points)" \
        "1440 288000" "pool-$model: every point is in the model"
    is "$(get "$TEST_DIR/pool-$model.json" replayed) $(final \
        "pool-$model" b replayed) $(writers "pool-$model")" "0 0 b pool " \
        "pool-$model: by both of them, and none twice"
done

end_tests
