#!/bin/bash
# Files as people have them: rows that are no rows, a long path, a log that is
# rotated under an agent that is killed.
. "$(dirname "$0")/lib.sh"

# job NAME PATH [FOLLOW]: the pipeline NAME.yaml
job() {
    cat >"$TEST_DIR/$1.yaml" <<END
version: 1
pipeline: $1
pilots:
  devices: {kind: edge, devices: 2}
  broker: {kind: broker}
  params: {kind: params}
  pool: {kind: pool, ntasks: 2}
stages:
  sense:
    pilot: devices
    function: file
    block: {points: 5, within: 100ms}
    options: {path: "$2", follow: ${3:-no}}
  learn: {pilot: pool, function: audit}
streams: {sense: {partitions: 2}}
epoch: {interval: 50ms}
results: "off"
END
}

run_job() {
    pilot run "$TEST_DIR/$1.yaml" --run "$1" --summary "$TEST_DIR/$1.json" \
        >"$TEST_DIR/$1.out" 2>&1
}

# NULs, a row too long, a field that is no number, a quote left open.
{
    echo a,b,c
    seq 1 20 | sed 's/.*/&,1,2/'
    head -c 4096 /dev/zero
    echo 21,1,2
    echo 22,1,2,3
    echo '23,x,2'
    echo '"24,1,2'
    seq 25 40 | sed 's/.*/&,1,2/'
} >"$TEST_DIR/odd.csv"
job odd "$TEST_DIR/odd.csv"
run_job odd
is $? 0 "odd: exit status" || sed 's/^/# /' "$TEST_DIR/odd.out"
is "$(get "$TEST_DIR/odd.json" skipped)" 3 "odd: rows left out"
has "$(cat "$TEST_DIR/odd.out")" "odd.csv:23: the row has 4 fields" \
    "odd: the line of the first is said"
has "$(cat "$TEST_DIR/odd.out")" "odd.csv:22: the row holds NUL bytes" \
    "odd: NULs are said"
has "$(cat "$TEST_DIR/odd.json")" '"column b is no number": 1' \
    "odd: the column is counted"
is "$(get "$TEST_DIR/odd.json" applied)" 8 "odd: all blocks are learned"

has "$(cat "$TEST_DIR/odd.out")" "odd.csv: 3 columns of 3: a b c" \
    "odd: what was found is said"

# Nothing to learn from: one error with the fix, before anything is started;
# and so what may be read in two ways.
printf 'x;y\na;NA\nb;NA\n' >"$TEST_DIR/none.csv"
job rowless "$TEST_DIR/none.csv"
run_job rowless
is $? 65 "none: exit status" || sed 's/^/# /' "$TEST_DIR/rowless.out"
has "$(cat "$TEST_DIR/rowless.out")" "none of its 2 columns holds numbers" \
    "none: it is said"
printf '1,75754\n2,5\n' >"$TEST_DIR/two.csv"
job two "$TEST_DIR/two.csv"
run_job two
is $? 65 "two ways: exit status" || sed 's/^/# /' "$TEST_DIR/two.out"
has "$(cat "$TEST_DIR/two.out")" "give delimiter: comma or decimal: comma" \
    "two ways: asked for"
out=$(pilot inspect "$TEST_DIR/two.csv" 2>&1)
is $? 65 "two ways: inspect: exit status"
has "$out" "give delimiter: comma or decimal: comma" "two ways: by inspect, too"
out=$(pilot inspect --set decimal=comma "$TEST_DIR/two.csv" 2>&1)
is $? 0 "two ways: inspect with a word: exit status"
has "$out" "decimal: comma" "two ways: and the line for it"
pilot inspect --set decimal=x "$TEST_DIR/two.csv" 2>/dev/null
is $? 78 "two ways: a wrong word: exit status"

