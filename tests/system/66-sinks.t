#!/bin/bash
# Where the answers of a run go: a topic of its own, the rows of a file.
. "$(dirname "$0")/lib.sh"
admin=$BUILD/tests/system/topic

# --- topics: two runs read one that both share ---
cat >"$TEST_DIR/shared.yaml" <<'Y'
version: 1
pipeline: shared
pilots:
  devices: {kind: edge, devices: 1}
  broker: {kind: broker}
  params: {kind: params}
  pool: {kind: pool, ntasks: 1}
stages:
  sense: {pilot: devices, function: generator, block: {points: 50}, options: {features: 4, blocks: 20}}
  learn: {pilot: pool, function: kmeans, options: {clusters: 3}}
streams: {sense: {topic: sinks-shared}}
epoch: {interval: 50ms}
Y
grep -v 'devices\|^  sense' "$TEST_DIR/shared.yaml" |
    sed 's/^streams.*/streams: {sense: {topic: sinks-shared, partitions: 1}}/' \
        >"$TEST_DIR/reader.yaml"
pilot run "$TEST_DIR/shared.yaml" --run sinks-one --no-final \
    >"$TEST_DIR/out" 2>&1
is $? 0 "topics: the first run" || sed 's/^/# /' "$TEST_DIR/out"
pilot run "$TEST_DIR/reader.yaml" --run sinks-two --until eof --no-final \
    >"$TEST_DIR/out" 2>&1
is $? 0 "topics: the second one" || sed 's/^/# /' "$TEST_DIR/out"
pilot run "$TEST_DIR/reader.yaml" --run sinks-three --until eof --no-final \
    --set results-topic=sinks-scores >"$TEST_DIR/out" 2>&1
is $? 0 "topics: one that names its own" || sed 's/^/# /' "$TEST_DIR/out"
for run in one two; do
    is "$("$admin" end "pilot.sinks-$run.sense.results")" 20 \
        "topics: $run has its results to itself"
done
is "$("$admin" end sinks-scores)" 20 "topics: those of three where it said"
is "$(pilot results --stream sinks-three --csv --no-header 2>/dev/null |
    wc -l)" 1000 "topics: they are found there"

pilot runs --rm sinks-one 2>"$TEST_DIR/err"
is $? 0 "topics: a run is removed" || sed 's/^/# /' "$TEST_DIR/err"
has "$(cat "$TEST_DIR/err")" "topic sinks-shared is not this run's alone" \
    "topics: what others read stays, and that is said"
"$admin" end pilot.sinks-one.sense.results >/dev/null 2>&1
[ $? -ne 0 ]
ok $? "topics: its results are gone"
is "$("$admin" end sinks-shared)" 20 "topics: its blocks are not"
is "$(pilot results --stream sinks-two --csv --no-header 2>/dev/null |
    wc -l)" 1000 "topics: the results of the other are there"
pilot runs --rm sinks-three 2>"$TEST_DIR/err"
has "$(cat "$TEST_DIR/err")" "topic sinks-scores is not this run's alone" \
    "topics: one that a file names is not removed"

# --- rows of a file, through stages that leave some out or join them ---
# The first column says which row it is; every 97th row is far away.
awk 'BEGIN { print "id,a,b"; srand(3)
    for (i = 0; i < 6000; i++)
        printf "%.9f,%.6f,%.6f\n", i / 1e6, i % 97 == 50 ? 60 + rand() : rand(),
            i % 3 + rand() }' >"$TEST_DIR/rows.csv"
