#!/bin/bash
# What a device needs, built without MPI: `configure --disable-pool`, and only
# what runs there; and what is built so for other machines, by qemu.
. "$(dirname "$0")/lib.sh"

[ ! -e "$SRC/config.status" ] ||
    skip_rest "the source tree is configured itself: no other build of it"
device=$TEST_DIR/build
mkdir "$device"
# An MPI that cannot be had is not looked for.
(cd "$device" && MPICC=/nowhere/mpicc "$SRC/configure" --disable-pool \
    CFLAGS=-O0) >"$TEST_DIR/log" 2>&1
is $? 0 "configure" || tail -n 20 "$TEST_DIR/log" | sed 's/^/# /'
make -C "$device" -j"$(nproc)" pilot pilot-edge pilot-supervisor \
    >"$TEST_DIR/log" 2>&1
is $? 0 "make pilot pilot-edge pilot-supervisor" ||
    tail -n 20 "$TEST_DIR/log" | sed 's/^/# /'
is "$(ldd "$device/pilot" "$device/pilot-edge" "$device/pilot-supervisor" |
    grep -ci -e libmpi -e slurm -e hdf5 -e blas -e ssh)" 0 \
    "none of them needs MPI, Slurm, HDF5, BLAS or SSH"
out=$(PILOT_LIBEXEC=$device "$device/pilot" doctor \
    --resource ssh://pi@sensor-7 2>&1)
has "$out" "built without SSH" "a host behind SSH is refused by name"
unit="$BUILD/scripts/site/pilot-edge@.service"
if command -v systemd-analyze >/dev/null; then
    mkdir "$TEST_DIR/units"
    sed 's,^\(    exec \).*/pilot",\1"/bin/true",' "$unit" \
        >"$TEST_DIR/units/pilot-edge@site.service"
    out=$(systemd-analyze verify "$TEST_DIR/units/pilot-edge@site.service" \
        2>&1 |
        grep pilot-edge | grep -v "Command .man ") # is not installed
    is "$out" "" "systemd finds no fault with the unit"
else
    ok 0 "the unit # SKIP needs systemd-analyze (systemd)"
fi

cat >"$TEST_DIR/edge.yaml" <<'Y'
version: 1
pipeline: device
pilots:
  broker: {kind: broker}
  params: {kind: params}
  devices: {kind: edge, devices: 2}
stages:
  sense: {pilot: devices, function: generator, block: {points: 10}, options: {features: 3, blocks: 25}}
streams: {sense: {partitions: 2, topic: device-topic}}
Y
out=$(PILOT_LIBEXEC=$device "$device/pilot" run "$TEST_DIR/edge.yaml" \
    --run device 2>&1)
is $? 0 "its devices run" || printf '%s\n' "$out" | sed 's/^/# /'
has "$out" "50 sensed" "... and sense"
cat >"$TEST_DIR/pool.yaml" <<'Y'
version: 1
pipeline: device
pilots:
  broker: {kind: broker}
  params: {kind: params}
  pool: {kind: pool, ntasks: 1}
stages:
  learn: {pilot: pool, function: audit}
streams: {sense: {partitions: 2, topic: device-topic}}
Y
out=$(PILOT_LIBEXEC=$device "$device/pilot" run "$TEST_DIR/pool.yaml" \
    --run nopool 2>&1)
is $? 78 "a pool is refused there"
has "$out" "pilot-agent is neither in" "... with what is missing"
out=$(pilot run "$TEST_DIR/pool.yaml" --run learns --until eof 2>&1)
is $? 0 "a pool elsewhere" || printf '%s\n' "$out" | sed 's/^/# /'
is "$(committed learns applied)" 50 "... learns from what they have sent"
# --- other machines ---

# other FOLDER EMULATOR: what scripts/cross has built there runs here as a
# device of a run on the real services, and scores as our own does.
other() {
    local dir=$1 emulator=$2 libexec=$TEST_DIR/$2 name=$2 model
    mkdir "$libexec"
    for p in pilot-edge pilot-score; do
        printf '#!/bin/sh\nexec %s -L %s %s "$@"\n' \
            "$emulator" "$dir/root" "$dir/build/$p" >"$libexec/$p"
        chmod +x "$libexec/$p"
    done
    for p in pilot-agent pilot-supervisor; do
        ln -s "$BUILD/$p" "$libexec/$p"
    done
    out=$(PILOT_LIBEXEC=$libexec pilot run "$SRC/jobs/quickstart.yaml" \
        --run "$name" --set stages.sense.options.blocks=16 2>&1)
    is $? 0 "$name: its devices run" || printf '%s\n' "$out" | sed 's/^/# /'
    exact "$name" --blocks 64
    for model in "$TEST_DIR"/*.safetensors; do
        for at in "$BUILD" "$libexec"; do
            PILOT_LIBEXEC=$at pilot score -Q --csv --no-header "$model" \
                "$TEST_DIR/points.csv" 2>"$TEST_DIR/err" |
                cut -d, -f5 >"$TEST_DIR/scores.${at##*/}"
        done
        out=$(paste "$TEST_DIR/scores.${BUILD##*/}" \
            "$TEST_DIR/scores.$emulator" | awk '
            { d = $1 - $2; if (d < 0) d = -d; if (d > 1e-5 * $1) bad++; n++ }
            END { printf "%d rows, %d differ", n, bad }')
        is "$out" "2000 rows, 0 differ" "$name: scores of ${model##*/}" ||
            sed 's/^/# /' "$TEST_DIR/err"
    done
}

# PILOT_CROSS: folders of scripts/cross, a blank between two.
for dir in ${PILOT_CROSS:-}; do
    [ -e "$TEST_DIR/points.csv" ] || {
        awk 'BEGIN { srand(7); for (i = 0; i < 2000; i++) { for (f = 0; f < 6; f++)
            printf "%s%.6f", f ? "," : "", rand() + 10 * (i % 3)
            print "" } }' >"$TEST_DIR/points.csv"
        for model in kmeans iforest autoencoder; do
            pilot run "$SRC/jobs/file.yaml" --run "cross-$model" \
                --set "stages.sense.options.path=$TEST_DIR/points.csv" \
                --set "stages.learn.function=$model" \
                --set 'stages.learn.options={contamination: 0.01}' \
                >"$TEST_DIR/log" 2>&1 &&
                pilot model get "cross-$model" "$TEST_DIR/$model.safetensors"
            ok $? "a model: $model" || sed 's/^/# /' "$TEST_DIR/log"
        done
    }
    case $(od -An -j18 -N1 -tu1 "$dir/build/pilot-edge" | tr -d ' ') in
    183) emulator=qemu-aarch64-static ;;
    40) emulator=qemu-arm-static ;;
    *) emulator=nothing ;;
    esac
    if command -v "$emulator" >/dev/null; then
        other "$dir" "$emulator"
    else
        ok 0 "$dir # SKIP needs $emulator (qemu-user-static)"
    fi
done
[ -n "${PILOT_CROSS:-}" ] ||
    ok 0 "other machines # SKIP needs PILOT_CROSS, folders that scripts/cross made"
end_tests
