#!/bin/bash
# pilot-gateway: messages of MQTT and ZeroMQ, into a topic, each once; it is
# killed, its broker forgets it, another one takes its place.
. "$(dirname "$0")/lib.sh"

publish="$BUILD/tests/system/publish"
[ -x "$publish" ] || skip_rest "built without MQTT and ZeroMQ"
mosquitto=$(PATH="$PATH:/usr/sbin" command -v mosquitto) ||
    skip_rest "no mosquitto"

free_port() {
    local port
    while :; do
        port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
    done
    echo "$port"
}
port=$(free_port)

# mosquitto_start PORT ANONYMOUS [LINES]: without persistence; its pid in
# $broker.
mosquitto_start() {
    printf 'listener %s 127.0.0.1\nallow_anonymous %s\npersistence false\n%s\n' \
        "$1" "$2" "${3:-}" >"$TEST_DIR/$1.conf"
    "$mosquitto" -c "$TEST_DIR/$1.conf" >>"$TEST_DIR/mosquitto.log" 2>&1 &
    broker=$!
    children="$children $broker"
    wait_for 20 bash -c "exec 3<>/dev/tcp/127.0.0.1/$1"
}
says() { grep -q "$1" "$TEST_DIR/err"; }
# gateway OPTION...: its pid in $gate; what it says in out and err.
gateway() {
    : >"$TEST_DIR/err"
    pilot-gateway --codec csv "$@" >"$TEST_DIR/out" 2>"$TEST_DIR/err" &
    gate=$!
    children="$children $gate"
}
lab() {
    gateway --name "$1" "mqtt://127.0.0.1:$port/lab/+/data" gateway-lab
    wait_for 30 says "subscribed to"
}
send() { "$publish" mqtt "$port" "lab/$1/data" "$2" "$3" "$4"; }
forwarded() { [ "$(topic_records)" -ge "$1" ]; }
topic_records() {
    pilot services topic gateway-lab 2>/dev/null |
        sed -n 's/.*about \([0-9]*\) record.*/\1/p'
}

pilot services topic gateway-lab --partitions 2 >/dev/null 2>&1
mosquitto_start "$port" true

# Killed twice while two devices send, the second time with the next one in
# the place of the first.
lab gate
send a 1 0 300 &
a=$!
send b 1 0 300 &
b=$!
for n in 60 240; do
    wait_for 30 forwarded $n
    kill -KILL $gate
    wait $gate 2>/dev/null
    lab gate
done
wait $a
is $? 0 "a device sends"
wait $b
is $? 0 "another one, at the same time"
wait_for 30 forwarded 600
"$publish" mqtt "$port" lab/a/data 1 299 300 # it does not know that it did
send a 2 0 50                                # it was started again
mosquitto_pub -p "$port" -q 1 -t lab/c/data -m "no numbers"
wait_for 30 forwarded 651
kill $gate
wait $gate
is $? 0 "the gateway ends"
out=$(cat "$TEST_DIR/out" "$TEST_DIR/err")
has "$out" "refused by codec: 1" "garbage is counted"

cat >"$TEST_DIR/lab.yaml" <<'Y'
version: 1
pipeline: gateway
pilots:
  broker: {kind: broker}
  params: {kind: params}
  pool: {kind: pool, ntasks: 2}
stages:
  learn: {pilot: pool, function: audit}
streams: {sense: {topic: gateway-lab, partitions: 2}}
epoch: {interval: 50ms}
Y
pilot run "$TEST_DIR/lab.yaml" --run gateway-run --until eof \
    --summary "$TEST_DIR/sum" >"$TEST_DIR/run.out" 2>&1
is $? 0 "a run over what the gateway wrote" ||
    sed 's/^/# /' "$TEST_DIR/run.out"
is "$(get "$TEST_DIR/sum" applied) $(get "$TEST_DIR/sum" refused)" "650 1" \
    "each message once, and the garbage refused"
verified gateway-run

# The broker restarts, and has forgotten us; what came meanwhile is counted.
lab gate
send a 2 50 51
kill $broker
wait $broker
wait_for 30 says "is away"
mosquitto_start "$port" true
wait_for 30 says "has lost our session"
ok $? "a session that is lost is said" || sed 's/^/# /' "$TEST_DIR/err"
wait_for 30 bash -c "[ \$(grep -c 'subscribed to' '$TEST_DIR/err') = 2 ]"
send a 2 58 60
wait_for 30 says "lost by sequence: 7"
ok $? "so are the messages" || sed 's/^/# /' "$TEST_DIR/err"
# A second one of that name: one of them leaves.
mv "$TEST_DIR/err" "$TEST_DIR/older"
older=$gate
gateway --name gate --spool "$TEST_DIR/other" \
    "mqtt://127.0.0.1:$port/lab/+/data" gateway-lab
