#!/bin/bash
# A run whose broker or parameter service is away has blocks and commits none:
# it is STALLED, which is said with the hop, and flows again by itself; every
# block counts once.
. "$(dirname "$0")/lib.sh"

job=$SRC/tests/system/audit.yaml
services() { "$SRC/scripts/services" "$@" --dir "$TEST_DIR/own"; }
leave() { services stop --purge; }
at_end leave
services start 2>"$TEST_DIR/err" ||
    die "services of its own start: $(cat "$TEST_DIR/err")"
# shellcheck disable=SC1091
. "$TEST_DIR/own/env"
pid_of() { services status | sed -n "s/^$1 .* pid //p"; }
flows() { pilot wait stall --until flowing --timeout 0; }
stands() { pilot status --no-header --refresh -o reason stall/pool | grep "$1"; }

pilot run "$job" --run stall --no-final --set stall=1s \
    --set stages.sense.block.rate=40 --set stages.sense.options.blocks=100000 \
    >"$TEST_DIR/out" 2>&1 &
run=$!
children=$run
wait_for 30 flows
ok $? "blocks flow" || sed 's/^/# /' "$TEST_DIR/out"

# away WHO HOP WORDS: what is said while WHO does not answer.
away() {
    wait_for 30 in_state stall/pool STALLED
    ok $? "$1: the pool is STALLED" || pilot status stall | sed 's/^/# /'
    wait_for 10 stands ", $2: "
    ok $? "... and status says which hop stands still" ||
        pilot status -o name,state,reason stall | sed 's/^/# /'
    out=$(flows 2>&1)
    is $? 75 "... which is the status of a wait for blocks to flow"
    has "$out" "timed out: stall/" "... that says who"
}
back() {
    wait_for 60 flows
    ok $? "$1: it flows again by itself" || sed 's/^/# /' "$TEST_DIR/out"
}

kafka=$(pid_of kafka)
kill -STOP "$kafka"
away "a broker that is stopped" broker
kill -CONT "$kafka"
back "a broker that goes on"
redis=$(pid_of redis)
kill -STOP "$redis"
away "a Redis that is stopped" params
kill -CONT "$redis"
back "a Redis that goes on"
kill -KILL "$redis"
away "a Redis that was killed" params
services start 2>"$TEST_DIR/err"
ok $? "it is started again" || sed 's/^/# /' "$TEST_DIR/err"
back "a Redis that was started again"

kill -INT "$run"
wait "$run"
is $? 0 "the run is drained" || sed 's/^/# /' "$TEST_DIR/out"
has "$(cat "$TEST_DIR/out")" "pool pool is STALLED: it has blocks and has" \
    "who follows it was told so"
has "$(cat "$TEST_DIR/out")" "pool pool flows again" "... and its end"
exact stall

end_tests
