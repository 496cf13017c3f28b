#!/bin/bash
# The verdict of a run names the hop that was made slow, each in its turn; and
# what `pilot advise` makes of it.
. "$(dirname "$0")/lib.sh"

# A broker of its own, that may be stopped, and that is reached over a link,
# too.
services() { "$SRC/scripts/services" "$@" --dir "$TEST_DIR/kafka"; }
stop_kafka() { services stop --purge; }
at_end stop_kafka
services start --only kafka --through 127.0.0.1 2>"$TEST_DIR/err" ||
    die "a broker starts: $(cat "$TEST_DIR/err")"
direct=$(sed -n 's/^PILOT_BROKER=//p' "$TEST_DIR/kafka/env")
through=$(sed -n 's/^PILOT_BROKER_THROUGH=//p' "$TEST_DIR/kafka/env")
behind=$(sed -n 's/^PILOT_BROKER_BEHIND=//p' "$TEST_DIR/kafka/env")
kafka=$(services status | sed -n 's/^kafka .* pid //p')
# A Redis in memory, where there is such a folder: on a disk to which others
# write as fast as it takes, each commit waits for that, and Redis is the hop.
memory=$(mktemp -d /dev/shm/pilot-verdict.XXXXXX 2>/dev/null) ||
    memory=$TEST_DIR/redis
swift() { "$SRC/scripts/services" "$@" --dir "$memory/redis"; }
stop_redis() {
    swift stop --purge
    rm -rf "$memory"
}
at_end stop_redis
swift start --only redis 2>"$TEST_DIR/err" ||
    die "a Redis starts: $(cat "$TEST_DIR/err")"
# shellcheck disable=SC1091
. "$memory/redis/env"
export PILOT_PARAMS PILOT_PASSWORD_FILE

# link FILE OPTION... [LISTEN=]HOST:PORT
link() {
    local out=$1
    shift
    pilot-link "$@" >"$out" &
    children="$children $!"
    wait_for 10 test -s "$out"
}
link "$TEST_DIR/narrow" --rate 8Mbit --delay 1ms --buffer 64KiB \
    "$through=$behind"
link "$TEST_DIR/far" --rate 1Gbit --delay 50ms "${PILOT_PARAMS#redis://}"
far=redis://$(sed 's/ .*//' "$TEST_DIR/far")

cat >"$TEST_DIR/dear.c" <<'C'
#include <pilot/pilot.h>
#include <time.h>
static int nap(pe_context *ctx, const pe_block *in, pe_block *out)
{
    struct timespec t = {0, 20000000};

    (void)ctx;
    nanosleep(&t, 0);
    *out = *in;
    return PE_FORWARD;
}
const pe_function dear = {.abi = PE_FUNCTION_ABI,
                          .name = "dear",
                          .prose = "takes 20 ms a block",
                          .process_edge = nap,
                          .process_cloud = nap};
C
${CC:-cc} -shared -fPIC -I"$SRC/include" -o "$TEST_DIR/dear.so" \
    "$TEST_DIR/dear.c" || die "a function of one's own is built"

cat >"$TEST_DIR/job.yaml" <<Y
version: 1
pipeline: verdict
pilots:
  devices: {kind: edge, devices: 2}
  broker: {kind: broker, endpoint: "$direct"}
  params: {kind: params}
  pool: {kind: pool, ntasks: 2}
stages:
  sense:
    pilot: devices
    function: generator
    block: {points: 100}
    options: {features: 8, blocks: 100}
  learn: {pilot: pool, function: kmeans, options: {clusters: 5}}
streams: {sense: {partitions: 2}}
results: off
Y
stage="  prepare: {pilot: devices, function: $TEST_DIR/dear.so:dear}"
sed "s|^  learn:|$stage\n  learn:|; s/streams: {sense/streams: {prepare/" \
    "$TEST_DIR/job.yaml" >"$TEST_DIR/edge.yaml"

# planted NAME HOP ADVICE FILE OPTION...: the verdict of that run, and more.
# Shares of time are those of this run: what else the machine does may hold up
# another hop, or the start of its ranks, for as long, so it has three tries, each
# longer than the one before.
planted() {
    local name=$1 hop=$2 advice=$3 file=$4 out try blocks
    shift 4
    blocks=$(printf '%s\n' "$@" | sed -n 's/.*options\.blocks=//p')
    for try in 1 2 3; do
        [ "$try" -eq 1 ] || pilot runs --rm "v-$name" >/dev/null 2>&1
        PILOT_BROKER='' pilot run "$TEST_DIR/$file" --run "v-$name" \
            --no-final --quiet --summary "$TEST_DIR/$name.json" "$@" \
            --set "stages.sense.options.blocks=$((${blocks:-100} * try * try))" \
            >"$TEST_DIR/out" 2>&1 ||
            { ok 1 "$name runs" || sed 's/^/# /' "$TEST_DIR/out"; return; }
        [ "$(get "$TEST_DIR/$name.json" bottleneck)" != "$hop" ] || break
        sed -n "s/^ *\"text\"/# $name, try $try: &/p" "$TEST_DIR/$name.json"
    done
    is "$(get "$TEST_DIR/$name.json" bottleneck)" "$hop" "$name"
    out=$(pilot advise --json "v-$name")
    has "$out" "\"advice\": \"$advice\"" "... the advice is: $advice"
}

slept="learn.function=$TEST_DIR/dear.so:dear"
planted source source fewer-ranks job.yaml \
    --set stages.sense.block.rate=50 --set stages.sense.options.blocks=300
planted edge edge cloud edge.yaml
planted kernel kernel more-ranks job.yaml --set "stages.$slept" \
    --set stages.learn.options=
planted link link hybrid job.yaml --set "pilots.devices.broker=$through" \
    --set stages.sense.options.blocks=400
planted fetch fetch leave job.yaml --set "pilots.pool.broker=$through" \
    --set stages.sense.block.rate=120 --set stages.sense.options.blocks=600
planted params params leave job.yaml --set "pilots.pool.params=$far" \
    --set epoch.blocks=40 --set stages.sense.options.blocks=200
planted reduce reduce leave job.yaml --set epoch.blocks=10 \
    --set stages.learn.options.clusters=1000 \
    --set stages.sense.options.features=64
# The fault itself: a broker that is there for a fifth of each second.
while :; do
    kill -STOP "$kafka"
    sleep 0.8
    kill -CONT "$kafka"
    sleep 0.2
done &
duty=$!
children="$children $duty"
planted broker broker leave job.yaml --set stages.sense.block.points=2000 \
    --set stages.sense.options.features=32
kill "$duty"
wait "$duty" 2>/dev/null
kill -CONT "$kafka"

out=$(pilot advise v-kernel)
has "$out" "advice    more ranks" "advice in words"
has "$out" "/ 70% busy = " "... with the arithmetic"
has "$out" "what compression would spare" "... and what was not measured"
has "$(pilot advise v-link)" "try       --set streams.sense.compression=zstd" \
    "... and what to try"
out=$(pilot advise none 2>&1)
is $? 78 "advice for a run that is not there: its status"
has "$out" "there is no run none in $PILOT_HOME" "... and what to do"
end_tests