# Ranges are of the first rows of an array; that is said where it has more.
for rows in 1000 1001; do
    {
        printf '\223NUMPY\001\000\166\000%-117s\n' \
            "{'descr': '<f8', 'fortran_order': False, 'shape': ($rows, 1), }"
        head -c $((8 * rows)) /dev/zero
    } >"$TEST_DIR/zero.npy"
    said=
    [ $rows = 1000 ] || said="; the first 1000 were looked at"
    is "$(pilot inspect "$TEST_DIR/zero.npy" | head -1)" \
        "$TEST_DIR/zero.npy: an array, $rows rows$said" \
        "array: inspect of $rows rows"
done

# Fields that a run makes NaN are missing, those of text are not.
printf 'a;b\n1,5;x\n2,5;y\n1.009,4;z\n?;\n3,5;x\n' >"$TEST_DIR/mix.csv"
out=$(pilot inspect --set decimal=comma "$TEST_DIR/mix.csv" | tr -s ' ')
has "$out" " 0 a number 1.5 3.5 2 learned" "mixed: inspect counts no numbers"
has "$out" " 1 b text 1 left out: text" "mixed: inspect counts no text"

# A folder of a logger: TOA5, a day a file, one of them packed and one with its
# columns in another order.
toa5() {
    printf '"TOA5","s","CR1000","1","CR1000.Std.27","CPU:m","4","Met"\r\n'
    printf '"TIMESTAMP","RECORD",%s\r\n' "$1"
    printf '"TS","RN","Deg C","%%"\r\n"","","Avg","Smp"\r\n'
}
mkdir "$TEST_DIR/logs"
for day in 8 9 10; do
    {
        if [ $day = 9 ]; then toa5 '"RH","AirTC"'; else toa5 '"AirTC","RH"'; fi
        for i in $(seq 10 32); do
            printf '"2026-11-%02d 08:15:%d",%d,%d.5,"NAN"\r\n' \
                $day "$i" "$i" "$i"
        done
    } >"$TEST_DIR/logs/Met_$day.DAT"
done
gzip "$TEST_DIR/logs/Met_8.DAT"
out=$(pilot inspect "$TEST_DIR/logs" 2>&1)
is $? 0 "toa5: inspect: exit status" || printf '%s\n' "$out" | sed 's/^/# /'
has "$out" "text packed by gzip, 3 files, the first has 23 rows" \
    "toa5: inspect counts"
has "$out" "AirTC" "toa5: inspect names columns"
has "$out" "columns: \"AirTC\"" "toa5: inspect gives the lines"
is "$(printf '%s' "$out" | grep -c 'stands for no value')" 0 \
    "toa5: inspect sees no mark"
sed 's/,20.5,/,-7999,/' "$TEST_DIR/logs/Met_9.DAT" >"$TEST_DIR/mark.dat"
out=$(pilot inspect "$TEST_DIR/mark.dat" 2>&1)
has "$out" "the least of RH is -7999: where that stands for no value," \
    "mark: inspect says it"
has "$out" '  missing: "-7999"' "mark: ... with the option"
out=$(pilot inspect --set missing=-7999 "$TEST_DIR/mark.dat" 2>&1)
is "$(printf '%s' "$out" | grep -c 'stands for no value')" 0 \
    "mark: not once it is given"
job toa5 "$TEST_DIR/logs"
run_job toa5
is $? 0 "toa5: exit status" || sed 's/^/# /' "$TEST_DIR/toa5.out"
has "$(cat "$TEST_DIR/toa5.out")" "Met_8.DAT.gz: 1 column of 4: AirTC; \
TIMESTAMP is the clock (ISO 8601, UTC); RECORD is left out (numbers of records); \
RH is left out (no value)" "toa5: what was found is said"
is "$(committed toa5 points)" 69 "toa5: every row of three files"
is "$(committed toa5 applied)" 15 "toa5: a block is of one file"

