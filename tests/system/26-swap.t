#!/bin/bash
# Stages change while blocks flow: `pilot swap` (doc/design.md section 6).
# Nothing is lost or counted twice, what does not work is taken back by itself.
. "$(dirname "$0")/lib.sh"

export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

cat >"$TEST_DIR/f.c" <<'C'
#include <pilot/function.h>
#include <stdlib.h>
#define EACH(f, what)                                                       \
    static int f##_do(pe_context *ctx, const pe_block *in, pe_block *out)   \
    {                                                                          \
        what;                                                                  \
        return pe_context_pass(ctx, in, out);                                  \
    }                                                                          \
    const pe_function f = {.abi = PE_FUNCTION_ABI,                          \
                              .name = #f,                                   \
                              .process_edge = f##_do,                       \
                              .process_cloud = f##_do}
EACH(fine, (void)0);
EACH(also, (void)0);
EACH(errs, return pe_context_fail(ctx, "no block pleases me"));
EACH(dies, abort());
const pe_function old = {.abi = PE_FUNCTION_ABI + 1, .name = "old"};
#ifdef AT_LOAD
__attribute__((constructor)) static void load(void)
{
    abort();
}
#endif
C
${CC:-cc} -shared -fPIC -I"$SRC/include" -o "$TEST_DIR/f.so" "$TEST_DIR/f.c" ||
    die "functions to swap to"
${CC:-cc} -shared -fPIC -DAT_LOAD -I"$SRC/include" -o "$TEST_DIR/bad.so" \
    "$TEST_DIR/f.c" || die "one that dies when it is loaded"

# job NAME LAST: a pipeline whose last stage is LAST, behind one that changes.
job() {
    cat >"$TEST_DIR/$1.yaml" <<Y
version: 1
pipeline: $1
pilots:
  devices: {kind: edge, devices: 4}
  broker: {kind: broker}
  params: {kind: params}
  pool: {kind: pool, ntasks: 2}
stages:
  sense:
    pilot: devices
    function: generator
    block: {points: 100, within: 1s, rate: 60}
    options: {features: 8, blocks: 0}
  near: {pilot: devices, function: select, options: {columns: 0-7}}
  tune: {pilot: pool, function: select, options: {columns: 0-7}}
  learn: $2
streams: {near: {partitions: 4}}
epoch: {interval: 50ms}
Y
}

start() {
    run=$1
    shift
    pilot run "$TEST_DIR/$1.yaml" --run "$run" \
        --summary "$TEST_DIR/$run.json" >"$TEST_DIR/$run.out" 2>&1 &
    pilot_pid=$!
    children="$children $pilot_pid"
    wait_for 30 applied "$run" 200 || {
        cat "$TEST_DIR/$run.out"
        die "$run begins"
    }
}

# end RUN: the devices stop, and all they have sent is processed.
end() {
    kill -INT "$pilot_pid"
    wait "$pilot_pid"
    is $? 0 "$1 ends well" || sed 's/^/#   | /' "$TEST_DIR/$1.out"
    is "$(get "$TEST_DIR/$1.json" exactly_once)" on "$1 adds up"
}

goes_on() { wait_for 30 applied "$1" $(($(committed "$1" applied) + 100)); }
is_at() { [ "$(redis_do HGET "pilot:{$1}:stages" now)" = "$2" ]; }
is_of() { [ "$(committed "$1" model)" = "$2" ]; }
is_committed() { [ "$(committed "$1" revision)" -ge "$2" ]; }

# swapped NUMBER NAME ARG...: `pilot swap` is taken up as that revision.
swapped() {
    n=$1 name=$2
    shift 2
    out=$(pilot swap "$@" --wait 60s 2>&1)
    is $? 0 "$name" || printf '%s\n' "$out" | sed 's/^/#   | /'
    wait_for 30 is_committed "${1%%/*}" "$n"
    ok $? "... and blocks are committed under it"
}

# refused STATUS PART NAME ARG...
refused() {
    want=$1 part=$2 name=$3
    shift 3
    out=$(pilot swap "$@" 2>&1)
    is $? "$want" "$name"
    has "$out" "$part" "... and says why"
}

# --- every block once, whatever changes ---

job audit "{pilot: pool, function: audit}"
start swap-audit audit
f=$TEST_DIR/f.so
swapped 1 "a function of a user" swap-audit/tune --function "$f:fine"
swapped 2 "the same on devices" swap-audit/near --function "$f:fine"
swapped 3 "back" swap-audit/near --back
swapped 4 "a built-in with options" swap-audit/tune --function select \
    --set columns=0,1,2,3,4,5,6,7
refused 78 "there is no stage 'tuna' in this run; there are: sense, near" \
    "a stage that is not there" swap-audit/tuna --set columns=1
refused 78 "stage 'sense' senses" "a source" swap-audit/sense --set features=9
refused 78 "there is no function 'kmeens'; did you mean 'kmeans'" \
    "a function that is not there" swap-audit/learn --function kmeens
refused 78 "missing.so" "an object that is not there" swap-audit/tune \
    --function "$TEST_DIR/missing.so:f"
refused 78 "ABI" "another ABI" swap-audit/tune --function "$f:old"
refused 78 "has no symbol 'none'" "no such symbol" swap-audit/tune \
    --function "$f:none"
refused 78 "colums" "an option that there is not" swap-audit/tune \
    --set colums=1
refused 78 "was killed by signal 6" "one that dies when it is loaded" \
    swap-audit/tune --function "$TEST_DIR/bad.so:fine"
refused 64 "write swap-audit/STAGE" "an option of no stage" swap-audit \
    --set columns=1
is_at swap-audit 4
ok $? "nothing of that changed the run"

# Two at once: as many revisions as commands that said so.
pids=()
for i in fine also; do
    pilot swap swap-audit/near --function "$f:$i" --wait 0s \
        >/dev/null 2>"$TEST_DIR/$i" &
    pids+=($!)
done
wait "${pids[0]}"
first=$?
wait "${pids[1]}"
second=$?
won=$(((first == 0) + (second == 0)))
is_at swap-audit $((4 + won))
ok $? "two at once: each that was taken is a revision of its own"
[ "$first$second" = 00 ] || grep -q "somebody else has changed" \
    "$TEST_DIR/fine" "$TEST_DIR/also"
ok $? "... and the other is told"
now=$((4 + won))

# --- what fails is taken back ---

refused 1 "features changed from 8 to 4" "other features: taken back" \
    swap-audit/tune --function select --set columns=0-3 --wait 60s
refused 1 "no block pleases me" "a function that refuses all: taken back" \
    swap-audit/tune --function "$f:errs" --wait 60s
goes_on swap-audit
ok $? "... and the run goes on"
# The pool may have committed under it before a device has a block for it.
pilot swap swap-audit/near --function "$f:errs" --wait 0s >/dev/null 2>&1
wait_for 30 is_at swap-audit $((now + 6))
ok $? "the same on devices: taken back"
has "$(pilot swap swap-audit 2>&1)" "no block pleases me" "... and says why"
goes_on swap-audit
ok $? "... and the run goes on"
refused 1 "before its first commit" "one that dies of its first block" \
    swap-audit/tune --function "$f:dies" --wait 60s
goes_on swap-audit
ok $? "... and the run goes on"
is_at swap-audit $((now + 8))
ok $? "each was one revision, and one back"
list=$(pilot swap swap-audit 2>&1)
has "$list" "because" "the list has the reasons"
has "$list" "tune: f.so:dies" "... and what was tried"
pilot commits -n 0 --csv swap-audit | tail -n +2 | sed 's/.*,//' |
    sort -nu >"$TEST_DIR/seen"
has "$(tr '\n' ' ' <"$TEST_DIR/seen")" "0 1 2 3 4 " "commits say theirs"
end swap-audit
exact swap-audit
is "$(get "$TEST_DIR/swap-audit.json" refused)" 0 "no block was refused"

# --- high and low fidelity of one model ---

job means "{pilot: pool, function: kmeans, options: {clusters: 10}}"
start swap-means means
swapped 1 "more centres" swap-means/learn --function kmeans --set clusters=50
has "$out" "all 10 centres stay, and 40 are new" "... from those there are"
swapped 2 "fewer" swap-means/learn --set clusters=5
has "$out" "5 of 50 centres stay" "... the heaviest stay"
swapped 3 "another mode" swap-means/learn --set mode=score_after
goes_on swap-means
ok $? "... and the run goes on"
has "$(pilot swap swap-means/learn --dry-run --function iforest 2>&1)" \
    "iforest warms up anew" "a look at another kind"
swapped 4 "another kind" swap-means/learn --function iforest
version=$(committed swap-means version)
wait_for 30 is_of swap-means iforest
ok $? "... is committed"
goes_on swap-means
[ "$(committed swap-means version)" -gt "$version" ]
ok $? "... and version numbers go on"
swapped 5 "back to the centres" swap-means --back
end swap-means
is "$(get "$TEST_DIR/swap-means.json" refused)" 0 "no block was refused"
is "$(get "$TEST_DIR/swap-means.json" replayed)" 0 "none was read twice"
is "$(get "$TEST_DIR/swap-means.json" deaths)" 0 "and no rank has died of it"
refused 65 "is over" "a run that is over" swap-means/learn --set clusters=9

end_tests
