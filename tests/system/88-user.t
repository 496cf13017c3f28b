#!/bin/bash
# Around a pilot: defaults of the site, where values come from, what a doctor
# sees, Ctrl-C in the queue, a lost terminal, completion; a user who is not root,
# and a Slurm that is reached by its slurmrestd.
# shellcheck disable=SC2218 # pilot is a function from the last part on
. "$(dirname "$0")/lib.sh"

cluster=$SRC/tests/system/slurm-cluster
job=$SRC/tests/system/audit.yaml

"$cluster" start "$TEST_DIR/slurm" --nodes 2 >"$TEST_DIR/slurm.out" 2>&1
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


# --- defaults of a site, and where a value comes from

export XDG_CONFIG_HOME=$TEST_DIR/config
mkdir -p "$XDG_CONFIG_HOME/pilot"
cat >"$XDG_CONFIG_HOME/pilot/pilots.yaml" <<X
slurm: {account: proj, setup: ["export SITE=1"]}
X
out=$(pilot-submit --resource slurm:// -n 2 --dry-run "$SRC/jobs/pool.yaml" \
    2>"$TEST_DIR/err")
is $? 0 "a dry run" || sed 's/^/# /' "$TEST_DIR/err"
has "$out" "export SITE=1" "the site's line is in the script"
has "$out" "#SBATCH --account=proj" "... and its directive"
has "$(cat "$TEST_DIR/err")" "account proj (user file)" "... and whose it is"
out=$(pilot config show --origin --set stages.learn.options.clusters=7 \
    "$SRC/jobs/pool.yaml")
has "$out" "= 7                        --set stages.learn.options.clusters=7" \
    "config show --origin: the command line"
line=$(grep -n '^version:' "$SRC/jobs/pool.yaml" | cut -d: -f 1)
has "$out" "/jobs/pool.yaml:$line" "... the file and its line"
has "$out" "PILOT_BROKER" "... the environment"
echo "slurm: {acount: x}" >"$XDG_CONFIG_HOME/pilot/pilots.yaml"
pilot-submit --resource slurm:// -n 2 --dry-run "$SRC/jobs/pool.yaml" \
    >"$TEST_DIR/out" 2>&1
is $? 78 "a word that is none"
has "$(cat "$TEST_DIR/out")" "did you mean 'account'?" "... and what is meant"
rm "$XDG_CONFIG_HOME/pilot/pilots.yaml"

# --- the doctor

pilot doctor --resource slurm:// -n 2 -t 5m --job "$SRC/jobs/pool.yaml" \
    >"$TEST_DIR/out" 2>&1
is $? 0 "doctor: exit status" || sed 's/^/# /' "$TEST_DIR/out"
has "$(cat "$TEST_DIR/out")" "ok      broker " "doctor: the broker"
is "$(grep -vc '^ok  ' "$TEST_DIR/out")" 0 "doctor: all is well" ||
    sed 's/^/# /' "$TEST_DIR/out"
wait_for 20 no_jobs
ok $? "doctor: its job is over"
pilot doctor --resource slurm:// -p short -n 2 -t 5h "$SRC/jobs/pool.yaml" \
    >"$TEST_DIR/out" 2>&1
is $? 1 "doctor: a limit: exit status"
has "$(grep '^fix' "$TEST_DIR/out")" "short" "doctor: ... and the fix"

# --- Ctrl-C while the pool waits in the queue

scontrol update PartitionName=debug State=DOWN
pilot run "$job" --run queue --set pilots.pool.resource=slurm:// \
    --set pilots.pool.same-host=yes --set pilots.pool.ntasks=2 \
    >"$TEST_DIR/queue.out" 2>&1 &
pid=$!
children="$children $pid"
wait_for 20 in_state queue/pool QUEUED
ok $? "a pool in the queue"
has "$(pilot status queue)" "its partition is down" "... and why"
kill -INT $pid
wait_for 20 grep -q draining "$TEST_DIR/queue.out"
ok $? "Ctrl-C once is heard"
kill -INT $pid
wait $pid
is $? 130 "Ctrl-C twice: exit status" || sed 's/^/# /' "$TEST_DIR/queue.out"
wait_for 20 no_jobs
ok $? "... takes it out of the queue"
is "$(state_of queue/pool)" CANCELED "... and says so"
none_left queue
ok $? "... and nothing is left here"
scontrol update PartitionName=debug State=UP

