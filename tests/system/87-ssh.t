#!/bin/bash
# Pilots behind SSH: on a host that alone reaches broker and Redis, and in the
# Slurm of a login node.  Audit exact; a host that is away, or is another one.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/far.sh"

cluster=$SRC/tests/system/slurm-cluster
job=$SRC/tests/system/audit.yaml

far_open || skip_rest "needs root, network namespaces and sshd"
far_services
ok $? "services in a network of their own" || exit 1

near_broker=$PILOT_BROKER near_params=$PILOT_PARAMS
near_password=$PILOT_PASSWORD_FILE
export HOME=$FAR_HOME PILOT_BROKER=$FAR_BROKER PILOT_PARAMS=$FAR_PARAMS
export PILOT_PASSWORD_FILE=$FAR_PASSWORD_FILE

# The outside checker looks from there.
verify=$VERIFY
far_verify() { far_in "$verify" "$@"; }
VERIFY=far_verify

# Agents of pilots, there or here, that carry the folder $1 in their command.
left_of() { pgrep -f "pilot-[a-z]* .*$1" || true; }
none_of() { [ -z "$(left_of "$1")" ]; }

# --- a run whose pool lives there, and whose devices get there through it

pilot run "$job" --run far --set pilots.pool.resource="$FAR_URL" \
    --set pilots.pool.ntasks=2 --set pilots.devices.via="$FAR_URL" \
    --set sign=yes --trace --summary "$TEST_DIR/far.json" >"$TEST_DIR/far.out" 2>&1
is $? 0 "far: exit status" || sed 's/^/# /' "$TEST_DIR/far.out"
exact far --blocks 200
is "$(get "$TEST_DIR/far.json" applied)" 800 "far: every block once"
is "$(get "$TEST_DIR/far.json" forged)" 0 "far: signed, and taken"
is "$(stat -c %a "$FAR_STATE/far/pool/sign")" 600 \
    "far: the key of the run lies with its pool"
is "$(state_of far/pool)" DONE "far: the pool is done"
wait_for 10 none_of "$FAR_STATE/far"
ok $? "far: nothing of it is left there" ||
    left_of "$FAR_STATE/far" | sed 's/^/# /'
is "$(stat -c %a "$FAR_STATE/far/pool/password")" 600 \
    "far: the password lies in a file of its owner"
out=$(grep -l "$(cat "$FAR_PASSWORD_FILE")" "$FAR_STATE"/far/pool/* \
    "$PILOT_HOME"/far/*/* 2>/dev/null)
is "$out" "$FAR_STATE/far/pool/password" "far: and nowhere else"
pilot trace --json far >"$TEST_DIR/trace.json" 2>"$TEST_DIR/err"
is "$(get "$TEST_DIR/trace.json" committed)" 800 "far: its trace is fetched" ||
    sed 's/^/# /' "$TEST_DIR/err" "$TEST_DIR/far.out"
