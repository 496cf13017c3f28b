#!/bin/bash
# A pool in a real Slurm, a Kafka with TLS and logins, a Redis with TLS and
# users: with passwords, and with a certificate for each role.  An operator's
# commands do what they say there; who is somebody else, or nobody, does not.
. "$(dirname "$0")/lib.sh"

for p in openssl redis-cli; do
    command -v $p >/dev/null || skip_rest "$p is not there"
done
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

cluster=$SRC/tests/system/slurm-cluster
dir=$TEST_DIR/services
leave() {
    "$cluster" stop "$TEST_DIR/slurm" >/dev/null 2>&1
    pilot services stop --purge --dir "$dir" 2>/dev/null
}
at_end leave

"$cluster" start "$TEST_DIR/slurm" --nodes 2 >"$TEST_DIR/slurm.out" 2>&1
case $? in
0) ;;
77 | 78) skip_rest "$(tail -n 1 "$TEST_DIR/slurm.out")" ;;
*)
    sed 's/^/# /' "$TEST_DIR/slurm.out"
    die "the cluster starts"
    ;;
esac
# shellcheck disable=SC1091
. "$TEST_DIR/slurm/env"

# A second listener takes certificates alone; who is who is in their names.
free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
port=$((20000 + RANDOM % 10000))
until free $port && free $((port + 1)) && free $((port + 2)); do
    port=$((20000 + RANDOM % 10000))
done
mutual=127.0.0.1:$((port + 2))
cat >"$TEST_DIR/more.conf" <<X
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$((port + 1)),MUTUAL://$mutual
advertised.listeners=PLAINTEXT://127.0.0.1:$port,MUTUAL://$mutual
controller.quorum.voters=1@127.0.0.1:$((port + 1))
listener.security.protocol.map=PLAINTEXT:SASL_SSL,CONTROLLER:SASL_SSL,MUTUAL:SSL
listener.name.mutual.ssl.client.auth=required
listener.name.mutual.ssl.principal.mapping.rules=RULE:^CN=(.*)\$/\$1/
X
pilot services start --secure --dir "$dir" --kafka-port $port \
    --kafka-config "$TEST_DIR/more.conf" 2>"$TEST_DIR/err" || {
    sed 's/^/# /' "$TEST_DIR/err"
    die "services with TLS and logins start"
}
unset PILOT_BROKER PILOT_PARAMS PILOT_PASSWORD_FILE
set -a
# shellcheck disable=SC1091
. "$dir/env"
set +a
unset PILOT_BROKER_THROUGH PILOT_BROKER_BEHIND

# cli USER SECRET COMMAND...: what Redis says to it.
cli() {
    REDISCLI_AUTH=$2 redis-cli --user "$1" -u "$PILOT_PARAMS" \
        --cacert "$dir/tls/ca.pem" --no-auth-warning "${@:3}" 2>&1
}
# What lib.sh asks; no run has it.
redis_do() { cli admin "$(cat "$dir/password")" "$@"; }

# picky refuses the twentieth block, or what stands in the way of its mending.
cat >"$TEST_DIR/f.c" <<'C'
#include <pilot/function.h>
#include <unistd.h>
static int picky_do(pe_context *ctx, const pe_block *in, pe_block *out)
{
    static int n;

    if (++n == 20 && access(FOLDER "/mended", F_OK) != 0)
        return pe_context_fail(ctx, "the twentieth does not please me");
    return pe_context_pass(ctx, in, out);
}
static int fine_do(pe_context *ctx, const pe_block *in, pe_block *out)
{
    return pe_context_pass(ctx, in, out);
}
#define F(f) const pe_function f = {.abi = PE_FUNCTION_ABI, .name = #f, \
                                    .process_edge = f##_do,             \
                                    .process_cloud = f##_do}
F(picky);
F(fine);
C
${CC:-cc} -shared -fPIC -I"$SRC/include" -DFOLDER="\"$TEST_DIR\"" \
    -o "$TEST_DIR/f.so" "$TEST_DIR/f.c" || die "functions of a user"
f=$TEST_DIR/f.so

