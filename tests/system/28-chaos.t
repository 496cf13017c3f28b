#!/bin/bash
# A short run that is struck at random, always alike: processes die and stop,
# Redis goes back, the link is cut, and it is exact.  Others by hand:
# tests/fault/chaos --help.
. "$(dirname "$0")/lib.sh"

out=$("$SRC/tests/fault/chaos" --build "$BUILD" --seed 3 --seconds 8 --blows \
    rank-kill,edge-kill,edge-stop,redis-kill,redis-back,redis-stop,link-cut \
    2>&1)
ok $? "a run that is struck is exact" || printf '%s\n' "$out" | sed 's/^/# /'
has "$out" ": exact: " "... and was struck: $(printf '%s\n' "$out" |
    sed -n 's/.*: exact: //p')"
struck=$(printf '%s\n' "$out" | sed -n 's/.*: exact: \([0-9]*\) blows.*/\1/p')
ok $((${struck:-0} < 3)) "... three times at least"
is "$("$SRC/tests/fault/chaos" --help | head -n 1)" \
    "chaos [OPTION]... - runs that are struck at random, and what became of them." \
    "it says how it is called"
out=$("$SRC/tests/fault/chaos" --no-such 2>&1)
is $? 64 "an option that is none"

end_tests
