#!/bin/bash
# A pool on the two hosts of a PBS job, by jobs/pilot.pbs: played, with what a
# real OpenPBS does to the processes of a job.
. "$(dirname "$0")/lib.sh"

unshare -u true 2>/dev/null || skip_rest "no host names can be made here"

# --- what is played

fake=$TEST_DIR/fake
mkdir "$fake"

# pbs_tmrsh HOST COMMAND...: on another host nothing of ours is set but what
# the job had when it was submitted, and PATH is that of the system.  What is
# left when the command has ended is killed, whatever session it is in.  A
# host that is dead never answers; here it takes no time.  Host n3 has a network
# of its own.
cut_ns=pilot-cut-$$
cat >"$fake/pbs_tmrsh" <<X
#!/bin/bash
host=\$1
shift
[ ! -e "$TEST_DIR/dead-\$host" ] || exit 1
echo "\$host \$*" >>"$TEST_DIR/spawned"
cd / || exit
net=
[ "\$host" != n3 ] || net="ip netns exec $cut_ns"
env -i HOME="\$HOME" PATH=/usr/bin:/bin PBS_JOBID="\$PBS_JOBID" \\
    PBS_TASK="\$host.\$PBS_JOBID.\$\$" setsid -w \$net unshare -u \\
    sh -c 'hostname "\$0"; exec "\$@"' "\$host" "\$@"
status=\$?
. "$TEST_DIR/mom"
end_all KILL "PBS_TASK=\$host.\$PBS_JOBID.\$\$"
exit \$status
X

# end_all SIGNAL MARK: all that has it in its environment, at once, as MoM does:
# who is looked for one by one has time to act on the end of others.  The jobs
# of this test have names that no other test has.
server=pbs${TEST_DIR##*.}
cat >"$TEST_DIR/mom" <<'X'
end_all() {
    local d all=
    for d in /proc/[0-9]*; do
        ! { tr '\0' '\n' <"$d/environ" | grep -q "^$2"; } 2>/dev/null ||
            all="$all ${d#/proc/}"
    done
    [ -z "$all" ] || kill -"$1" $all 2>/dev/null
}
X
. "$TEST_DIR/mom"

# A server that keeps no history: what a real one prints, and its status.
cat >"$fake/qstat" <<'X'
#!/bin/bash
for id; do :; done
case " $* " in
*" -x "*)
    echo "qstat: PBS is not configured to maintain job history $id" >&2
    exit 0
    ;;
esac
printf 'Job Id: %s|job_state=R|stime=%s|Resource_List.walltime=%s\n' \
    "$id" "$(LC_ALL=C TZ=UTC date '+%a %b %e %H:%M:%S %Y')" 00:30:00
X
chmod +x "$fake/pbs_tmrsh" "$fake/qstat"

printf 'n1\nn2\n' >"$TEST_DIR/nodefile"
sed -e "s|kind: pool, ntasks: 4|kind: pool, wrap: '$TEST_DIR/where'|" \
    "$SRC/tests/system/audit.yaml" >"$TEST_DIR/audit.yaml"
cat >"$TEST_DIR/where" <<X
#!/bin/sh
uname -n >>"$TEST_DIR/hosts"
exec "\$@"
X
chmod +x "$TEST_DIR/where"

# Both hosts have one address, which Open MPI 5 takes for no way from one to the
# other where it asks the kernel for routes.
#
# job NUMBER RUN RATE: the job script as MoM starts it on the first host, in
# background; its output in RUN.out.
job() {
    env -i HOME="$HOME" PATH="$fake:/usr/bin:/bin" USER="${USER:-root}" \
        PBS_JOBID="$1.$server" PBS_ENVIRONMENT=PBS_BATCH PBS_NODENUM=0 \
        PBS_NODEFILE="$TEST_DIR/nodefile" PBS_O_PATH="$PATH" \
        PBS_O_WORKDIR="$SRC" PILOT_HOME="$PILOT_HOME" \
        PILOT_BROKER="$PILOT_BROKER" PILOT_PARAMS="$PILOT_PARAMS" \
        PILOT_PASSWORD_FILE="$PILOT_PASSWORD_FILE" OMPI_MCA_reachable=weighted \
        PILOT_LIBEXEC="$PILOT_LIBEXEC" PILOT_RUN="$2" \
        PILOT_FILE="$TEST_DIR/$2.yaml" \
        setsid -w unshare -u sh -c 'hostname n1; exec "$@"' sh \
        bash "$SRC/jobs/pilot.pbs" >"$TEST_DIR/$2.out" 2>&1 &
    job=$!
    children="$children $job"
}

