#!/bin/bash
# Runs that are signed: who writes records, or ends, for a device and is not it
# is refused, counted and named, and the run is exact.  What is off is not there.
. "$(dirname "$0")/lib.sh"

forge=$BUILD/tests/system/forge

cat >"$TEST_DIR/job.yaml" <<X
version: 1
pipeline: sign
sign: yes
pilots:
  left: {kind: edge, devices: 2}
  right: {kind: edge, devices: 2}
  broker: {kind: broker}
  params: {kind: params}
  pool: {kind: pool, ntasks: 2}
stages:
  sense:
    pilot: [left, right]
    function: generator
    block: {points: 25, rate: 25}
    options: {features: 4, blocks: 150}
  learn: {pilot: pool, function: audit}
X
job=$TEST_DIR/job.yaml

# run_of RUN ARG...
run_of() {
    local run=$1
    shift
    timeout 120 pilot run "$job" --run "$run" --no-final \
        --summary "$TEST_DIR/$run.json" "$@" >"$TEST_DIR/$run.out" \
        2>"$TEST_DIR/$run.err"
}
count() { get "$TEST_DIR/$1.json" "$2"; }
in_topic() {
    n=$(pilot services topic "$1" 2>/dev/null |
        sed -n 's/.*about \([0-9]*\) record.*/\1/p')
    [ "${n:-0}" -ge "$2" ]
}

# --- forged while it runs

run_of sign-true &
run_pid=$!
children="$children $run_pid"
wait_for 60 applied sign-true 40 || die "the run begins"
# It is not over before all is forged.
# shellcheck disable=SC2046
kill -STOP $(agents sign-true pilot-edge)
folder=$PILOT_HOME/sign-true
topic=pilot.sign-true.sense
is "$(stat -c %a "$folder/sign" "$folder/left/sign" "$folder/right/sign" |
    sort -u)" 600 "keys are ours alone"
is "$(cut -d' ' -f1,2 "$folder/left/sign" | tr '\n' ' ')" \
    "device sign-true/left-0 device sign-true/left-1 " \
    "an edge pilot has the keys of its devices, and no others"
sed 's/.* //' "$folder/sign" "$folder/left/sign" "$folder/right/sign" \
    >"$TEST_DIR/secrets"
is "$(grep -c . "$TEST_DIR/secrets")" 5 "a key for the run and each device"
is "$(grep -rlFf "$TEST_DIR/secrets" "$folder" | sort)" \
    "$(printf '%s\n' "$folder/left/sign" "$folder/right/sign" "$folder/sign")" \
    "keys are in no other file of the run"
is "$(cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\0' '\n' |
    grep -cFf "$TEST_DIR/secrets")" 0 \
    "... nor in a command line or an environment"

# left is broken into: it has its own keys, and writes for devices of right.
cp -p "$folder/left/sign" "$TEST_DIR/stolen"
place=$("$forge" show "$PILOT_BROKER" $topic 2 0 | grep '^pe_sig\|^ce_source')
has "$place" "ce_source /pilot-edge/sign-true/right-0" "right-0 is in 2"
has "$place" "pe_sig " "its records are signed"
write() { "$forge" write "$PILOT_BROKER" $topic "$@"; }
write 2 sign-true right-0 1 100000 5
is $? 0 "five without a signature, of numbers beyond all"
write 2 sign-true right-0 1 100000 5 "$TEST_DIR/stolen" left-0
is $? 0 "five by the key of another device"
write 3 sign-true right-1 99 0 3 "$TEST_DIR/stolen" left-1
is $? 0 "three of a later start"
write 0 strange any 1 0 2
is $? 0 "two of another run"
again() { "$forge" again "$PILOT_BROKER" $topic "$@"; }
again 2 0 2
is $? 0 "a true record once more"
again 2 0 1
is $? 0 "... and in another partition, where nobody knows of it"
again 2 1 2 bit
is $? 0 "... and with a bit changed"
ends="pilot:{sign-true}:ends"
redis_do HSET "$ends" right-0 2/1 right-1 "3/1 $(printf '%064d' 0)" >/dev/null
wait_for 20 grep -q "the end of device right-" "$folder/pool/err"
ok $? "ends of others are not believed, and that is said"
# shellcheck disable=SC2046
kill -CONT $(agents sign-true pilot-edge)

