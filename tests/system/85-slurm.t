#!/bin/bash
# A real Slurm on this machine: the cluster that tests are run on, MPI across
# its nodes, a walltime, a node's death; pilot-slurm against squeue.
. "$(dirname "$0")/lib.sh"

cluster=$SRC/tests/system/slurm-cluster
dir=$TEST_DIR/c
helper=$BUILD/pilot-slurm

# Also when the test is cut off.
leave() {
    "$cluster" stop "$dir"
    "$cluster" stop "$TEST_DIR/d"
}
at_end leave

elapsed() { echo "# $1: $(($(date +%s%N) / 1000000 - begin)) ms"; }
begin() { begin=$(($(date +%s%N) / 1000000)); }

begin
"$cluster" start "$dir" 2>"$TEST_DIR/err"
rc=$?
if [ $rc -eq 77 ] || [ $rc -eq 78 ]; then
    skip_rest "$(tail -n 1 "$TEST_DIR/err")"
fi
is $rc 0 "a cluster starts" || {
    sed 's/^/# /' "$TEST_DIR/err"
    exit 1
}
elapsed "start"
# shellcheck disable=SC1091
. "$dir/env"
export TZ=UTC
cd "$TEST_DIR" || exit 1

# submit OPTION... [SCRIPT]: prints the id.
submit() { sbatch --parsable -o /dev/null "$@"; }
job_state() { squeue -h -t all -j "$1" -o '%T|%r'; }
# job_is ID PATTERN: of "STATE|REASON".
# shellcheck disable=SC2053
job_is() { [[ $(job_state "$1") = $2 ]]; }
# reaches SECONDS ID PATTERN NAME
reaches() {
    wait_for "$1" job_is "$2" "$3"
    is $? 0 "$4" || echo "#   is: $(job_state "$2")"
}

# --- the script itself

is "$(sinfo -h -p debug -o '%D %T')" "3 idle" "three nodes are idle"
out=$("$cluster" status "$dir")
is "$? $(grep -c ' running ' <<<"$out")" "0 5" "status"
out=$("$cluster" start "$dir" 2>&1)
is $? 73 "no second cluster in one folder"
"$cluster" start "$TEST_DIR/d" --nodes 1
is $? 0 "a second cluster beside it"
is "$(SLURM_CONF=$TEST_DIR/d/conf/slurm.conf sinfo -h -p debug -o '%N %T')" \
    "n1 idle" "the second one has its own nodes"
SLURM_CONF=$TEST_DIR/d/conf/slurm.conf submit --wrap 'sleep 60' >/dev/null
is "$(squeue -h -t all)" "" "jobs of one are unknown to the other"
"$cluster" stop "$TEST_DIR/d"
[ ! -e "$TEST_DIR/d" ]
ok $? "stop with a job running"

mkdir "$TEST_DIR/bin"
printf '#!/bin/sh\necho "no luck today" >&2\nexit 1\n' \
    >"$TEST_DIR/bin/slurmctld"
chmod +x "$TEST_DIR/bin/slurmctld"
out=$(PATH="$TEST_DIR/bin:$PATH" "$cluster" start "$TEST_DIR/d" 2>&1)
is $? 69 "a controller that does not start"
has "$out" "no luck today" "the end of its log is shown"
[ ! -e "$TEST_DIR/d" ]
ok $? "a bad start leaves nothing"
for a in "" "$dir" "start" "nonsense $dir" "kill $dir n9" \
    "start $TEST_DIR/d --nodes x"; do
    # shellcheck disable=SC2086
    "$cluster" $a 2>/dev/null
    is $? 64 "usage: slurm-cluster ${a/$TEST_DIR/...}"
done

# --- jobs

lost=$(submit --no-requeue -w n3 -n 2 --wrap 'sleep 300')
wait_for 10 job_is "$lost" 'RUNNING|*'
# What is started last on the node dies with it.
"$cluster" kill-node "$dir" 3
is "$("$cluster" status "$dir" | grep n3)" "n3 stopped" "a node is killed"

