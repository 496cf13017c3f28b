#!/bin/bash
# pilot top and pilot commits: a slow kernel is seen and explained, on a
# terminal, as text, and as JSON; while it runs, without its Redis, when it is
# over.
. "$(dirname "$0")/lib.sh"

# 20 ms a block, of 200 blocks/s: two ranks do half of it.
cat >"$TEST_DIR/slow.c" <<'C'
#include <pilot/pilot.h>
#include <time.h>
static int nap(pe_context *ctx, const pe_block *in, pe_block *out)
{
    struct timespec t = {0, 20000000};
    nanosleep(&t, NULL);
    return pe_context_pass(ctx, in, out);
}
const pe_function slow = {
    .abi = PE_FUNCTION_ABI, .name = "slow", .process_cloud = nap};
C
cc -shared -fPIC -I"$SRC/include" -o "$TEST_DIR/slow.so" "$TEST_DIR/slow.c" ||
    die "slow: builds"
cat >"$TEST_DIR/slow.yaml" <<Y
version: 1
pipeline: slow
pilots:
  devices: {kind: edge, devices: 4}
  broker: {kind: broker}
  params: {kind: params}
  pool: {kind: pool, ntasks: 2}
epoch: {interval: 100ms}
results: "off"
streams: {sense: {partitions: 4}}
stages:
  sense:
    pilot: devices
    function: generator
    block: {points: 50, within: 1s, rate: 50}
    options: {features: 4, blocks: 100000}
  nap: {pilot: pool, function: "$TEST_DIR/slow.so:slow"}
  learn: {pilot: pool, function: kmeans, options: {clusters: 4}}
Y
cd "$TEST_DIR" || exit 1
pilot run slow.yaml --run top-slow --no-final >run.out 2>&1 &
run_pid=$!
children="$children $run_pid"
at_end stop_it
stop_it() { kill "$run_pid" 2>/dev/null && wait "$run_pid"; }

# member PATH FILE: a member of a document, "hops.3.pressure".
member() {
    perl -MJSON::PP -e '
        my $o = decode_json(join("", <STDIN>));
        for (split /\./, $ARGV[0]) {
            $o = ref $o eq "ARRAY" ? $o->[$_] : $o->{$_};
        }
        print ref $o ? encode_json($o) : defined $o ? $o : "-";' "$1" <"$2"
}
# pressed: the pool is told of as what presses.
pressed() {
    pilot top top-slow --json >doc.json 2>doc.err &&
        [ "$(member hops.3.pressure doc.json)" = high ] &&
        [ "$(member lag.seconds doc.json)" != - ] &&
        [ "$(member verdict.bottleneck doc.json)" = kernel ]
}
wait_for 60 pressed
ok $? "a slow kernel is seen as the pool's" || sed 's/^/# /' doc.err run.out
has "$(cat run.out)" "watch: pilot top top-slow" "the run says how it is watched"
is "$(member schema doc.json) $(member state doc.json)" "1 running" \
    "the document says what it is"
has "$(member verdict.text doc.json)" "processing-bound" "the verdict"
has "$(member hops.3.text doc.json)" "s of work wait" "... in seconds of work"
is "$(member partitions.3.pilot doc.json)/$(member partitions.3.rank doc.json)" \
    pool/1 "whose a partition is"
is "$(member ranks.1.rank doc.json)" 1 "its ranks tell"
has "$(member devices.3.model doc.json)" version "which model a device has"
once=$(pilot top --once 2>&1)
has "$once" "top-slow  slow  running" "the newest run, as text"
has "$once" "pool high" "... with what presses"
has "$once" "DEVICE " "... and its devices"
has "$(PILOT_HOME=$TEST_DIR/none pilot top top-slow)" "kmeans version" \
    "a run that this host has no folder of"

# --- commits ---

versions() { pilot commits top-slow -n 3 --no-header 2>/dev/null; }
is "$(versions | wc -l)" 3 "as many commits as asked for"
has "$(pilot commits top-slow -n 1 --json)" '"moved":"' "... as JSON"
has "$(pilot commits top-slow -n 1 --csv)" "version,time,age_s,writer" "... as CSV"
timeout 60 pilot commits top-slow -n 1 -f --no-header >follow.out 2>&1 &
follow_pid=$!
children="$children $follow_pid"
grown() { [ "$(wc -l <follow.out)" -ge 3 ]; }
wait_for 30 grown
ok $? "commits are followed" || sed 's/^/# /' follow.out
kill -INT "$follow_pid"
wait "$follow_pid"
is "$?" 0 "... to an interrupt"

# --- on a terminal ---

