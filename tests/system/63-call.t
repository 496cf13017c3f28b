#!/bin/bash
# Functions behind an address: each block is one call. One that is away is waited
# for, which is said; what it will never take is refused; nothing is lost. By a
# server of the test, and by a functions runtime where there is one.
. "$(dirname "$0")/lib.sh"

cd "$TEST_DIR" || exit 1
cat >call.yaml <<Y
version: 1
pipeline: call
pilots:
  devices: {kind: edge, devices: 2}
  broker: {kind: broker}
  params: {kind: params}
  pool: {kind: pool, ntasks: 2}
stages:
  sense:
    pilot: devices
    function: generator
    block: {points: 100, within: 1s, rate: 40}
    options: {features: 4, blocks: 0}
  edge: {pilot: devices, function: call}
  there: {pilot: pool, function: call}
  learn: {pilot: pool, function: audit}
streams: {edge: {partitions: 2}}
epoch: {interval: 50ms}
results: "off"
stall: 1s
Y

# up [PORT]: the server, which does what `play WORDS` asks for.
mkfifo play
exec 9<>play
up() {
    "$BUILD/tests/system/endpoint" "$@" <play >address &
    server=$!
    children="$children $server"
    wait_for 10 has_line address
    url=$(cat address)
}
play() { echo "$1" >&9; }
down() {
    kill -KILL "$server"
    wait "$server" 2>/dev/null
    : >address
}
up
echo="$url"

pilot run call.yaml --run call-live --summary live.json --no-final \
    --set stages.edge.options="{url: '$echo'}" \
    --set stages.there.options="{url: '$echo', limit: 5s}" >live.out 2>&1 &
pid=$!
children="$children $pid"
wait_for 60 applied call-live 20
ok $? "live: blocks pass an address twice" || sed 's/^/# /' live.out

down
wait_for 30 in_state call-live/pool STALLED
ok $? "away: the pool is STALLED" || pilot status call-live | sed 's/^/# /'
waits() { grep -q "stage '$1' waits: .*; it is called again" live.out; }
wait_for 10 waits there
ok $? "away: a rank says why"
wait_for 10 waits edge
ok $? "away: so does a device"
before=$(committed call-live applied)
port=${echo##*:}
up "${port%/f}"
is "$url" "$echo" "back: at the same address"
wait_for 60 applied call-live $((before + 20))
ok $? "back: blocks flow again by themselves" || sed 's/^/# /' live.out
goes_on() { grep -q "stage 'there' goes on: it was answered after" live.out; }
wait_for 10 goes_on
ok $? "back: which is said"
kill -INT $pid
wait $pid
is $? 0 "live: drained" || sed 's/^/# /' live.out
is "$(get live.json refused) $(get live.json exactly_once)" "0 on" \
    "live: no block was refused"
exact call-live

# --- what it will never take, and what it fails of

play "400 echo 503 echo 422 echo html echo 500 echo close echo"
pilot run call.yaml --run call-refused --summary refused.json --no-final \
    --set stages.edge.function=select --set stages.edge.options.columns=0-3 \
    --set stages.sense.options.blocks=20 --set stages.there.options="{url: '$url'}" \
    >refused.out 2>&1
is $? 65 "refused: exit status" || sed 's/^/# /' refused.out
is "$(get refused.json applied) $(get refused.json refused)" "38 2" \
    "refused: what is the block's fault, and nothing else"
has "$(pilot peek -n 5 --refused call-refused 2>&1)" "answers with status 400" \
    "refused: with the answer"

# --- a wait that is ended loses nothing

play 503
pilot run call.yaml --run call-ended --summary ended.json --no-final \
    --set stages.edge.function=select --set stages.edge.options.columns=0-3 \
    --set stages.sense.options.blocks=20 --set stages.sense.block.rate=0 \
    --set stages.there.options="{url: '$url'}" >ended.out 2>&1 &
pid=$!
children="$children $pid"
waits_too() { grep -q "stage 'there' waits: " ended.out; }
wait_for 60 waits_too
ok $? "ended: it waits" || sed 's/^/# /' ended.out
kill -INT $pid
wait_for 20 grep -q draining ended.out
kill -INT $pid
wait $pid
is $? 130 "ended: a second Ctrl-C ends the wait" || sed 's/^/# /' ended.out
play echo
pilot run --resume call-ended --summary ended.json >ended.out 2>&1
is $? 0 "ended: the run goes on" || sed 's/^/# /' ended.out
exact call-ended --blocks 20
down

# --- what is not there

out=$(pilot config check call.yaml --set stages.edge.options.url=ftp://x 2>&1)
is $? 78 "no URL: exit status"
has "$out" "begins with neither http:// nor https://" "no URL: why"

# --- a functions runtime: pip install functions-framework

runtime=$(command -v functions-framework || :)
if [ -z "$runtime" ]; then
    ok 0 "runtime # SKIP needs functions-framework (pip install \
functions-framework)"
    end_tests
fi
cat >main.py <<'P'
import functions_framework

@functions_framework.http
def same(request):
    if "/0/" in request.headers["Ce-Id"] or not request.data:
        return "no block", 400
    return request.data, 200, {"Content-Type": "application/x-npy"}
P
port=$((26000 + RANDOM % 2000))
"$runtime" --target same --source main.py --host 127.0.0.1 --port $port \
    >runtime.log 2>&1 </dev/null &
children="$children $!"
pilot run call.yaml --run call-runtime --summary runtime.json --no-final \
    --set stages.sense.options.blocks=40 \
    --set stages.edge.options="{url: 'http://127.0.0.1:$port/'}" \
    --set stages.there.options="{url: 'http://127.0.0.1:$port/'}" \
    >runtime.out 2>&1
is $? 0 "runtime: exit status" || sed 's/^/# /' runtime.out runtime.log
exact call-runtime --blocks 40
kill "${children##* }"
end_tests
