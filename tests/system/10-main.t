#!/bin/bash
# The main job at several (ranks, partitions), exact as seen from outside
# (rules 1, 3, 5, 9), and nothing left behind.
. "$(dirname "$0")/lib.sh"

job=$SRC/tests/system/audit.yaml
for shape in "1 1" "1 4" "2 7" "4 1" "4 4"; do
    set -- $shape
    run=main-$1-$2
    sum=$TEST_DIR/$run.json
    out=$(pilot run "$job" --run "$run" --summary "$sum" --set \
        "pilots.pool.ntasks=$1" --set "streams.sense.partitions=$2" 2>&1)
    is $? 0 "$1 ranks, $2 partitions: exit status" ||
        printf '%s\n' "$out" | sed 's/^/# /'
    is "$(get "$sum" state)" "done" "$1 ranks, $2 partitions: state"
    is "$(get "$sum" sensed) $(get "$sum" sent) $(get "$sum" applied)" \
        "800 800 800" "$1 ranks, $2 partitions: every block counted"
    exact "$run" --blocks 200
    none_left "$run"
    ok $? "$1 ranks, $2 partitions: no process left"
done

# The same job with epochs counted in blocks, and with one block an epoch.
for blocks in 32 1; do
    run=main-blocks-$blocks
    out=$(pilot run "$job" --run "$run" --set epoch.interval= --set \
        "epoch.blocks=$blocks" --set stages.sense.options.blocks=30 2>&1)
    is $? 0 "epochs of $blocks blocks: exit status"
    exact "$run" --blocks 30
done

# A finished run applies nothing when it is resumed.
before=$(committed main-4-4 commit)
out=$(pilot run --resume main-4-4 2>&1)
is $? 0 "resume of a finished run: exit status"
is "$(committed main-4-4 commit)" "$before" \
    "resume of a finished run commits nothing"

end_tests