cat >mpi.sh <<X
#!/bin/bash
#SBATCH -N 2 -n 4
export OMPI_MCA_btl_base_verbose=5
srun --mpi=pmix "$BUILD/tests/system/allreduce"
X
has_ended() {
    [[ $(job_state "$1") = @(COMPLETED|FAILED|CANCELLED|TIMEOUT)"|"* ]]
}
# mpi_completes SCRIPT OUT NAME: on a busy machine ranks of Open MPI 4.1 hang or
# die in their start, seldom: they are tried again then, which is said.
mpi_completes() {
    for i in 1 2 3 4; do
        j=$(sbatch --parsable -o "$2" "$1")
        wait_for 30 has_ended "$j"
        ! job_is "$j" 'COMPLETED|*' || break
        echo "# $3: job $j ($(job_state "$j")) is tried again; it said:"
        sed 's/^/#   /' "$2"
        scancel "$j" 2>/dev/null
        wait_for 30 has_ended "$j"
    done
    is "$(job_state "$j")" 'COMPLETED|None' "$3"
}
begin
mpi_completes mpi.sh mpi.out "an MPI job over two nodes"
elapsed "MPI job"
is "$(grep '^rank' mpi.out | sort | tr '\n' ' ')" "rank 0 of 4 on n1: 10 \
rank 1 of 4 on n1: 10 rank 2 of 4 on n2: 10 rank 3 of 4 on n2: 10 " \
    "four ranks, two a node, one sum" || sed 's/^/# /' mpi.out
is "$(grep -c 'Using \(vader\|sm\) btl .* on node n[12]$' mpi.out)" 4 \
    "ranks of a node share memory"
is "$(sed -n 's/^\[\(n.\):.*Using tcp btl .* on node \(n.\)$/\1\2/p' mpi.out |
    sort -u | tr '\n' ' ')" "n1n2 n2n1 " "ranks of two nodes talk by TCP"

cat >mpirun.sh <<X
#!/bin/bash
#SBATCH -N 2 -n 4
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
mpirun "$BUILD/tests/system/allreduce"
X
mpi_completes mpirun.sh mpirun.out "the same with mpirun"
is "$(grep -c '^rank . of 4 on n[12]: 10$' mpirun.out)" 4 \
    "which finds the allocation by itself" || sed 's/^/# /' mpirun.out

cat >limit.sh <<'X'
#!/bin/bash
#SBATCH -t 1
scontrol update JobId=$SLURM_JOB_ID EndTime=now+3
trap 'echo TERM' TERM
sleep 60 & wait
X
begin
limit=$(sbatch --parsable -o limit.out limit.sh)
# Both nodes are full: what comes now waits.
done0=$(submit --wrap true)
done3=$(submit --wrap 'exit 3')
done9=$(submit --wrap 'kill -9 $$')
for j in "$done0" "$done3" "$done9"; do
    wait_for 20 job_is "$j" '[CF]?*ED|*'
done
is "$(job_state "$done0") $(job_state "$done3")" \
    "COMPLETED|None FAILED|NonZeroExitCode" "jobs end as they do"
runs=$(submit -w n1 -n 1 -t UNLIMITED --wrap 'sleep 300')
runs2=$(submit -w n1 -n 1 -t 5 --wrap 'sleep 300')
robbed=$(submit -w n2 -n 1 --no-requeue --wrap 'sleep 300')
again=$(submit -w n2 -n 1 --requeue --wrap 'sleep 300')
# pends PATTERN OPTION...: one that waits, and why.
pends() {
    want=$1
    shift
    id=$(submit "$@" --wrap true)
    reaches 10 "$id" "PENDING|$want" "waits: $want"
}
reaches 20 "$limit" 'TIMEOUT|TimeLimit' "a walltime within seconds"
elapsed "walltime of 3 s, with the jobs beside it"
has "$(cat limit.out)" "TERM" "TERM comes first"
for j in "$runs" "$runs2" "$robbed" "$again"; do
    reaches 10 "$j" 'RUNNING|*' "a job runs"
done
pends PartitionDown -p down
pends PartitionTimeLimit -p short -t 5
pends PartitionNodeLimit -p big -N 1
# More nodes than there are: a Slurm since 23.11 says so at once.
if submit -N 9 --wrap true >never.out 2>never.err; then
    reaches 10 "$(cat never.out)" 'PENDING|PartitionConfig' \
        "waits: PartitionConfig"
