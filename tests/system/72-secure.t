#!/bin/bash
# Services that talk through TLS and let in who has a login: Kafka with a
# password, a certificate, a token; Redis with TLS.  Each role does what it may,
# and nothing else.  What is refused, and that no secret is seen.
. "$(dirname "$0")/lib.sh"

command -v openssl >/dev/null || skip_rest "openssl is not there"

dir=$TEST_DIR/services
stop_services() { pilot services stop --purge --dir "$dir" 2>/dev/null; }
at_end stop_services

# free PORT: nobody listens there.
free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
port=$((20000 + RANDOM % 10000))
until free $port && free $((port + 1)) && free $((port + 2)) &&
    free $((port + 3)); do
    port=$((20000 + RANDOM % 10000))
done
cat >"$TEST_DIR/more.conf" <<X
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$((port + 1)),MUTUAL://127.0.0.1:$((port + 2)),TOKEN://127.0.0.1:$((port + 3))
advertised.listeners=PLAINTEXT://127.0.0.1:$port,MUTUAL://127.0.0.1:$((port + 2)),TOKEN://127.0.0.1:$((port + 3))
controller.quorum.voters=1@127.0.0.1:$((port + 1))
listener.security.protocol.map=PLAINTEXT:SASL_SSL,CONTROLLER:SASL_SSL,MUTUAL:SSL,TOKEN:SASL_SSL
super.users=User:pilot;User:CN=pilot;User:broker;User:me
listener.name.mutual.ssl.client.auth=required
listener.name.token.sasl.enabled.mechanisms=OAUTHBEARER
listener.name.token.oauthbearer.sasl.jaas.config=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";
X
pilot services start --secure --dir "$dir" --kafka-port $port \
    --kafka-config "$TEST_DIR/more.conf" 2>"$TEST_DIR/err"
is $? 0 "services with TLS and logins start" || sed 's/^/# /' "$TEST_DIR/err"
unset PILOT_BROKER PILOT_PARAMS PILOT_PASSWORD_FILE
set -a
# shellcheck disable=SC1091
. "$dir/env"
set +a
unset PILOT_BROKER_THROUGH PILOT_BROKER_BEHIND
has "$PILOT_PARAMS" "rediss://" "Redis is named with TLS"
is "$(stat -c %a "$PILOT_BROKER_AUTH" "$dir/tls/server.key" | sort -u)" 600 \
    "login and key are ours alone"

cat >"$TEST_DIR/job.yaml" <<X
version: 1
pipeline: secure
pilots:
  devices: {kind: edge, devices: 2}
  broker: {kind: broker}
  params: {kind: params}
  pool: {kind: pool, ntasks: 2}
stages:
  sense:
    pilot: devices
    function: generator
    block: {points: 25, within: 1s}
    options: {features: 4, blocks: 100}
  learn: {pilot: pool, function: audit}
X
job=$TEST_DIR/job.yaml

# job_run RUN ARG...: the run, its summary, what it said.
job_run() {
    local run=$1
    shift
    timeout 100 pilot run "$job" --run "$run" --no-final \
        --summary "$TEST_DIR/$run.json" "$@" >"$TEST_DIR/out" \
        2>"$TEST_DIR/err"
}
# whole RUN WHAT: all blocks were applied.
whole() {
    is "$(get "$TEST_DIR/$1.json" applied)" 200 "$2: each block is applied" ||
        sed 's/^/# /' "$TEST_DIR/err"
}

job_run secure-plain
is $? 0 "TLS and a password"
whole secure-plain "TLS and a password"
folder=$PILOT_HOME/secure-plain
is "$(stat -c %a "$folder/logins")" 600 "the run keeps its logins for itself"

# --- roles

# secret_of FILE [ROLE]
secret_of() {
    sed -n "s/^${2:+$2: {user: [^,]*, }password: \([0-9a-f]*\)}\{0,1\}\$/\1/p" "$1"
}
for role in operator pool device; do
    [ $role = operator ] || secret_of "$PILOT_BROKER_AUTH" $role
    secret_of "$PILOT_PARAMS_AUTH" $role
done >"$TEST_DIR/secrets"
secret_of "$PILOT_BROKER_AUTH" >>"$TEST_DIR/secrets"
is "$(grep -c . "$TEST_DIR/secrets")" 6 "each role has secrets of its own"
for file in logins logins.pool logins.device; do
    is "$(grep -cFf "$TEST_DIR/secrets" "$folder/$file")" 2 \
        "$file: what its role logs in with, and no other"
