#!/bin/bash
# Bad input: one clear error with the place and the fix, the documented exit
# status, nothing left behind.
. "$(dirname "$0")/lib.sh"

job=$SRC/tests/system/audit.yaml

# refuse STATUS TEXT NAME COMMAND...: it ends so and says so, once.
refuse() {
    status=$1 text=$2 name=$3
    shift 3
    out=$("$@" 2>&1 </dev/null)
    is $? "$status" "$name: exit status" || printf '%s\n' "$out" | sed 's/^/# /'
    has "$out" "$text" "$name: says so"
    is "$(printf '%s\n' "$out" | grep -cF -- "$text")" 1 "$name: says it once"
}

run() { pilot run "$job" "$@"; }

refuse 78 "clusterz" "unknown option" pilot config check <(
    sed 's/function: audit/function: kmeans, options: {clusterz: 3}/' "$job")
refuse 78 "unit" "time without a unit" run --set epoch.interval=250
refuse 78 "ntasks" "number out of range" run --set pilots.pool.ntasks=0
refuse 78 "partitions" "wrong type" run --set streams.sense.partitions=four
refuse 78 "nowhere" "stage on an unknown pilot" run \
    --set stages.learn.pilot=nowhere
refuse 78 "kmeanz" "function that is not there" run \
    --set stages.learn.function=kmeanz
refuse 78 "missing.so" "shared object that is not there" run \
    --set stages.learn.function=missing.so:f
refuse 78 "password-file" "literal password" run \
    --set pilots.params.password=secret
refuse 64 "--nonsense" "unknown option of the command" run --nonsense
refuse 64 "FILE" "no file" pilot run
refuse 78 "no-such.yaml" "file that is not there" pilot run no-such.yaml

cat >"$TEST_DIR/abi.c" <<'C'
#include <pilot/function.h>
static int f(pe_context *c, const pe_block *i, pe_block *o)
{ (void)c; (void)i; (void)o; return PE_NOTHING; }
const pe_function wrong = {.abi = 99, .name = "wrong", .process_cloud = f};
const pe_function right = {.abi = PE_FUNCTION_ABI, .name = "right",
                           .process_cloud = f};
C
cc -shared -fPIC -I"$SRC/include" -o "$TEST_DIR/abi.so" "$TEST_DIR/abi.c"
refuse 78 "99" "function of another ABI" run \
    --set "stages.learn.function=$TEST_DIR/abi.so:wrong"
refuse 78 "nothere" "symbol that is not there" run \
    --set "stages.learn.function=$TEST_DIR/abi.so:nothere"

# Servers.
refuse 69 "127.0.0.1:1" "broker that is not there" \
    env PILOT_BROKER=127.0.0.1:1 pilot run "$job"
refuse 69 "127.0.0.1:1" "Redis that is not there" \
    env PILOT_PARAMS=redis://127.0.0.1:1 pilot run "$job"
echo wrong >"$TEST_DIR/password"
chmod 600 "$TEST_DIR/password"
refuse 77 "password" "wrong password" \
    env PILOT_PASSWORD_FILE="$TEST_DIR/password" pilot run "$job"
chmod 644 "$TEST_DIR/password"
refuse 77 "chmod" "password that others can read" \
    env PILOT_PASSWORD_FILE="$TEST_DIR/password" pilot run "$job"
redis_do ACL SETUSER noscript on '>x' '~*' '&*' +@all -@scripting >/dev/null
printf 'x\n' >"$TEST_DIR/noscript"
chmod 600 "$TEST_DIR/noscript"
refuse 78 "script" "Redis without scripts allowed" \
    env PILOT_PASSWORD_FILE="$TEST_DIR/noscript" pilot run "$job" \
    --set pilots.params.user=noscript
redis_do ACL DELUSER noscript >/dev/null

# Topics.
pilot run "$job" --run few --set streams.sense.partitions=2 --set \
    streams.sense.topic=few-topic --set stages.sense.options.blocks=5 \
    >"$TEST_DIR/few.out" 2>&1
is $? 0 "topic with two partitions" || sed 's/^/# /' "$TEST_DIR/few.out"
refuse 78 "partitions" "topic with fewer partitions than asked" run \
    --set streams.sense.topic=few-topic
refuse 78 "set streams.sense.message-max to" "topic for smaller messages" run \
    --set streams.sense.partitions=2 --set streams.sense.topic=few-topic \
    --set streams.sense.message-max=8MiB

# This machine.
mkdir "$TEST_DIR/bin"
for c in env bash sh; do ln -s "$(command -v $c)" "$TEST_DIR/bin/$c"; done
refuse 78 "openmpi-bin" "no mpirun" \
    env PATH="$TEST_DIR/bin" "$BUILD/pilot" run "$job"
refuse 73 "cannot make folder" "state directory that cannot be made" \
    env PILOT_HOME=/proc/nowhere pilot run "$job"
if [ "$(id -u)" -eq 0 ] && mkdir "$TEST_DIR/full" &&
    mount -t tmpfs -o size=4k,nr_inodes=3 none "$TEST_DIR/full" 2>/dev/null
then
    refuse 73 "disk" "disk full" env PILOT_HOME="$TEST_DIR/full" \
        pilot run "$job"
    umount "$TEST_DIR/full"
fi
refuse 65 "no-such.csv" "input file that is not there" pilot run \
    "$SRC/jobs/file.yaml" --set stages.sense.options.path=no-such.csv

# The launcher starts singletons: one error with the fix.
mkdir -p "$TEST_DIR/fake"
cat >"$TEST_DIR/fake/mpirun" <<'F'
#!/bin/bash
# An mpirun of another MPI: every process is alone.
while [ $# -gt 0 ] && [[ $1 != */pilot-agent ]]; do shift; done
unset OMPI_COMM_WORLD_RANK
export OMPI_MCA_ess_singleton_isolated=1 OMPI_ALLOW_RUN_AS_ROOT=1
PMI_RANK=0 "$@" &
PMI_RANK=1 "$@" &
first=$!
wait
wait $first 2>/dev/null
exit 78
F
chmod +x "$TEST_DIR/fake/mpirun"
refuse 78 "does not speak to the MPI of pilot-agent, " \
    "launcher that starts singletons" \
    env PATH="$TEST_DIR/fake:$PATH" pilot run "$job"
# ... which are ended with the first of them, whoever that is.
sed -i 's/^PMI_RANK=0.*//' "$TEST_DIR/fake/mpirun"
refuse 78 "does not speak to the MPI of pilot-agent, " \
    "launcher that ends the first singleton" \
    env PATH="$TEST_DIR/fake:$PATH" pilot run "$job"

left=$(pgrep -f "$TEST_DIR/home" | wc -l)
is "$left" 0 "no process left"
# A run's folders in /tmp and /dev/shm are known by links in its own.
is "$(find "$TEST_DIR/home" -type l | wc -l)" 0 "no folder left"

end_tests
