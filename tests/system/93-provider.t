#!/bin/bash
# Machines that a provider makes: a whole run on one, what is left of it, and
# providers that lie.  The machine is an sshd of this test.
. "$(dirname "$0")/lib.sh"

PATH=$PATH:/usr/sbin:/sbin command -v sshd ssh-keygen flock pgrep >/dev/null ||
    skip_rest "needs sshd"
job=$SRC/tests/system/audit.yaml
state=$TEST_DIR/machines
url="exec://$SRC/doc/examples/provider?state=$state&boot=30s&linger=60s"

machines() { find "$state" -mindepth 1 -maxdepth 1 -type d 2>/dev/null | wc -l; }
none_there() { [ "$(machines)" -eq 0 ]; }
# Whatever became of the test, no machine stays.
leave() {
    for folder in "$state"/*/; do
        [ -s "$folder/id" ] || continue
        PROVIDER_PROVIDER=$SRC/doc/examples/provider \
            PROVIDER_OPT_STATE=$state PROVIDER_ID=$(cat "$folder/id") \
            "$SRC/doc/examples/provider/down" >/dev/null
    done
}
at_end leave

# --- a run whose pool lives on a machine of its own

pilot run "$job" --run made --set pilots.pool.resource="$url" \
    --set pilots.pool.same-host=yes --set pilots.pool.ntasks=2 \
    --set pilots.pool.time=10m --trace --summary "$TEST_DIR/made.json" \
    >"$TEST_DIR/made.out" 2>&1
is $? 0 "made: exit status" || sed 's/^/# /' "$TEST_DIR/made.out"
exact made --blocks 200
is "$(get "$TEST_DIR/made.json" applied)" 800 "made: every block once"
is "$(state_of made/pool)" DONE "made: the pool is done"
pilot trace --json made >"$TEST_DIR/trace.json" 2>"$TEST_DIR/err"
is "$(get "$TEST_DIR/trace.json" committed)" 800 "made: its trace is here" ||
    sed 's/^/# /' "$TEST_DIR/err"
none_there
ok $? "made: its machine is gone" || find "$state" | sed 's/^/# /'

# --- submitted, looked at, canceled

pilot-submit --resource "$url" -n 2 --run made-two "$SRC/jobs/pool.yaml" \
    >"$TEST_DIR/out" 2>&1
is $? 78 "without a time: refused"
has "$(cat "$TEST_DIR/out")" "say time (--time 2h)" "... with the fix"
submitted=$(pilot-submit --parsable --resource "$url" -n 2 -t 10 --run made-two \
    --set pilots.pool.same-host=yes "$SRC/jobs/pool.yaml" 2>"$TEST_DIR/err")
is "${submitted%;*}" made-two/pool "submit" || sed 's/^/# /' "$TEST_DIR/err"
is "${submitted#*;}" "$(cat "$state"/*made-two+pool*/id)" \
    "its id is that of its machine"
pilot wait made-two --until active --timeout 60s >/dev/null 2>&1
is $? 0 "wait until active"
has "$(pilot log made-two 2>&1)" "ACTIVE" "log"
is "$(machines)" 1 "there is one machine"
pilot cancel made-two >"$TEST_DIR/out" 2>&1
is $? 0 "cancel" || sed 's/^/# /' "$TEST_DIR/out"
none_there
ok $? "cancel: its machine is gone"
wait_for 20 in_state made-two/pool CANCELED
ok $? "cancel: it ended as that"

# --- it ends itself, also when nobody is left to end it

pilot-submit -Q --resource "$url&linger=1s" -n 1 -t 10 --run made-alone \
    --set pilots.pool.same-host=yes "$SRC/jobs/pool.yaml" >"$TEST_DIR/out" 2>&1
pilot wait made-alone --until active --timeout 60s >/dev/null 2>&1
redis_do HSET "pilot:{made-alone}:orders" pool stop >/dev/null 2>&1
wait_for 60 none_there
ok $? "a machine goes behind its pilot, and nobody has asked"
pilot cancel -Q made-alone >/dev/null 2>&1

# --- providers that lie

# bad NAME VERB LINES: a provider whose VERB is these lines of sh.
bad() {
    mkdir -p "$TEST_DIR/$1"
    for verb in up list address down; do
        printf '#!/bin/sh\n%s\n' "echo '{}'" >"$TEST_DIR/$1/$verb"
    done
    printf '#!/bin/sh\n%s\n' \
        "echo '{\"whole\": true, \"machines\": []}'" >"$TEST_DIR/$1/list"
    printf '#!/bin/sh\n%s\n' "$3" >"$TEST_DIR/$1/$2"
    chmod 755 "$TEST_DIR/$1"/*
}
# refused NAME STATUS WORDS WHAT: a submission to it.
refused() {
    PILOT_SCHEDULER_TIMEOUT=1 pilot-submit \
        --resource "exec://$TEST_DIR/$1?settle=1s&boot=1s${5:-}" -n 1 -t 10 \
        --run "bad-$1" --set pilots.pool.same-host=yes "$SRC/jobs/pool.yaml" \
        >"$TEST_DIR/out" 2>&1
    is $? "$2" "$4" || sed 's/^/# /' "$TEST_DIR/out"
    has "$(cat "$TEST_DIR/out")" "$3" "... $3"
}

refused nowhere 78 "there is no folder $TEST_DIR/nowhere" "no folder"
bad gap up ""
rm "$TEST_DIR/gap/down"
refused gap 78 "down is not there" "no down"
bad plain up ""
chmod 644 "$TEST_DIR/plain/list"
refused plain 78 "list is not executable: chmod +x" "not executable"
bad hangs list "sleep 600"
refused hangs 69 "no answer within 1 s" "list hangs"
bad page list "echo '<html>Please sign in</html>'"
refused page 69 "printed a page of HTML and no JSON object" "a page of HTML"
bad quota up "echo 'InstanceLimitExceeded: 0 left' >&2; exit 75"
refused quota 75 "InstanceLimitExceeded: 0 left" "quota"
bad idle up "echo '{\"id\": \"i-1\"}'"
refused idle 1 "\`list\` never showed such a machine" "says yes, does nothing"
bad half list "echo '{\"whole\": false, \"machines\": []}'"
refused half 69 "list does not have all machines" "half of the machines"
bad cap up "echo '{}'"
refused cap 78 "max-price cannot be held" "a cap without prices" "&max-price=1"
is "$(pilot status --json 2>/dev/null | grep -c bad-)" 0 "nothing is left of them"

end_tests