done
is "$(grep -rlFf "$TEST_DIR/secrets" "$PILOT_HOME" | sort)" \
    "$(printf '%s\n' "$folder/logins" "$folder/logins.device" \
        "$folder/logins.pool")" "... and in no other file of a run"
has "$(cat "$folder/devices/request.json")" "$folder/logins.device" \
    "a device logs in as a device"
has "$(cat "$folder/pool/request.json")" "$folder/logins.pool" \
    "... a pool as a pool"

# as ROLE COMMAND...: what Redis says to it.
as() {
    local role=$1
    shift
    REDISCLI_AUTH=$(secret_of "$PILOT_PARAMS_AUTH" "$role") redis-cli \
        --user "pilot-$role" -u "$PILOT_PARAMS" --cacert "$dir/tls/ca.pem" \
        --no-auth-warning "$@" 2>&1
}
admin() {
    REDISCLI_AUTH=$(cat "$dir/password") redis-cli --user admin \
        -u "$PILOT_PARAMS" --cacert "$dir/tls/ca.pem" --no-auth-warning "$@" \
        2>/dev/null
}
out=$(pilot status --no-header secure-plain 2>&1; pilot verify secure-plain 2>&1
    pilot commits secure-plain 2>&1; pilot peek secure-plain 2>&1)
has "$out" "secure-plain: exact: 200 blocks applied" "an operator looks"
is "$(admin ACL LOG)" "" "Redis has refused nobody"
key="pilot:{secure-plain}"
no=NOPERM
has "$(as device GET "$key:state")" "applied 200" "a device reads the state"
has "$(as device SET "$key:model" x)" "$no" "... and writes no model"
has "$(as device HSET "$key:stages" now 1)" "$no" "... nor what is to be run"
has "$(as device SET "$key:control" stop)" "$no" "... nor control words"
has "$(as device CONFIG GET '*')" "$no" "... nor asks for settings"
has "$(as pool HSET "$key:stages" now 1)" "$no" "a pool says not what to run"
has "$(as pool ACL LIST)" "$no" "... and sees no users"
has "$(as operator MSET "$key:state" x)" "$no" "an operator makes no commit"
has "$(as operator FLUSHALL)" "$no" "... and deletes no other run"
has "$(as device GET other)" "$no" "no key of others is seen"
admin ACL LOG RESET >/dev/null

# A pilot that logs in as another role.
sed "s/^pool: .*/pool: $(sed -n 's/^device: //p' "$PILOT_PARAMS_AUTH")/" \
    "$PILOT_PARAMS_AUTH" >"$TEST_DIR/weak.auth"
chmod 600 "$TEST_DIR/weak.auth"
PILOT_PARAMS_AUTH=$TEST_DIR/weak.auth job_run secure-weak
is $? 78 "a pool with the login of a device"
has "$(cat "$TEST_DIR/err")" "as 'pilot-device' says 'NOPERM" "... is refused"
has "$(cat "$TEST_DIR/err")" "'pilot acl RUN' prints the rules" \
    "... and it is said who has more to say"
# A device's login, where records are read.
sed "s/^user: .*/user: pilot-device/
    s/^password: .*/password: $(secret_of "$PILOT_BROKER_AUTH" device)/" \
    "$PILOT_BROKER_AUTH" >"$TEST_DIR/weak.auth"
out=$(PILOT_BROKER_AUTH=$TEST_DIR/weak.auth pilot peek \
    pilot.secure-plain.sense 2>&1)
is $? 77 "a device reads no topic"
has "$out" "may not be read by who logs in here" "... and is told so"
has "$out" "'pilot acl RUN' prints" "... and where the rights are said"

out=$(pilot acl "$job" --run night)
has "$out" "ACL SETUSER pilot-device resetkeys" "rules of Redis"
has "$out" "%R~pilot:{night}:model" "... of the run"
has "$out" "--allow-principal User:pilot-device --operation Write" \
    "lines of Kafka"
has "$out" "--topic pilot.night.sense" "... of its topic"
has "$out" "--allow-principal User:pilot --operation Read" \
    "... for whom the file of logins names"
is "$(grep 'User:pilot-device' <<<"$out" | grep -c -e results -e refused)" 0 \
    "a device writes no results"