# --- a lost terminal

pilot run "$job" --run adrift --set pilots.pool.resource=slurm:// \
    --set pilots.pool.same-host=yes --set pilots.pool.ntasks=2 \
    --set stages.sense.block.rate=60 >"$TEST_DIR/adrift.out" 2>&1 &
pid=$!
children="$children $pid"
wait_for 30 in_state adrift/pool ACTIVE
ok $? "a run"
kill -HUP $pid
pilot wait adrift --timeout 60s >"$TEST_DIR/wait.out" 2>&1
is $? 0 "pilot wait joins it again" || sed 's/^/# /' "$TEST_DIR/wait.out"
wait $pid
is $? 0 "it went on"
exact adrift --blocks 200
is "$(state_of adrift/pool)" DONE "its pool is done"
wait_for 20 no_jobs
ok $? "no job is left"

# --- a command that was killed, and goes on

pilot run "$job" --run again --set pilots.pool.resource=slurm:// \
    --set pilots.pool.same-host=yes --set pilots.pool.ntasks=2 \
    --set stages.sense.block.rate=40 >"$TEST_DIR/again.out" 2>&1 &
pid=$!
children="$children $pid"
wait_for 30 applied again 8
ok $? "another run"
kill -KILL $pid
wait $pid 2>/dev/null
pilot run --resume again >"$TEST_DIR/out" 2>&1
is $? 73 "its job lives: none beside it"
has "$(cat "$TEST_DIR/out")" "before its run goes on" "... and what to do"
is "$(squeue -h | wc -l)" 1 "... and there is one job"
pilot cancel again/pool >"$TEST_DIR/out" 2>&1
wait_for 20 no_jobs
ok $? "its job is canceled"
pilot run --resume again >"$TEST_DIR/out" 2>&1
is $? 0 "it goes on in another" || sed 's/^/# /' "$TEST_DIR/out"
exact again --blocks 200
wait_for 20 no_jobs
ok $? "and leaves none"

# --- a submission that fails half way

cat >"$TEST_DIR/half.yaml" <<X
version: 1
pipeline: half
pilots:
  broker: {kind: broker}
  params: {kind: params, resource: "slurm://", time: 5m}
  pool: {kind: pool, resource: "slurm://", same-host: yes, ntasks: 1, partition: nosuch}
stages:
  learn: {pilot: pool, function: kmeans}
streams: {sensors: {topic: half, partitions: 2}}
X
(
    unset PILOT_PARAMS PILOT_PASSWORD_FILE
    pilot-submit -Q --run halfway "$TEST_DIR/half.yaml" >"$TEST_DIR/out" 2>&1
)
is $? 78 "half: the pool is refused" || sed 's/^/# /' "$TEST_DIR/out"
is "$(squeue -h | wc -l)" 1 "half: the job before it is there"
has "$(pilot status halfway)" "halfway/params" "half: and known"
pilot cancel --run halfway >"$TEST_DIR/out" 2>&1
is $? 0 "half: canceled" || sed 's/^/# /' "$TEST_DIR/out"
wait_for 20 no_jobs
ok $? "half: no job is left"

# --- completion