wait -n "$older" "$gate"
is $? 75 "another gateway of the same name"
has "$(cat "$TEST_DIR/older" "$TEST_DIR/err")" "another gateway of this name" \
    "said"
kill "$older" "$gate" 2>/dev/null
wait "$older" "$gate"

closed=$(free_port)
mosquitto_start "$closed" false
timeout 30 pilot-gateway --name closed "mqtt://127.0.0.1:$closed/a/+" \
    gateway-lab >"$TEST_DIR/out" 2>&1
is $? 77 "without a login" || sed 's/^/# /' "$TEST_DIR/out"
has "$(cat "$TEST_DIR/out")" "user and password of --auth" "with the fix"

# By TLS: the broker asks for a certificate, and the gateway for the broker's.
tls=$TEST_DIR/tls
mkdir "$tls"
# pair NAME WHO EXTENSION: a key, and its certificate by our own authority.
pair() {
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
        -subj "/CN=$2" -keyout "$tls/$1.key" -out "$tls/$1.csr" &&
        echo "$3" >"$tls/$1.ext" &&
        openssl x509 -req -in "$tls/$1.csr" -CA "$tls/ca.pem" -CAkey \
            "$tls/ca.key" -CAcreateserial -days 2 -extfile "$tls/$1.ext" \
            -out "$tls/$1.pem"
} 2>"$tls/log"
for ca in ca other; do
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 \
        -nodes -days 2 -subj "/CN=$ca" -keyout "$tls/$ca.key" \
        -out "$tls/$ca.pem" 2>/dev/null
done
pair server 127.0.0.1 "subjectAltName=IP:127.0.0.1"
pair client gate "basicConstraints=CA:FALSE"
secure=$(free_port)
mosquitto_start "$secure" true "user $(id -un)
cafile $tls/ca.pem
certfile $tls/server.pem
keyfile $tls/server.key
require_certificate true"
# auth CA: a file of --auth for what this authority has signed.
auth() {
    printf 'ca: %s\ncertificate: %s\nkey: %s\n' "$tls/$1.pem" \
        "$tls/client.pem" "$tls/client.key" >"$tls/$1.yaml"
    chmod 600 "$tls/$1.yaml"
    echo "$tls/$1.yaml"
}
before=$(topic_records)
gateway --name tls --auth "$(auth ca)" "mqtts://127.0.0.1:$secure/tls/+" \
    gateway-lab
wait_for 30 says "subscribed to"
ok $? "mqtts: subscribed" || sed 's/^/# /' "$TEST_DIR/err"
for ((i = 0; i < 20; i++)); do echo "$i,2,3"; done |
    mosquitto_pub -h 127.0.0.1 -p "$secure" --cafile "$tls/ca.pem" \
        --cert "$tls/client.pem" --key "$tls/client.key" -q 1 -t tls/a -l
is $? 0 "mqtts: a device sends"
wait_for 30 forwarded $((before + 20))
kill $gate
wait $gate
has "$(cat "$TEST_DIR/out")" "20 messages taken, 20 forwarded" \
    "mqtts: all of it comes"
timeout 60 pilot-gateway --name other --auth "$(auth other)" \
    "mqtts://127.0.0.1:$secure/tls/+" gateway-lab >"$TEST_DIR/out" 2>&1
is $? 77 "mqtts: a broker of another authority" ||
    sed 's/^/# /' "$TEST_DIR/out"
has "$(cat "$TEST_DIR/out")" "its certificate is not signed by ca of --auth" \
    "... is refused for it"

# ZeroMQ: two series, the first one with a hole.
address=tcp://127.0.0.1:$(free_port)
before=$(topic_records)
gateway --name cam --bind --seq frame "zmq:$address" gateway-lab
for range in "0 100 100" "105 110 105" "0 10 115"; do
    # shellcheck disable=SC2086
    set -- $range
    "$publish" zmq "$address" "$1" "$2"
    is $? 0 "frames $1 to $2 are pushed"
    wait_for 30 forwarded $((before + $3))
done
kill $gate
wait $gate
has "$(cat "$TEST_DIR/out")" "115 messages taken, 115 forwarded, lost by sequence: 5" \
    "frames, and what is missing"
for bad in "http://x" "mqtt://127.0.0.1/" "mqtt://127.0.0.1/a/b"; do
    timeout 30 pilot-gateway --name bad "$bad" gateway-lab >/dev/null 2>&1
    is $? 64 "pilot-gateway $bad"
done
end_tests