cat >"$TEST_DIR/job.yaml" <<X
version: 1
pipeline: site
pilots:
  devices: {kind: edge, devices: 2}
  broker: {kind: broker}
  params: {kind: params}
  pool: {kind: pool, resource: "slurm://", same-host: yes, ntasks: 2, time: 10m, scale: {lag: 1h, max: 4, on: {beam: +1}}}
stages:
  sense: {pilot: devices, function: generator, block: {points: 25, within: 1s, rate: 20}, options: {features: 4, blocks: 0}}
  near: {pilot: devices, function: select, options: {columns: 0-3}}
  mine: {pilot: pool, function: "$f:picky"}
  learn: {pilot: pool, function: audit}
epoch: {interval: 50ms}
X
job=$TEST_DIR/job.yaml

# --- passwords: a pool in Slurm, and what an operator says to its run

pilot run "$job" --run site --no-final \
    --summary "$TEST_DIR/site.json" >"$TEST_DIR/site.out" 2>&1 &
run=$!
children="$children $run"
wait_for 60 applied site 40 || {
    sed 's/^/# /' "$TEST_DIR/site.out"
    die "a pool in Slurm reaches both"
}
ok 0 "a pool in Slurm reaches both: TLS, passwords, users"

# op STATUS WORDS COMMAND ARG...: `pilot COMMAND`, as an operator.
op() {
    local status=$1 words=$2
    shift 2
    out=$(timeout 60 pilot "$@" 2>&1)
    is $? "$status" "operator: pilot $1 $2: exit status" ||
        printf '%s\n' "$out" | sed 's/^/# /'
    has "$out" "$words" "... it says so"
}
cd "$TEST_DIR" || exit 1
# What is refused is known when there is one; 60 blocks are behind it.
wait_for 30 applied site 60
op 0 ACTIVE status --refresh site
op 0 site top --once site
op 0 pool commits site
op 0 "" results --stream --json site
op 0 ranks scale site
op 0 "the twentieth does not please me" refused list site

# Who has the login of another role: the same commands, in a folder of runs whose
# operator it is.
cp -r "$PILOT_HOME" "$TEST_DIR/other"
# as ROLE WORDS COMMAND ARG...: refused, and said as whom.
as() {
    local role=$1 words=$2
    shift 2
    cp "$PILOT_HOME/site/logins.$role" "$TEST_DIR/other/site/logins"
    ! out=$(PILOT_HOME=$TEST_DIR/other timeout 60 pilot "$@" 2>&1) &&
        [ "$(grep -c "^pilot: " <<<"$out")" -eq 1 ]
    ok $? "$role: pilot $1 is refused, in one line" ||
        printf '%s\n' "$out" | sed 's/^/# /'
    has "$out" "$words" "... which says as whom, or of what"
}
for role in pool device; do
    no="as 'pilot-$role' says 'NOPERM"
    as $role "$no" move site/near --to pool
    as $role "$no" swap site/mine -f "$f:fine"
    as $role "$no" task site/more -f "$f:fine" -n 4
done
as pool "as 'pilot-pool' says 'NOPERM" refused replay site
as device "$no" event site beam
as device "$no" resize site/pool -n 1
as device "$no" scale site
as device "$no" commits site
no="may not be read by who logs in here"
as device "$no" refused list site
as device "$no" refused replay site
as device "$no" results --stream site
as device "$no" verify site
has "$(redis_do ACL LOG)" pilot-device "Redis knows whom it refused"
redis_do ACL LOG RESET >/dev/null

op 0 "" event site beam
op 0 "stage 'near' is on the pool now" move site/near --to pool
op 0 "" swap site/mine -f "$f:fine"
op 0 " refused blocks sent again" refused replay site
op 0 "" task site/sums -f "$f:fine" -n 4 --wait 40s
op 0 site/pool.3 resize site/pool -n 3
op 0 "goes on with 1 of 2 ranks" resize site/pool -n 1
op 0 exact verify site

# --- asked directly: nobody, somebody else, in the clear, another's key