# start ROWS COLS [RUN]: pilot top on a terminal; keys go to descriptor 5.
start() {
    rm -f keys drawn
    mkfifo keys
    LC_ALL=C.UTF-8 TERM=${TERM_IS:-linux} "$BUILD/tests/system/pty" "$1" "$2" \
        drawn pilot top "${3:-top-slow}" <keys >pty.out 2>&1 &
    pty_pid=$!
    children="$children $pty_pid"
    exec 5>keys
}
drawn() { grep -aq -- "$1" drawn; }
shows() {
    wait_for 30 drawn "$1"
    ok $? "$2" || tail -c 2000 drawn | cat -v | sed 's/^/# /'
}
# left STATUS NAME: it has left, and the terminal is as it was.
left() {
    wait "$pty_pid"
    is "$? $(cat pty.out)" "$1 same" "$2"
    exec 5>&-
}
if [ -x "$BUILD/pilot-top" ]; then
    start 24 80
    shows "PILOT  " "a screen"
    echo down >&5
    echo enter >&5
    shows "ranks.*of pool" "into a pool"
    echo enter >&5
    shows "of pool, rank 0" "into a rank"
    echo enter >&5
    shows "rank 0, partition 0" "into a partition"
    echo "size 12 50" >&5
    echo "key q" >&5
    echo "key q" >&5
    echo "key q" >&5
    echo "key q" >&5
    left 0 "out again, and the terminal is as it was"
    grep -aq $'\033\[3[123]' drawn
    ok $? "with colours"
    export NO_COLOR=1
    start 6 30
    shows "rate" "a small screen"
    echo interrupt >&5
    left 0 "an interrupt leaves the terminal as it was"
    ! grep -aq $'\033\[3[123]m' drawn
    ok $? "none with NO_COLOR"
    unset NO_COLOR
    TERM_IS=nonsense start 24 80
    left 64 "a terminal that is not known"
    has "$(cat drawn)" "the terminal 'nonsense' (TERM) is not known here" \
        "... is one error"

    # A Redis of our own, with a beat, which dies and comes back.
    redis_start() {
        redis-server --port 0 --unixsocket "$TEST_DIR/r.sock" --save '' \
            --dir "$TEST_DIR" >redis.out 2>&1 &
        redis_pid=$!
        children="$children $redis_pid"
        wait_for 20 redis-cli -s "$TEST_DIR/r.sock" hset \
            "pilot:{top-fake}:pilots" pool "{\"schema\":1,\"kind\":\"pool\",\
\"state\":\"ACTIVE\",\"pipeline\":\"$1\",\"time_ns\":1795000000000000000}"
    }
    redis_start first-life
    PILOT_HOME=$TEST_DIR/none PILOT_PARAMS=unix://$TEST_DIR/r.sock \
        PILOT_PASSWORD_FILE='' start 24 80 top-fake
    shows "first-life" "a run that is in a Redis alone"
    kill "$redis_pid"
    wait "$redis_pid" 2>/dev/null
    shows "redis does not answer since" "a Redis that dies is told, since when"
    rm -f r.sock
    redis_start second-life
    shows "second-life" "... and looked at again when it is back"
    kill -TERM "$(pgrep -P "$pty_pid")"
    left 143 "a signal leaves the terminal as it was"
    kill "$redis_pid"
else
    echo "# no pilot-top: built without ncurses"
fi

# --- nobody there, and over ---

out=$(PILOT_HOME=$TEST_DIR/none pilot top nosuch 2>&1)
is "$? $out" "78 pilot: the parameter service has nothing of a run nosuch; \
'pilot runs' lists those that this host knows" "a run that is not there"
out=$(PILOT_HOME=$TEST_DIR/none PILOT_PARAMS=redis://127.0.0.1:1 \
    pilot top top-slow 2>&1)
is "$?" 69 "a parameter service that does not answer"
has "$out" "redis://127.0.0.1:1" "... is named"
# No look says of a run that it never was anything but that it is not there.
for look in "top --once" commits "commits --follow" "report -o -" \
    "serve --listen 127.0.0.1:0"; do
    # shellcheck disable=SC2086
    out=$(PILOT_HOME=$TEST_DIR/none timeout 20 pilot $look nosuch 2>&1)
    is "$?" 78 "$look: a run that is not there"
    has "$out" "nothing of" "$look: ... is said"
    # shellcheck disable=SC2086
    out=$(PILOT_HOME=$TEST_DIR/none timeout 20 pilot $look 'no such' 2>&1)
    is "$?" 64 "$look: a name that none can have"
    has "$out" "'no such' is no name of a run" "$look: ... is said"
    # shellcheck disable=SC2086
    out=$(PILOT_HOME=$TEST_DIR/none PILOT_PARAMS=redis://127.0.0.1:1 \
        timeout 20 pilot $look nosuch 2>&1)
    is "$?" 69 "$look: nobody to ask"
    has "$out" "redis://127.0.0.1:1" "$look: ... is said"
done
pilot cancel --run top-slow >/dev/null 2>&1
wait "$run_pid"
out=$(pilot top top-slow 2>&1)
has "$out" "top-slow  slow  drained" "a run that is over"
has "$out" " blocks were left" "... says what it had left to do"
out=$(pilot top 2>&1)
is "$? $out" "78 pilot: no run is running; 'pilot runs' lists those there are, \
and 'pilot top RUN' shows one of them" "none is running"
end_tests
