#!/bin/bash
# Blocks that kill the function of a user: found, refused after three deaths,
# and nothing else is (doc/design.md section 4).  The audit knows every block.
. "$(dirname "$0")/lib.sh"

export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

cat >"$TEST_DIR/f.c" <<'C'
#include <pilot/function.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* Says by a file of its own that this process is inside, for 2 s. */
static void stay(void)
{
    char path[512];

    snprintf(path, sizeof(path), FOLDER "/inside.%d", (int)getpid());
    close(creat(path, 0600));
    sleep(2);
}
static volatile int forever = 1;
/* The first number of a row says what happens to who has it. */
static int each(pe_context *ctx, const pe_block *in, pe_block *out)
{
    static int spoilt;

    if (spoilt)
        abort();
    for (unsigned i = 0; i < in->points; i++) {
        double x = pe_block_at(in, i, 0);

        if (x == 7001)
            raise(11);
        if (x == 7002)
            while (forever)
                ;
        if (x == 7003) /* memory that there is not */
            memset(malloc((size_t)1 << 60), 1, 4096);
        if (x == 7004)
            exit(3);
        if (x == 7005)
            spoilt = 1;
        if (x == 7009)
            return pe_context_fail(ctx, "7009 is not a number I like");
        if (x == 7010)
            stay();
    }
    return pe_context_pass(ctx, in, out);
}
const pe_function f = {.abi = PE_FUNCTION_ABI, .name = "f",
                       .process_edge = each, .process_cloud = each};
C
sed -i "s/^#include <stdlib.h>/#include <signal.h>\n&/; s|FOLDER|\"$TEST_DIR\"|" "$TEST_DIR/f.c"
${CC:-cc} -shared -fPIC -I"$SRC/include" -o "$TEST_DIR/f.so" "$TEST_DIR/f.c" ||
    die "a function of a user"

# rows NAME ROW...: 400 rows, in which ROW has 7001, and so on: ROW=VALUE.
rows() {
    name=$1
    shift
    {
        echo a,b
        seq 1 400 | sed "s/.*/&,2/"
    } >"$TEST_DIR/$name.csv"
    for r; do
        sed -i "s/^${r%=*},2\$/${r#*=},2/" "$TEST_DIR/$name.csv"
    done
}

# job NAME RANKS STAGE [LINE]: STAGE is of f.so, where it says.
job() {
    cat >"$TEST_DIR/$1.yaml" <<Y
version: 1
pipeline: $1
${4:-}
pilots:
  devices: {kind: edge, devices: 2}
  broker: {kind: broker}
  params: {kind: params}
  pool: {kind: pool, ntasks: $2}
stages:
  sense:
    pilot: devices
    function: file
    block: {points: 5, within: 100ms}
    options: {path: "$TEST_DIR/$1.csv"}
  mine: $3
  learn: {pilot: pool, function: audit}
streams: {sense: {partitions: 2}}
epoch: {interval: 20ms}
results: "off"
Y
}

# run_job RUN STATUS: to its end.
run_job() {
    timeout 120 pilot run "$TEST_DIR/$1.yaml" --run "$1" \
        --summary "$TEST_DIR/$1.json" >"$TEST_DIR/$1.out" 2>&1
    is $? "$2" "$1: exit status" || sed 's/^/#   | /' "$TEST_DIR/$1.out"
}

refused() { pilot refused list --no-header "$1" 2>/dev/null; }

# --- two at once, of different kinds, on two ranks ---

rows poison-two 23=7001 101=7002 300=7005
job poison-two 2 "{pilot: pool, function: '$TEST_DIR/f.so:f', limit: 300ms}"
run_job poison-two 65
is "$(get "$TEST_DIR/poison-two.json" refused)" 2 "two: two are refused"
is "$(get "$TEST_DIR/poison-two.json" applied)" 78 \
    "two: all others are learned, and the one behind which others die"
exact poison-two --refused 2
seen=$(refused poison-two)
is "$(awk '$5 == "mine" && $6 == 3' <<<"$seen" | wc -l)" 2 \
    "two: stage and attempts" || printf '%s\n' "$seen" | sed 's/^/#   | /'
has "$seen" "crashed by signal 11 (Segmentation fault)" "two: how it crashed"
has "$seen" "the last one did not come back within its limit" \
    "two: the one that loops"

# --- on devices ---

rows poison-edge 23=7001 102=7002
job poison-edge 1 "{pilot: devices, function: '$TEST_DIR/f.so:f', limit: 300ms}"
sed -i 's/^streams: {sense/streams: {mine/' "$TEST_DIR/poison-edge.yaml"
run_job poison-edge 65
seen=$(refused poison-edge)
is "$(awk '$5 == "mine" && $6 == 3' <<<"$seen" | wc -l)" 2 \
    "edge: two are refused, by the stage of the device" ||
    printf '%s\n' "$seen" | sed 's/^/#   | /'
has "$seen" "process_edge of" "edge: the function"
exact poison-edge --refused 2

# --- more than may be refused, said, and gone on with ---

rows poison-most $(seq 1 400 | sed -n 's/$/=7009/; 11~20p')
job poison-most 2 "{pilot: pool, function: '$TEST_DIR/f.so:f'}" "refuse-max: 12"
run_job poison-most 65
out=$(cat "$TEST_DIR/poison-most.out")
has "$out" "blocks were refused, and refuse-max is 12, most of them since stage 'mine': stage 'mine': 7009 is not a number I like; 'pilot refused list --reasons poison-most'" \
    "most: why it stops"
