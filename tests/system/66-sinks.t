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

end_tests
