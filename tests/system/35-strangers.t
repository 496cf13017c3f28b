#!/bin/bash
# Records of strangers beside devices of ours: none ends a run, none speaks
# for a device, and none says how wide the model is (rules 5, 7).
. "$(dirname "$0")/lib.sh"

cat >"$TEST_DIR/p.yaml" <<'Y'
version: 1
pipeline: strangers
pilots:
  broker: {kind: broker}
  params: {kind: params}
  devices: {kind: edge, devices: 2} # one in each partition
  pool: {kind: pool, ntasks: 2}
stages:
  sense: {pilot: devices, function: generator, block: {points: 10}, options: {features: 3, blocks: 60}}
  learn: {pilot: pool, function: audit}
streams: {sense: {partitions: 2, topic: strangers-topic}}
epoch: {interval: 50ms}
Y
# Topics are made by a run of nothing.
pilot run "$TEST_DIR/p.yaml" --run strange --set stages.sense.options.blocks=1 \
    >"$TEST_DIR/none.out" 2>&1
is $? 0 "the topic is made" || sed 's/^/# /' "$TEST_DIR/none.out"

# What no run could pass: 9 of other features, 5 that are no blocks, one of
# which is larger than what may be passed on.
"$FOREIGN" strangers-topic 0 widest 1 first
for p in 0 1; do
    "$FOREIGN" strangers-topic $p wide 30 first
done
"$FOREIGN" strangers-topic 0 npy 1 devices-0 pe_boot=9 pe_seq=9999
"$FOREIGN" strangers-topic 0 npy 1 devices-0 pe_boot=4000000000000 pe_seq=1
"$FOREIGN" strangers-topic 0 npy 1 devices-0 ce_source=/pilot-edge/real/devices-0 \
    pe_boot=18446744073709551615 pe_seq=18446744073709551615
"$FOREIGN" strangers-topic 0 npy 1 %00abc pe_boot=1 pe_seq=1
"$FOREIGN" strangers-topic 0 npy 1 %00%00%00%01 pe_boot=1 pe_seq=1
"$FOREIGN" strangers-topic 0 npy 1 %00%00%00%02 pe_boot=1 pe_seq=1
"$FOREIGN" strangers-topic 0 npy 1 caf%E9 pe_boot=1 pe_seq=x
"$FOREIGN" strangers-topic 0 junk 2 %FF%FE ce_source pe_source=%00
# Clocks that are wrong by much, in a topic of ours: admitted, and kept.
FOREIGN_TIME=1000 "$FOREIGN" strangers-topic 0 npy 1 clock &&
    FOREIGN_TIME=$(($(date +%s) * 1000 + 7200000)) "$FOREIGN" \
        strangers-topic 1 npy 1 clock
is $? 0 "records of 1970 and of the future are admitted"
FOREIGN_CODEC=zstd "$FOREIGN" strangers-topic 0 heap 1 heap
FOREIGN_CODEC=zstd "$FOREIGN" strangers-topic 1 long 1 long
out=$(pilot run "$TEST_DIR/p.yaml" --run real --summary "$TEST_DIR/real.json" 2>&1)
status=$?
# One of the refused says that it is of our device, which never sent it.
is $status 1 "a refused block in our name is no success" ||
    printf '%s\n' "$out" | sed 's/^/# /'
has "$out" "1 block of this run's devices was refused" "and it is said"
has "$out" "pe_boot is larger than 62 bits" "with the first reason"
is "$(committed real refused)" 66 "all that cannot be read is refused"
is "$(committed real refused_own)" 1 "one of it in our name"
is "$(committed real deduplicated)" 0 "no block of a device is a repeat"
# 120 of the devices, 2 of the first run, 7 that are fine, the long one.
is "$(committed real applied)" 130 "every other block is applied"
has "$(cat "$PILOT_HOME"/real/pool/err)" "of that record of 6291456 bytes only" \
    "what is too large to be passed on is cut, and that is said"
exact real

# Without the one in our name all is well.
out=$(pilot run "$TEST_DIR/p.yaml" --run real2 2>&1)
is $? 0 "strangers' refused blocks are no failure" ||
    printf '%s\n' "$out" | sed 's/^/# /'
exact real2

# Devices of other runs are known by name, and named by anybody: the repeats
# of so many are dropped, those of all others applied, which is counted.
"$BUILD/tests/system/topic" create many-topic 1
for i in 1 2; do
    "$FOREIGN" many-topic 0 npy 4200 other-@ \
        ce_source=/pilot-edge/elsewhere/other-@ pe_boot=1 pe_seq=1
done
sed '/devices:/d; /sense: *{pilot/d; s/strangers-topic/many-topic/; s/partitions: 2/partitions: 1/
    s/ntasks: 2/ntasks: 1/' "$TEST_DIR/p.yaml" >"$TEST_DIR/many.yaml"
out=$(pilot run "$TEST_DIR/many.yaml" --run many --until eof \
    --summary "$TEST_DIR/many.json" 2>&1)
is $? 0 "names without end: exit status" || printf '%s\n' "$out" | sed 's/^/# /'
is "$(committed many deduplicated)" 4096 "... repeats of the first 4096 devices"
is "$(committed many applied)" 4304 "... are dropped, those of 104 are not"
is "$(get "$TEST_DIR/many.json" unchecked)" 208 "... which is in the summary"
has "$out" "208 of other runs not looked at for repeats" "... and in the table"
has "$(cat "$PILOT_HOME/many/pool/err")" "from 'elsewhere/other-4096' on" \
    "... and in the log, from the first on"
is "$(redis_do GET 'pilot:{many}:state' | grep -c '^device ')" 4096 \
    "... and the state has an end"

# A pool that refuses everything has not done what it was asked to.
"$FOREIGN" strangers-topic 0 junk 1
sed 's/strangers-topic/junk-topic/; s/blocks: 60/blocks: 1/' \
    "$TEST_DIR/p.yaml" >"$TEST_DIR/junk.yaml"
pilot run "$TEST_DIR/junk.yaml" --run junk0 >"$TEST_DIR/junk.out" 2>&1
is $? 0 "another topic" || sed 's/^/# /' "$TEST_DIR/junk.out"
redis_do HSET 'pilot:{junk}:first' junk-topic/0 1 junk-topic/1 1 >/dev/null
"$FOREIGN" junk-topic 0 junk 3
"$FOREIGN" junk-topic 1 junk 3
out=$(pilot run "$TEST_DIR/junk.yaml" --run junk --until eof 2>&1)
is $? 65 "nothing but refused blocks: exit status" ||
    printf '%s\n' "$out" | sed 's/^/# /'
has "$out" "no row was learned from" "nothing but refused blocks: said"
end_tests
