#!/bin/bash
# Pilots in a real Slurm: submit, look, wait, cancel; a stream that outlives
# walltimes; pools that share a run; services in the allocation; audit exact.
. "$(dirname "$0")/lib.sh"

cluster=$SRC/tests/system/slurm-cluster
job=$SRC/tests/system/audit.yaml
in_slurm="--set pilots.pool.resource=slurm:// --set pilots.pool.same-host=yes
    --set pilots.pool.ntasks=2 --set pilots.pool.time=10m"

"$cluster" start "$TEST_DIR/slurm" --nodes 3 >"$TEST_DIR/slurm.out" 2>&1
case $? in
0) ;;
77 | 78) skip_rest "$(tail -n 1 "$TEST_DIR/slurm.out")" ;;
*)
    ok 1 "the cluster starts"
    sed 's/^/# /' "$TEST_DIR/slurm.out"
    exit 1
    ;;
esac
leave() { "$cluster" stop "$TEST_DIR/slurm" >/dev/null 2>&1; }
at_end leave
# shellcheck disable=SC1091
. "$TEST_DIR/slurm/env"

# state ID: its state, as `pilot status` has it.

# --- submit, look, wait, cancel

out=$(pilot-submit --parsable -N 2 -n 4 -t 10 --run one \
    --set pilots.pool.same-host=yes "$SRC/jobs/pool.yaml" \
    2>"$TEST_DIR/err")
is $? 0 "submit" || sed 's/^/# /' "$TEST_DIR/err"
is "${out%;*}" one/pool "submit prints the pilot"
is "$(squeue -h -o %i)" "${out#*;}" "... and the scheduler's id"
has "$(cat "$TEST_DIR/err")" "Slurm is the one scheduler of this host" \
    "the default is said"
has "$(cat "$TEST_DIR/err")" "nodes 2 (command line), ntasks 4" \
    "the request is echoed"
pilot wait one --until active --timeout 30s >/dev/null 2>&1
is $? 0 "wait until active"
line=$(pilot status "${out#*;}" | tail -n 1)
has "$line" "one/pool" "status by the scheduler's id"
has "$line" " ACTIVE " "... is active"
has "$(pilot log one)" "ACTIVE" "log"
pilot cancel one 2>"$TEST_DIR/err"
is $? 0 "cancel" || sed 's/^/# /' "$TEST_DIR/err"
is "$(state_of one)" CANCELED "... is canceled"
wait_for 20 no_jobs
ok $? "... and its job is gone"
pilot wait one --until end --timeout 30s >/dev/null 2>&1
is $? 143 "wait tells that it was canceled"

# --- what the scheduler says

pilot-submit --resource slurm:// -p nosuch -n 2 --run two \
    --set pilots.pool.same-host=yes "$SRC/jobs/pool.yaml" \
    >"$TEST_DIR/out" 2>"$TEST_DIR/err"
is $? 78 "no such partition: exit status"
has "$(cat "$TEST_DIR/err")" "invalid partition specified: nosuch" \
    "... in the scheduler's words"
[ ! -e "$PILOT_HOME/two" ]
ok $? "... nothing is left of it"
pilot-submit -Q --resource slurm:// -N 9 -n 9 --run never \
    --set pilots.pool.same-host=yes "$SRC/jobs/pool.yaml" \
    >/dev/null 2>"$TEST_DIR/err"
rc=$?
if [ $rc -eq 0 ]; then # a Slurm before 23.11 takes it, and will never run it
    wait_for 10 in_state never QUEUED
    has "$(pilot status never)" "will never run: its partition has no room" \
        "more nodes than there are: the reason is shown at once"
else
    is $rc 78 "more nodes than there are: refused"
    has "$(cat "$TEST_DIR/err")" "node configuration is not available" \
        "more nodes than there are: in the scheduler's words"
fi
pilot cancel never --now 2>/dev/null
wait_for 10 no_jobs
ok $? "... canceled in the queue"
pilot-submit -Q --resource slurm:// -n 2 --run silent --setup "exit 7" \
    --set pilots.pool.same-host=yes "$SRC/jobs/pool.yaml" >/dev/null
