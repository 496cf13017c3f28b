#!/bin/bash
# What is asked of a real Slurm is what it gets, whatever the environment says:
# one job, by mpirun on two hosts, and the same job at its end.
. "$(dirname "$0")/lib.sh"

cluster=$SRC/tests/system/slurm-cluster
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
no_jobs() { [ -z "$(squeue -h)" ]; }

# --- a rank on each of two hosts, by mpirun

cat >"$TEST_DIR/where" <<X
#!/bin/sh
uname -n >>"$TEST_DIR/hosts"
exec "\$@"
X
chmod +x "$TEST_DIR/where"
sed -e "s|kind: pool, ntasks: 4|kind: pool, wrap: '$TEST_DIR/where'|" \
    "$SRC/tests/system/audit.yaml" >"$TEST_DIR/audit.yaml"
pilot run "$TEST_DIR/audit.yaml" --run asked-two \
    --set pilots.pool.resource=slurm:// --set pilots.pool.same-host=yes \
    --set pilots.pool.nodes=2 --set pilots.pool.ntasks=2 \
    --set pilots.pool.time=10m --set pilots.pool.launcher=mpirun \
    >"$TEST_DIR/two.out" 2>&1
is $? 0 "mpirun on two hosts: exit status" || sed 's/^/# /' "$TEST_DIR/two.out"
exact asked-two --blocks 200
is "$(sort "$TEST_DIR/hosts" | tr '\n' ' ')" "n1 n2 " \
    "mpirun on two hosts: a rank on each"
wait_for 20 no_jobs

# --- the environment does not beat what was asked for

export SBATCH_PARTITION=down SBATCH_TIMELIMIT=3 SBATCH_ARRAY_INX=1-3 \
    SBATCH_WAIT=1
out=$(pilot-submit --parsable --resource slurm:// -p debug -t 10 -n 1 \
    --run asked --set pilots.pool.same-host=yes "$SRC/jobs/pool.yaml" \
    2>"$TEST_DIR/err")
is $? 0 "asked: submit returns" || sed 's/^/# /' "$TEST_DIR/err"
is "$(squeue -h -r -o '%i %P %l')" "${out#*;} debug 10:00" \
    "asked: one job, in the partition and for the time that was asked for"
unset SBATCH_PARTITION SBATCH_TIMELIMIT SBATCH_ARRAY_INX SBATCH_WAIT
for words in --array=1-3 '-a 1-3' :; do
    # shellcheck disable=SC2086
    pilot-submit --resource slurm:// -n 1 --run asked-many \
        --set pilots.pool.same-host=yes "$SRC/jobs/pool.yaml" -- $words \
        >"$TEST_DIR/out" 2>"$TEST_DIR/err"
    is $? 64 "many: '$words' is refused"
    has "$(cat "$TEST_DIR/err")" "cannot be asked of Slurm" "... with a reason"
done
[ ! -e "$PILOT_HOME/asked-many" ]
ok $? "many: nothing is left of it"

# --- a job behind a record that is over

pilot wait -Q --until active --timeout 30s asked
is $? 0 "left: it is up"
printf '{"schema":1,"state":"DONE","time_ns":%s,"status":0}' \
    "$(($(date +%s) - 60))000000000" >"$PILOT_HOME/asked/pool/exit"
is "$(pilot status --no-header asked | awk '{print $4}')" DONE \
    "left: its record is over"
pilot cancel --grace 0 asked 2>"$TEST_DIR/err"
is $? 0 "left: cancel" || sed 's/^/# /' "$TEST_DIR/err"
has "$(cat "$TEST_DIR/err")" "its job ${out#*;} still runs: it is ended, too" \
    "left: what it ends is said"
wait_for 30 no_jobs
ok $? "left: its job is gone" || squeue | sed 's/^/# /'

end_tests