out=$(pilot peek secure-plain --no-header 2>&1)
has "$out" "of about 200 records" "commands log in, too"
out=$(pilot status --no-header secure-plain 2>&1)
has "$out" DONE "... and ask Redis through TLS"
out=$(pilot doctor 2>&1)
has "$out" "ok      broker $PILOT_BROKER" "the doctor logs in"
has "$out" "ok      parameter service $PILOT_PARAMS" "... at both"

# --- other ways in

tls="ca: $dir/tls/ca.pem"
here() { echo "pilots.broker.endpoint=127.0.0.1:$1"; }
job_run secure-mutual --set "$(here $((port + 2)))" --set \
    "pilots.broker.auth={$tls, certificate: $dir/tls/client.pem, key: $dir/tls/client.key}"
is $? 0 "a certificate"
whole secure-mutual "a certificate"

b64() { base64 -w0 | tr '+/' '-_' | tr -d =; }
# token SECONDS: one that nobody signed, as a Kafka for tests takes it.
token() {
    printf '%s.%s.' "$(printf '{"alg":"none"}' | b64)" \
        "$(printf '{"sub":"me","iat":%d,"exp":%d}' $(($(date +%s) - 60)) \
            $(($(date +%s) + $1)) | b64)"
}
(umask 077 && token 3600 >"$TEST_DIR/token" && token -30 >"$TEST_DIR/old")
oauth="$tls, sasl: oauthbearer"
job_run secure-token --set "$(here $((port + 3)))" --set \
    "pilots.broker.auth={$oauth, token-file: $TEST_DIR/token}"
is $? 0 "a token"
whole secure-token "a token"

# The file of the pipeline says it all; names are meant from where it lies.
ln -s "$dir/tls" "$TEST_DIR/tls"
sed "s|^  broker:.*|  broker: {kind: broker, endpoint: \"127.0.0.1:$((port + 2))\", auth: {ca: tls/ca.pem, certificate: tls/client.pem, key: tls/client.key}}|" \
    "$job" >"$TEST_DIR/own.yaml"
(cd / && unset PILOT_BROKER PILOT_BROKER_AUTH && job=$TEST_DIR/own.yaml &&
    job_run secure-own)
is $? 0 "auth in the file of the pipeline"
whole secure-own "auth in the file"

# --- refused

# refused NAME STATUS PART ARG...: a run that does not come to be.
refused() {
    local name=$1 status=$2 part=$3
    shift 3
    job_run "secure-$name" "$@"
    is $? "$status" "$name: exit status"
    has "$(tail -n 1 "$TEST_DIR/err")" "$part" "$name: says so"
}
sed 's/^password:.*/password: wrong/' "$PILOT_BROKER_AUTH" \
    >"$TEST_DIR/wrong.auth"
chmod 600 "$TEST_DIR/wrong.auth"
PILOT_BROKER_AUTH=$TEST_DIR/wrong.auth refused password 77 \
    "lets nobody in so (invalid username or password): look at user and password-file of its auth"
PILOT_BROKER_AUTH="" refused clear 69 \
    "does it want TLS, or a login? say so by auth:"
(umask 077 && secret_of "$PILOT_BROKER_AUTH" >"$TEST_DIR/password")
openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=other -keyout /dev/null \
    -out "$TEST_DIR/other.pem" 2>/dev/null
refused authority 77 "could not be verified" --set "$(here $port)" --set \
    "pilots.broker.auth={ca: $TEST_DIR/other.pem, sasl: plain, user: pilot, password-file: $TEST_DIR/password}"
refused certificate 77 "look at ca, certificate, key and hostname" \
    --set "$(here $((port + 2)))" --set "pilots.broker.auth={$tls}"
refused token-old 77 "the token was good until" \
    --set "$(here $((port + 3)))" --set \
    "pilots.broker.auth={$oauth, token-file: $TEST_DIR/old}"
refused mechanism 77 "it takes PLAIN" --set "$(here $port)" --set \
    "pilots.broker.auth={$tls, sasl: scram-sha-256, user: pilot, password-file: $TEST_DIR/password}"
(umask 077 && {
    echo "ca: $TEST_DIR/other.pem"
    grep '^[opd].*: {' "$PILOT_PARAMS_AUTH"
} >"$TEST_DIR/redis.auth")
PILOT_PARAMS_AUTH=$TEST_DIR/redis.auth refused redis-authority 77 \
    "its certificate is not taken"