# pipeline RUN RATE BLOCKS: of each device; 0 blocks: until `stop RUN`.
pipeline() {
    sed "s/within: 1s/within: 1s, rate: $2/; s/blocks: 200/blocks: $3/" \
        "$TEST_DIR/audit.yaml" >"$TEST_DIR/$1.yaml"
}

# stop RUN: the devices stop, and what they have sent is learned.
stop() {
    kill -INT $(pgrep -f "^([^ ]*/)?pilot run .* --run $1 ")
}

said() { sed 's/^/# /' "$TEST_DIR/$1.out"; }

# --- it runs

pipeline pbs-two 0 100
job 17 pbs-two
wait "$job"
is $? 0 "two hosts: exit status" || said pbs-two
exact pbs-two --blocks 100
is "$(sort "$TEST_DIR/hosts" | tr '\n' ' ')" "n1 n2 " \
    "two hosts: a rank on each"
is "$(grep -c '^n2 ' "$TEST_DIR/spawned")" 2 \
    "two hosts: the second was asked for an answer, and for a daemon" ||
    sed 's/^/# /' "$TEST_DIR/spawned"
has "$(cat "$PILOT_HOME/pbs-two/pool/hosts")" "n1 slots=1" "two hosts: slots"
[ ! -e "$PILOT_HOME/pbs-two/pool/pilot-tmrsh.env" ]
ok $? "two hosts: the environment is not left behind"

# --- a host of it dies, and comes back

pipeline fallen 60 0
job 18 fallen
wait_for 30 applied fallen 100
ok $? "a host dies: the run learns before" || said fallen
touch "$TEST_DIR/dead-n2"
end_all KILL "PBS_TASK=n2.18.$server"
wait_for 30 grep -q "host n2 of job 18.$server cannot be reached" \
    "$PILOT_HOME/fallen/pool/err" "$TEST_DIR/fallen.out"
ok $? "a host dies: which one is said" || said fallen
rm "$TEST_DIR/dead-n2"
wait_for 30 applied fallen $(($(committed fallen applied) + 100))
ok $? "a host dies: the run goes on when it is back" || said fallen
stop fallen
wait "$job"
is $? 0 "a host dies: exit status" || said fallen
exact fallen
lacks=$(cat "$TEST_DIR/fallen.out")
is "${lacks##*signal 77*}" "$lacks" "a host dies: no signal 77"

# --- qdel: all processes of the job, on both hosts, are told at once

pipeline pbs-deleted 60 0
job 19 pbs-deleted
wait_for 30 applied pbs-deleted 100
ok $? "qdel: the run learns before" || said pbs-deleted
end_all TERM "PBS_JOBID=19.$server"
wait "$job"
wait_for 20 grep -q CANCELED "$PILOT_HOME/pbs-deleted/pool/exit"
ok $? "qdel: the pool is CANCELED" || cat "$PILOT_HOME/pbs-deleted/pool/exit"
has "$(pilot status pbs-deleted 2>&1)" CANCELED "qdel: and never FAILED"
wait_for 20 none_left pbs-deleted
ok $? "qdel: no process left"

# --- ranks hear of it before anybody else

pipeline pbs-ranks 60 0
job 20 pbs-ranks
wait_for 30 applied pbs-ranks 100
ok $? "ranks first: the run learns before" || said pbs-ranks
kill -TERM $(agents pbs-ranks pilot-agent)
wait_for 20 grep -q CANCELED "$PILOT_HOME/pbs-ranks/pool/exit"
ok $? "ranks first: the pool is CANCELED" ||
    cat "$PILOT_HOME/pbs-ranks/pool/exit"
wait "$job"
wait_for 20 none_left pbs-ranks
ok $? "ranks first: no process left"

# --- devices die of it before the pool has drained

# has_died RUN DEVICE; has_heard PID: no SIGTERM waits for it.
has_died() {
    case $(redis_do HGET "pilot:{$1}:ends" "$2") in */dead) ;; *) false ;; esac
}
has_heard() { grep -q '^ShdPnd:.*[0-3]...$' "/proc/$1/status"; }

pipeline pbs-devices 60 0
job 21 pbs-devices
wait_for 30 applied pbs-devices 100
ok $? "devices first: the run learns before" || said pbs-devices
kill -STOP $(agents pbs-devices pilot-agent)
# Blocks that the pool has not.
topic_end() { "$BUILD/tests/system/topic" end pilot.pbs-devices.sense; }
had=$(topic_end)
has_more() { [ "$(topic_end)" -gt $((had + 3)) ]; }
wait_for 20 has_more
echo junk >"$PILOT_HOME/pbs-devices/devices/request.json"
kill -KILL "$(agents pbs-devices pilot-edge)"
wait_for 20 has_died pbs-devices devices-3
ok $? "devices first: they are dead" || said pbs-devices
supervisor=$(agents pbs-devices/pool pilot-supervisor)
kill -TERM "$supervisor"
wait_for 20 has_heard "$supervisor"
ok $? "devices first: then the pool is asked to end"
kill -CONT $(agents pbs-devices pilot-agent)
wait "$job"
wait_for 20 grep -q CANCELED "$PILOT_HOME/pbs-devices/pool/exit"
ok $? "devices first: the pool is CANCELED" ||
    cat "$PILOT_HOME/pbs-devices/pool/exit"