out=$(bash -c ". '$SRC/scripts/site/completion.bash'
    COMP_WORDS=(pilot resi) COMP_CWORD=1
    _pilot_complete pilot resi pilot
    echo \${COMPREPLY[*]}")
is "$out" resize "completion of a command"
out=$(bash -c ". '$SRC/scripts/site/completion.bash'
    COMP_WORDS=(pilot wait adr) COMP_CWORD=2
    _pilot_complete pilot adr wait
    echo \${COMPREPLY[*]}")
is "$out" "adrift adrift/devices adrift/pool" "completion of a run and its pilots"

# --- an ordinary user, in a folder of any name, whose Slurm is slurmrestd's

theirs="$TEST_DIR/their \"own\" folder's"
# In place of the shell, so that a pid is that of the program.
become_user() {
    exec setpriv --reuid=nobody --regid=nogroup --clear-groups env -C / \
        HOME="$theirs" PILOT_HOME="$theirs/state" \
        PILOT_PASSWORD_FILE="$theirs/password" "$@"
}
as_user() { (become_user "$@"); }
pilot() { as_user "$BUILD/pilot" "$@"; }
mkdir "$theirs"
cp "$PILOT_PASSWORD_FILE" "$theirs/password"
chown -R nobody "$theirs"
chmod 711 "$TEST_DIR"
chmod 600 "$theirs/password"
pilot run "$job" --run theirs --set pilots.pool.ntasks=2 \
    --summary "$theirs/summary.json" >"$TEST_DIR/theirs.out" 2>&1
is $? 0 "an ordinary user: exit status" || sed 's/^/# /' "$TEST_DIR/theirs.out"
exact theirs --blocks 200
is "$(find "$theirs" ! -user nobody | wc -l)" 0 "... all of it is his"

rest_answers() { [ -S "$TEST_DIR/rest/socket" ]; }
if command -v slurmrestd >/dev/null; then
    mkdir "$TEST_DIR/rest" && chown nobody "$TEST_DIR/rest"
    # Without the one of slurmdbd, which is not there; their names have changed.
    openapi=$(as_user slurmrestd -s list 2>&1 |
        grep -oE 'openapi/(slurmctld|v0\.0\.38)' | head -n 1)
    become_user slurmrestd -a rest_auth/local -s "$openapi" \
        "unix:$TEST_DIR/rest/socket" >"$TEST_DIR/rest.out" 2>&1 &
    rest_pid=$!
    children="$children $rest_pid"
    wait_for 20 rest_answers
    ok $? "slurmrestd" || sed 's/^/# /' "$TEST_DIR/rest.out"
    pilot doctor --resource "slurmrest://$TEST_DIR/rest/socket" \
        "$SRC/jobs/pool.yaml" >"$TEST_DIR/out" 2>&1
    line=$(grep "slurmrestd at " "$TEST_DIR/out")
    has "$line" "answers (API v0.0." "slurmrest: the doctor says which API" ||
        sed 's/^/# /' "$TEST_DIR/out"
    has "$line" "its slurmctld too" "slurmrest: ... and that Slurm is there"
    cp "$job" "$theirs/it's.yaml"
    rest=slurmrest://$TEST_DIR/rest/socket
    pilot run "$theirs/it's.yaml" --run rest \
        --set "pilots.pool.resource=$rest" \
        --set pilots.pool.same-host=yes --set pilots.pool.ntasks=2 \
        --set pilots.pool.time=10m >"$TEST_DIR/theirs.out" 2>&1
    is $? 0 "slurmrest: exit status" || sed 's/^/# /' "$TEST_DIR/theirs.out"
    exact rest --blocks 200
    as_user pilot-submit --parsable --resource "$rest" -p short -n 2 -t 5 \
        --run rested --set pilots.pool.same-host=yes "$SRC/jobs/pool.yaml" \
        >"$TEST_DIR/out" 2>"$TEST_DIR/err"
    is $? 0 "slurmrest: a job with errors that is queued" ||
        sed 's/^/# /' "$TEST_DIR/err"
    why() { pilot status --refresh rested | grep -q "it will never run: "; }
    wait_for 20 why
    ok $? "slurmrest: ... and why it waits"
    as_user pilot-submit --resource "$rest" -p nosuch -n 2 --run rested.no \
        --set pilots.pool.same-host=yes "$SRC/jobs/pool.yaml" \
        >"$TEST_DIR/out" 2>&1
    is $? 78 "slurmrest: no such partition"
    has "$(cat "$TEST_DIR/out")" "Invalid partition name specified" \
        "slurmrest: ... in Slurm's words"
    "$cluster" kill "$TEST_DIR/slurm" slurmctld
    pilot status --refresh rested >"$TEST_DIR/out" 2>"$TEST_DIR/err"
    is $? 69 "slurmrest: a controller that is away"
    has "$(cat "$TEST_DIR/err")" "its slurmctld does not answer" \
        "slurmrest: ... is no job that is gone"
    "$cluster" revive "$TEST_DIR/slurm" slurmctld
    pilot cancel rested >"$TEST_DIR/out" 2>&1
    is $? 0 "slurmrest: cancel" || sed 's/^/# /' "$TEST_DIR/out"
    wait_for 20 no_jobs
    ok $? "slurmrest: no job is left" || squeue 2>&1 | sed 's/^/# /'
    kill $rest_pid
else
    skip_rest "slurmrest: slurmrestd is not there"
fi

end_tests