wait_for 20 in_state silent FAILED
ok $? "a job that ends before its pilot says hello has failed"

# --- a stream that outlives walltimes

# The job's end is moved near by its own first line.
pilot run "$job" --run walltimes $in_slurm --set pilots.pool.nodes=2 \
    --set pilots.pool.ntasks=4 --set pilots.pool.chain=5 \
    --set 'pilots.pool.setup=["scontrol update JobId=$SLURM_JOB_ID EndTime=now+14"]' \
    --set stages.sense.block.rate=20 --set stages.sense.options.blocks=400 \
    --summary "$TEST_DIR/chain.json" >"$TEST_DIR/chain.out" 2>&1
is $? 0 "chain: exit status" || sed 's/^/# /' "$TEST_DIR/chain.out"
exact walltimes --blocks 400
is "$(get "$TEST_DIR/chain.json" applied)" 1600 "chain: every block once"
has "$(cat "$TEST_DIR/chain.out")" "pool has ended at its deadline; pool.2" \
    "chain: a successor went on"
is "$(state_of walltimes/pool)" DONE "chain: its first job ended by itself"
wait_for 20 no_jobs
ok $? "chain: no successor is left"

# --- two pools, one killed

pilot run "$job" --run pair $in_slurm \
    --set 'pilots.second={kind: pool, resource: "slurm://", same-host: yes, ntasks: 2, time: 10m}' \
    --set 'stages.learn.pilot=[pool, second]' \
    --set stages.sense.block.rate=40 --set stages.sense.options.blocks=800 \
    --set streams.sense.partitions=8 >"$TEST_DIR/pair.out" 2>&1 &
pid=$!
children="$children $pid"
both_share() {
    map=$(leases pair)
    case $map in */0-3*/4-7* | */4-7*/0-3*) return 0 ;; esac
    return 1
}
wait_for 30 both_share
ok $? "pair: both have their share"
has "$(pilot status --map pair)" "pair/second" "pair: status --map"
# Its supervisor and its ranks at once: its job starts them again.
kill -KILL $(agents pair/second pilot-supervisor) \
    $(agents pair/second pilot-agent)
wait $pid
status=$?
is $status 0 "pair: exit status" || sed 's/^/# /' "$TEST_DIR/pair.out"
exact pair --blocks 800
has "$(cat "$TEST_DIR/pair.out")" "pilot second was killed with its \
supervisor; its job has started it again" "pair: a killed pool is told"
wait_for 20 no_jobs
ok $? "pair: no job is left"

# --- services in the allocation

cat >"$TEST_DIR/core.yaml" <<X
version: 1
pipeline: core
pilots:
  core: {kind: allocation, resource: "slurm://", nodes: 1, ntasks: 2, time: 10m, same-host: yes}
  broker: {kind: broker, within: core, listen: 127.0.0.1}
  params: {kind: params, within: core, listen: 127.0.0.1}
  pool: {kind: pool, within: core, ntasks: 2}
  devices: {kind: edge, devices: 2}
stages:
  sense: {pilot: devices, function: generator, block: {points: 100, within: 1s}, options: {features: 4, blocks: 50}}
  learn: {pilot: pool, function: audit}
epoch: {interval: 50ms}
results: "off"
X
(
    unset PILOT_BROKER PILOT_PARAMS PILOT_PASSWORD_FILE
    pilot run "$TEST_DIR/core.yaml" --run core --summary "$TEST_DIR/core.json"
) >"$TEST_DIR/core.out" 2>&1
is $? 0 "core: exit status" || sed 's/^/# /' "$TEST_DIR/core.out"
is "$(get "$TEST_DIR/core.json" applied)" 100 "core: every block once"
states() { pilot status --no-header --refresh core | awk '{print $4}' | sort -u; }
all_done() { [ "$(states)" = DONE ]; }
wait_for 20 all_done
is "$(states)" DONE "core: all of it is done"
wait_for 20 no_jobs
ok $? "core: no job is left"

# --- a batch script of one's own, an allocation of one's own

