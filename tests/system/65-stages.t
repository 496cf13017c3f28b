#!/bin/bash
# Stages before the model: on devices, on ranks, of owners and of helpers.
. "$(dirname "$0")/lib.sh"

# stage NAME PILOT FUNCTION OPTIONS
stage() {
    echo "  $1: {pilot: $2, function: $3, options: {$4}}"
}

# pipeline FILE EPOCH STAGE...: two devices, 3 ranks, 8 features.
pipeline() {
    file=$TEST_DIR/$1.yaml
    cat >"$file" <<Y
version: 1
pipeline: stages
pilots:
  devices: {kind: edge, devices: 2}
  broker: {kind: broker}
  params: {kind: params}
  pool: {kind: pool, ntasks: 3}
epoch: {$2}
results: "off"
stages:
  sense:
    pilot: devices
    function: generator
    block: {points: 200, within: 1s}
    options: {features: 8, blocks: 200}
Y
    shift 2
    printf '%s\n' "$@" >>"$file"
}

# go [-STATUS] YAML RUN ARG...: run it, summary in $sum, what it says in $out.
go() {
    want=0
    case $1 in -*) want=${1#-} && shift ;; esac
    sum=$TEST_DIR/$2.json
    out=$(pilot run "$TEST_DIR/$1.yaml" --run "$2" --summary "$sum" \
        "${@:3}" 2>&1)
    is $? "$want" "$2: exit status" || printf '%s\n' "$out" | sed 's/^/# /'
}

# Columns at the edge, scale on the ranks, then the model.
pipeline chain "interval: 50ms" \
    "$(stage pick devices select 'columns: "0,2,5-7"')" \
    "$(stage scale pool standardise '')" \
    "$(stage learn pool kmeans 'clusters: 5')"
go chain chain --set results=topic
is "$(get "$sum" sent) $(get "$sum" applied) $(get "$sum" refused)" \
    "400 400 0" "chain: every block is learned from"
is "$(committed chain points) $(committed chain masked)" "80000 0" \
    "chain: every point, once"
redis_do GET 'pilot:{chain}:model' | head -c 4000 | tr -d '\0' >"$TEST_DIR/m"
has "$(cat "$TEST_DIR/m")" '"features":"5"' \
    "chain: the model is for the features behind the stages"
out=$(pilot run "$TEST_DIR/chain.yaml" --dry-run)
has "$out" "  scale      standardise on pool, from pick" "dry run: the stages"

# Rows become fewer and columns more on the ranks; one partition, so that the
# other ranks help; epochs counted in blocks.
pipeline thin "blocks: 32" \
    "$(stage thin pool aggregate 'rows: 15, what: "mean,max"')" \
    "$(stage pick pool select 'columns: "0-3,8-11"')" \
    "$(stage learn pool kmeans 'clusters: 5')"
go thin thin --set streams.sense.partitions=1
is "$(get "$sum" applied) $(committed thin points)" "400 5600" \
    "thin: 14 rows of each 200"
go thin thin-1 --set epoch.blocks=1 --set stages.sense.options.blocks=30
is "$(get "$sum" applied) $(committed thin-1 points)" "60 840" \
    "thin: one block an epoch"

# A stage that changes no bit, in front of the audit: exact from outside, and
# when a rank is killed.
pipeline exact "interval: 50ms" \
    "$(stage pick devices select 'columns: "7,0-2"')" \
    "$(stage scale pool standardise 'mean: "0,0,0,0", scale: "1,1,1,1"')" \
    "$(stage learn pool audit '')"
go exact exact --set streams.pick.partitions=1
exact exact --blocks 200
sum=$TEST_DIR/exact-kill.json
pilot run "$TEST_DIR/exact.yaml" --run exact-kill --summary "$sum" \
    --set stages.sense.block.rate=100 >"$TEST_DIR/kill.out" 2>&1 &
pid=$!
children="$children $pid"
wait_for 30 applied exact-kill 50
kill -KILL "$(agents exact-kill pilot-agent | tail -n 1)"
wait $pid
is $? 0 "exact-kill: exit status" || sed 's/^/# /' "$TEST_DIR/kill.out"
exact exact-kill --blocks 200

