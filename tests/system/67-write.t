#!/bin/bash
# Rows that a stage keeps: each once in the files of devices and of ranks,
# whoever is killed; a full disk is waited for.
. "$(dirname "$0")/lib.sh"

# Row i says so in its first column of numbers, and is of second i.
rows=24000
second='function second(i) { return sprintf("2024-01-01T%02d:%02d:%02d",
    i / 3600, i / 60 % 60, i % 60) }'
awk -v n=$rows "$second"'
    BEGIN { print "time,id,a,b"; srand(3); for (i = 0; i < n; i++)
        printf "%sZ,%d,%.6f,%.6f\n", second(i), i, rand(), i % 3 + rand()
}' >"$TEST_DIR/rows.csv"

# write_job FILE STAGE...: two devices, two ranks, and these stages.
write_job() {
    cat >"$1" <<Y
version: 1
pipeline: write
pilots:
  devices: {kind: edge, devices: 2}
  broker: {kind: broker}
  params: {kind: params}
  pool: {kind: pool, ntasks: 2}
epoch: {interval: 50ms}
stages:
  sense: {pilot: devices, function: file, block: {points: 50, rate: 40}, options: {path: rows.csv}}
Y
    printf '%s\n' "${@:2}" >>"$1"
}
# sunk GLOB: the numbers of the rows in these files, CSV, in order.
sunk() {
    awk -F, 'FNR > 1 { print $4 }' $1 | sort -n
}
# each_once GLOB NAME: is each row in one of the files, whole, and once?
each_once() {
    is "$(sunk "$1" | cksum)" "$(seq 0 $((rows - 1)) | cksum)" "$2" ||
        { sunk "$1" | uniq -d | head -n 3; wc -l $1; } | sed 's/^/# /'
    is "$(awk -F, "$second"' FNR > 1 && ($4 != $9 || NF != 11 ||
        $3 !~ /rows.csv$/ || substr($1, 1, 19) != second($4))' $1 | wc -l)" \
        0 "$2: each with its values, and its time"
}

# --- killed in mid-run: a rank, the devices, the pool, its supervisor ---
write_job "$TEST_DIR/kill.yaml" \
    '  edge: {pilot: devices, function: write, options: {path: "edge-{run}.csv"}}' \
    '  keep: {pilot: pool, function: write, options: {path: "pool-{run}.csv"}}' \
    '  learn: {pilot: pool, function: kmeans, options: {clusters: 3}}'
# Their file grows as it is read: the run is not over before what is to happen.
# grow FROM TO: with these rows, of whole blocks.
grow() { sed -n "$(($1 + 2)),$(($2 + 1))p" "$TEST_DIR/rows.csv"; }
{
    head -n 1 "$TEST_DIR/rows.csv"
    grow 0 9000
} >"$TEST_DIR/kill-rows.csv"
pilot run "$TEST_DIR/kill.yaml" --run write-kill \
    --set stages.sense.options.path="$TEST_DIR/kill-rows.csv" \
    --set stages.sense.options.follow=yes \
    --summary "$TEST_DIR/kill.json" >"$TEST_DIR/kill.out" 2>&1 &
pilot_pid=$!
children="$children $pilot_pid"
# kept, has_kept N: pieces of the files of ranks, of a block each, that are whole:
# what is not in an index was not finished.
kept() { cat "$TEST_DIR"/pool-write-kill.*.csv.index | wc -l; }
has_kept() { [ "$(kept)" -ge "$1" ]; }
pool_super() {
    agents write-kill pilot-supervisor | while read -r pid; do
        ! tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q /pool || echo "$pid"
    done
}
wait_for 30 applied write-kill 60
ok $? "kill: the run learns"
kill -KILL "$(agents write-kill pilot-agent | tail -n 1)"
wait_for 30 applied write-kill 150
kill -KILL "$(agents write-kill pilot-edge)"
# By these it is seen to be back: without Redis it could not start.
grow 9000 12000 >>"$TEST_DIR/kill-rows.csv"
wait_for 30 applied write-kill 240
# The pool, with rows that are written and cannot be committed.
redis=$(redis_do INFO server | sed -n 's/^process_id:\([0-9]*\).*/\1/p')
kill -STOP "$redis"
written=$(kept)
grow 12000 18000 >>"$TEST_DIR/kill-rows.csv"
wait_for 20 has_kept $((written + 4))
ok $? "kill: rows are written while Redis is away"
kill -KILL $(agents write-kill pilot-agent)
kill -CONT "$redis"
wait_for 30 applied write-kill 320
kill -KILL "$(pool_super)"
grow 18000 $rows >>"$TEST_DIR/kill-rows.csv"
wait_for 60 applied write-kill 480
ok $? "kill: all that came is learned from"
kill -INT "$pilot_pid"
wait "$pilot_pid"
is $? 0 "kill: exit status" || sed 's/^/# /' "$TEST_DIR/kill.out"
is "$(get "$TEST_DIR/kill.json" applied)" 480 "kill: every block is learned from"
each_once "$TEST_DIR/edge-write-kill.*.csv" "kill: files of devices"
each_once "$TEST_DIR/pool-write-kill.*.csv" "kill: files of ranks"
is "$(ls "$TEST_DIR"/edge-write-kill.*.csv "$TEST_DIR"/pool-write-kill.*.csv |
    wc -l)" 4 "kill: each device and each rank has one"
