#!/bin/bash
# A pool that gets more ranks by its policy, and gives them back: in a scheduler
# on a fast clock; one that refuses; who decides when the one before is gone.
. "$(dirname "$0")/lib.sh"

# Takes as many milliseconds a block as stand in a file.
cat >"$TEST_DIR/dear.c" <<'C'
#include <pilot/pilot.h>
#include <stdio.h>
#include <time.h>
static int nap(pe_context *ctx, const pe_block *in, pe_block *out)
{
    struct timespec t = {0, 1000000};
    FILE *f = fopen(COST, "r");
    long ms = 1;

    (void)ctx;
    if (f) {
        if (fscanf(f, "%ld", &ms) == 1)
            t.tv_nsec = ms * 1000000;
        fclose(f);
    }
    nanosleep(&t, 0);
    *out = *in;
    return PE_FORWARD;
}
const pe_function dear = {.abi = PE_FUNCTION_ABI,
                          .name = "dear",
                          .prose = "takes what a file says",
                          .process_cloud = nap};
C
${CC:-cc} -shared -fPIC -I"$SRC/include" -DCOST="\"$TEST_DIR/cost\"" \
    -o "$TEST_DIR/dear.so" "$TEST_DIR/dear.c" ||
    die "a function of one's own is built"

cat >"$TEST_DIR/job.yaml" <<Y
version: 1
pipeline: scale
pilots:
  devices: {kind: edge, devices: 4}
  broker: {kind: broker}
  params: {kind: params}
  pool:
    kind: pool
    resource: "rehearsal://$TEST_DIR/script"
    ntasks: 1
    time: 12h
    scale:
      lag: 1s
      max: 3
      step: 1
      hold: 1s
      cooldown: 1s
      on: {beam: +1}
stages:
  sense: {pilot: devices, function: generator, block: {points: 10, within: 1s, rate: 10}, options: {features: 4, blocks: 0}}
  slow: {pilot: pool, function: "$TEST_DIR/dear.so:dear"}
  learn: {pilot: pool, function: audit}
streams: {sense: {partitions: 4}}
epoch: {interval: 50ms}
results: "off"
Y
cost() {
    echo "$1" >"$TEST_DIR/cost.new" && mv "$TEST_DIR/cost.new" "$TEST_DIR/cost"
}
# Two minutes in the queue.
queue() { printf 'speed 120\n%s\n' "${1:-queue 2m Priority}" >"$TEST_DIR/script"; }
# told TEXT: does `pilot scale` say that?
told() { pilot scale s 2>/dev/null | grep -q -- "$1"; }
count() {
    pilot scale --json s | sed -n "s/^ *\"$1\": \([0-9]*\),*\$/\1/p" |
        head -n 1
}
show() { pilot scale s 2>&1 | sed 's/^/# /'; }

# --- before anything is started

check() { pilot config check "$TEST_DIR/job.yaml" "$@" 2>&1; }
out=$(check --set pilots.pool.scale.min=4)
is $? 78 "min beyond max: exit status"
has "$out" "pilots.pool.scale.min=4: scale: min 4 is more than max 3" \
    "min beyond max: one error"
out=$(check --set epoch.interval= --set epoch.blocks=8)
has "$out" "one pool takes all partitions" "counted epochs have one pool"
out=$(check --set pilots.params.scale.max=4)
has "$out" "'params' is of kind params" "a service has no ranks"
shown() { pilot config show "$1" | sed '1,/^# Every key/d'; }
shown "$TEST_DIR/job.yaml" >"$TEST_DIR/shown.yaml"
diff "$TEST_DIR/shown.yaml" <(shown "$TEST_DIR/shown.yaml")
ok $? "what is shown is a file with the same policy"

# --- more, and fewer

queue
cost 1
pilot run "$TEST_DIR/job.yaml" --run s --summary "$TEST_DIR/s.json" \
    >"$TEST_DIR/s.out" 2>&1 &
pid=$!
children="$children $pid"
wait_for 40 applied s 100
ok $? "the run learns" || sed 's/^/# /' "$TEST_DIR/s.out"
wait_for 20 told "all is well"
ok $? "all is well with one rank" || show
is "$(pilot scale --dry-run s 2>&1 | cut -d: -f1)" nothing \
    "--dry-run: nothing would be done"
is "$(count submitted)" 0 "... and none was submitted"

cost 45 # 40 blocks/s come, and a rank does 22
wait_for 30 told "pool.2 is "
ok $? "the lag calls for a rank" || show
pilot scale --json s | head -n 60 |
    sed -n 's/^ *"waited_s": \([0-9.]*\).*/# decided \1 s after the lag/p'