PILOT_PARAMS=redis://${PILOT_PARAMS#rediss://} PILOT_PARAMS_AUTH="" \
    refused redis-clear 69 "broke"

# --- SCRAM, which is offered beside PLAIN: by a client that is new enough

# takes_scram VERSION
takes_scram() { printf '2.6.1\n%s\n' "$1" | sort -VC; }
sed 's/^sasl: plain/sasl: scram-sha-512/' "$PILOT_BROKER_AUTH" \
    >"$TEST_DIR/scram.auth"
chmod 600 "$TEST_DIR/scram.auth"
newer=
takes_scram "$("$FOREIGN" version)" || {
    PILOT_BROKER_AUTH=$TEST_DIR/scram.auth refused scram 77 \
        "say sasl: plain over TLS, or give a certificate"
    is "$(grep -c "lets nobody in" "$TEST_DIR/err")" 1 "... once"
    newer=$("$SRC/scripts/rdkafka" 2>"$TEST_DIR/why")
}
if takes_scram "$(LD_LIBRARY_PATH=$newer "$FOREIGN" version)"; then
    LD_LIBRARY_PATH=$newer PILOT_BROKER_AUTH=$TEST_DIR/scram.auth \
        job_run secure-scram-new
    is $? 0 "SCRAM, by librdkafka $(LD_LIBRARY_PATH=$newer "$FOREIGN" version)"
    whole secure-scram-new SCRAM
    LD_LIBRARY_PATH=$newer verified secure-scram-new
else
    ok 0 "SCRAM # SKIP librdkafka is older than 2.6.1, and no newer one came: \
$(tail -n 1 "$TEST_DIR/why")"
fi

# --- a link that breaks, and a login that changes

timeout 100 pilot run "$job" --run secure-again --no-final \
    --set stages.sense.block.rate=40 --set stages.sense.options.blocks=400 \
    --summary "$TEST_DIR/again.json" >/dev/null 2>"$TEST_DIR/err" &
run=$!
begun() {
    [ "$(admin GET 'pilot:{secure-again}:state' |
        sed -n 's/^applied //p')" -gt 40 ] 2>/dev/null
}
wait_for 40 begun
# What anybody sees, and what children are given.
for pid in $(pgrep -f "$PILOT_HOME/secure-again|$dir|$job"); do
    cat "/proc/$pid/cmdline" "/proc/$pid/environ" 2>/dev/null
done | tr '\0' '\n' >"$TEST_DIR/seen"
ok "$(grep -c "$PILOT_HOME/secure-again" "$TEST_DIR/seen" |
    awk '{print $1 < 3}')" "the processes of a run are looked at"
is "$(grep -cFf "$TEST_DIR/secrets" "$TEST_DIR/seen")" 0 \
    "no secret is in a command line or an environment"
agent=$(pgrep -f "^([^ ]*/)?pilot-edge $PILOT_HOME/secure-again")
has "$(grep core "/proc/${agent%%$'\n'*}/limits")" "0 " \
    "who holds a login leaves no core"
admin CLIENT KILL TYPE normal SKIPME yes >/dev/null
admin CLIENT KILL TYPE pubsub >/dev/null
kill -KILL "$REDIS_PID"
wait_for 20 test ! -e "/proc/$REDIS_PID"
pilot services start --secure --dir "$dir" --kafka-port $port \
    --kafka-config "$TEST_DIR/more.conf" 2>/dev/null ||
    die "services start again"
wait "$run"
is $? 0 "TLS to Redis is made again"
is "$(get "$TEST_DIR/again.json" applied)" 800 "... and no block is lost" ||
    sed 's/^/# /' "$TEST_DIR/err"

# The file of the login now has a wrong password; the run keeps its own.
kept=$(sha256sum "$PILOT_HOME"/secure-again/logins*)
cp "$PILOT_BROKER_AUTH" "$TEST_DIR/good.auth"
cat "$TEST_DIR/wrong.auth" >"$PILOT_BROKER_AUTH"
timeout 60 pilot run --resume secure-again >"$TEST_DIR/out" 2>"$TEST_DIR/err"
is $? 0 "a run that is done is resumed with a wrong password"
has "$(cat "$TEST_DIR/err")" "the login of before is kept: broker " \
    "... which is refused"
is "$(sha256sum "$PILOT_HOME"/secure-again/logins*)" "$kept" \
    "... and its login is not written over"
cat "$TEST_DIR/good.auth" >"$PILOT_BROKER_AUTH"
end_tests
