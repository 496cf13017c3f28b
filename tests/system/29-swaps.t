#!/bin/bash
# `pilot swap` where several take it up, and some of them cannot: two pools at
# once, one rank of two that cannot open a function, a rank that is killed while
# it opens one.
. "$(dirname "$0")/lib.sh"

export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

# once: the first process that opens it can, and no other.  slow: who opens it
# leaves a file and takes its time.
cat >"$TEST_DIR/g.c" <<'C'
#include <fcntl.h>
#include <pilot/function.h>
#include <stdio.h>
#include <unistd.h>
static int pass(pe_context *ctx, const pe_block *in, pe_block *out)
{
    return pe_context_pass(ctx, in, out);
}
static int once_open(pe_context *ctx)
{
    int fd = open(DIR "/once", O_CREAT | O_EXCL | O_WRONLY, 0600);

    if (fd < 0)
        return pe_context_fail(ctx, "another one has it");
    close(fd);
    return 0;
}
static int slow_open(pe_context *ctx)
{
    char path[1000];
    FILE *f;

    (void)ctx;
    snprintf(path, sizeof(path), DIR "/opening-%d", (int)getpid());
    f = fopen(path, "w");
    if (f)
        fclose(f);
    usleep(700000);
    return 0;
}
const pe_function fine = {
    .abi = PE_FUNCTION_ABI, .name = "fine", .process_cloud = pass};
const pe_function once = {.abi = PE_FUNCTION_ABI,
                          .name = "once",
                          .open = once_open,
                          .process_cloud = pass};
const pe_function slow = {.abi = PE_FUNCTION_ABI,
                          .name = "slow",
                          .open = slow_open,
                          .process_cloud = pass};
C
${CC:-cc} -shared -fPIC -I"$SRC/include" -DDIR="\"$TEST_DIR\"" \
    -o "$TEST_DIR/g.so" "$TEST_DIR/g.c" || die "functions to swap to"
g=$TEST_DIR/g.so

# job NAME POOLS LINES: a stage that changes, and an audit, on all of POOLS.
job() {
    cat >"$TEST_DIR/$1.yaml" <<Y
version: 1
pipeline: $1
pilots:
  devices: {kind: edge, devices: 4}
  broker: {kind: broker}
  params: {kind: params}
$3
stages:
  sense:
    pilot: devices
    function: generator
    block: {points: 100, within: 1s, rate: 60}
    options: {features: 8, blocks: 0}
  tune: {pilot: $2, function: select, options: {columns: 0-7}}
  learn: {pilot: $2, function: audit}
streams: {sense: {partitions: 4}}
epoch: {interval: 50ms}
Y
}

start() {
    run=$1
    pilot run "$TEST_DIR/$2.yaml" --run "$run" \
        --summary "$TEST_DIR/$run.json" >"$TEST_DIR/$run.out" 2>&1 &
    pilot_pid=$!
    children="$children $pilot_pid"
    wait_for 30 applied "$run" 200 || {
        cat "$TEST_DIR/$run.out"
        die "$run begins"
    }
}

end() {
    kill -INT "$pilot_pid"
    wait "$pilot_pid"
    is $? 0 "$1 ends well" || sed 's/^/#   | /' "$TEST_DIR/$1.out"
    is "$(get "$TEST_DIR/$1.json" refused)" 0 "$1: no block was refused"
    exact "$1"
}

goes_on() { wait_for 30 applied "$1" $(($(committed "$1" applied) + 100)); }
is_at() { [ "$(redis_do HGET "pilot:{$1}:stages" now)" = "$2" ]; }

# by_both RUN NUMBER: pools east and west have commits under that revision.
by_both() {
    pilot commits -n 0 --json "$1" >"$TEST_DIR/commits" 2>/dev/null
    for pool in east west; do
        grep "\"writer\": *\"[^\"]*$pool" "$TEST_DIR/commits" |
            grep -q "\"revision\": *$2[,}]" || return 1
    done
}

# --- two pools ---

job two "[east, west]" "  east: {kind: pool, ntasks: 1}
  west: {kind: pool, ntasks: 1}"
