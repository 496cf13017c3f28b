#!/bin/bash
# Readings of an overload and of nothing, in a file: by the fastest kernel and
# by plain f64 the same rows are odd, and what was masked is said.
. "$(dirname "$0")/lib.sh"

# Three blobs; one row in 100 overloaded in column 1, one in 75 without a
# value in column 2.  The first 250 rows make the first centres.
awk 'BEGIN {
    srand(7)
    for (i = 1; i <= 6000; i++) {
        at = int(3 * rand())
        x = (at == 1 ? 50 : 0) + rand()
        y = (at == 2 ? 50 : 0) + rand()
        if (i % 100 == 0) y = i % 200 ? "9.9e37" : "2147483647"
        print x "," y "," (i % 75 == 50 ? "nan" : rand())
    }
}' >"$TEST_DIR/data.csv"

# field FILE NAME: the number of that name in a summary.
field() {
    sed -n "s/.*\"$2\": \([0-9]*\).*/\1/p" "$1" | head -1
}

for kernel in plain auto; do
    sum=$TEST_DIR/$kernel.json
    out=$(pilot run "$SRC/jobs/file.yaml" --run "overload-$kernel" \
        --set stages.sense.options.path="$TEST_DIR/data.csv" \
        --set stages.learn.options="{clusters: 5, contamination: 0.02, \
            exact: true, reassign: false, kernel: $kernel}" \
        --set epoch="{blocks: 10}" --summary "$sum" 2>&1)
    is $? 0 "$kernel: exit status" || printf '%s\n' "$out" | sed 's/^/# /'
    is "$(committed "overload-$kernel" masked)" 80 "$kernel: rows masked"
    is "$(committed "overload-$kernel" points)" 5920 \
        "$kernel: the others learned"
    tr -d '\n' <"$sum" >"$sum.line"
    grep -q '"masked_cells": *{ *"2": *80 *}' "$sum.line"
    ok $? "$kernel: the column is in the summary"
    has "$out" "masked cells: column 2: 80" "$kernel: and in the table"
    unscored=$(field "$sum" unscored)
    is "$(committed "overload-$kernel" unscored)" "$unscored" \
        "$kernel: rows of the warm-up in store and summary"
    [ "$unscored" -ge 50 ] && [ "$unscored" -le 2000 ]
    ok $? "$kernel: as many as a warm-up has ($unscored)"
done
a=$(committed overload-plain outliers) b=$(committed overload-auto outliers)
[ "$a" -ge 30 ] && [ "$a" -le 400 ] && [ $((a - b)) -le 2 ] &&
    [ $((b - a)) -le 2 ]
ok $? "the same outliers by either kernel ($a, $b)"

end_tests
