#!/bin/bash
# Scores by the few lines of NumPy in doc/examples/scores, from a model's file.
. "$(dirname "$0")/lib.sh"

PYTHON=${PYTHON:-python3}
"$PYTHON" -c 'import numpy, safetensors' 2>/dev/null ||
    skip_rest "$PYTHON has no numpy and safetensors"

awk 'BEGIN {
    x = 11
    for (i = 0; i < 3000; i++)
        for (f = 0; f < 5; f++) {
            x = (16807 * x) % 2147483647
            v = 100 + (f + 1) * (x / 2147483647 + int(3 * (i * 7 % 11) / 11))
            printf "%.6f%s", i % 300 == 7 ? 10 * v : v, f < 4 ? "," : "\n"
        }
}' >"$TEST_DIR/rows.csv"
"$PYTHON" -c "
import numpy
x = numpy.loadtxt('$TEST_DIR/rows.csv', delimiter=',')
numpy.save('$TEST_DIR/rows.npy', x)"

# compare MODEL BOUND OPTIONS: the largest difference, as a part of the score.
compare() {
    pilot run "$SRC/jobs/file.yaml" --run "score-$1$3" \
        --set stages.sense.options.path="$TEST_DIR/rows.csv" \
        --set "stages.learn.function=$1" \
        --set "stages.learn.options={contamination: 0.01$4}" \
        >"$TEST_DIR/out" 2>&1 || sed 's/^/# /' "$TEST_DIR/out"
    pilot model get "score-$1$3" "$TEST_DIR/m.safetensors" --force 2>/dev/null
    pilot score "$TEST_DIR/m.safetensors" "$TEST_DIR/rows.npy" --csv \
        --no-header 2>/dev/null | cut -d, -f5 >"$TEST_DIR/ours"
    "$PYTHON" "$SRC/doc/examples/scores/$1.py" "$TEST_DIR/m.safetensors" \
        "$TEST_DIR/rows.npy" >"$TEST_DIR/theirs" 2>"$TEST_DIR/err" ||
        sed 's/^/# /' "$TEST_DIR/err"
    paste "$TEST_DIR/ours" "$TEST_DIR/theirs" | awk -v most="$2" '
        { d = $1 - $2; d = (d < 0 ? -d : d) / (1 + $2); if (d > far) far = d }
        END { print NR, far; exit !(NR == 3000 && far <= most) }' \
        >"$TEST_DIR/far"
    ok $? "$1$3: by NumPy to $2" || sed 's/^/#   rows, off by: /' "$TEST_DIR/far"
}
compare kmeans 1e-6 "" ", clusters: 3"
compare iforest 1e-6 "" ""
compare autoencoder 1e-5 "" ""
compare autoencoder 1e-5 -2021 ", preset: pyod2021, hidden: \"5,3,3,5\""

end_tests