start swaps-two two
for n in 1 2; do
    if [ $n = 1 ]; then set -- --function "$g:fine"; else set -- --back; fi
    out=$(pilot swap swaps-two/tune "$@" --wait 60s 2>&1)
    is $? 0 "two pools: revision $n" || printf '%s\n' "$out" | sed 's/^/# /'
    wait_for 30 by_both swaps-two $n
    ok $? "... both have it" || sed 's/^/# /' "$TEST_DIR/commits"
done
end swaps-two

# --- one rank of two cannot ---

job one pool "  pool: {kind: pool, ntasks: 2}"
start swaps-one one
out=$(pilot swap swaps-one/tune --function "$g:once" --wait 60s 2>&1)
is $? 1 "a function that one rank opens and the other cannot: taken back"
has "$out" "another one has it" "... and says why"
is_at swaps-one 2
ok $? "... by a revision of its own"
goes_on swaps-one
ok $? "... and the run goes on"

# --- a rank is killed while it opens one ---

pilot swap swaps-one/tune --function "$g:slow" --wait 0s >/dev/null 2>&1
opening() { [ -n "$(find "$TEST_DIR" -name 'opening-*')" ]; }
wait_for 30 opening
ok $? "killed: a rank opens the function"
victim=$(find "$TEST_DIR" -name 'opening-*' | head -n 1)
kill -KILL "${victim##*-}"
committed_at() { [ "$(committed swaps-one revision)" = "$1" ]; }
wait_for 60 committed_at 3
ok $? "... the next ones take it up"
goes_on swaps-one
ok $? "... and the run goes on"
is_at swaps-one 3
ok $? "... nothing was taken back"
end swaps-one

# --- a model on devices ---

cat >"$TEST_DIR/fed.yaml" <<'Y'
version: 1
pipeline: fed
pilots:
  devices: {kind: edge, devices: 3}
  broker: {kind: broker}
  params: {kind: params}
  pool: {kind: pool, ntasks: 2}
stages:
  sense:
    pilot: devices
    function: generator
    block: {points: 100, within: 1s, rate: 60}
    options: {features: 8, blocks: 0}
  learn:
    pilot: devices
    function: kmeans
    sync: 200ms
    options: {clusters: 5, warmup: 200}
streams: {sense: {partitions: 3}}
epoch: {interval: 50ms}
Y
learned() { [ "$(committed swaps-fed points)" -ge "$1" ]; }
is_of() { [ "$(committed swaps-fed model)" = "$1" ]; }
has_learned() { wait_for 30 learned $(($(committed swaps-fed points) + 3000)); }
pilot run "$TEST_DIR/fed.yaml" --run swaps-fed \
    --summary "$TEST_DIR/swaps-fed.json" >"$TEST_DIR/swaps-fed.out" 2>&1 &
pilot_pid=$!
children="$children $pilot_pid"
wait_for 30 learned 3000
ok $? "devices: the run learns" || sed 's/^/# /' "$TEST_DIR/swaps-fed.out"
out=$(pilot swap swaps-fed/learn --set clusters=9 --wait 30s 2>&1)
is $? 0 "devices: more centres" || printf '%s\n' "$out" | sed 's/^/# /'
has_learned
ok $? "... and they learn by them"
out=$(pilot swap swaps-fed/learn --function iforest --set trees=20 \
    --wait 30s 2>&1)
is $? 0 "devices: another model" || printf '%s\n' "$out" | sed 's/^/# /'
wait_for 30 is_of iforest
ok $? "... is committed"
has_learned
ok $? "... and they learn by it"
out=$(pilot swap swaps-fed/learn --function audit 2>&1)
is $? 78 "devices: a model that needs rows is refused"
has "$out" "model audit learns on a pool" "... and why"
kill -INT "$pilot_pid"
wait "$pilot_pid"
is $? 0 "devices: the run ends well" || sed 's/^/# /' "$TEST_DIR/swaps-fed.out"
is "$(get "$TEST_DIR/swaps-fed.json" refused)" 0 "devices: no delta was refused"
sensed=$(get "$TEST_DIR/swaps-fed.json" sensed)
withheld=$(get "$TEST_DIR/swaps-fed.json" withheld)
stale=$(committed swaps-fed stale)
is "$(($(committed swaps-fed points) + stale + withheld))" $((sensed * 100)) \
    "devices: every row was learned once, or is said: $stale stale"
has "$(pilot model show swaps-fed 2>&1)" "tree_device" "devices: their trees"

end_tests