wait_for 30 in_state s/pool.2 ACTIVE
ok $? "... which comes out of its queue" || show
wait_for 30 told "pool.2 is up after"
ok $? "... and that is told" || show
has "$(pilot scale s)" "s of work wait, more than 1 s" "why stands there"

cost 1
wait_for 60 in_state s/pool.2 DONE
ok $? "it is given back when it is calm" || show
told "ranks* would do: "
ok $? "... and why" || show

# --- an event of outside

pilot event s nosuch 2>"$TEST_DIR/err"
is $? 78 "an event that nobody names: exit status"
has "$(cat "$TEST_DIR/err")" \
    "the policy of run s names no event 'nosuch': it has beam" \
    "... in one error"
before=$(count submitted)
pilot event s beam
is $? 0 "an event"
another() { [ "$(count submitted)" -eq $((before + 1)) ]; }
wait_for 30 another
ok $? "... brings a rank" || show
has "$(pilot scale s)" "event beam: +1 rank" "... by its name"

# --- a scheduler that keeps it waiting, and is spared; and one that refuses

alone() { [ "$(count pilots)" = 1 ]; }
wait_for 60 alone
ok $? "it is alone again" || show
is "$(count failed)" 0 "... and who left as asked has not failed" || show
queue "never Priority"
cost 45
before=$(count submitted)
wait_for 30 another
ok $? "a rank that will never come is asked for" || show
wait_for 20 told "and is QUEUED since"
ok $? "... and it is said that others wait for it" || show
cost 1
canceled() { [ "$(count canceled)" -ge 1 ]; }
wait_for 60 canceled
ok $? "... and out of the queue when it is calm" || show
is "$(count submitted)" $((before + 1)) "... of one submission"
queue "refuse no more of you today"
submits=$(wc -l <"$PILOT_HOME/rehearsal/submits")
pilot event s beam
wait_for 30 told "refused: .*no more of you today"
ok $? "a refusal is told in the scheduler's words" || show
wait_for 20 told "the last try came to nothing, the next one is in"
ok $? "... and the next try waits" || show
is "$(wc -l <"$PILOT_HOME/rehearsal/submits")" $((submits + 1)) \
    "... of one submission"

# --- who decides

keeper() { redis_do GET 'pilot:{s}:keeper'; }
was=$(keeper)
kill -KILL "$(pgrep -P "$pid" -f 'scale --keep s$')"
another_keeper() { now=$(keeper) && [ -n "$now" ] && [ "$now" != "$was" ]; }
wait_for 40 another_keeper
ok $? "another one decides when the one before is killed"
queue

# --- the end

kill -INT "$pid"
wait "$pid"
is $? 0 "exit status" || sed 's/^/# /' "$TEST_DIR/s.out"
exact s
is "$(get "$TEST_DIR/s.json" applied)" "$(get "$TEST_DIR/s.json" sent)" \
    "every block once"
has "$(cat "$TEST_DIR/s.out")" "scale: 1 to 2 ranks: " "the run told of it"
sed -n '/"cpu_s": {/,/}/p' "$TEST_DIR/s.json" | grep -q '"pool.2": [0-9.]*'
ok $? "... and has in its summary what the added ranks took"
idle() { ! agents s pilot-agent && ! pgrep -f "scale --keep s\$"; }
wait_for 30 idle
ok $? "nothing is left"

# --- the joules of a run

mkdir -p "$TEST_DIR/cap/intel-rapl:0"
echo package-0 >"$TEST_DIR/cap/intel-rapl:0/name"
echo 5000000 >"$TEST_DIR/cap/intel-rapl:0/energy_uj"
echo 9000000 >"$TEST_DIR/cap/intel-rapl:0/max_energy_range_uj"
PILOT_POWERCAP=$TEST_DIR/cap pilot run "$SRC/jobs/smoke.yaml" --run joules \
    --summary "$TEST_DIR/joules.json" >"$TEST_DIR/out" 2>&1
has "$(cat "$TEST_DIR/out")" "0 J of 1 host; 0 J per million points" \
    "joules where the processor counts them" || sed 's/^/# /' "$TEST_DIR/out"
PILOT_POWERCAP=$TEST_DIR/none pilot run "$SRC/jobs/smoke.yaml" --run nojoules \
    >"$TEST_DIR/out" 2>&1
has "$(cat "$TEST_DIR/out")" "not available: pool on $(hostname): \
$TEST_DIR/none: No such file or directory" "... and why not where it does not"

end_tests