# Semicolons, decimal commas, old Macintosh line ends, no name that says so.
{
    printf 'Zeit;Temp;Status\r'
    for i in $(seq 10 49); do
        printf '29.11.2026 08:15:%d;%d,25;ok\r' "$i" "$i"
    done
} >"$TEST_DIR/MESSUNG"
job german "$TEST_DIR/MESSUNG"
run_job german
is $? 0 "german: exit status" || sed 's/^/# /' "$TEST_DIR/german.out"
has "$(cat "$TEST_DIR/german.out")" "MESSUNG: 1 column of 3: Temp; Zeit is the \
clock (day, month, year, UTC); Status is left out (text); ';' between fields; \
decimal commas" "german: what was found is said"
is "$(committed german points)" 40 "german: every row"

# A path of 2,900 characters, with a broker and in a local pipeline of ranks
# that help each other.
long=$TEST_DIR
while [ ${#long} -lt 2800 ]; do
    long=$long/$(printf '%0120d' 0)
done
mkdir -p "$long"
seq 1 2000 | sed 's/.*/&,1,2/' >"$long/far.csv"
job distant "$long/far.csv"
run_job distant
is $? 0 "far: exit status" || sed 's/^/# /' "$TEST_DIR/distant.out"
is "$(get "$TEST_DIR/distant.json" applied)" 400 "far: all is learned"
cat >"$TEST_DIR/slow.c" <<'END'
#include <pilot/function.h>
#include <unistd.h>
static int slow(pe_context *ctx, const pe_block *in, pe_block *out)
{
    usleep(2000);
    return pe_context_pass(ctx, in, out);
}
const pe_function slow_function = {
    .abi = PE_FUNCTION_ABI, .name = "slow", .process_cloud = slow};
END
cc -shared -fPIC -I"$SRC/include" -o "$TEST_DIR/slow.so" "$TEST_DIR/slow.c"
cat >"$TEST_DIR/local.yaml" <<END
version: 1
pipeline: local
pilots:
  pool: {kind: pool, ntasks: 3}
stages:
  sense:
    pilot: pool
    function: file
    block: {points: 5}
    options: {path: "$long/far.csv"}
  slow: {pilot: pool, function: "$TEST_DIR/slow.so:slow_function"}
  learn: {pilot: pool, function: audit}
streams: {sense: {partitions: 1}}
results: "off"
END
run_job local
is $? 0 "local: exit status" || sed 's/^/# /' "$TEST_DIR/local.out"
is "$(get "$TEST_DIR/local.json" applied)" 400 "local: all is learned"
ok $(($(get "$TEST_DIR/local.json" helped) == 0)) "local: other ranks helped"
sed "s#path: .*}#path: \"$TEST_DIR/odd.csv\"}#" "$TEST_DIR/local.yaml" \
    >"$TEST_DIR/local-odd.yaml"
run_job local-odd
is $? 0 "local-odd: exit status" || sed 's/^/# /' "$TEST_DIR/local-odd.out"
is "$(get "$TEST_DIR/local-odd.json" skipped)" 3 "local-odd: rows left out"
has "$(cat "$TEST_DIR/local-odd.out")" "odd.csv:22: the row holds NUL bytes" \
    "local-odd: the first is said"

# A log: 30 rows, renamed, 20 rows in the one that takes its place; the agent
# dies before and after.  Short blocks are sent within 100 ms.
log=$TEST_DIR/log.csv
points() {
    n=$(committed log points)
    [ "${n:-0}" -ge "$1" ]
}
seq 1 13 | sed 's/.*/&,1,2/' >"$log"
job log "$log" yes
pilot run "$TEST_DIR/log.yaml" --run log --summary "$TEST_DIR/log.json" \
    >"$TEST_DIR/log.out" 2>&1 &
pilot_pid=$!
children="$children $pilot_pid"
wait_for 30 points 13
ok $? "log: a short block is sent in time"
kill -KILL "$(agents log pilot-edge)"
seq 14 30 | sed 's/.*/&,1,2/' >>"$log"
mv "$log" "$log.1"
seq 31 40 | sed 's/.*/&,1,2/' >"$log"
wait_for 30 points 40
ok $? "log: the file that took its place is followed" ||
    sed 's/^/# /' "$PILOT_HOME/log/devices/err"
kill -KILL "$(agents log pilot-edge)"
seq 41 50 | sed 's/.*/&,1,2/' >>"$log"
wait_for 30 points 50
ok $? "log: a restart goes on in it"
kill -INT "$pilot_pid"
wait "$pilot_pid"
is $? 0 "log: exit status" || sed 's/^/# /' "$TEST_DIR/log.out"
is "$(committed log points)" 50 "log: every row once"
has "$(cat "$PILOT_HOME/log/devices/err")" "another file took its place" \
    "log: the switch is said"

# `standardise` on a device, which reads all rows before the first: the agent
# dies while it reads, and again once the scaling is kept.
rows=20000000
{
    printf '\223NUMPY\001\000\166\000%-117s\n' \
        "{'descr': '<f8', 'fortran_order': False, 'shape': ($rows, 2), }"
    yes "$(printf '\100\100\100\100\100\100\110\100')" | tr -d '\n' |
        head -c 80000000
} >"$TEST_DIR/long.npy"
truncate -s $((128 + rows * 16)) "$TEST_DIR/long.npy"
cat >"$TEST_DIR/preread.yaml" <<END
version: 1
pipeline: preread
pilots:
  devices: {kind: edge, devices: 2}
  broker: {kind: broker}
  params: {kind: params}
  pool: {kind: pool, ntasks: 2}
stages:
  sense:
    pilot: devices
    function: file
    block: {points: 100000, rate: 25}
    options: {path: "$TEST_DIR/long.npy"}
  scale: {pilot: devices, function: standardise}
  join: {pilot: devices, function: aggregate, options: {rows: 1000}}
  learn: {pilot: pool, function: audit}
streams: {join: {partitions: 2}}
epoch: {interval: 50ms}
results: "off"
END
kept() { redis_do --raw HGET "pilot:{preread}:shared" standardise/scale; }
has_kept() { [ -n "$(kept | tr -d '\0')" ]; }
# reads: an agent has the file open, and is stopped.
reads() {
    pid=$(agents preread pilot-edge)
    [ -n "$pid" ] &&
        find "/proc/$pid/fd" "/proc/$pid/map_files" -lname '*/long.npy' \
            2>/dev/null | grep -q . && kill -STOP "$pid"
}
pilot run "$TEST_DIR/preread.yaml" --run preread \
    --summary "$TEST_DIR/preread.json" >"$TEST_DIR/preread.out" 2>&1 &
pilot_pid=$!
children="$children $pilot_pid"
wait_for 30 reads
ok $? "preread: the agent reads ahead"
is "$(kept)" "" "preread: ... and has kept nothing"
kill -KILL "$pid"
wait_for 60 has_kept
ok $? "preread: another reads it again, and keeps what it found" || sed 's/^/# /' "$TEST_DIR/preread.out"
first=$(kept | cksum)
kill -KILL "$(agents preread pilot-edge)"
wait "$pilot_pid"
is $? 0 "preread: exit status" || sed 's/^/# /' "$TEST_DIR/preread.out"
is "$(kept | cksum)" "$first" "preread: the same scaling after a death"
is "$(tr -d '\n ' <"$TEST_DIR/preread.out" |
    grep -o "meanandscaleofall20,*000,*000rows" | wc -l)" 1 \
    "preread: it was found once" || sed 's/^/# /' "$TEST_DIR/preread.out"
is "$(get "$TEST_DIR/preread.json" applied)" 200 "preread: every block once"
is "$(get "$TEST_DIR/preread.json" points)" 20000 "preread: ... and every row"

end_tests
