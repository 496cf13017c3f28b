#!/bin/bash
# Ctrl-C: once drains, twice stops; nothing is left; the run can go on.
. "$(dirname "$0")/lib.sh"

job=$SRC/tests/system/audit.yaml
endless="--set stages.sense.block.rate=50 --set stages.sense.options.blocks=0"

pilot run "$job" --run drain $endless --summary "$TEST_DIR/drain.json" \
    >"$TEST_DIR/drain.out" 2>"$TEST_DIR/drain.err" &
pid=$!
children="$children $pid"
wait_for 30 applied drain 100
ok $? "drain: the run learns"
kill -INT $pid
wait $pid
is $? 0 "drain: exit status" || sed 's/^/# /' "$TEST_DIR/drain.err"
sum=$TEST_DIR/drain.json
is "$(get "$sum" state)" drained "drain: state"
is "$(get "$sum" sent)" "$(get "$sum" applied)" \
    "drain: what was sent is applied"
exact drain
none_left drain
ok $? "drain: no process left"

# A drained run goes on where it stopped.
before=$(get "$sum" applied)
pilot run --resume drain --summary "$sum" >"$TEST_DIR/again.out" 2>&1 &
pid=$!
children="$children $pid"
wait_for 30 applied drain $((before + 50))
ok $? "drain: resumed, the run goes on"
kill -INT $pid
wait $pid
is $? 0 "drain: resumed: exit status" || sed 's/^/# /' "$TEST_DIR/again.out"
exact drain

# Twice, while those who are to drain are held: devices, then ranks.  What was
# committed by then is exact, and the run goes on from there.
# twice WHO OPTION...: of the run that is started so.
twice() {
    who=$1
    shift
    base=$(committed twice applied)
    pilot run "$@" >"$TEST_DIR/twice.out" 2>&1 &
    pid=$!
    children="$children $pid"
    wait_for 30 applied twice $((${base:-0} + 100))
    ok $? "twice, $who: the run learns" || sed 's/^/# /' "$TEST_DIR/twice.out"
    kill -STOP $(agents twice "$who")
    kill -INT $pid
    wait_for 20 grep -q draining "$TEST_DIR/twice.out"
    ok $? "twice, $who: the first one is heard"
    kill -INT $pid
    wait $pid
    is $? 130 "twice, $who: exit status" || sed 's/^/# /' "$TEST_DIR/twice.out"
    none_left twice
    ok $? "twice, $who: no process left"
    has "$(cat "$TEST_DIR/twice.out")" "--resume twice" \
        "twice, $who: says how to go on"
    exact twice
}
twice pilot-edge "$job" --run twice $endless
twice pilot-agent --resume twice
base=$(committed twice applied)
pilot run --resume twice >"$TEST_DIR/twice.out" 2>&1 &
pid=$!
children="$children $pid"
wait_for 30 applied twice $((base + 50))
ok $? "twice: it goes on"
kill -INT $pid
wait $pid
is $? 0 "twice: ... and drains" || sed 's/^/# /' "$TEST_DIR/twice.out"
exact twice

# When the run is over and its edges take leave, they are not called back.
pilot run "$job" --run late --set stages.sense.block.rate=50 \
    >"$TEST_DIR/late.out" 2>&1 &
pid=$!
children="$children $pid"
ends() { [ "$(redis_do HLEN 'pilot:{late}:ends')" = 4 ]; }
done_is_said() { [ "$(redis_do GET 'pilot:{late}:control')" = "done" ]; }
wait_for 30 applied late 100
edge=$(agents late pilot-edge)
ranks=$(agents late pilot-agent)
supervisor=$(agents late/pool pilot-supervisor)
is_buried() { [ ! -e "/proc/$supervisor" ]; }
kill -STOP $ranks
wait_for 30 ends
ok $? "late: the devices have ended"
kill -STOP $edge
kill -CONT $ranks
wait_for 30 done_is_said
ok $? "late: the run is over"
# A supervisor says so before the command that follows it has seen its end.
wait_for 30 is_buried
ok $? "late: the command has seen that"
kill -INT $pid
wait_for 20 grep -q 'take leave\|draining' "$TEST_DIR/late.out"
ok $? "late: the signal is answered"
has "$(cat "$TEST_DIR/late.out")" "the run is over and its pilots take leave" \
    "late: nothing is left to drain"
is "$(redis_do GET 'pilot:{late}:control')" "done" "late: the word stands"
kill -CONT $edge
wait $pid
is $? 0 "late: exit status" || sed 's/^/# /' "$TEST_DIR/late.out"
exact late --blocks 200

pilot run "$SRC/jobs/smoke.yaml" --run smoke --set \
    stages.sense.options.blocks=0 >"$TEST_DIR/smoke.out" 2>&1 &
pid=$!
children="$children $pid"
wait_for 30 in_state smoke/pool ACTIVE
ok $? "smoke: it runs"
kill -INT $pid
wait $pid
is $? 0 "smoke: drained" || sed 's/^/# /' "$TEST_DIR/smoke.out"
has "$(cat "$TEST_DIR/smoke.out")" "exactly-once: off" \
    "smoke: says what it does not promise"
none_left smoke
ok $? "smoke: no process left"

# Of a run of that name that was drained before it had learned anything.
redis_do SET "pilot:{stale}:control" drain >/dev/null
pilot run "$SRC/tests/system/audit.yaml" --run stale >"$TEST_DIR/stale.out" 2>&1
is $? 0 "stale: exit status" || sed 's/^/# /' "$TEST_DIR/stale.out"
exact stale --blocks 200

end_tests