else
    has "$(cat never.err)" "Requested node configuration is not available" \
        "refused: more nodes than there are"
fi
pends JobHeldUser --hold
held=$id
pends BeginTime --begin=now+1hour
later=$id
pends Dependency -d "afterok:$runs"
pends DependencyNeverSatisfied -d "afterok:$done3"
pends '@(Resources|Priority)' -N 2 --exclusive
scancel "$held"
reaches 10 "$held" 'CANCELLED|*' "scancel ends a job"
scontrol requeue "$again"
reaches 10 "$again" 'PENDING|BeginTime' "a job is queued again"

urgent=$(submit -p urgent -w n2 -n 1 --exclusive --wrap 'sleep 1')
reaches 10 "$robbed" 'PREEMPTED|*' "a job loses its node to an urgent one"
reaches 10 "$urgent" 'COMPLETED|*' "which runs at once"

printf '#!/bin/bash\ntrue\n' >'odd|name
of a script.sh'
odd=$(submit --hold 'odd|name
of a script.sh')

reaches 40 "$lost" 'NODE_FAIL|NodeDown' "the controller sees the node's death"
has "$(sinfo -h -p debug -t down -o %N)" n3 "and has it down"
"$cluster" revive "$dir" n3
rc=$? # what waited for a node may have it by now
[[ $rc.$(sinfo -h -N -n n3 -p debug -o %T) = 0.@(idle|mixed|allocated) ]]
ok $? "the node is back"

# --- pilot-slurm

[ -x "$helper" ] || skip_rest "pilot-slurm is not built"

format=$(sed -n 's/^#define SLURM_SQUEUE_FORMAT "\(.*\)"$/\1/p' \
    "$SRC/src/backend/slurm/format.h")
theirs() { squeue -h -a --me -t all -o "$format"; }
# Without restarts and exit code, which squeue has not got, in its order.
ours() {
    "$helper" jobs | sed -E 's/^(([^|]*\|){8})[^|]*\|[^|]*/\1-|-/'
}
# A name with a newline is two lines of squeue.
same() {
    theirs | sed -z 's/\nof a script.sh\n/?of a script.sh\n/g' | sort \
        >theirs.txt
    ours | sort >ours.txt
    cmp -s ours.txt theirs.txt
}
wait_for 10 same
ok $? "pilot-slurm prints what squeue prints" ||
    diff theirs.txt ours.txt | sed 's/^/# /'
is "$(cut -d'|' -f2 ours.txt | sort -u | tr '\n' ' ')" \
    "CANCELLED COMPLETED FAILED NODE_FAIL PENDING PREEMPTED RUNNING TIMEOUT " \
    "all of these states were among them"
field() { "$helper" jobs | sed -n "s/^$1|//p" | cut -d'|' -f"$(($2 - 1))"; }
is "$(field "$done0" 10) $(field "$done3" 10) $(field "$done9" 10)" \
    "0:0 3:0 0:9" "exit codes and signals"
is "$(field "$runs" 10)" "-" "none of a job that runs"
is "$(field "$again" 9) $(field "$runs" 9)" "1 0" "restarts"
is "$("$helper" jobs | sed -n "s/^$odd|.*|JobHeldUser|//p")" \
    "$TEST_DIR/odd|name?of a script.sh" "an odd name does not break its line"

is "$("$helper" end "$runs2")" "$(squeue -h -j "$runs2" -o %e)" "end of a job"
is "$("$helper" end "$runs")" NONE "end of a job without a limit"
is "$("$helper" end "$later")" "$(squeue -h -j "$later" -o %e)" \
    "end of a job that waits"
out=$("$helper" end 999999 2>&1)
is "$? $out" "65 pilot-slurm: end: Invalid job id specified" "end of no job"
"$helper" cancel "$runs2"
is $? 0 "cancel"
reaches 10 "$runs2" 'CANCELLED|*' "the job is canceled"
"$helper" cancel "$runs2" && "$helper" cancel 999999
is $? 0 "cancel of one that is over, and of none"
"$helper" ping
is $? 0 "ping"
version=$(sinfo --version)
has "$("$helper" version)" "Slurm ${version##* }" "version"
for a in "" nonsense jobs\ a\ b end end\ 0 end\ x end\ 4294967294 cancel; do
    # shellcheck disable=SC2086
    "$helper" $a >/dev/null 2>&1
    is $? 64 "usage: pilot-slurm $a"
done

printf '#!/bin/bash\n' >held.sh
for ((i = 0; i < 200; i++)); do submit --hold held.sh; done >/dev/null
wait_for 10 same
is "$? $(wc -l <ours.txt)" "0 $(($(theirs | wc -l) - 1))" "200 jobs more"
begin
for ((i = 0; i < 10; i++)); do "$helper" jobs >/dev/null; done
elapsed "pilot-slurm jobs, 10 times 220 jobs"
begin
for ((i = 0; i < 10; i++)); do theirs >/dev/null; done
elapsed "squeue, 10 times 220 jobs"

# --- no controller, no configuration, one of another version

"$cluster" kill "$dir" slurmctld
for a in jobs "cancel $runs"; do
    begin
    # shellcheck disable=SC2086
    out=$("$helper" $a 2>&1)
    is $? 69 "no controller: $a"
    has "$out" "Unable to contact slurm controller" "in Slurm's words"
    is "$(wc -l <<<"$out")" 1 "in one line"
    elapsed "no controller: $a"
done
"$cluster" revive "$dir" slurmctld
"$helper" ping
is $? 0 "the controller is back"

out=$(SLURM_CONF=$TEST_DIR/none "$helper" jobs 2>&1)
is "$? $out" "78 pilot-slurm: $TEST_DIR/none: No such file or directory" \
    "no configuration"
cp "$SLURM_CONF" other.conf
echo "WordOfTheFuture=1" >>other.conf
out=$(SLURM_CONF=$TEST_DIR/other.conf "$helper" jobs 2>&1)
is $? 78 "a configuration of another version"
has "$out" "unrecognized key: WordOfTheFuture" "the library's words"
is "$(wc -l <<<"$out")" 1 "in one line"

# A controller that answers in protocol VERSION, or not at all (0).
cat >fake.pl <<'X'
use IO::Socket::INET;
my ($version, $file) = @ARGV;
my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", Listen => 5) or die;
open my $f, ">", $file or die;
print $f $s->sockport, "\n";
close $f;
while (my $c = $s->accept) {
    my ($n, $got) = ("", "");
    while (length $n < 4) { sysread $c, $n, 4 - length $n, length $n or last }
    $n = unpack "N", $n;
    while (length $got < $n) {
        sysread $c, $got, $n - length $got, length $got or last;
    }
    my $body = pack("n", $version) . "\0" x 200;
    syswrite $c, pack("N", length $body) . $body if $version;
    close $c;
}
X
for v in 0 1 12800; do
    rm -f port
    perl fake.pl $v port &
    fake=$!
    children="$children $fake"
    wait_for 10 test -s port
    sed "s/^SlurmctldPort=.*/SlurmctldPort=$(cat port)/" "$SLURM_CONF" \
        >other.conf
    out=$(SLURM_CONF=$TEST_DIR/other.conf "$helper" jobs 2>&1)
    is $? 78 "a controller that speaks version $v"
    kill $fake
    wait $fake 2>/dev/null
done

# --- the end

submit -N 3 --exclusive --wrap 'sleep 300' >/dev/null
ports=$(sed -n 's/.*Port=\([0-9]*\).*/\1/p' "$SLURM_CONF")
begin
"$cluster" stop "$dir"
is $? 0 "stop"
elapsed "stop"
[ ! -e "$dir" ]
ok $? "no file of it is left"
left=$(grep -lzF "$dir/" /proc/[0-9]*/{cmdline,environ} 2>/dev/null)
is "$left" "" "no process"
open=
for p in $ports; do
    ! (exec 3<>"/dev/tcp/127.0.0.1/$p") 2>/dev/null || open="$open $p"
done
is "$(wc -w <<<"$ports")$open" 4 "no port"
is "$(find /tmp /dev/shm -maxdepth 1 -newer mpi.sh -name '*.n[1-3].*')" "" \
    "no shared memory or session folder"
"$cluster" stop "$dir"
is $? 0 "stop with nothing there"

end_tests
