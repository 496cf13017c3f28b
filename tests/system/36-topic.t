#!/bin/bash
# The topic of a run is a log, not a name (rule 2): made again, or cut, it is
# another one, and what was never read of it is not skipped in silence.
. "$(dirname "$0")/lib.sh"

cat >"$TEST_DIR/p.yaml" <<'Y'
version: 1
pipeline: identity
pilots:
  broker: {kind: broker}
  params: {kind: params}
  devices: {kind: edge, devices: 1}
  pool: {kind: pool, ntasks: 1}
stages:
  sense: {pilot: devices, function: generator, block: {points: 10, rate: 40}, options: {features: 3, blocks: 100000}}
  learn: {pilot: pool, function: audit}
streams: {sense: {partitions: 1, topic: identity-topic}}
epoch: {interval: 50ms}
Y
admin=$BUILD/tests/system/topic
# remake N: the topic again, with N records.
remake() {
    "$admin" delete identity-topic && "$admin" create identity-topic 1 &&
        "$FOREIGN" identity-topic 0 npy "$1" other
}
"$admin" create identity-topic 1
pilot run "$TEST_DIR/p.yaml" --run id >"$TEST_DIR/id.out" 2>&1 &
id=$!
children=$id
wait_for 20 applied id 20
kill -INT $id
wait $id
is $? 0 "drained" || sed 's/^/# /' "$TEST_DIR/id.out"
exact id
at=$(redis_do GET 'pilot:{id}:state' | sed -n 's/^offset \([0-9]*\).*/\1/p')

# Made again while the run was stopped: with more, as many, and fewer.
for n in $((at + 10)) "$at" $((at - 1)); do
    remake "$n"
    out=$(timeout -k 5 60 pilot run --resume id 2>&1)
    is $? 65 "made again with $n of $at: exit status" ||
        printf '%s\n' "$out" | sed 's/^/# /'
    if [ "$n" -lt "$at" ]; then
        has "$out" "identity-topic/0/$at, but the topic ends at $n" "$n: said"
    else
        has "$out" "record identity-topic/0/$((at - 1)) is not the one" \
            "$n: said"
    fi
    has "$out" "start another run" "$n: with the fix"
done
is "$(committed id applied)" "$at" "nothing of another log is in the model"

# Made again while the run goes on.
"$admin" delete identity-topic && "$admin" create identity-topic 1
timeout -k 5 60 pilot run "$TEST_DIR/p.yaml" --run remade \
    >"$TEST_DIR/remade.out" 2>&1 &
live=$!
children=$live
wait_for 20 applied remade 20
remake 4000
wait $live
status=$?
children=
is $status 65 "made again in mid-run: exit status" ||
    sed 's/^/# /' "$TEST_DIR/remade.out"
has "$(cat "$TEST_DIR/remade.out")" "start another run" "mid-run: with the fix"
end_tests