is "$(sed -n 1p -s "$TEST_DIR"/edge-write-kill.*.csv \
    "$TEST_DIR"/pool-write-kill.*.csv | sort | uniq -c | tr -s ' ')" \
    " 4 time,device,source,row,score,threshold,label,version,id,a,b" \
    "kill: values are called as in the file they come from"
# Each row has the score of its time, and its label says what that is.
is "$(awk -F, 'FNR > 1 && $7 != "warming" && ($7 == "outlier") != ($5 > $6)' \
    "$TEST_DIR"/pool-write-kill.*.csv | wc -l)" 0 "kill: labels are the scores'"
[ "$(awk -F, 'FNR > 1 && $5 != ""' "$TEST_DIR"/pool-write-kill.*.csv |
    wc -l)" -gt $((rows / 2)) ]
ok $? "kill: there are scores"
has "$(cat "$PILOT_HOME/write-kill/pool/err")" \
    "rows were written and not committed: they are cut and come again" \
    "kill: what was cut is said"

# --- one partition, whose rows all ranks keep: they help its owner, whose
# blocks take so long that they are worth their way ---
PILOT_FAULT=delay=3@compute pilot run "$TEST_DIR/kill.yaml" --run write-help \
    --set streams.edge.partitions=1 --set pilots.pool.ntasks=3 \
    --set stages.sense.block='{points: 10, rate: 0}' \
    --summary "$TEST_DIR/help.json" >"$TEST_DIR/help.out" 2>&1 &
pilot_pid=$!
children="$children $pilot_pid"
wait_for 30 applied write-help 100
kill -KILL "$(agents write-help pilot-agent | head -n 1)" 2>/dev/null
wait "$pilot_pid"
is $? 0 "help: exit status" || sed 's/^/# /' "$TEST_DIR/help.out"
each_once "$TEST_DIR/pool-write-help.*.csv" "help: files of ranks"
[ "$(find "$TEST_DIR" -name 'pool-write-help.*.csv' | wc -l)" -gt 1 ]
ok $? "help: more than one rank has kept rows"

# --- two pools, of which one dies for good: the other cuts its file ---
write_job "$TEST_DIR/two.yaml" \
    '  keep: {pilot: [pool, more], function: write, options: {path: "two-{run}.csv"}}' \
    '  learn: {pilot: [pool, more], function: kmeans, options: {clusters: 3}}'
sed -i 's/^epoch/  more: {kind: pool, ntasks: 2}\n&/' "$TEST_DIR/two.yaml"
pilot run "$TEST_DIR/two.yaml" --run write-two \
    --summary "$TEST_DIR/two.json" >"$TEST_DIR/two.out" 2>&1 &
pilot_pid=$!
children="$children $pilot_pid"
both() { [ "$(leases write-two | grep -c '/[0-9,-]*$')" -ge 2 ]; }
wait_for 30 applied write-two 60
wait_for 30 both
wait_for 30 applied write-two 120
# The ranks of one pool, as often as they are started.
for at in 160 200 240; do
    kill -KILL $(agents write-two/more pilot-agent) 2>/dev/null
    wait_for 30 applied write-two "$at"
done
wait "$pilot_pid"
is $? 0 "two: exit status" || sed 's/^/# /' "$TEST_DIR/two.out"
is "$(get "$TEST_DIR/two.json" applied)" 480 "two: every block is learned from"
each_once "$TEST_DIR/two-write-two.*.csv" "two: files of both"

# --- arrays ---
write_job "$TEST_DIR/npy.yaml" \
    '  keep: {pilot: pool, function: write, options: {path: "a-{run}.npy", what: rows, columns: "2,0"}}' \
    '  learn: {pilot: pool, function: passthrough}'
pilot run "$TEST_DIR/npy.yaml" --run write-npy \
    --set stages.sense.block.rate=0 >"$TEST_DIR/out" 2>&1