# rows NAME STAGE...: a run of that file through these stages.
rows() {
    file=$TEST_DIR/$1.yaml
    cat >"$file" <<Y
version: 1
pipeline: rows
pilots:
  devices: {kind: edge, devices: 2}
  broker: {kind: broker}
  params: {kind: params}
  pool: {kind: pool, ntasks: 2}
epoch: {interval: 50ms}
stages:
  sense: {pilot: devices, function: file, block: {points: 100, rate: 40}, options: {path: "$TEST_DIR/rows.csv"}}
Y
    printf '%s\n' "${@:2}" >>"$file"
    pilot run "$file" --run "sinks-$1" >"$TEST_DIR/out" 2>&1
    is $? 0 "$1: exit status" || sed 's/^/# /' "$TEST_DIR/out"
    pilot results "sinks-$1" --csv --no-header --top 1000 2>/dev/null \
        >"$TEST_DIR/$1.top"
    pilot results --stream "sinks-$1" --csv --no-header 2>/dev/null \
        >"$TEST_DIR/$1.stream"
}
# named FILE: is each row the one that its first value says?
named() {
    awk -F, '{ n++; split($4, r, "-"); last = r[2] == "" ? r[1] : r[2]
        bad += int($9 * 1e6 + 0.5) != last || $3 !~ /rows.csv$/ }
        END { print (n > 20 && !bad) }' "$TEST_DIR/$1.top"
}
# once NAME: does the stream name no row twice, and only what the file has?
once() {
    [ "$(cut -d, -f4 "$TEST_DIR/$1.stream" | sort | uniq -d | wc -l)" = 0 ] &&
        [ "$(cut -d, -f4 "$TEST_DIR/$1.stream" | grep -c .)" = \
            "$(wc -l <"$TEST_DIR/$1.stream")" ]
}
learn='  learn: {pilot: pool, function: kmeans, options: {clusters: 3, contamination: 0.01}}'
for where in devices pool; do
    rows "filter-$where" \
        "  keep: {pilot: $where, function: filter, options: {threshold: 0.4}}" \
        "$learn"
    is "$(named "filter-$where")" 1 "filter on $where: rows are the file's" ||
        head -n 30 "$TEST_DIR/filter-$where.top" | sed "s/^/# /"
    once "filter-$where"
    ok $? "filter on $where: each of the stream is named once" ||
        head -n 5 "$TEST_DIR/filter-$where.stream"
    rows "join-$where" \
        "  join: {pilot: $where, function: aggregate, options: {rows: 7, what: max}}" \
        "$learn"
    is "$(named "join-$where")" 1 "aggregate on $where: rows are the file's"
    once "join-$where"
    ok $? "aggregate on $where: each of the stream is named once"
    is "$(cut -d, -f4 "$TEST_DIR/join-$where.stream" | sort -n | tail -n 1)" \
        5998-5999 "aggregate on $where: the rest of a block is as short"
done
is "$(awk -F, '{ bad += $5 <= 0.4 } END { print bad + 0 }' \
    "$TEST_DIR/filter-pool.top")" 0 "filter: what is kept are those far away"
has "$(pilot results sinks-join-pool --top 1 2>/dev/null)" "rows.csv rows " \
    "aggregate: FILE rows FIRST-LAST for people"
is "$(pilot results sinks-filter-pool --json 2>/dev/null | grep -c '"last"')" \
    0 "filter: one row is one"

# A function of somebody's own that says nothing of rows: from where to where.
cat >"$TEST_DIR/half.c" <<'C'
#include <pilot/function.h>
#include <string.h>
static int half(pe_context *ctx, const pe_block *in, pe_block *out)
{
    pe_error e = {0};
    pe_context_pass(ctx, in, out);
    if (pe_block_reserve(out, in->points / 2, in->features, in->dtype, &e) < 0)
        return pe_context_fail(ctx, "%s", e.text);
    memcpy(out->data, in->data, pe_block_bytes(out));
    return PE_FORWARD;
}
const pe_function half_function = {.abi = PE_FUNCTION_ABI, .name = "half",
    .process_edge = half, .process_cloud = half};
C
cc -shared -fPIC -I"$SRC/include" -o "$TEST_DIR/half.so" "$TEST_DIR/half.c"
for where in devices pool; do
    rows "half-$where" \
        "  half: {pilot: $where, function: \"half.so:half_function\"}" "$learn"
    is "$(cut -d, -f4 "$TEST_DIR/half-$where.stream" | sort -n | head -n 1)" \
        0-99 "half on $where: nobody knows which rows of the block"
    has "$(cat "$PILOT_HOME/sinks-half-$where/results/results.json")" \
        "of some it is not known which" \
        "half on $where: and that is said"
done

end_tests