has "$(cat "$PILOT_HOME/pbs-devices/pool/exit")" '"state":"failed"' \
    "devices first: ... and has told what it lacks"

# --- a host is cut off: no packet comes or goes, and nobody says so

# On host n3 the broker is at the same address as here.
cut_id=$(($$ % 250))
cut_near=10.214.$cut_id.1
cut_far=10.214.$cut_id.2
cut_end() {
    [ -e "/run/netns/$cut_ns" ] || return 0
    for pid in $(ip netns pids "$cut_ns"); do
        kill -KILL "$pid" 2>/dev/null
    done
    ip netns delete "$cut_ns"
}
cut_network() {
    [ "$(id -u)" -eq 0 ] && ip netns add "$cut_ns" &&
        ip link add "pc$cut_id-out" type veth peer name "pc$cut_id-in" \
            netns "$cut_ns" &&
        ip addr add "$cut_near/30" dev "pc$cut_id-out" &&
        ip link set "pc$cut_id-out" up &&
        ip -n "$cut_ns" addr add "$cut_far/30" dev "pc$cut_id-in" &&
        ip -n "$cut_ns" link set "pc$cut_id-in" up &&
        ip -n "$cut_ns" link set lo up
}
# cut_set NEAR FAR: these are the addresses of the two ends for each other.
cut_set() {
    ip neigh replace "$cut_far" dev "pc$cut_id-out" lladdr "$2" nud permanent &&
        ip -n "$cut_ns" neigh replace "$cut_near" dev "pc$cut_id-in" \
            lladdr "$1" nud permanent
}
cut_broker() {
    cut_port=${PILOT_BROKER##*:}
    cut_fast="--delay 0ms..0ms --rate 10Gbit..10Gbit"
    # shellcheck disable=SC2086
    pilot-link $cut_fast "$cut_near:$cut_port=$PILOT_BROKER" >&2 &
    children="$children $!"
    # shellcheck disable=SC2086
    ip netns exec "$cut_ns" "$BUILD/pilot-link" $cut_fast \
        "$PILOT_BROKER=$cut_near:$cut_port" >&2 &
}
cut_test() {
    cut_broker
    printf 'n1\nn3\n' >"$TEST_DIR/nodefile"
    pipeline pbs-cut 60 0
    sed -i '1i unheard: 3s' "$TEST_DIR/pbs-cut.yaml"
    job 22 pbs-cut
    wait_for 30 applied pbs-cut 100
    ok $? "a host is cut off: the run learns before" || said pbs-cut
    near=$(ip -br link show "pc$cut_id-out" | awk '{ print $3 }')
    far=$(ip -n "$cut_ns" -br link show "pc$cut_id-in" | awk '{ print $3 }')
    cut_set 02:00:00:00:00:01 02:00:00:00:00:02
    cut_said="pilot pool was cut off: host n3 (rank 1) has not answered n1 for"
    wait_for 60 grep -q "$cut_said .* s (unheard: 3s); it is started again" \
        "$TEST_DIR/pbs-cut.out"
    ok $? "a host is cut off: it is named" || said pbs-cut
    cut_set "$near" "$far"
    wait_for 60 applied pbs-cut $(($(committed pbs-cut applied) + 100))
    ok $? "a host is cut off: the run goes on when it is back" || said pbs-cut
    stop pbs-cut
    wait "$job"
    is $? 0 "a host is cut off: exit status" || said pbs-cut
    exact pbs-cut
}
at_end cut_end
if cut_network 2>/dev/null; then
    cut_test
else
    ok 0 "a host is cut off # SKIP no network can be made here"
fi

# --- a shell with what is left of another job: this host is this host

out=$(env SLURM_JOB_ID=5 SLURM_JOBID=5 SLURM_NODELIST='no[1-2]' \
    SLURM_JOB_NODELIST='no[1-2]' SLURM_NNODES=2 SLURM_JOB_NUM_NODES=2 \
    SLURM_NTASKS=1 SLURM_TASKS_PER_NODE='1(x2)' PBS_JOBID=5.no \
    pilot run "$SRC/jobs/smoke.yaml" --run pbs-left 2>&1)
is $? 0 "left over: local:// runs here" || printf '%s\n' "$out" | sed 's/^/# /'

end_tests