(
    cd "$SRC" && sbatch --parsable -n 2 -t 10 -o "$TEST_DIR/batch.out" \
        jobs/pilot.sbatch jobs/pool.yaml batch
) >"$TEST_DIR/batch.id"
wait_for 30 in_state batch/pool ACTIVE
ok $? "batch: its pilot registers" || sed 's/^/# /' "$TEST_DIR/batch.out"
has "$(pilot status batch)" " $(cat "$TEST_DIR/batch.id")" \
    "batch: by its job's id"
scancel "$(cat "$TEST_DIR/batch.id")"
wait_for 30 no_jobs
ok $? "batch: ends with its job"
# The daemons of an mpirun are to find it: by the hosts that nodes know, where
# this one need not be 127.0.1.1.
# shellcheck disable=SC2016
unshare --mount bash -c 'mount --bind "$0" /etc/hosts && exec "$@"' \
    "$TEST_DIR/slurm/conf/hosts" salloc -Q -n 2 -t 10 \
    pilot run "$SRC/tests/system/audit.yaml" --run inside \
    --set pilots.pool.resource=batch:// --set pilots.pool.ntasks=2 \
    >"$TEST_DIR/inside.out" 2>&1
is $? 0 "inside: exit status" || sed 's/^/# /' "$TEST_DIR/inside.out"
has "$(cat "$TEST_DIR/inside.out")" "its allocation is used" \
    "inside: an allocation is used as it is"
exact inside --blocks 200

# --- more ranks, and fewer

pilot-submit -Q -n 2 -t 10 --run size --set pilots.pool.same-host=yes \
    "$SRC/jobs/pool.yaml" >/dev/null
pilot wait size --until active --timeout 30s >/dev/null 2>&1
out=$(pilot resize size/pool -n 3 2>/dev/null)
is "$out" size/pool.2 "resize: more ranks are another pilot"
wait_for 30 in_state size/pool.2 ACTIVE
ok $? "resize: which joins the run"
pilot resize size/pool -n 1 2>/dev/null
has_one_rank() {
    pilot status --no-header size/pool | grep -q "ACTIVE .* 1  *[0-9]*:"
}
wait_for 30 has_one_rank
ok $? "resize: ranks leave" || pilot status size | sed 's/^/# /'
pilot cancel --run size 2>/dev/null
wait_for 30 no_jobs
ok $? "resize: canceled by the run"

# --- more ranks by a policy

cat >"$TEST_DIR/dear.c" <<'C'
#include <pilot/pilot.h>
#include <time.h>
static int nap(pe_context *ctx, const pe_block *in, pe_block *out)
{
    struct timespec t = {0, 50000000};

    (void)ctx;
    nanosleep(&t, 0);
    *out = *in;
    return PE_FORWARD;
}
const pe_function dear = {.abi = PE_FUNCTION_ABI,
                          .name = "dear",
                          .prose = "takes 50 ms a block",
                          .process_cloud = nap};
C
${CC:-cc} -shared -fPIC -I"$SRC/include" -o "$TEST_DIR/dear.so" \
    "$TEST_DIR/dear.c" || die "a function of one's own is built"
pilot run "$job" --run load $in_slurm --set pilots.pool.ntasks=1 \
    --set 'pilots.pool.scale={lag: 2s, max: 2, cooldown: 1s}' \
    --set stages.sense.block.rate=10 --set stages.sense.options.blocks=120 \
    --set stages.learn= --set "stages.slow={pilot: pool, function: \
\"$TEST_DIR/dear.so:dear\"}" \
    --set 'stages.learn={pilot: pool, function: audit}' \
    >"$TEST_DIR/load.out" 2>&1 &
pid=$!
children="$children $pid"
decided() { pilot scale load | grep -q "pool.2 is up after"; }
wait_for 40 decided
ok $? "load: the lag brings another pilot out of Slurm's queue" ||
    pilot scale load 2>&1 | sed 's/^/# /'
pilot scale load --json |
    sed -n 's/^ *"\(waited_s\|up_s\)": \(.*\)/# load: \1 \2/p'
wait $pid
is $? 0 "load: exit status" || sed 's/^/# /' "$TEST_DIR/load.out"
exact load --blocks 120
wait_for 30 no_jobs
ok $? "load: no job is left"

end_tests