is "$(get "$TEST_DIR/poison-most.json" state)" failed "most: its summary"
n=$(refused poison-most | wc -l)
is "$(get "$TEST_DIR/poison-most.json" refused)" "$n" "most: ... counts them"
pilot run --resume poison-most \
    --summary "$TEST_DIR/poison-most.json" >"$TEST_DIR/poison-most.out" 2>&1
is $? 65 "most: it goes on" || sed 's/^/#   | /' "$TEST_DIR/poison-most.out"
exact poison-most --refused 20

# Mended, they are sent again, each once, whoever asks how often.
sed -i 's/return pe_context_fail.*/;/' "$TEST_DIR/f.c"
${CC:-cc} -shared -fPIC -I"$SRC/include" -o "$TEST_DIR/f.new" "$TEST_DIR/f.c" &&
    mv "$TEST_DIR/f.new" "$TEST_DIR/f.so" || die "the function is mended"
for n in 0 1; do
    pilot refused replay poison-most $n/0 >/dev/null 2>&1
done
out=$(pilot refused replay poison-most 2>&1)
has "$out" "of 20 refused blocks sent again to topic" "replay: how many" ||
    printf '%s\n' "$out"
pilot refused replay poison-most >"$TEST_DIR/again" 2>&1 &
again=$!
out=$(pilot refused replay poison-most 2>&1)
has "$out" "0 of 20 refused blocks sent again" "replay: once is enough"
wait "$again"
pilot run --resume poison-most --summary "$TEST_DIR/poison-most.json" \
    >"$TEST_DIR/poison-most.out" 2>&1
is "$(committed poison-most applied)" 80 "replay: all are learned" ||
    sed 's/^/#   | /' "$TEST_DIR/poison-most.out"
is "$(committed poison-most refused)" 20 "replay: ... and none is refused again"
exact poison-most --refused 20

# --- killed from outside, as often as a block that is refused ---

rows poison-kill 50=7010 200=7003 300=7004
job poison-kill 1 "{pilot: pool, function: '$TEST_DIR/f.so:f'}"
pilot run "$TEST_DIR/poison-kill.yaml" --run poison-kill \
    --summary "$TEST_DIR/poison-kill.json" >"$TEST_DIR/poison-kill.out" 2>&1 &
run=$!
children="$children $run"
# is_within: a rank has the block that takes long; others have been there.
is_within() {
    rank=$(agents poison-kill pilot-agent)
    [ -n "$rank" ] && [ "$rank" != "${killed:-}" ] &&
        [ -e "$TEST_DIR/inside.$rank" ] && applied poison-kill "$1"
}
for n in 1 1 1; do
    wait_for 30 is_within "$n"
    killed=$rank
    kill -KILL $rank
done
wait "$run"
is $? 65 "kill: exit status" || sed 's/^/#   | /' "$TEST_DIR/poison-kill.out"
seen=$(refused poison-kill)
is "$(wc -l <<<"$seen")" 2 "kill: two are refused, and not the one that was killed" ||
    printf '%s\n' "$seen" | sed 's/^/#   | /'
has "$seen" "called exit" "kill: the one that leaves"
exact poison-kill --refused 2

# --- a function that is swapped in, and never comes back ---

cat >"$TEST_DIR/loops.c" <<'C'
#include <pilot/function.h>
static volatile int forever = 1;
static int loops(pe_context *ctx, const pe_block *in, pe_block *out)
{
    while (forever)
        ;
    return pe_context_pass(ctx, in, out);
}
const pe_function g = {.abi = PE_FUNCTION_ABI, .name = "g",
                       .process_cloud = loops};
C
${CC:-cc} -shared -fPIC -I"$SRC/include" -o "$TEST_DIR/loops.so" \
    "$TEST_DIR/loops.c" || die "a function that loops"
job poison-swap 1 "{pilot: pool, function: '$TEST_DIR/f.so:f', limit: 300ms}"
sed -i '/function: file/,/options:/d; s/^    pilot: devices$/&\n    function: generator\n    block: {points: 10, within: 1s, rate: 60}\n    options: {features: 2, blocks: 0}/' \
    "$TEST_DIR/poison-swap.yaml"
pilot run "$TEST_DIR/poison-swap.yaml" --run poison-swap \
    --summary "$TEST_DIR/poison-swap.json" >"$TEST_DIR/poison-swap.out" 2>&1 &
run=$!
children="$children $run"
wait_for 30 applied poison-swap 50 || sed 's/^/#   | /' "$TEST_DIR/poison-swap.out"
out=$(pilot swap poison-swap/mine --function "$TEST_DIR/loops.so:g" --wait 60s 2>&1)
is $? 1 "swap: what never comes back is taken back" ||
    printf '%s\n' "$out" | sed 's/^/#   | /'
n=$(committed poison-swap applied)
wait_for 30 applied poison-swap $((n + 100))
ok $? "swap: and the run goes on"
kill -INT "$run"
wait "$run"
is $? 0 "swap: the run ends well" || sed 's/^/#   | /' "$TEST_DIR/poison-swap.out"
is "$(get "$TEST_DIR/poison-swap.json" refused)" 0 "swap: nothing is refused"
exact poison-swap

end_tests
