# lib.sh - what the system tests share.  Sourced; prints TAP.
#
# The runner has started one broker and one Redis, has emptied them, and exports
# PILOT_BROKER, PILOT_PARAMS, PILOT_PASSWORD_FILE, BUILD (build tree), SRC
# (source tree).
set -u

TEST_NAME=$(basename "$0" .t)
TEST_DIR=$(mktemp -d "${TMPDIR:-/tmp}/pilot-$TEST_NAME.XXXXXX")
export PILOT_HOME="$TEST_DIR/home"
export PILOT_LIBEXEC="$BUILD"
export PATH="$BUILD:$PATH"
VERIFY="$BUILD/tests/system/verify"
FOREIGN="$BUILD/tests/system/foreign"
number=0
children=
ended=
at_exit=

# at_end FUNCTION: to be called when the script leaves, the last one first.
at_end() { at_exit="$1 $at_exit"; }

# Whatever a test leaves on its way out is ended by pid.  A script that did
# not come to its end_tests has died, whatever its last command said.
finish() {
    status=$?
    trap - EXIT
    for f in $at_exit; do "$f" >&2; done
    for pid in $children; do
        kill -KILL "$pid" 2>/dev/null
    done
    # Folders in /tmp and /dev/shm of runs that were killed and did not go on.
    find "$TEST_DIR" -type l -name 'scratch.*' 2>/dev/null |
        while read -r link; do rm -rf "$(readlink "$link")"; done
    rm -rf "$TEST_DIR"
    [ -z "$ended" ] || exit "$status"
    echo "not ok $((number + 1)) - $TEST_NAME: died with status $status" \
        "behind test $number"
    exit 70
}
trap finish EXIT
trap 'exit 143' TERM

# end_tests: the last line of every script; prints the plan.
end_tests() {
    ended=1
    echo "1..$number"
    exit 0
}

# skip_rest REASON: the end of a script that cannot go on on this machine.
skip_rest() {
    number=$((number + 1))
    echo "ok $number - $TEST_NAME # SKIP $1"
    end_tests
}

# ok STATUS NAME: one TAP line; true where the status is 0.
ok() {
    number=$((number + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok $number - $TEST_NAME: $2"
    else
        echo "not ok $number - $TEST_NAME: $2"
        return 1
    fi
}

# is GOT WANT NAME: likewise.
is() {
    if [ "$1" = "$2" ]; then
        ok 0 "$3"
    else
        ok 1 "$3"
        echo "#   got:  $1"
        echo "#   want: $2"
        return 1
    fi
}

# die NAME: a failure that nothing of the script can follow.
die() {
    ok 1 "$1"
    exit 1
}

# has TEXT PART NAME: true where the part is in the text.
has() {
    case $1 in
    *"$2"*) ok 0 "$3" ;;
    *)
        ok 1 "$3"
        echo "#   lacks: $2"
        printf '%s\n' "$1" | sed 's/^/#   | /'
        return 1
        ;;
    esac
}

# get FILE NAME...: a number or word out of a summary, by its last key names.
# The summary is written with one key a line, so no JSON tool is needed.
get() {
    sed -n "s/^ *\"$2\": \"\\{0,1\\}\\([^\",]*\\)\"\\{0,1\\},\\{0,1\\}\$/\\1/p" \
        "$1" | head -n 1
}

# exact RUN [--blocks N]: the verdict of the outside checker, diagnostics
# when it is not exact; and that of `pilot verify`, which has to be the same.
exact() {
    run=$1
    shift
    if out=$("$VERIFY" "$@" "$run" 2>&1); then
        ok 0 "$run: ${out##*$'\n'}"
    else
        ok 1 "$run is exact"
        printf '%s\n' "$out" | sed 's/^/#   /'
        return 1
    fi
    verified "$run"
}

# verified RUN: `pilot verify` finds it exact.
verified() {
    if out=$(pilot verify "$1" 2>&1); then
        ok 0 "pilot verify $1: ${out##*$'\n'}"
    else
        ok 1 "pilot verify $1"
        printf '%s\n' "$out" | sed 's/^/#   /'
        return 1
    fi
}

# wait_for SECONDS COMMAND...: until the command succeeds.  By the clock, since
# a try may take long on a busy machine, which has twice the time.
wait_for() {
    local until=$((SECONDS + 2 * $1 + 1))
    shift
    while ! "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $until ] || return 1
        sleep 0.05
    done
}

# has_line FILE: a whole line is in it.  What is waited for in a file that a
# command in the background makes is asked of one that was not there before: a
# shell empties it when it comes to that.
has_line() { [ "$(wc -l <"$1")" -gt 0 ]; }

# agents RUN NAME: pids of the processes NAME (pilot-agent, pilot-edge) that
# serve run RUN, or pilot RUN/PILOT: they carry its folder on their command
# line.
agents() { pgrep -f "^([^ ]*/)?$2 $PILOT_HOME/$1(/| |\$)"; }

# none_left RUN: no process of the run, no folder of it in /tmp.
none_left() {
    left=$(agents "$1" pilot-agent; agents "$1" pilot-edge)
    [ -z "$left" ]
}

# committed RUN FACT: what a run has committed: commit, applied, points, ...
committed() {
    redis_do GET "pilot:{$1}:state" | sed -n "s/^$2 //p"
}

# state_of PILOT, in_state PILOT STATE: what a pilot is now.
state_of() {
    pilot status --no-header --refresh -o state "$1" 2>/dev/null | head -n 1
}
in_state() { [ "$(state_of "$1")" = "$2" ]; }

# Is the queue of Slurm empty?
no_jobs() { [ -z "$(squeue -h)" ]; }

# leases RUN: a line MEMBER RANKS/.../PARTITIONS for each member.
leases() {
    redis_do GET "pilot:{$1}:leases" | grep -v '^@ ' | grep .
}

# applied RUN N: at least N blocks of the run are committed.
applied() {
    n=$(committed "$1" applied)
    [ "${n:-0}" -ge "$2" ]
}

# redis_do COMMAND...: as the tests' user.
redis_do() {
    REDISCLI_AUTH=$(cat "$PILOT_PASSWORD_FILE") redis-cli -u "$PILOT_PARAMS" \
        --no-auth-warning "$@" 2>/dev/null
}
