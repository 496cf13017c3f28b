#!/bin/bash
# Loads of the generator: chance, bursts, a season and a recorded trace, by 1,
# 4 and 16 devices; each block once, and the points that were asked for.
. "$(dirname "$0")/lib.sh"

# job DEVICES RATE OPTIONS: 200 points at most, 2 ranks.
job() {
    cat >"$TEST_DIR/job.yaml" <<Y
version: 1
pipeline: loads
pilots:
  devices: {kind: edge, devices: $1}
  broker: {kind: broker}
  params: {kind: params}
  pool: {kind: pool, ntasks: 2}
stages:
  sense:
    pilot: devices
    function: generator
    block: {points: 200, rate: $2}
    options: {features: 4, $3}
  learn: {pilot: pool, function: audit}
streams: {sense: {partitions: $(($1 < 4 ? $1 : 4))}}
Y
}

# played NAME DEVICES BLOCKS: the run of what job has written.
played() {
    pilot run "$TEST_DIR/job.yaml" --run "$1" --no-final --quiet \
        --summary "$TEST_DIR/sum.json" >"$TEST_DIR/out" 2>&1
    is $? 0 "$1: $2 devices" || sed 's/^/# /' "$TEST_DIR/out"
    is "$(get "$TEST_DIR/sum.json" sensed) $(get "$TEST_DIR/sum.json" applied)" \
        "$(($2 * $3)) $(($2 * $3))" "$1: all blocks are there"
    exact "$1" --blocks "$3"
}

job 1 100 "blocks: 40, arrivals: bursts, burst: 8"
played bursts 1 40
job 4 100 "blocks: 30, arrivals: poisson, season: 200ms, peak: 8, drift: 0.1"
played chance 4 30
job 16 50 "blocks: 10, arrivals: poisson, points-least: 20"
played sizes 16 10
n=$(get "$TEST_DIR/sum.json" points)
[ "$n" -gt $((160 * 20)) ] && [ "$n" -lt $((160 * 200)) ]
ok $? "sizes: $n points, between 20 and 200 a block"

# A trace lies beside the file; its sizes add up, and it is played twice.
printf '# s points\n0 10\n0.01 200\n0.02 5\n0.05 85\n' >"$TEST_DIR/load.txt"
job 4 0 "blocks: 8, arrivals: trace, path: load.txt, speed: 2"
played trace 4 8
is "$(get "$TEST_DIR/sum.json" points)" $((4 * 2 * 300)) \
    "trace: as many points as it says"

# Wrong words are refused before anything starts, with their place.
sed -i 's/arrivals: trace, path: load.txt/arrivals: poisson/' \
    "$TEST_DIR/job.yaml"
said=$(pilot run "$TEST_DIR/job.yaml" --run never 2>&1)
is $? 78 "no rate: exit status"
has "$said" "job.yaml:13: stage 'sense': poisson: it goes by a rate: give" \
    "... with place and remedy"
printf '0 10\n0.01 201\n' >"$TEST_DIR/load.txt"
job 1 0 "arrivals: trace, path: load.txt"
said=$(pilot run "$TEST_DIR/job.yaml" --run never 2>&1)
is $? 65 "a block too large: exit status"
has "$said" "load.txt:2: 201 points are more than block: {points: 200}" \
    "... names the line of the trace"
end_tests
