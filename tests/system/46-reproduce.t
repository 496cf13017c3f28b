#!/bin/bash
# benchmarks/reproduce: words it refuses, two small cells, a kill between them,
# and a line that was cut off.
. "$(dirname "$0")/lib.sh"
export TMPDIR="$TEST_DIR" MESSAGES=8 PARTITIONS=1 REPEAT=1
out=$TEST_DIR/out

reproduce() { "$SRC/benchmarks/reproduce" "$@" 2>&1; }

said=$(reproduce)
is $? 64 "no figure: exit status"
has "$said" "fig2 or fig3?" "... asks which"
said=$(reproduce fig4)
is $? 64 "no such figure: exit status"
has "$said" "'fig4' is none of fig2, fig3, --quick" "... names what there is"
reproduce fig2 --out >/dev/null
is $? 64 "--out without a folder: exit status"
command -v gnuplot >/dev/null || skip_rest "gnuplot is not there"
said=$(reproduce fig2 --plot --out "$out")
is $? 65 "nothing to plot: exit status"
has "$said" "run it without --plot first" "... says what to do"
mkdir "$TEST_DIR/empty"
said=$(BUILD=$TEST_DIR/empty reproduce fig2 --out "$out")
is $? 78 "no programs: exit status"
has "$said" "$TEST_DIR/empty has no pilot: make -C" "... says what to do"

# Killed as soon as the first of two cells is there.
SIZES="25 100" "$SRC/benchmarks/reproduce" fig2 --out "$out" \
    >"$TEST_DIR/said" 2>&1 &
pid=$!
children="$children $pid"
wait_for 60 grep -q '^fig2,passthrough,25,' "$out/fig2.csv" ||
    sed 's/^/# /' "$TEST_DIR/said"
kill -TERM "$pid"
wait "$pid"
is $? 143 "a signal ends it"
is "$(pgrep -f "$TEST_DIR/pilot-bench" | wc -l)" 0 "... and all it has started"

# A line that was cut off, as by a kill in mid-write, is run again.
first=$(grep '^fig2,passthrough,25,' "$out/fig2.csv")
sed -i '/^fig2,passthrough,100,/d' "$out/fig2.csv"
printf 'fig2,passthrough,100,1,lo' >>"$out/fig2.csv"
said=$(SIZES="25 100" reproduce fig2 --out "$out")
is $? 0 "it goes on" || printf '%s\n' "$said" | sed 's/^/# /'
has "$said" "is cut off, and that cell is run again" "... says what it found"
has "$said" "1 cells run in" "... runs one cell"
is "$(grep '^fig2,passthrough,25,' "$out/fig2.csv")" "$first" \
    "... and leaves the other as it was"
is "$(grep -c '^fig2,passthrough,100,1,local,cloud,1,8,' "$out/fig2.csv")" 1 \
    "... which is there once"
grep -q '</svg>' "$out/fig2.svg"
ok $? "a picture"
for claim in F46 F47 F48 F49 F50 F51 F51b F52 F53 F54; do
    grep -qE "^$claim +(reproduced|differs|cannot be measured here) " \
        "$out/fig2-claims.txt" || said="no verdict on $claim"
done
has "$said" "fig2-claims.txt" "a verdict on each claim"
before=$(cat "$out/fig2-claims.txt")
rm "$out/fig2.svg" "$out/fig2-claims.txt"
said=$(SIZES="25 100" reproduce fig2 --plot --out "$out")
is "$? $(cat "$out/fig2-claims.txt")" "0 $before" \
    "--plot makes the same of what is there"
sed -i '1s/.*/# another machine/' "$out/fig2.csv"
said=$(SIZES=25 reproduce fig2 --out "$out")
is $? 65 "results of another machine: exit status"
has "$said" "is of another machine" "... are not mixed"
end_tests