is $? 0 "npy: exit status" || sed 's/^/# /' "$TEST_DIR/out"
if python3 -c 'import numpy' 2>/dev/null; then
    is "$(python3 -c "
import glob, numpy as np
a = np.concatenate([np.load(f) for f in glob.glob('$TEST_DIR/a-write-npy.*.npy')])
a.sort(order='row')
print(len(a), bool((a['row'] == np.arange(len(a))).all()),
      bool((a['x'][:, 1] == a['row']).all()), a['source'][0].decode()[-9:])")" \
        "$rows True True /rows.csv" "npy: NumPy reads each row, once"
else
    ok 0 "npy: NumPy reads it # SKIP no numpy"
fi
size=$(stat -c %s "$TEST_DIR"/a-write-npy.*.npy |
    awk '{ n += $1 - 512 } END { print n }')
is "$size" $((rows * (8 + 64 + 192 + 16 + 16))) "npy: rows of two columns"

# --- HDF5, made at the end; what goes on adds to it ---
if [ -e "$BUILD/pilot-hdf5" ]; then
    write_job "$TEST_DIR/h5.yaml" \
        '  edge: {pilot: devices, function: write, options: {path: "edge-{run}.h5", what: rows}}' \
        '  keep: {pilot: pool, function: write, options: {path: "pool-{run}.h5", what: scores}}' \
        '  learn: {pilot: pool, function: kmeans, options: {clusters: 3}}'
    pilot run "$TEST_DIR/h5.yaml" --run write-h5 >"$TEST_DIR/h5.out" 2>&1 &
    pilot_pid=$!
    children="$children $pilot_pid"
    wait_for 30 applied write-h5 60
    kill -INT "$pilot_pid"
    wait "$pilot_pid"
    is $? 0 "hdf5: drained" || sed 's/^/# /' "$TEST_DIR/h5.out"
    rows_of() {
        n=0
        for f in "$TEST_DIR"/$1-write-h5.*.h5; do
            n=$((n + $(pilot inspect "$f:/row" 2>&1 |
                sed -n 's/.*: \([0-9,]*\) rows.*/\1/p' | tr -d , | head -n 1)))
        done
        echo $n
    }
    is "$(rows_of pool)" "$(committed write-h5 points)" \
        "hdf5: what was committed is there"
    timeout -k 5 120 pilot run --resume write-h5 >"$TEST_DIR/h5.out" 2>&1
    is $? 0 "hdf5: it goes on" || sed 's/^/# /' "$TEST_DIR/h5.out"
    is "$(rows_of edge) $(rows_of pool)" "$rows $rows" "hdf5: each row, once"
fi

# --- another run, and what there is already ---
pilot run "$TEST_DIR/npy.yaml" --run write-other --no-final \
    --set stages.keep.options.path="$TEST_DIR/a-write-npy.npy" \
    >"$TEST_DIR/out" 2>&1
is $? 73 "other: a file of another run is not written to" ||
    sed 's/^/# /' "$TEST_DIR/out"
has "$(cat "$TEST_DIR/out")" "is that of write-npy keep" "other: and that is said"
out=$(pilot config check "$TEST_DIR/npy.yaml" \
    --set stages.keep.options.columns=x 2>&1)
is $? 78 "check: columns that are none"
has "$out" "columns: 'x' is neither a number" "check: said where the file is read"

# --- a full disk ---
disk=$TEST_DIR/disk
mkdir "$disk"
if mount -t tmpfs -o size=1m none "$disk" 2>/dev/null; then
    leave() { umount -l "$disk"; }
    at_end leave
    pilot run "$TEST_DIR/kill.yaml" --run write-full \
        --set stages.keep.options.path="$disk/rows.csv" \
        --summary "$TEST_DIR/full.json" >"$TEST_DIR/full.out" 2>&1 &
    pilot_pid=$!
    children="$children $pilot_pid"
    says() { grep -q "$1" "$TEST_DIR/full.out"; }
    wait_for 60 says "stage 'keep' waits, and nothing is lost: .*disk full"
    ok $? "full: who follows the run is told" || sed 's/^/# /' "$TEST_DIR/full.out"
    mount -o remount,size=64m "$disk"
    wait_for 60 says "stage 'keep' goes on: there is room again"
    ok $? "full: it goes on when there is room"
    wait "$pilot_pid"
    is $? 0 "full: exit status" || sed 's/^/# /' "$TEST_DIR/full.out"
    each_once "$disk/rows.*.csv" "full: files of ranks"
    each_once "$TEST_DIR/edge-write-full.*.csv" "full: files of devices"
else
    ok 0 "full: # SKIP no file system of its own can be mounted here"
fi

end_tests
