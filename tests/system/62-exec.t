#!/bin/bash
# Programs as functions: a source that prints lines, stages that take a block
# and answer with one; killed in the middle, and what they spoil.
. "$(dirname "$0")/lib.sh"

cd "$TEST_DIR" || exit 1
mkdir programs

# A sensor: a reading each 5 ms, numbered, until there is a file "enough".
cat >programs/sensor.sh <<'S'
echo "up as $PILOT_DEVICE" >&2
i=0
while [ ! -e enough ]; do
    i=$((i + 1))
    echo "$i,$PILOT_INDEX,$((i % 7))"
    sleep 0.005
done
S
# Hands blocks on as they are, its name on its command line.
echo 'exec cat' >programs/edge.sh
echo 'exec cat' >programs/pool.sh
cat >exec.yaml <<Y
version: 1
pipeline: exec
pilots:
  devices: {kind: edge, devices: 2}
  broker: {kind: broker}
  params: {kind: params}
  pool: {kind: pool, ntasks: 2}
stages:
  sense:
    pilot: devices
    function: exec
    block: {points: 10, within: 100ms}
    options: {command: sh sensor.sh, folder: programs, format: csv}
  same: {pilot: devices, function: exec, options: {command: dd bs=1000 status=none}}
  again: {pilot: pool, function: exec, options: {command: cat -, limit: 20s}}
  learn: {pilot: pool, function: audit}
streams: {same: {partitions: 2}}
epoch: {interval: 50ms}
results: "off"
Y

# ours COMMAND: pids of the programs COMMAND that serve this test.
ours() {
    local pid
    for pid in $(pgrep -fx "$1"); do
        ! tr '\0' '\n' <"/proc/$pid/environ" 2>/dev/null |
            grep -q "^PILOT_AGENT=$PILOT_HOME/" || echo "$pid"
    done
}
# killed COMMAND: one of them, once there is one.
killed() {
    local pid
    pid=$(ours "$1" | head -n 1)
    [ -n "$pid" ] && kill -KILL "$pid"
}

pilot run exec.yaml --run exec-live --summary live.json >live.out 2>&1 &
pid=$!
children="$children $pid"
wait_for 60 applied exec-live 10
ok $? "live: rows of a program are learned from, through two others"

for program in "sh sensor.sh" "dd bs=1000 status=none" "cat -"; do
    before=$(committed exec-live applied)
    wait_for 20 killed "$program"
    ok $? "live: '$program' is killed"
    wait_for 60 applied exec-live $((before + 20))
    ok $? "live: it goes on"
done
moved=$(pilot move exec-live/same --to pool 2>&1)
is $? 0 "live: a program moves to the pool" || echo "# $moved"
before=$(committed exec-live applied)
wait_for 60 applied exec-live $((before + 20))
ok $? "live: it goes on there"

swapped=$(pilot swap exec-live/again --set command="dd bs=999 status=none" 2>&1)
is $? 0 "live: a program is swapped for another" || echo "# $swapped"
before=$(committed exec-live applied)
wait_for 60 applied exec-live $((before + 20))
ok $? "live: it goes on with that"
is "$(ours 'cat -')" "" "live: the one of before is gone"

touch programs/enough
wait $pid
is $? 0 "live: a source that ends with status 0 has ended" ||
    sed 's/^/# /' live.out
is "$(get live.json refused) $(get live.json exactly_once)" "0 on" \
    "live: no block was refused"
exact exec-live
has "$(cat live.out)" "was killed by signal 9" "live: the death is said"
has "$(cat "$PILOT_HOME"/exec-live/devices/err live.out)" "up as devices-1" \
    "live: what a program says for people is in the log"
is "$(for c in "sh sensor.sh" "cat -" "dd bs=1000 status=none" \
    "dd bs=999 status=none"; do ours "$c"; done)" "" \
    "live: no program is left"

# --- what is spoilt ---

# Answers a block of 928 bytes as it came, but for some: text, a death, silence.
cat >programs/spoil.sh <<'S'
while head -c 928 >block.$PILOT_INDEX && [ -s block.$PILOT_INDEX ]; do
    case $(cksum <block.$PILOT_INDEX) in
    *0\ 928) echo "no array here" ;;
    *1\ 928) kill -KILL $$ ;;
    *) cat block.$PILOT_INDEX ;;
    esac
done
S
spoil() {
    pilot run "$SRC/tests/system/audit.yaml" --run "$1" --summary spoil.json \
        --set stages.sense.block.points=25 --set stages.sense.options.blocks=50 \
        --set stages.sense.options.features=4 \
        --set pilots.pool.ntasks=2 --set epoch.interval=50ms \
        --set stages.learn.function=exec \
        --set stages.learn.options="{command: '$2', folder: $PWD/programs}" \
        >spoil.out 2>&1
}
spoil exec-spoil "sh spoil.sh"
is $? 65 "spoilt: exit status" || sed 's/^/# /' spoil.out
refused=$(get spoil.json refused)
[ "${refused:-0}" -gt 5 ] && [ "$refused" -lt 100 ]
ok $? "spoilt: $refused blocks are refused"
is "$(($(get spoil.json applied) + refused)) $(get spoil.json lost)" "200 0" \
    "spoilt: every block is applied or refused"
has "$(cat spoil.out)" "first refused: " "spoilt: the first reason is said"
refusals=$(pilot peek -n 200 --refused exec-spoil 2>&1)
has "$refusals" "no .npy array begins with 'no array h'" "spoilt: text is"
has "$refusals" "was killed by signal 9" "spoilt: ... and a death"

# A package of Python that begins with MPI when it is imported is alike.
echo "$BUILD/tests/system/allreduce >&2 && exec cat" >programs/mpi.sh
spoil exec-mpi "sh mpi.sh"
is "$? $(get spoil.json applied) $(get spoil.json refused)" "0 200 0" \
    "a program of a rank may begin with MPI" || sed 's/^/# /' spoil.out
is "$(grep -hc "rank 0 of 1 " "$PILOT_HOME/exec-mpi/pool/err")" 2 \
    "... and is alone there"

echo 'echo I need a licence >&2; exit 3' >programs/useless.sh
spoil exec-useless "sh useless.sh"
is $? 65 "useless: exit status" || sed 's/^/# /' spoil.out
has "$(cat spoil.out)" "it ended with status 3; it last said 'I need a licence'" \
    "useless: its reason is the run's"
spoil exec-nowhere "no-such-program"
is $? 78 "not there: exit status"
has "$(cat spoil.out)" "no-such-program is not there" "not there: it is named"

end_tests
