#!/bin/bash
# `pilot verify` on real servers: what is exact is found to be, while it goes
# on, too; and of each thing that somebody has spoilt it says what it is.
. "$(dirname "$0")/lib.sh"

job=$SRC/tests/system/audit.yaml
topic=$BUILD/tests/system/topic
run=verify
pilot run "$job" --run $run --set results=topic \
    --set stages.sense.options.blocks=100 >"$TEST_DIR/out" 2>&1
is $? 0 "a run with results" || sed 's/^/# /' "$TEST_DIR/out"
exact $run --blocks 100

# finds STATUS TEXT NAME: what `pilot verify` makes of the run now.
finds() {
    out=$(pilot verify $run 2>&1)
    is $? "$1" "$3: exit status"
    has "$out" "$2" "$3"
}

# What is committed is a text of lines with a sum over them: one is changed,
# and the sum made again.
key="pilot:{$run}:state"
state=$(redis_do GET "$key" | sed '/^sum /d')
redis_do COPY "$key" "$key.kept" >/dev/null
change() {
    text=$(printf '%s\n' "$state" | sed "$1")
    sum=$(printf '%s\n' "$text" | sha1sum | cut -d' ' -f1)
    redis_do SET "$key" "$text
sum $sum
" >/dev/null
}
put_back() { redis_do COPY "$key.kept" "$key" REPLACE >/dev/null; }

change 's/^applied 400$/applied 401/'
finds 1 "fault (double): applied: 401 in what is committed, 400 by the records" \
    "a block that was applied twice"
change 's/^applied 400$/applied 399/'
finds 1 "fault (lost): 400 records lie below the committed offsets, and applied \
+ refused + deduplicated is 399" "a block that is in no model"
change 's/^applied 400$/applied 399/;s/^deduplicated 0$/deduplicated 1/'
finds 1 "fault (counter): deduplicated: 1 in what is committed, 0 by the \
records" "a block that was taken for a repeat"
change "s|^offset 100/[0-9]* pilot.$run.sense/2\$|offset 90 \
pilot.$run.sense/2|"
finds 1 "fault (device): devices-2 stands at 1/99, and its records below the \
committed offsets end at 1/89" "offsets that were set back"
change "s|^offset 100/[0-9]* \(.*/1\)\$|offset 100/1234567890 \1|"
finds 1 "/1/99 is not the one that was committed: the topic was made anew" \
    "another record than was committed"
redis_do APPEND "$key" " " >/dev/null
finds 1 "fault (stored): the state in $key does not agree with its digest" \
    "a state that somebody wrote to"
redis_do DEL "$key" >/dev/null
finds 1 "fault (stored): commit $(sed -n 's/^commit //p' <<<"$state") (version " \
    "a state that is gone"
put_back
redis_do COPY "pilot:{$run}:model" "pilot:{$run}:model.kept" >/dev/null
redis_do SETRANGE "pilot:{$run}:model" 200 x >/dev/null
finds 1 "the model in pilot:{$run}:model is not the one of commit" \
    "a model that somebody wrote to"
redis_do COPY "pilot:{$run}:model.kept" "pilot:{$run}:model" REPLACE >/dev/null
verified $run

# Results of nothing, of a block again, and none any more.
"$FOREIGN" pilot.$run.sense.results 0 junk 1 key pe_run=$run \
    "pe_origin=pilot.$run.sense/0/7" >/dev/null
finds 0 "note (result): 1 record in pilot.$run.sense.results is of a block \
that has one already" "a result that is there twice"
"$topic" trim pilot.$run.sense.results 1 20
finds 65 "undecided (result): 20 blocks have no result in \
pilot.$run.sense.results: the first is pilot.$run.sense/1/0 (it does not keep \
all any more)" "results that are not kept any more"
"$FOREIGN" pilot.$run.sense.results 0 junk 1 key pe_run=$run \
    "pe_origin=pilot.$run.sense/9/7" >/dev/null
finds 1 "fault (result): 1 record in pilot.$run.sense.results is of no block" \
    "a result of no block"
"$topic" delete pilot.$run.sense.results
finds 1 "fault (result): 400 blocks have no result" "results that are gone"

# The log itself.
"$topic" trim pilot.$run.sense 3 10
out=$(pilot verify --json $run)
is $? 1 "two things at once: the worse one decides"
has "$out" '"kind":"undecided","what":"log","layer":"pool","text":"records 0 to 9 of partition 3 are not kept any more' \
    "a log that has lost its front, as JSON"
"$topic" delete pilot.$run.sense
"$topic" create pilot.$run.sense 4
# Where its partitions are is not known at once.
led() { pilot verify -q $run || [ $? -ne 69 ]; }
wait_for 30 led
finds 1 "fault (log): partition 0 is committed to 100, and the log ends at 0: \
it was made anew, or has lost its end" "a topic that was made anew"

# While it goes on: up to the last commit.
pilot run "$job" --run verify-live --set results=topic \
    --set stages.sense.block.rate=100 --set stages.sense.options.blocks=1000 \
    >"$TEST_DIR/out" 2>&1 &
pid=$!
children=$pid
wait_for 30 applied verify-live 100
ok $? "a run that goes on"
for i in 1 2 3; do
    out=$(pilot verify verify-live 2>&1)
    is $? 0 "... is exact, look $i" || printf '%s\n' "$out" | sed 's/^/# /'
done
has "$out" "verify-live: exact: " "... in one line"
kill -INT $pid
wait $pid
verified verify-live

# What cannot be verified says why, and how it is called.
out=$(pilot verify nowhere 2>&1)
is $? 78 "no such run: exit status"
has "$out" "there is no run nowhere in $PILOT_HOME; 'pilot runs' lists them" \
    "no such run"
pilot run "$SRC/jobs/smoke.yaml" --run verify-smoke >/dev/null 2>&1
out=$(pilot verify verify-smoke 2>&1)
is $? 78 "a run without services: exit status"
has "$out" "has no broker and no parameter service: nothing of it can be \
counted again" "a run without services"
out=$(pilot verify 2>&1)
is $? 64 "no run: exit status"
out=$(sed -i 's/"params": "[^"]*"/"params": "redis:\/\/127.0.0.1:1"/' \
    "$PILOT_HOME/verify-live/request.json" && pilot verify verify-live 2>&1)
is $? 69 "a Redis that is away: exit status" || printf '# %s\n' "$out"

end_tests
