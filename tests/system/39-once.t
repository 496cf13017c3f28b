#!/bin/bash
# pilot-gateway: what devices publish by QoS 2 is carried once, whether they
# number it or not and all of it is alike: a gateway that is killed with a message
# in its hands, and a connection that is lost with some under way.
. "$(dirname "$0")/lib.sh"

[ -x "$BUILD/tests/system/publish" ] ||
    skip_rest "built without MQTT and ZeroMQ"
mosquitto=$(PATH="$PATH:/usr/sbin" command -v mosquitto) ||
    skip_rest "no mosquitto"
command -v mosquitto_pub >/dev/null || skip_rest "no mosquitto_pub"

while :; do
    port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
done
mkdir "$TEST_DIR/kept"
cat >"$TEST_DIR/broker.conf" <<C
listener $port 127.0.0.1
allow_anonymous true
persistence true
persistence_location $TEST_DIR/kept/
user $(id -un)
C
mosquitto_start() {
    "$mosquitto" -c "$TEST_DIR/broker.conf" >>"$TEST_DIR/mosquitto.log" 2>&1 &
    broker=$!
    children="$children $broker"
    wait_for 20 bash -c "exec 3<>/dev/tcp/127.0.0.1/$port"
}
says() { grep -q "$1" "$TEST_DIR/err"; }
gateway() {
    : >"$TEST_DIR/err"
    pilot-gateway --codec csv --name once "mqtt://127.0.0.1:$port/once/+/data" \
        gateway-once >>"$TEST_DIR/out" 2>"$TEST_DIR/err" &
    gate=$!
    children="$children $gate"
    wait_for 30 says "subscribed to"
}
# send DEVICE N: "1,2,3", all of them, without a number of its own
send() {
    for ((i = 0; i < $2; i++)); do echo 1,2,3; done |
        mosquitto_pub -p "$port" -i "$1" -q 2 -t "once/$1/data" -l
}
# mark: a message with a fault, behind all that was sent, and the gateway has it;
# so it has the others.
mark() {
    mosquitto_pub -p "$port" -q 2 -t once/z/data -m "no numbers"
    wait_for 30 says "of device z is refused"
    ok $? "$1" || sed 's/^/# /' "$TEST_DIR/err"
    marks=$((marks + 1))
}
marks=0
ends() {
    kill $gate
    wait $gate
    is $? 0 "the gateway ends"
}

pilot services topic gateway-once --partitions 2 >/dev/null 2>&1
mosquitto_start

# Killed when it has a message and the spool has not, and when the spool has it
# and the broker was not told.
for fault in kill@sensed:20 kill@spooled:31; do
    # What has happened stands in files of the gateway.
    rm -f "$PILOT_HOME"/gateway/once/fault*
    PILOT_FAULT=$fault gateway
    send a 40 &
    device=$!
    wait $gate
    is $? 137 "the gateway, $fault"
    wait $device
    is $? 0 "a device sends"
    gateway
    mark "all that it sent is taken"
    ends
done

# Messages that wait for the gateway are no repeats, however alike.
send a 70
gateway
mark "all that came meanwhile is taken"
ends

# It has taken what it could not acknowledge: the broker sends it again.
gateway
kill -STOP $gate
send b 50
kill $broker
wait $broker
kill -CONT $gate
wait_for 30 says "is away"
mosquitto_start
wait_for 30 says "is back"
mark "all that was under way is taken"
ends
tail -n 1 "$TEST_DIR/out" | grep -q "repeats: [1-9]"
ok $? "what came again is counted" || sed 's/^/# /' "$TEST_DIR/out"

cat >"$TEST_DIR/once.yaml" <<'Y'
version: 1
pipeline: once
pilots:
  broker: {kind: broker}
  params: {kind: params}
  pool: {kind: pool, ntasks: 2}
stages:
  learn: {pilot: pool, function: audit}
streams: {sense: {topic: gateway-once, partitions: 2}}
Y
pilot run "$TEST_DIR/once.yaml" --run gateway-twice --until eof \
    --summary "$TEST_DIR/sum" >"$TEST_DIR/run.out" 2>&1
is $? 0 "a run over it" || sed 's/^/# /' "$TEST_DIR/run.out"
is "$(get "$TEST_DIR/sum" applied) $(get "$TEST_DIR/sum" refused)" \
    "200 $marks" "each message once"
verified gateway-twice
end_tests