wait $run_pid
is $? 0 "the run ends well" || sed 's/^/# /' "$TEST_DIR/sign-true.err"
is "$(count sign-true applied)" 600 "each true block is applied"
is "$(count sign-true refused)" 17 "each forged one is refused"
is "$(count sign-true forged)" 17 "... and counted as such"
is "$(count sign-true refused_own)" 0 "... as nobody's"
is "$(count sign-true deduplicated)" 1 "a true one that is repeated is a repeat"
has "$(cat "$TEST_DIR/sign-true.out" "$TEST_DIR/sign-true.err")" \
    "17 of them not signed by who they say they are of" "the table says it"
exact sign-true --blocks 150 --refused 17
out=$(pilot refused list sign-true 2>&1)
is "$(grep -c "forged: it is not signed by 'sign-true/right-0'" <<<"$out")" 5 \
    "those without a signature are named" || sed 's/^/# /' <<<"$out"
is "$(grep -c "forged: its signature is not that of 'sign-true/right-0'" \
    <<<"$out")" 7 "... those by another's key, moved, and changed"
has "$out" "not that of 'sign-true/right-1'" "... of a later start"
has "$out" "it is not signed by 'strange/any'" "... of another run"
out=$(pilot refused replay sign-true 2>&1)
has "$out" "17 are not signed by who they say they are of, and stay" \
    "what is forged is not sent again" || sed 's/^/# /' <<<"$out"
is "$(ls "$folder/left/sign" "$folder/right/sign" 2>/dev/null)" "" \
    "devices keep no key behind their end"
# It cannot be checked by who has another key.
mv "$folder/sign" "$TEST_DIR/key"
(umask 077 && sed 's/[0-9]/1/g' "$TEST_DIR/key" >"$folder/sign")
out=$(pilot verify sign-true 2>&1)
is $? 1 "pilot verify with another key: nothing fits"
has "$out" "forged: 17 in what is committed" "... and says so" ||
    sed 's/^/# /' <<<"$out"

# --- off: nothing of it is there

run_of sign-off --set sign=no --set stages.sense.options.blocks=20
is $? 0 "a run that is not signed" || sed 's/^/# /' "$TEST_DIR/sign-off.err"
is "$(count sign-off forged)" 0 "forges nothing"
names() { "$forge" show "$PILOT_BROKER" "$1" 2 0 | sed 's/sign-[a-z]*/RUN/g'; }
off=$(names pilot.sign-off.sense)
is "$(grep -v '^pe_sig ' <<<"$(names $topic)")" "$off" \
    "its records are those of a signed one, without the signature"
is "$(grep -c pe_sig <<<"$off")" 0 "... which is not there"
is "$(redis_do GET "pilot:{sign-off}:state" | grep -c forged)" 0 \
    "... nor a counter"
is "$(redis_do HGET "pilot:{sign-off}:ends" left-0)" 0/20 "... nor in an end"
is "$(find "$PILOT_HOME/sign-off" -name sign)" "" "... nor a key"

# --- killed with a spool, and gone on