rm -r "$PILOT_HOME/far/pool/trace"/* "$PILOT_HOME/far/trace.h5"
pilot trace --json far >"$TEST_DIR/trace.json" 2>"$TEST_DIR/err"
is "$(get "$TEST_DIR/trace.json" committed)" 800 \
    "far: ... also by who reads it" || sed 's/^/# /' "$TEST_DIR/err"
rm -r "$PILOT_HOME/far/pool/trace"/* "$FAR_STATE/far/pool/trace"/*
has "$(pilot trace far)" "the logs of pool are not here" \
    "far: logs that are missing are said"

# Without the way there an endpoint nobody reaches is refused, with the fix.
pilot run "$job" --run lost --set pilots.pool.resource="$FAR_URL" \
    >"$TEST_DIR/out" 2>&1
ok $(($? == 0)) "without via: refused"
has "$(cat "$TEST_DIR/out")" '`via: ssh://HOST`' "... with the fix"
[ ! -e "$FAR_STATE/lost" ]
ok $? "... and nothing is started there"

# --- a pilot of its own: submit, look, more and fewer ranks, cancel

agent=$FAR_STATE/agents/$(uname -m)/pilot-agent
made=$(stat -c %Y.%i "$agent")
echo "42" >"$TEST_DIR/notes"
submitted=$(pilot-submit --parsable --resource "$FAR_URL" -n 2 --run two \
    --stage-in "$TEST_DIR/notes:notes.txt" \
    --stage-out "in/notes.txt:$TEST_DIR/back.txt" \
    "$SRC/jobs/pool.yaml" 2>"$TEST_DIR/err")
is $? 0 "submit" || sed 's/^/# /' "$TEST_DIR/err"
is "${submitted%;*}" two/pool "submit prints the pilot"
is "$(stat -c %Y.%i "$agent")" "$made" "the agents travel once"
pilot wait two --until active --timeout 30s >/dev/null 2>&1
is $? 0 "wait until active"
has "$(pilot status "${submitted#*;}")" "two/pool" "status by its id there"
has "$(pilot log two 2>&1)" "ACTIVE" "log"
is "$(cat "$FAR_STATE/two/pool/in/notes.txt")" 42 "a file is staged in"

# --- a host that is away

far_kill_sshd
pilot status --refresh two >"$TEST_DIR/out" 2>"$TEST_DIR/err"
is $? 69 "away: status says so by its exit"
has "$(cat "$TEST_DIR/out")" "ACTIVE" "away: the state is the last known"
has "$(cat "$TEST_DIR/err")" "Connection refused" "away: and why"
pilot cancel two >"$TEST_DIR/out" 2>&1
is $? 69 "away: nothing is canceled"
pilot-submit --resource "$FAR_URL" -n 2 --run three "$SRC/jobs/pool.yaml" \
    >"$TEST_DIR/out" 2>&1
is $? 69 "away: nothing is submitted"
far_sshd
is "$(state_of two)" ACTIVE "back: it lived on"

out=$(pilot resize two/pool -n 3 2>"$TEST_DIR/err")
is "$out" two/pool.2 "resize: more ranks are another pilot" ||
    sed 's/^/# /' "$TEST_DIR/err"
wait_for 30 in_state two/pool.2 ACTIVE
ok $? "resize: which joins the run"
pilot cancel --run two >"$TEST_DIR/out" 2>&1
is $? 0 "cancel" || sed 's/^/# /' "$TEST_DIR/out"
wait_for 20 in_state two/pool CANCELED
ok $? "cancel: it ended as that"
pilot wait two/pool --until end --timeout 20s >/dev/null 2>&1
is "$(cat "$TEST_DIR/back.txt" 2>/dev/null)" 42 "a file is staged out"
wait_for 20 none_of "$FAR_STATE/two"
ok $? "cancel: nothing of it is left there"

# --- a host that is another one

cp "$FAR_HOME/.ssh/known_hosts" "$TEST_DIR/known_hosts"
echo "[$FAR_ADDRESS]:$FAR_PORT $(cat "$FAR_HOME/.ssh/id_ed25519.pub")" \
    >"$FAR_HOME/.ssh/known_hosts"
pilot-submit --resource "$FAR_URL" -n 2 --run four "$SRC/jobs/pool.yaml" \
    >"$TEST_DIR/out" 2>&1
is $? 77 "another host key is refused"
has "$(cat "$TEST_DIR/out")" "known_hosts" "... and which file says so"
cp "$TEST_DIR/known_hosts" "$FAR_HOME/.ssh/known_hosts"
[ ! -e "$FAR_STATE/four" ]
ok $? "... and nothing was copied there"

# --- the Slurm of a login node

export PILOT_BROKER=$near_broker PILOT_PARAMS=$near_params
export PILOT_PASSWORD_FILE=$near_password
VERIFY=$verify
"$cluster" start "$TEST_DIR/slurm" --nodes 2 >"$TEST_DIR/out" 2>&1
case $? in
0) ;;
77 | 78) skip_rest "slurm+ssh: $(tail -n 1 "$TEST_DIR/out")" ;;
*)
    sed 's/^/# /' "$TEST_DIR/out"
    die "slurm+ssh: the cluster starts"
    ;;
esac
leave() { "$cluster" stop "$TEST_DIR/slurm" >/dev/null 2>&1; }
at_end leave

# A login node that has Slurm and the services where this host has them.  What
# the cluster's environment is there is not here.
login_node() {
    # shellcheck disable=SC1091
    slurm_env=$(
        . "$TEST_DIR/slurm/env"
        echo "PATH=$PATH SLURM_CONF=$SLURM_CONF"
    )
    sed -e "s/^Port .*/Port $1/; s/^ListenAddress .*/ListenAddress 127.0.0.1/" \
        -e "s|^SetEnv .*|& $slurm_env|" "$FAR_DIR/sshd_config" \
        >"$TEST_DIR/login_config"
    echo "[127.0.0.1]:$1 $(cat "$FAR_DIR/host_key.pub")" \
        >>"$FAR_HOME/.ssh/known_hosts"
    "$(PATH=$PATH:/usr/sbin:/sbin command -v sshd)" -D -E "$TEST_DIR/login.log" \
        -f "$TEST_DIR/login_config" </dev/null &
    children="$children $!"
    wait_for 20 login_answers "$1"
}
login_answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
for port in 22822 23822 24822 25822; do
    login_answers $port || break
done
login_node $port
ok $? "a login node" || sed 's/^/# /' "$TEST_DIR/login.log"

login=slurm+ssh://root@127.0.0.1:$port
pilot run "$job" --run login --set pilots.pool.resource="$login" \
    --set pilots.pool.same-host=yes --set pilots.pool.ntasks=2 \
    --set pilots.pool.time=10m >"$TEST_DIR/queue.out" 2>&1
is $? 0 "slurm+ssh: exit status" || sed 's/^/# /' "$TEST_DIR/queue.out"
exact login --blocks 200
is "$(state_of login/pool)" DONE "slurm+ssh: the pool is done"
pilot-submit -Q --resource "$login" -p short -n 2 -t 5 --run nevermore \
    --set pilots.pool.same-host=yes "$SRC/jobs/pool.yaml" >/dev/null 2>&1
why() { pilot status --refresh nevermore | grep -q "it will never run: "; }
wait_for 20 why
ok $? "slurm+ssh: why it does not run"
pilot cancel nevermore >/dev/null 2>&1
is "$(state_of nevermore)" CANCELED "slurm+ssh: cancel"

end_tests
