#!/bin/bash
# Processes that die at a point of their work, by PILOT_FAULT: at each of them
# no block is lost, and none counts twice.
. "$(dirname "$0")/lib.sh"

job=$SRC/tests/system/audit.yaml

# faulty RUN FAULTS [OPTION...]: a run with results and these faults, each of
# which has to have happened: so its epochs are counted, and not timed.
faulty() {
    run=$1
    faults=$2
    shift 2
    out=$(PILOT_FAULT=$faults timeout 120 pilot run "$job" --run "$run" \
        --summary "$TEST_DIR/$run.json" --set results=topic \
        --set stages.sense.block.rate=100 --set stages.sense.options.blocks=300 \
        --set epoch.interval= --set epoch.blocks=20 "$@" 2>&1)
    is $? 0 "$faults: exit status" || printf '%s\n' "$out" | sed 's/^/# /'
    is "$(find "$PILOT_HOME/$run" -name 'fault.*' | wc -l)" \
        "$(printf '%s\n' "$faults" | tr ',' '\n' | grep -cv ^delay)" \
        "... all of them have happened" ||
        printf '%s\n' "$out" | sed 's/^/# /'
    exact "$run" --blocks 300
}

faulty faults-1 kill@assign:1:rank1,kill@fetch:20:rank2,kill@compute:10:rank0
has "$(cat "$PILOT_HOME"/faults-1/*/err)" \
    "fault points are on: PILOT_FAULT=kill@assign:1:rank1" "it is said"
faulty faults-2 kill@reduce:3:rank1,kill@results:10:rank0,kill@commit:4
faulty faults-3 \
    kill@announce:2,error@announce:4,error@commit:5,exit@reduce:4:rank3
# Beside the way of a block; a checkpoint is due after a while.
faulty faults-4 kill@checkpoint,kill@acked:40,error@end,delay=1@sent:9 \
    --set checkpoint.every=1s --set stages.sense.block.rate=50

out=$(PILOT_FAULT=kill@lunch pilot run "$job" --run faults-none 2>&1)
ok $(($? == 0)) "a point that is none ends the run"
has "$out" "'kill@lunch': there is no such point" "... and is named"

end_tests
