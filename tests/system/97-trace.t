#!/bin/bash
# The trace of a run: every committed block is in it, whoever is killed; a full
# disk costs rows, which are counted, and no run.
. "$(dirname "$0")/lib.sh"

job=$SRC/tests/system/audit.yaml

# start RUN: the audit job with a trace, in background; it goes on until it is
# drained.
start() {
    pilot run "$job" --run "$1" --trace --summary "$TEST_DIR/$1.json" \
        --set stages.sense.block.rate=60 --set stages.sense.options.blocks=0 \
        >"$TEST_DIR/$1.out" 2>&1 &
    pilot_pid=$!
    children="$children $pilot_pid"
}
# end RUN: when another 100 blocks are in; $n: how many there are.
end() {
    wait_for 30 applied "$1" $(($(committed "$1" applied) + 100))
    kill -INT "$pilot_pid"
    wait "$pilot_pid"
    is $? 0 "$1: exit status" || sed 's/^/# /' "$TEST_DIR/$1.out"
    exact "$1"
    n=$(committed "$1" applied)
}
# traced RUN NAME: a number of what its trace says.
traced() {
    pilot trace --json "$1" >"$TEST_DIR/trace.json" 2>"$TEST_DIR/trace.err" &&
        get "$TEST_DIR/trace.json" "$2"
}
# traces RUN N: at least N committed blocks are in its trace by now.
traces() { [ "$(traced "$1" committed || echo 0)" -ge "$2" ]; }

# A device's process is killed: what ranks say of its blocks is whole.
start traced-edge
wait_for 30 traces traced-edge 100
ok $? "traced-edge: its trace is read while it runs" ||
    sed 's/^/# /' "$TEST_DIR/trace.err"
kill -KILL "$(agents traced-edge pilot-edge)"
end traced-edge
is "$(traced traced-edge committed)" "$n" "traced-edge: all blocks are in it"
is "$(get "$TEST_DIR/trace.json" lost)" 0 "traced-edge: none is lost"
has "$(pilot trace traced-edge)" "has not closed its log" \
    "traced-edge: who was killed is named"
has "$(cat "$TEST_DIR/traced-edge.out")" "trace.h5" \
    "traced-edge: the run says where its trace is"

# Two at once; the same from the file; arrows for all blocks.
out=$TEST_DIR/out
for i in 1 2; do
    pilot trace traced-edge -o "$out$i.h5" 2>>"$TEST_DIR/two.err" &
    two="${two:-} $!"
done
status=0
for i in $two; do wait "$i" || status=1; done
is "$status" 0 "two commands at once" || sed 's/^/# /' "$TEST_DIR/two.err"
pilot trace traced-edge | tail -n +2 >"$out.logs"
pilot trace "${out}2.h5" | tail -n +2 >"$out.file"
is "$(cat "$out.file")" "$(cat "$out.logs")" "a file says what logs say"
if command -v h5dump >/dev/null; then
    is "$(h5dump -H -d /blocks/commit "${out}1.h5" | grep -c "( $n )")" 1 \
        "h5dump reads it"
fi
pilot trace traced-edge -o "$out.json" 2>/dev/null
is "$(grep -c '"ph":"f"' "$out.json")" "$n" "an arrow to the commit of each block"
pilot trace traced-edge -o "$out.csv" 2>/dev/null
is "$(grep -c ',applied,1,' "$out.csv")" "$n" "a line of CSV for each"
pilot trace traced-edge -o "$out.csv" 2>"$TEST_DIR/err"
is "$? $(cat "$TEST_DIR/err")" \
    "73 pilot: $out.csv is there already; --force replaces it" \
    "a file is not replaced"
head -c 3000 "${out}1.h5" >"$out.cut.h5"
pilot trace "$out.cut.h5" 2>"$TEST_DIR/err"
is "$? $(cat "$TEST_DIR/err")" \
    "65 pilot: $out.cut.h5 is no HDF5 file that can be read" "a file that is cut"

# A rank is killed, then all there is: nothing is lost but what was told since
# the last look.
start traced-kill
wait_for 30 traces traced-kill 200
before=$(traced traced-kill committed)
kill -KILL "$(agents traced-kill pilot-agent | tail -n 1)"
wait_for 10 applied traced-kill 1
gone=$(($(committed traced-kill applied) - before))
wait_for 30 traces traced-kill $((before + 100))
ok $? "traced-kill: it goes on"
before=$(traced traced-kill committed)
kill -KILL "$pilot_pid" $(agents traced-kill 'pilot-supervisor') \
    $(agents traced-kill pilot-agent) $(agents traced-kill pilot-edge)
gone=$((gone + $(committed traced-kill applied) - before))
wait "$pilot_pid" 2>/dev/null
[ "$(traced traced-kill committed)" -ge "$before" ]
ok $? "traced-kill: what was there is there"
pilot run --resume traced-kill >"$TEST_DIR/traced-kill.out" 2>&1 &
pilot_pid=$!
children="$children $pilot_pid"
end traced-kill
left=$((n - $(traced traced-kill committed)))
[ "$left" -ge 0 ] && [ "$left" -le "$gone" ]
ok $? "traced-kill: of $n blocks $left are not in it, $gone may be"
none_left traced-kill
ok $? "traced-kill: no process left"

# Off, there is nothing; one of a run that was not traced is said.
pilot run "$SRC/jobs/smoke.yaml" --run untraced --no-final \
    --set stages.sense.options.blocks=4 >"$TEST_DIR/out" 2>&1
is "$(find "$PILOT_HOME/untraced" -name 'trace*')" "" "off, nothing is written"
pilot trace untraced 2>"$TEST_DIR/err"
status=$?
has "$status $(cat "$TEST_DIR/err")" \
    "65 pilot: there is no trace in $PILOT_HOME/untraced: it is recorded by" \
    "a run without a trace"

# The disk of the traces is full when a pool starts again: it goes on, and
# traces again when there is room.
mkdir "$TEST_DIR/disk"
mount -t tmpfs -o size=256k none "$TEST_DIR/disk" 2>/dev/null ||
    skip_rest "no file system of its own can be mounted here: root alone may"
leave() {
    umount -l "$PILOT_HOME/traced-full/pool/trace" 2>/dev/null
    umount -l "$TEST_DIR/disk"
}
at_end leave
cat /dev/zero >"$TEST_DIR/disk/filler" 2>/dev/null
start traced-full
wait_for 30 applied traced-full 100
mount --bind "$TEST_DIR/disk" "$PILOT_HOME/traced-full/pool/trace"
kill -KILL $(agents traced-full pilot-agent)
says() { grep -q "$1" "$PILOT_HOME/traced-full/pool/err"; }
wait_for 60 says "nothing is traced, and the run goes on: .*disk full"
ok $? "traced-full: a full disk is said" ||
    sed 's/^/# /' "$PILOT_HOME/traced-full/pool/err"
# Rows are written each second, so those of blocks that were applied more than
# one ago have met the full disk.
wait_for 60 applied traced-full 700
ok $? "traced-full: the run goes on"
since=$SECONDS
written() { [ $SECONDS -gt $((since + 2)) ]; }
wait_for 60 written
rm "$TEST_DIR/disk/filler"
end traced-full
lost=$(get "$TEST_DIR/traced-full.json" untraced)
[ "$lost" -gt 0 ] && [ "$lost" -lt "$n" ]
ok $? "traced-full: rows that were lost are counted ($lost)"
has "$(cat "$TEST_DIR/traced-full.out")" "$lost lost to the trace" \
    "traced-full: ... and shown"
is "$(traced traced-full lost)" "$lost" "traced-full: ... in the trace, too"

end_tests
