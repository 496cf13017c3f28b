#!/bin/bash
# The jobs for the scenes that the paper has: frames of a light source's
# detector, and a network of environmental sensors.
. "$(dirname "$0")/lib.sh"

out=$TEST_DIR/out
sum=$TEST_DIR/sum.json

# scene JOB NAME [OPTION...]: run it, and its exit status.
scene() {
    pilot run "$SRC/jobs/$1.yaml" --run "scene-$2" --summary "$sum" \
        "${@:3}" >"$out" 2>&1
    is $? 0 "$2: exit status" || sed 's/^/# /' "$out"
}

# --- frames ---

sh "$SRC/jobs/frames.sh" >"$TEST_DIR/frames.npy"
cmp "$TEST_DIR/frames.npy" "$SRC/jobs/frames.npy"
ok $? "detector: frames.sh makes frames.npy"
scene detector detector
is "$(get "$sum" applied) $(get "$sum" points) $(get "$sum" exactly_once)" \
    "40 400 on" "detector: every frame is learned from once"
is "$(pilot results scene-detector --outliers --csv --no-header 2>"$out" |
    cut -d , -f 4 | sort -n | tr '\n' ' ')" "49 99 149 199 249 299 349 399 " \
    "detector: the frames without the sample are the outliers"

scene detector detector-net --set stages.learn.function=autoencoder \
    --set stages.learn.options='{warmup: 100, contamination: 0.02}'
is "$(pilot results scene-detector-net --outliers --csv --no-header \
    2>"$out" | cut -d , -f 4 | sort -n | tr '\n' ' ')" \
    "49 99 149 199 249 299 349 399 " "detector: ... for a net, too"
scene detector detector-cold --set stages.learn.options.warmup=4000
has "$(cat "$out")" "not scored by the final model: its model is still warming" \
    "detector: too few frames for its warm-up are said"

# --- sensors ---

scene sensors sensors
is "$(get "$sum" applied) $(get "$sum" points) $(get "$sum" exactly_once)" \
    "1200 12000 on" "sensors: means of ten readings are learned from, once"
has "$(cat "$out")" "first drifts: column 0 has changed" \
    "sensors: a change of the temperature is said"

scene sensors sensors-apart --set stages.learn.pilot=stations \
    --set stages.learn.sync=1s --set results=off \
    --set stages.sense.block.rate=50
is "$(get "$sum" points) $(get "$sum" exactly_once)" "12000 on" \
    "sensors: stations learn, and their rows stay there"

mkdir "$TEST_DIR/stations"
for s in 1 2 3; do
    {
        echo '"TOA5","S","CR1000","1","CR1000.Std","CPU:a.CR1","1","Met"'
        echo '"TIMESTAMP","RECORD","AirTC","RH","WindSpd"'
        echo '"TS","RN","Deg C","%","m/s"'
        echo '"","","Avg","Smp","Smp"'
        for i in $(seq 0 1199); do
            printf '"2026-05-0%d %02d:%02d:00",%d,%d.%d,%d,%d.5\n' $s \
                $((i / 60)) $((i % 60)) "$i" $((10 + i % 7)) $((i % 10)) \
                $((40 + i % 11)) $((i % 5))
        done
    } >"$TEST_DIR/stations/$s.dat"
done
cd "$TEST_DIR" || exit 1
scene sensors sensors-toa5 --set stages.sense.function=file \
    --set stages.sense.block.rate=0 --set stages.sense.options= \
    --set stages.sense.options.path='stations/*.dat'
is "$(get "$sum" points) $(get "$sum" exactly_once)" "360 on" \
    "sensors: tables of stations take the place of the readings"

end_tests
