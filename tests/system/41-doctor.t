#!/bin/bash
# What `pilot doctor` sees of services: those that are named, kept, missing,
# and a broker whose name means nothing here.
# shellcheck disable=SC1091
. "$(dirname "$0")/lib.sh"

kept=$PILOT_HOME/services
mkdir -p "$kept"

# doctor ARG...: what it says, without the variables of the environment.
doctor() {
    env -u PILOT_BROKER -u PILOT_PARAMS -u PILOT_PASSWORD_FILE "$@" \
        pilot doctor 2>&1
}

# --- named, and kept

out=$(pilot doctor 2>&1)
is $? 0 "named: all is well" || printf '%s\n' "$out" | sed 's/^/# /'
has "$out" "ok      broker $PILOT_BROKER (PILOT_BROKER)" "named: the broker"
has "$out" "ok      parameter service $PILOT_PARAMS (PILOT_PARAMS)" \
    "named: the parameter service"

cp "$(dirname "$PILOT_PASSWORD_FILE")/env" "$kept/env"
out=$(doctor)
is $? 0 "kept: all is well" || printf '%s\n' "$out" | sed 's/^/# /'
has "$out" "ok      broker $PILOT_BROKER (kept by" \
    "kept: the broker"
has "$out" "ok      parameter service $PILOT_PARAMS (kept" \
    "kept: the parameter service"

# Redis has died since.
sed -i 's/^REDIS_START=.*/REDIS_START=1/' "$kept/env"
out=$(doctor)
is $? 1 "kept and dead: exit status"
has "$out" "fix     of the services kept in $kept not both run" \
    "kept and dead: named"
rm -r "$kept"

# --- none: can a run start its own?

out=$(doctor)
is $? 0 "none: all is well" || printf '%s\n' "$out" | sed 's/^/# /'
has "$out" "ok      no broker is known: \`pilot run\` starts one" "none: said"
has "$out" "ok      java: " "none: there is a java for it"

# All programs of this machine but java.
mkdir "$TEST_DIR/bin"
ln -s /usr/bin/* "$TEST_DIR/bin"
rm -f "$TEST_DIR/bin/java"
out=$(doctor -u JAVA_HOME PATH="$BUILD:$TEST_DIR/bin")
is $? 1 "no java: exit status"
has "$out" "fix     java is not there: apt-get install default-jre-headless" \
    "no java: named, and the fix"
out=$(PATH="$BUILD:$TEST_DIR/bin" JAVA_HOME='' "$SRC/scripts/services" check \
    --only redis)
is "$? ${out%%:*}" "0 ok redis-server" "check --only redis: wants no java"

# What is said and is not so is not passed over.
while read -r setting words; do
    out=$(env "$setting" "$SRC/scripts/services" check 2>&1)
    is $? 78 "$setting: exit status"
    has "$out" "fix $words" "$setting: named"
done <<X
JAVA_HOME=/nowhere JAVA_HOME is '/nowhere', and there is no bin/java in it
KAFKA_HOME=/nowhere KAFKA_HOME is '/nowhere', and there is no libs/ in it
X
while read -r arguments; do
    # shellcheck disable=SC2086
    out=$("$SRC/scripts/services" start --dir "$TEST_DIR/none" $arguments 2>&1)
    is $? 64 "services start $arguments: exit status"
    has "$out" "is no port from 1 to 65535" "services start $arguments: said"
done <<X
--kafka-port abc
--redis-port 65536
--redis-port 0
X
out=$(PILOT_POLL=often pilot status 2>&1)
is $? 64 "PILOT_POLL=often: exit status"
has "$out" "PILOT_POLL: 'often' is no time" "PILOT_POLL=often: named"
out=$(PILOT_KERNEL=fast pilot --version 2>&1)
has "$out" "this machine does not run the kernels 'fast'" \
    "PILOT_KERNEL=fast: said"

# Half a run has nobody to start services for.
out=$(env -u PILOT_BROKER -u PILOT_PARAMS pilot doctor "$SRC/jobs/pool.yaml" 2>&1)
has "$out" "fix     no broker is known, and $SRC/jobs/pool.yaml is one half" \
    "half a run: the broker is missing"

# --- a broker that advertises a name nobody resolves

lost=$TEST_DIR/lost
lost_stop() { "$SRC/scripts/services" stop --dir "$lost"; }
at_end lost_stop
"$SRC/scripts/services" start --only kafka --advertise no.such.broker \
    --dir "$lost" >&2 || die "lost: its broker starts"
port=$(sed -n 's/^PILOT_BROKER=.*://p' "$lost/env")
out=$(PILOT_BROKER=127.0.0.1:$port pilot doctor 2>&1)
is $? 1 "lost: exit status"
has "$out" "fix     broker 127.0.0.1:$port tells its clients to come to \
no.such.broker:$port, a name that nobody resolves here" "lost: named"

end_tests
