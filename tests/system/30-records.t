#!/bin/bash
# Records of others: no headers, no .npy, other features, NaN (rules 5, 7).
. "$(dirname "$0")/lib.sh"

cat >"$TEST_DIR/foreign.yaml" <<'Y'
version: 1
pipeline: foreign
pilots:
  broker: {kind: broker}
  params: {kind: params}
  devices: {kind: edge, devices: 1}
  pool: {kind: pool, ntasks: 2}
stages:
  sense: {pilot: devices, function: generator, block: {points: 10}, options: {features: 3, blocks: 20}}
  learn: {pilot: pool, function: audit}
streams: {sense: {partitions: 2, topic: foreign-topic}}
epoch: {interval: 50ms}
until: eof
Y
# The topic is made by a first, small run; then others write to it.
pilot run "$TEST_DIR/foreign.yaml" --run records-0 --set until=end \
    >"$TEST_DIR/0.out" 2>&1
is $? 0 "first run: exit status" || sed 's/^/# /' "$TEST_DIR/0.out"
"$FOREIGN" foreign-topic 0 npy 5 other
"$FOREIGN" foreign-topic 1 npy 5
"$FOREIGN" foreign-topic 0 junk 3 other
"$FOREIGN" foreign-topic 1 wide 2 other
sum=$TEST_DIR/records.json
out=$(pilot run "$TEST_DIR/foreign.yaml" --run records --summary "$sum" 2>&1)
is $? 0 "foreign records: exit status" || printf '%s\n' "$out" | sed 's/^/# /'
# 20 blocks of the first run, 10 .npy, 3 that are none, 2 of other features.
is "$(committed records foreign)" 35 "foreign records are counted"
is "$(committed records refused)" 5 \
    "what is no .npy, or has other features, is refused"
is "$(committed records applied)" 30 \
    "a device of another run is not ours, whatever its name"
is "$(tr -d ' \n' <"$sum" | grep -o '"processed":{"n":[0-9]*' | head -n 1)" \
    '"processed":{"n":30' "those without a sensor's time have Kafka's"
exact records

# A topic that holds nothing is no bad data: the run is done, and says so.
out=$(pilot run "$TEST_DIR/foreign.yaml" --run records-none --set \
    streams.sense.topic=empty-topic --summary "$TEST_DIR/none.json" 2>&1)
is $? 0 "an empty topic: exit status" || printf '%s\n' "$out" | sed 's/^/# /'
has "$out" "empty     the topic holds no record: nothing was learned" \
    "... and it is said"
has "$(tr -d ' \n' <"$TEST_DIR/none.json")" '"state":"done","exit":0' \
    "... in the summary, too"

# k-means: a block of other features is refused, NaN rows are masked.
cat >"$TEST_DIR/kmeans.yaml" <<'Y'
version: 1
pipeline: features
pilots:
  broker: {kind: broker}
  params: {kind: params}
  devices: {kind: edge, devices: 1}
  pool: {kind: pool, ntasks: 2}
stages:
  sense: {pilot: devices, function: generator, block: {points: 10}, options: {features: 3, blocks: 30}}
  learn: {pilot: pool, function: kmeans, options: {clusters: 2}}
streams: {sense: {partitions: 2, topic: features-topic}}
epoch: {interval: 50ms}
until: eof
Y
pilot run "$TEST_DIR/kmeans.yaml" --run features-0 --set until=end \
    >"$TEST_DIR/1.out" 2>&1
is $? 0 "k-means: first run: exit status" || sed 's/^/# /' "$TEST_DIR/1.out"
"$FOREIGN" features-topic 0 wide 2 other
"$FOREIGN" features-topic 1 nan 4 other
"$FOREIGN" features-topic 1 big 1 other
out=$(pilot run "$TEST_DIR/kmeans.yaml" --run features 2>&1)
is $? 0 "k-means: exit status" || printf '%s\n' "$out" | sed 's/^/# /'
is "$(committed features refused)" 2 \
    "blocks of other features are refused"
is "$(committed features masked)" 30 \
    "rows that are not finite, or too large, are masked and counted"
out=$(pilot run "$TEST_DIR/kmeans.yaml" --run features-strict --set \
    stages.learn.options.strict=true 2>&1)
is $? 0 "strict: exit status" || printf '%s\n' "$out" | sed 's/^/# /'
is "$(committed features-strict refused)" 7 \
    "strict refuses the blocks instead"
is "$(committed features-strict masked)" 0 \
    "strict masks nothing"

end_tests
