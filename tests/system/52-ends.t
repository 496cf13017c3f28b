#!/bin/bash
# Ends in a real Slurm: a chain of one, a TERM and what is left of the time.
. "$(dirname "$0")/lib.sh"

cluster=$SRC/tests/system/slurm-cluster
job=$SRC/tests/system/audit.yaml
"$cluster" start "$TEST_DIR/slurm" --nodes 2 >"$TEST_DIR/slurm.out" 2>&1
case $? in
0) ;;
77 | 78) skip_rest "$(tail -n 1 "$TEST_DIR/slurm.out")" ;;
*)
    sed 's/^/# /' "$TEST_DIR/slurm.out"
    die "the cluster starts"
    ;;
esac
leave() { "$cluster" stop "$TEST_DIR/slurm" >/dev/null 2>&1; }
at_end leave
# shellcheck disable=SC1091
. "$TEST_DIR/slurm/env"

# --- a supervisor ends within what Slurm gives, here 2 s

pilot-submit -Q -n 2 -t 10 --resource slurm:// --run stuck \
    --set pilots.pool.same-host=yes "$SRC/jobs/pool.yaml" >/dev/null
pilot wait stuck --until active --timeout 30s >/dev/null 2>&1
ok $? "stuck: the pool is up"
# A rank that is stopped leaves by no signal but KILL.
kill -STOP "$(agents stuck/pool pilot-agent | tail -n 1)"
scancel "$(squeue -h -o %i)"
wait_for 30 no_jobs
ok $? "stuck: the job is gone"
[ -s "$PILOT_HOME/stuck/pool/exit" ]
ok $? "stuck: its supervisor came to write how it ended" ||
    sed 's/^/# /' "$PILOT_HOME/stuck/pool/err"
wait_for 20 in_state stuck/pool CANCELED
is "$(state_of stuck/pool)" CANCELED "stuck: it was canceled, and that is known"
none_left stuck
ok $? "stuck: no process is left"

# --- a chain of one has one successor

pilot run "$job" --run once --set pilots.pool.resource=slurm:// \
    --set pilots.pool.same-host=yes --set pilots.pool.ntasks=2 \
    --set pilots.pool.time=10m --set pilots.pool.chain=1 \
    --set 'pilots.pool.setup=["[ ${PILOT_DIR##*/} != pool ] || scontrol update JobId=$SLURM_JOB_ID EndTime=now+10"]' \
    --set stages.sense.block.rate=20 --set stages.sense.options.blocks=200 \
    --summary "$TEST_DIR/once.json" >"$TEST_DIR/once.out" 2>&1
is $? 0 "chain of one: exit status" || sed 's/^/# /' "$TEST_DIR/once.out"
exact once --blocks 200
has "$(cat "$TEST_DIR/once.out")" "pool has ended at its deadline; pool.2" \
    "chain of one: its successor goes on"
is "$(cd "$PILOT_HOME/once" && echo pool*)" "pool pool.2" \
    "chain of one: there is no other"
wait_for 20 no_jobs
ok $? "chain of one: no job is left"

end_tests
