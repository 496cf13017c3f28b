#!/bin/bash
# Pools in a row: device -> gateway -> site -> centre, on two brokers; a rank
# of the middle is killed, and each block changes the model once.
. "$(dirname "$0")/lib.sh"

export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
dir=$TEST_DIR/services
leave() { "$SRC/scripts/services" stop --dir "$dir" >/dev/null 2>&1; }
at_end leave
"$SRC/scripts/services" start --only kafka --dir "$dir" >/dev/null \
    2>"$TEST_DIR/err"
ok $? "a second broker" || sed 's/^/# /' "$TEST_DIR/err"
inner=$(sed -n 's/^PILOT_BROKER=//p' "$dir/env")

# of_layer LAYER FACT, has_applied LAYER N: what a layer has committed.
of_layer() { committed "layers/$1" "$2"; }
has_applied() { [ "$(of_layer "$1" applied)" -ge "$2" ]; }

# ranks_of PILOT: pids of its ranks.
ranks_of() {
    for pid in $(agents layers pilot-agent); do
        case "$(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null)" in
        *"--pilot $1 "*) echo "$pid" ;;
        esac
    done
}

sum=$TEST_DIR/layers.json
pilot run "$SRC/tests/system/layers.yaml" --run layers --trace \
    --summary "$sum" --set "pilots.inner.endpoint=$inner" \
    >"$TEST_DIR/out" 2>&1 &
pid=$!
children="$children $pid"
wait_for 30 has_applied site 20
ok $? "the middle layer has blocks"
set -- $(ranks_of site)
kill -KILL "$1"
ok $? "a rank of it is killed"
top=$(pilot top --once --json layers)
has "$top" '"layer":"gateway","topic":"pilot.layers.sense"' \
    "top: a row of the first layer"
has "$top" '"layer":"site","topic":"pilot.layers.pass"' "top: ... of the second"
has "$(pilot top --once layers)" "site" "top: a line of it"
out=$(pilot swap layers/pick --set columns=0-6 2>&1)
is $? 78 "a swap is refused"
has "$out" "refused by the next, which cannot take it back" "... and why"
wait $pid
is $? 0 "exit status" || sed 's/^/# /' "$TEST_DIR/out"
VERIFY="$VERIFY --broker $inner"
if out=$($VERIFY --blocks 400 layers 2>&1); then
    ok 0 "layers: ${out##*$'\n'}"
else
    ok 1 "layers is exact"
    printf '%s\n' "$out" | sed 's/^/#   /'
fi
is "$(get "$sum" state) $(get "$sum" applied) $(get "$sum" points)" \
    "done 1600 80000" "the last layer has all of it"
for layer in gateway site; do
    is "$(of_layer $layer applied) $(of_layer $layer forwarded)" "1600 1600" \
        "$layer: all is applied once, and handed on"
done
is "$(get "$sum" deaths)" 1 "the middle layer was started again"
is "$(grep -o '"layer": "\(gateway\|site\|centre\)"' "$sum" | sort -u |
    wc -l)" 3 "summary: a row of each layer"
has "$(cat "$TEST_DIR/out")" "layers    layer" "summary: ... for people"
none_left layers
ok $? "no process left"
trace=$(pilot trace layers)
has "$trace" "1600 of 4 devices, 1600 committed" \
    "trace: blocks of the last layer"
# A rank that is killed has not written its last second.
for layer in gateway centre; do
    n=$(printf '%s\n' "$trace" | sed -n "s/^ *$layer *\([0-9]*\) .*/\1/p")
    is "$n" 1600 "trace: a row of each block in layer $layer"
done
has "$trace" " site " "trace: a line of the middle layer"

# The job that ships, on one broker.
out=$(pilot run "$SRC/jobs/layers.yaml" --run layers-job \
    --set stages.sense.options.blocks=20 --set pilots.gateways.ntasks=1 \
    --set pilots.centre.ntasks=1 --summary "$TEST_DIR/job.json" 2>&1)
is $? 0 "jobs/layers.yaml: exit status" ||
    printf '%s\n' "$out" | sed 's/^/# /'
is "$(get "$TEST_DIR/job.json" applied) $(get "$TEST_DIR/job.json" points)" \
    "320 3200" "jobs/layers.yaml: means of ten readings are learned from"

# A slow function in the middle is what bounds the run: who looks is told so,
# and the policy of that pool goes by what waits before it.
cat >"$TEST_DIR/dear.c" <<'C'
#include <pilot/pilot.h>
#include <time.h>
static int nap(pe_context *ctx, const pe_block *in, pe_block *out)
{
    struct timespec t = {0, 80000000};

    nanosleep(&t, 0);
    return pe_context_pass(ctx, in, out);
}
const pe_function dear = {.abi = PE_FUNCTION_ABI,
                          .name = "dear",
                          .prose = "takes 80 ms a block",
                          .process_cloud = nap};
C
${CC:-cc} -shared -fPIC -D_POSIX_C_SOURCE=200809L -I"$SRC/include" \
    -o "$TEST_DIR/dear.so" "$TEST_DIR/dear.c" || die "a function is built"
pilot run "$SRC/jobs/layers.yaml" --run layers-slow \
    --set stages.sense.options.blocks=8 --set pilots.gateways.ntasks=1 \
    --set pilots.centre.ntasks=1 --set stages.check.options='{}' \
    --set stages.check.function="$TEST_DIR/dear.so:dear" \
    --set pilots.site.scale='{lag: 500ms, min: 1, max: 1}' \
    --summary "$TEST_DIR/slow.json" >"$TEST_DIR/out" 2>&1 &
pid=$!
children="$children $pid"
top_says() { pilot top --once layers-slow | grep -q "$1"; }
wait_for 30 top_says '^verdict  layer site: processing-bound'
ok $? "top: the verdict is of the slow layer" ||
    pilot top --once layers-slow | sed 's/^/# /'
has "$(pilot scale layers-slow --dry-run 2>&1)" "the most there may be" \
    "scale: what waits before its own pool counts"
wait $pid
is $? 0 "a slow layer: exit status" || sed 's/^/# /' "$TEST_DIR/out"
has "$(cat "$TEST_DIR/out")" "verdict   layer site: processing-bound" \
    "summary: ... of the slow layer"
is "$(get "$TEST_DIR/slow.json" applied)" 128 "... and nothing is lost"
has "$(pilot advise layers-slow)" "try       --set pilots.site.ntasks=" \
    "advise: more ranks are for the slow layer"

end_tests
