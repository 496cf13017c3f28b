#!/bin/bash
# What scripts/cross has built for small machines, by qemu-user against the real
# services: each block is there, and scores are ours.
#
# PILOT_CROSS: folders of scripts/cross, a blank between two; `scripts/cross
# --check` makes them and runs this.
. "$(dirname "$0")/lib.sh"

[ -n "${PILOT_CROSS:-}" ] ||
    skip_rest "needs PILOT_CROSS, folders that scripts/cross made"

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
        --run "$name" --set stages.sense.options.blocks=16 \
        --set stages.sense.block.points=100 2>&1)
    is $? 0 "$name: its devices run" || printf '%s\n' "$out" | sed 's/^/# /'
    verified "$name"
    is "$(committed "$name" applied)" 64 "$name: each block is applied"
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

for dir in $PILOT_CROSS; do
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
end_tests