# secret_of FILE [ROLE]
secret_of() {
    sed -n "s/^${2:+$2: {user: [^,]*, }password: \([0-9a-f]*\)}\{0,1\}\$/\1/p" "$1"
}
device=$(secret_of "$PILOT_PARAMS_AUTH" device)
key="pilot:{site}"
has "$(redis-cli -u "$PILOT_PARAMS" --cacert "$dir/tls/ca.pem" GET "$key:model" \
    2>&1)" NOAUTH "Redis: who does not log in"
has "$(cli pilot-device wrong GET "$key:model")" WRONGPASS \
    "Redis: a wrong password"
has "$(cli pilot-pool "$device" GET "$key:model")" WRONGPASS \
    "Redis: the password of another role"
has "$(cli pilot-device "$device" SET "$key:model" x)" NOPERM \
    "Redis: what another role may"
is "$(redis-cli -u "redis://${PILOT_PARAMS#rediss://}" PING 2>/dev/null)" "" \
    "Redis: in the clear"
has "$(redis-cli -u "$PILOT_PARAMS" PING 2>&1)" "certificate verify failed" \
    "Redis: whom nobody vouches for is not talked to"

# certify DIR NAME: by the services' authority, or by one of our own.
certify() {
    openssl req -newkey rsa:2048 -nodes -subj "/CN=$2" \
        -keyout "$TEST_DIR/$2.key" -out "$TEST_DIR/$2.csr" 2>/dev/null &&
        openssl x509 -req -in "$TEST_DIR/$2.csr" -CA "$1/ca.pem" \
            -CAkey "$1/ca.key" -CAcreateserial -days 2 \
            -out "$TEST_DIR/$2.pem" 2>/dev/null
}
mkdir "$TEST_DIR/own"
openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=own \
    -days 2 -keyout "$TEST_DIR/own/ca.key" -out "$TEST_DIR/own/ca.pem" \
    2>/dev/null || die "an authority"
certify "$TEST_DIR/own" night-forged || die "a certificate of it"
umask 077
for role in operator pool device; do
    certify "$dir/tls" night-$role || die "a certificate for the $role"
done

# writes TOPIC NAME LINE...: who logs in as the lines say writes a record to a
# topic, as a device would; what the client says.
writes() {
    local topic=$1 at=$PILOT_BROKER
    shift
    case "$*" in *ssl.key*) at=$mutual ;; esac
    printf '%s\n' "$@" >"$TEST_DIR/login"
    PILOT_BROKER=$at FOREIGN_LOGIN=$TEST_DIR/login "$FOREIGN" "$topic" 0 npy 1 \
        devices-0 2>&1
}
tls=(security.protocol=ssl "ssl.ca.location=$dir/tls/ca.pem")
sasl=(security.protocol=sasl_ssl "ssl.ca.location=$dir/tls/ca.pem"
    sasl.mechanisms=PLAIN sasl.username=pilot-device)
cert() { echo "ssl.certificate.location=$TEST_DIR/$1.pem"; echo "ssl.key.location=$TEST_DIR/$1.key"; }
mine=pilot.site.near
has "$(writes $mine security.protocol=plaintext)" _TRANSPORT \
    "Kafka: in the clear"
has "$(writes $mine "${tls[@]}")" _TRANSPORT "Kafka: who does not log in"
has "$(writes $mine security.protocol=ssl)" "certificate verify failed" \
    "Kafka: whom nobody vouches for is not talked to"
has "$(writes $mine "${sasl[@]}" sasl.password=wrong)" _AUTHENTICATION \
    "Kafka: a wrong password"
has "$(writes $mine "${sasl[@]}" \
    sasl.password="$(secret_of "$PILOT_BROKER_AUTH" pool)")" _AUTHENTICATION \
    "Kafka: the password of another role"
has "$(writes other "${sasl[@]}" \
    sasl.password="$(secret_of "$PILOT_BROKER_AUTH" device)")" \
    TOPIC_AUTHORIZATION_FAILED "Kafka: a topic that is no run's"
mapfile -t forged < <(cert night-forged)
mapfile -t device < <(cert night-device)
has "$(writes $mine "${tls[@]}" "${forged[@]}")" _TRANSPORT \
    "Kafka: a certificate of another authority"