# shellcheck disable=SC1090
. "$(dirname "$PILOT_PASSWORD_FILE")/env"
thaw() { kill -CONT "$KAFKA_PID" "$REDIS_PID" 2>/dev/null; }
at_end thaw
# left RUN N: at least N blocks of pilot left are sensed and not sent.
left() {
    od -An -v -tu8 -w128 -j256 -N256 "$PILOT_HOME/$1/left/counts" 2>/dev/null |
        awk -v n="$2" '{s += $2 + $16 - $3 - $4 - $5 - $15}
            END {exit !(s >= n)}'
}
sed 's/function: generator/function: proc/
    s/block: .*/block: {points: 10, within: 1s}/
    s/options: .*/options: {period: 2ms}/
    s/devices: 2}/devices: 2, queue: 64KiB, spool: {size: 64MiB}}/' \
    "$job" >"$TEST_DIR/live.yaml"
pilot run "$TEST_DIR/live.yaml" --run sign-spool --no-final \
    --summary "$TEST_DIR/sign-spool.json" >"$TEST_DIR/out" 2>&1 &
run_pid=$!
children="$children $run_pid"
wait_for 30 applied sign-spool 40
ok $? "with spools: the run learns" || sed 's/^/# /' "$TEST_DIR/out"
kill -STOP "$KAFKA_PID" "$REDIS_PID"
wait_for 30 left sign-spool 300
ok $? "... blocks wait on the disk"
kill -KILL "$(agents sign-spool/left pilot-edge)"
wait_for 30 left sign-spool 500
ok $? "... the next agent goes on"
thaw
wait_for 30 applied sign-spool 1500
ok $? "... what was spooled is sent, and taken"
kill -INT "$run_pid"
wait "$run_pid"
is $? 0 "... exit status" || sed 's/^/# /' "$TEST_DIR/out"
is "$(count sign-spool forged) $(count sign-spool lost)" "0 0" \
    "... nothing is forged, nothing lost"
exact sign-spool
before=$(committed sign-spool applied)
pilot run --resume sign-spool --no-final --summary "$TEST_DIR/sign-spool.json" \
    >"$TEST_DIR/out" 2>&1 &
run_pid=$!
children="$children $run_pid"
wait_for 40 applied sign-spool $((before + 200))
ok $? "resumed: it learns on" || sed 's/^/# /' "$TEST_DIR/out"
kill -INT "$run_pid"
wait "$run_pid"
is $? 0 "... exit status"
is "$(count sign-spool forged)" 0 "... by the keys of before"
exact sign-spool

# --- gateways, devices of other runs, layers

sed 's/features: 4, blocks: 150/features: 3, blocks: 400/' "$job" \
    >"$TEST_DIR/long.yaml"
pilot run "$TEST_DIR/long.yaml" --run sign-gate --no-final \
    --summary "$TEST_DIR/sign-gate.json" >"$TEST_DIR/out" 2>&1 &
run_pid=$!
children="$children $run_pid"
wait_for 30 applied sign-gate 20
ok $? "a run for others, too" || sed 's/^/# /' "$TEST_DIR/out"
pilot key gateway sign-gate half "$TEST_DIR/half.key" >/dev/null
is "$? $(stat -c %a "$TEST_DIR/half.key")" "0 600" "a key for devices alone"
sed '/^  right:/d; /^  pool:/d; /^  learn:/d; s/\[left, right\]/left/
    s/blocks: 400/blocks: 10/' "$TEST_DIR/long.yaml" >"$TEST_DIR/half.yaml"
printf 'streams: {sense: {topic: pilot.sign-gate.sense, partitions: 4}}\n' \
    >>"$TEST_DIR/half.yaml"
mkdir "$TEST_DIR/keys"
mv "$TEST_DIR/half.key" "$TEST_DIR/keys"
# As all files of --set it is meant from here, and not from where the job lies.
out=$(cd "$TEST_DIR/keys" && timeout 60 pilot run ../half.yaml --run half \
    --set sign=half.key 2>&1)