# A user's function in the row: hands on half of the rows where they lie, and
# counts one outlier a block.
cat >"$TEST_DIR/half.c" <<'C'
#include <pilot/pilot.h>
static int half(pe_context *ctx, const pe_block *in, pe_block *out)
{
    pe_context_pass(ctx, in, out);
    out->points = in->points / 2;
    out->data = (char *)in->data + pe_block_bytes(out);
    out->device = "nobody";
    pe_context_count_outliers(ctx, 1);
    return PE_FORWARD;
}
const pe_function half_function = {.abi = PE_FUNCTION_ABI,
                                   .name = "half",
                                   .process_cloud = half};
C
cc -shared -fPIC -I"$SRC/include" -o "$TEST_DIR/half.so" "$TEST_DIR/half.c"
pipeline half "interval: 50ms" \
    "$(stage half pool '"half.so:half_function"' '')" \
    "$(stage learn pool audit '')"
go half half --set stages.sense.block.points=26
is "$(get "$sum" applied) $(committed half points) $(committed half outliers)" \
    "400 5200 400" "half: what a user's function leaves is learned from"
redis_do GET 'pilot:{half}:model' | tr -d '\0' >"$TEST_DIR/m"
grep -q nobody "$TEST_DIR/m"
is $? 1 "half: where a block came from stays"

# A record that a stage on the device has made too large.
pipeline large "interval: 50ms" \
    "$(stage pick devices select 'columns: "0-7,0-7,0-7,0-7,0-7,0-7,0-7"')" \
    "$(stage learn pool audit '')"
out=$(pilot run "$TEST_DIR/large.yaml" --run large \
    --set stages.sense.options.blocks=2 --set stages.sense.block.points=20000 \
    2>&1)
is $? 65 "large: exit status" || printf '%s\n' "$out" | sed 's/^/# /'
has "$out" "message-max" "large: the fix"

# Blocks that a stage refuses, from the first one on: there is no model.
pipeline refused "interval: 50ms" \
    "$(stage pick pool select 'columns: "0,8"')" \
    "$(stage learn pool kmeans 'clusters: 5')"
go -65 refused refused --set stages.sense.options.blocks=10
has "$out" "pilot: 20 blocks of this run's devices were refused, and nothing \
of them learned; the first: pilot.refused.sense/" "refused: the run says so"
is "$(get "$sum" applied) $(get "$sum" refused)" "0 20" \
    "refused: every block is counted"
has "$(cat "$PILOT_HOME/refused/pool/err")" \
    "stage 'pick': columns: 8 is out of range, the block has 8 features" \
    "refused: the reason names the stage"

# Nothing is left of any block: applied, nothing learned.
pipeline none "interval: 50ms" \
    "$(stage sift pool filter 'warming: drop')" \
    "$(stage learn pool kmeans 'clusters: 5')"
go -65 none none --set stages.sense.options.blocks=10
has "$out" "no row was learned from: the stages let no row through" \
    "none: the run says so"
is "$(get "$sum" applied) $(committed none points)" "20 0" \
    "none: blocks of which nothing goes on are applied"

# A filter on the ranks, with the model of the epoch: once it is warm, few
# rows are left of a block.
pipeline rank "interval: 50ms" \
    "$(stage sift pool filter 'keep: outliers')" \
    "$(stage learn pool kmeans 'clusters: 5')"
go rank rank --set stages.sense.block.rate=100
is "$(get "$sum" applied) $(get "$sum" refused)" "400 0" "rank: all applied"
n=$(committed rank points)
[ "${n:-0}" -gt 0 ] && [ "$n" -lt 60000 ]
ok $? "rank: only outliers are learned from (${n:-0} points)"

# A filter on the devices: once they have the model, nothing is above this.
pipeline edge "interval: 50ms" \
    "$(stage sift devices filter 'threshold: 1e30')" \
    "$(stage mean devices aggregate 'rows: 2')" \
    "$(stage learn pool kmeans 'clusters: 5')"
go edge edge --set stages.sense.block.rate=100 \
    --set stages.sense.options.distinct=8
filtered=$(get "$sum" filtered)
sent=$(get "$sum" sent)
[ "${filtered:-0}" -gt 0 ] && [ "${sent:-0}" -gt 0 ]
ok $? "edge: blocks are filtered ($filtered), those before the model sent"
is "$(get "$sum" sensed) $((filtered + sent)) $(get "$sum" applied)" \
    "400 400 $sent" "edge: sensed = sent + filtered"

end_tests