has "$(writes $mine "${tls[@]}" "${device[@]}")" TOPIC_AUTHORIZATION_FAILED \
    "Kafka: a device that nobody has let in"

# --- the end of the first

op 0 "" cancel site
wait $run
is $? 0 "passwords: exit status" || sed 's/^/# /' "$TEST_DIR/site.out"
verified site
is "$(redis_do ACL LOG | grep -c pilot-operator)" 0 \
    "an operator was refused nothing"
wait_for 30 no_jobs
ok $? "no job is left"

# --- the other way in: a certificate for each role, of one run alone

who='' by=''
for role in operator pool device; do
    who="$who, $role: {user: night-$role, password-file: none}"
    by="$by, $role: {certificate: $TEST_DIR/night-$role.pem, key: $TEST_DIR/night-$role.key}"
done
# night COMMAND AUTH ARG...: of a pipeline that ends, at the other listener.
sed "s|, scale: {.*}}|}|; s|, rate: 20}|}|; s|blocks: 0}|blocks: 100}|
    s|:picky|:fine|" "$job" >"$TEST_DIR/night.yaml"
night() {
    timeout 200 pilot "$1" "$TEST_DIR/night.yaml" --run night \
        --set pilots.broker.endpoint=$mutual \
        --set "pilots.broker.auth={$2}" "${@:3}" 2>"$TEST_DIR/err"
}
night run "ca: $dir/tls/ca.pem$by" >/dev/null
is $? 77 "certificates that nobody has let in"
has "$(tail -n 1 "$TEST_DIR/err")" "opic authorization failed" "... are refused"
night acl "sasl: plain$who" --apply
is $? 0 "the roles of one run are let in" || sed 's/^/# /' "$TEST_DIR/err"
night run "ca: $dir/tls/ca.pem$by" --no-final \
    --summary "$TEST_DIR/night.json" >"$TEST_DIR/night.out"
is $? 0 "certificates: exit status" || sed 's/^/# /' "$TEST_DIR/err"
is "$(get "$TEST_DIR/night.json" applied)" 200 "certificates: each block"
verified night
no=TOPIC_AUTHORIZATION_FAILED
has "$(writes pilot.site.near "${tls[@]}" "${device[@]}")" $no \
    "a device writes to no other run"
has "$(writes pilot.night.near.results "${tls[@]}" "${device[@]}")" $no \
    "... and no results of its own"
has "$(writes pilot.night.near.refused "${tls[@]}" "${device[@]}")" $no \
    "... and says of none that it was refused"
is "$(writes pilot.night.near "${tls[@]}" "${device[@]}")" "" \
    "... but to its run"
mapfile -t pool < <(cert night-pool)
has "$(writes pilot.night.near "${tls[@]}" "${pool[@]}")" $no \
    "a pool speaks for no device"

read -ra rules < <(pilot acl --redis night |
    sed -n 's/^ACL SETUSER pilot-device //p')
is "$(redis_do ACL SETUSER night-device on ">secret" "${rules[@]}")" OK \
    "Redis takes the rules of one run"
has "$(cli night-device secret GET "pilot:{night}:state")" "applied 200" \
    "a device reads its run"
has "$(cli night-device secret GET "$key:state")" "permissions" \
    "... and no other"

# --- a pool whose password is wrong

sed "s/^pool: .*/pool: {user: pilot-pool, password: wrong}/" \
    "$PILOT_BROKER_AUTH" >"$TEST_DIR/wrong.auth"
PILOT_BROKER_AUTH=$TEST_DIR/wrong.auth timeout 100 pilot run "$job" \
    --run wrong --no-final >"$TEST_DIR/wrong.out" 2>&1
is $? 77 "a pool in Slurm with a wrong password" ||
    sed 's/^/# /' "$TEST_DIR/wrong.out"
is "$(grep -c "lets nobody in so (invalid username or password)" \
    "$TEST_DIR/wrong.out")" 1 "... ends the run with one error"
wait_for 30 no_jobs
ok $? "... and leaves no job"
end_tests