is $? 0 "devices of another run write" || sed 's/^/# /' <<<"$out"
foreign=20
publish=$BUILD/tests/system/publish
if [ -x "$publish" ]; then
    pilot key gateway sign-gate gate "$TEST_DIR/gate.key" >/dev/null
    until port=$((20000 + RANDOM % 10000)) &&
        ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do :; done
    : >"$TEST_DIR/gate.out"
    pilot-gateway --codec csv --name gate --sign "$TEST_DIR/gate.key" --bind \
        --seq frame "zmq:tcp://127.0.0.1:$port" pilot.sign-gate.sense \
        >"$TEST_DIR/gate.out" 2>&1 &
    gate=$!
    children="$children $gate"
    wait_for 20 has_line "$TEST_DIR/gate.out"
    "$publish" zmq "tcp://127.0.0.1:$port" 0 30
    learned() { [ "$(committed sign-gate foreign)" = $((foreign + 30)) ]; }
    wait_for 30 learned
    ok $? "what a gateway signs is learned from"
    kill $gate
    wait $gate
    has "$(cat "$TEST_DIR/gate.out")" "30 messages taken, 30 forwarded" \
        "a gateway writes"
    out=$(timeout 20 pilot-gateway --name other --sign "$TEST_DIR/gate.key" \
        "zmq:tcp://127.0.0.1:$port" pilot.sign-gate.sense 2>&1)
    is $? 78 "the key of another gateway"
    has "$out" "there is no key here of which one for 'other' is made" \
        "... is not taken"
    foreign=50
fi
wait "$run_pid"
is $? 0 "... the run ends well" || sed 's/^/# /' "$TEST_DIR/out"
is "$(count sign-gate foreign) $(count sign-gate forged)" "$foreign 0" \
    "what they have signed is taken"
is "$(count sign-gate applied)" $((1600 + foreign)) "... all of it"
verified sign-gate

out=$(pilot run "$SRC/jobs/layers.yaml" --run sign-layers --set sign=yes \
    --set stages.sense.options.blocks=20 --set pilots.gateways.ntasks=1 \
    --set pilots.centre.ntasks=1 --summary "$TEST_DIR/layers.json" 2>&1)
is $? 0 "pools in a row sign what they hand on" || sed 's/^/# /' <<<"$out"
is "$(get "$TEST_DIR/layers.json" applied) $(get "$TEST_DIR/layers.json" forged)" \
    "320 0" "... and the next one takes it"
verified sign-layers

# --- bad input

refused() {
    local want=$1 part=$2 what=$3
    shift 3
    out=$(timeout 60 "$@" 2>&1)
    is $? "$want" "$what"
    has "$out" "$part" "... and it is said"
}
folder=$PILOT_HOME/sign-spool
chmod 644 "$folder/sign"
refused 77 "chmod 600 $folder/sign" "keys that others may read" \
    timeout 60 pilot run --resume sign-spool
rm -f "$folder/sign"
refused 78 "$folder/sign, the key of run sign-spool, is not there" \
    "keys that are gone" pilot run --resume sign-spool
refused 78 "have them come through pilot-gateway --sign" \
    "records of others that cannot be signed" \
    pilot run "$job" --dry-run --set streams.sense.codec=csv
refused 78 "'pilot key gateway RUN NAME FILE' makes a file" \
    "devices alone without a file" pilot run "$TEST_DIR/half.yaml" --dry-run
refused 78 "a run with a pool makes its own key: say 'sign: yes'" \
    "a file for a run that has a pool" \
    pilot run "$job" --dry-run --set sign=/no/where
refused 78 "lets a run 'half' write, and this one is 'whole'" \
    "the key of a run by another name" pilot run "$TEST_DIR/half.yaml" \
    --run whole --set "sign=$TEST_DIR/keys/half.key"
refused 64 "is no name of a gateway of run sign-gate" \
    "a gateway that is the run" pilot key gateway sign-gate sign-gate \
    "$TEST_DIR/x"
refused 78 "has not begun here, or not with 'sign: yes'" \
    "a gateway of a run that is not signed" pilot key gateway sign-off gate \
    "$TEST_DIR/x"
end_tests
