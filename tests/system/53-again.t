#!/bin/bash
# Supervisor, mpirun and ranks killed at once: started again, and exact.
. "$(dirname "$0")/lib.sh"

job=$SRC/tests/system/audit.yaml

# pid RUN PILOT: of its supervisor, by its newest beat.
pid() { sed -n 's/.*"pid":\([0-9]*\).*/\1/p' "$PILOT_HOME/$1/$2/beat.json"; }

# crew RUN PILOT: pids of the processes it has started, those of mpirun too.
crew() {
    grep -lzxF "PILOT_AGENT=$PILOT_HOME/$1/$2" /proc/[0-9]*/environ \
        2>/dev/null | cut -d/ -f3
}

# Followed: the command starts its supervisor again.
pilot run "$job" --run here --summary "$TEST_DIR/here.json" \
    --set stages.sense.block.rate=30 --set stages.sense.options.blocks=240 \
    >"$TEST_DIR/here.out" 2>&1 &
pid=$!
children="$children $pid"
wait_for 30 applied here 100
ok $? "here: the run learns"
kill -KILL "$(pid here pool)" "$(pid here devices)" $(crew here pool) \
    $(crew here devices) 2>/dev/null
wait $pid
is $? 0 "here: exit status" || sed 's/^/# /' "$TEST_DIR/here.out"
exact here --blocks 240
for pilot in pool devices; do
    has "$(cat "$TEST_DIR/here.out")" "the supervisor of pilot $pilot was \
killed by signal 9; it is started again" "here: that is told of $pilot"
done
none_left here
ok $? "here: no process is left"

# Submitted: its job script does.
cat >"$TEST_DIR/job.yaml" <<'Y'
version: 1
pipeline: job
pilots:
  broker: {kind: broker}
  params: {kind: params}
  pool: {kind: pool, ntasks: 2}
stages:
  learn: {pilot: pool, function: audit}
streams: {sense: {partitions: 2, topic: again-topic}}
epoch: {interval: 50ms}
Y
pilot submit -Q --resource local:// -n 2 --run job --pilot pool \
    "$TEST_DIR/job.yaml" >/dev/null
ok $? "job: submitted"
wait_for 30 pilot wait -Q job --until active --timeout 1s
ok $? "job: is up"
"$FOREIGN" again-topic 0 npy 50 other
wait_for 30 applied job 50
ok $? "job: it learns"
first=$(pid job pool)
kill -KILL "$first" $(crew job pool)
another() { [ "$(pid job pool)" != "$first" ]; }
wait_for 20 another
ok $? "job: its script starts another supervisor"
ranks() { [ "$(crew job pool | wc -l)" -ge 3 ]; }
wait_for 20 ranks
ok $? "job: ... which starts its ranks"
has "$(cat "$PILOT_HOME/job/pool/err")" \
    "the supervisor was killed; it is started again" "job: ... and says so"
# What a live one does is shown, and it leaves a summary.
shows_lag() { pilot status job | grep -q "lag 0, version "; }
wait_for 30 shows_lag
ok $? "job: status shows how it does" || pilot status job | sed 's/^/# /'
has "$(pilot log job/pool 2>&1)" "job/pool is ACTIVE: " \
    "job: so does the log"
pilot cancel -Q job
gone() { [ -e "$PILOT_HOME/job/pool/exit" ] && [ -z "$(crew job pool)" ]; }
wait_for 20 gone
ok $? "job: canceled, nothing is started again"
out=$(pilot wait job 2>/dev/null)
has "$out" "run       job, drained in" "job: its pool leaves a summary"
has "$out" "50 applied" "job: ... of all that was learned"
has "$out" "rate      0.0 blocks/s" "job: ... at the rate of its last life"

end_tests
