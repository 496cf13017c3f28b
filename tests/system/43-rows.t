#!/bin/bash
# What is said of each row: its own time, the names of its columns, its values
# as they were sensed; and what is said of all: changes, a column that decides
# alone.
. "$(dirname "$0")/lib.sh"

# readings N: a reading each minute, but for a gap of an hour before row 700;
# press has large numbers, the mean of temp rises at row 1200.
readings() {
    awk -v n="$1" -v x=11 '
        function u() { x = (16807 * x) % 2147483647; return x / 2147483647 }
        BEGIN {
            print "when;temp;state;press"
            for (i = 0; i < n; i++) {
                t = 28800 + 60 * i + (i >= 700 ? 3600 : 0)
                printf "2026-11-%02d %02d:%02d:%02d;", 2 + t / 86400,
                    t / 3600 % 24, t / 60 % 60, t % 60
                v = 20 + u() + u() + u() + (i >= 1200 ? 1.5 : 0)
                printf "%.3f;ok;%.1f\n", v, 101300 + 500 * (u() - 0.5)
            }
        }'
}
readings 2000 >"$TEST_DIR/readings.csv"

# row N: line of row N of the file, as results have it: time, temp, press.
row() {
    sed -n "$(($1 + 2))p" "$TEST_DIR/readings.csv" | awk -F'[; ]' '{
        printf "%sT%s.000000000Z,%.15g,%.15g", $1, $2, $3, $5 }'
}

# shown RUN N [OPTION...]: the same of `pilot results`.
shown() {
    local name=$1 n=$2
    shift 2
    pilot results "$name" --csv --no-header "$@" 2>/dev/null |
        awk -F, -v n="$n" '$4 == n { printf "%s,%s,%s\n", $1, $9, $10 }'
}

# go RUN PIPELINE OPTION...: a run on the readings.
go() {
    local name=$1 file=$2
    shift 2
    pilot run "$file" --run "$name" --summary "$TEST_DIR/$name.json" "$@" \
        >"$TEST_DIR/$name.out" 2>&1
    is $? 0 "$name: exit status" || sed 's/^/# /' "$TEST_DIR/$name.out"
}

# --- on devices ---

go rows-file "$SRC/jobs/file.yaml" \
    --set stages.sense.options.path="$TEST_DIR/readings.csv"
is "$(pilot results rows-file --csv 2>/dev/null | head -n 1)" \
    "time,device,source,row,score,threshold,label,version,temp,press" \
    "values have the names of their columns"
for n in 0 99 100 699 700 1999; do
    is "$(shown rows-file $n)" "$(row $n)" "row $n: its own time and values"
done
is "$(pilot results rows-file --csv --no-header 2>/dev/null | grep -c ',$')" \
    0 "every row has its values"
has "$(pilot results rows-file --top 1 --json 2>/dev/null)" \
    '"values":{"temp":' "JSON: by name"
for n in 0 1234; do
    is "$(shown rows-file $n --stream)" "$(row $n)" "the stream, row $n"
done
has "$(pilot results rows-file --stream 2>/dev/null)" " row 1999: temp=" \
    "... with names for people"
pilot results rows-file --npy >"$TEST_DIR/rows.npy" 2>/dev/null
is "$(wc -c <"$TEST_DIR/rows.npy")" $((320 + 2000 * (56 + 2 * 8))) \
    "an array of rows and their values"
has "$(head -c 320 "$TEST_DIR/rows.npy" | tr -d '\0')" \
    "('temp', '<f8'), ('press', '<f8')]" "... by the names of the columns"
has "$(tr -d '\n ' <"$TEST_DIR/rows-file.out")" \
    "column1('press')had" "one column decides alone: said, with its name"
is "$(tr -d '\n ' <"$TEST_DIR/rows-file.out" |
    grep -o "column1('press')had" | wc -l)" 2 "... by the pool, and at the end"
has "$(tr -d '\n ' <"$TEST_DIR/rows-file.out")" \
    "scale:{pilot:devices,function:standardise}" "... and what helps"
# Values go to a model by their place: other names there are said.
awk -F';' -v OFS=';' '{ print $1, $4, $3, $2 }' "$TEST_DIR/readings.csv" \
    >"$TEST_DIR/turned.csv"
out=$(pilot score rows-file "$TEST_DIR/turned.csv" --csv 2>&1 >/dev/null)
has "$out" "column 0 is called 'press' here and was 'temp' in run rows-file: \
values are taken by their place; by name with --set 'columns=temp,press'" \
    "score: columns in another order are said"
scores() { pilot score rows-file "$@" --csv 2>"$TEST_DIR/err" | cut -d, -f4-; }
is "$(scores "$TEST_DIR/turned.csv" --set columns=temp,press | cksum)" \
    "$(scores "$TEST_DIR/readings.csv" | cksum)" "score: ... and taken by name"
is "$(grep -c 'is called' "$TEST_DIR/err")" 0 "score: the same names: no word"
sed '1s/temp/t/' "$TEST_DIR/readings.csv" >"$TEST_DIR/renamed.csv"
out=$(pilot score rows-file "$TEST_DIR/renamed.csv" --csv 2>&1 >/dev/null)
has "$out" "column 0 is called 't' here and was 'temp' in run rows-file: \
values are taken by their place" "score: another name is said"
is "$(printf '%s' "$out" | grep -c 'by name with')" 0 "score: ... without a fix"
has "$(pilot inspect "$TEST_DIR/readings.csv")" \
    "press has 100% of the variance" "... and before a run"

# Devices that scale their values, and devices of which each has every other
# block.
sed -e 's/devices: 1}/devices: 2}/' -e 's/# scale:/scale:/' \
    "$SRC/jobs/file.yaml" >"$TEST_DIR/scaled.yaml"
go rows-scaled "$TEST_DIR/scaled.yaml" \
    --set stages.sense.options.path="$TEST_DIR/readings.csv"
rounded() { awk -F, '{ printf "%s,%.3f,%.1f", $1, $2, $3 }'; }
for n in 0 100 1999; do
    is "$(shown rows-scaled $n | rounded)" "$(row $n | rounded)" \
        "scaled, row $n: as it was sensed"
done
has "$(tr -s '\n ' ' ' <"$TEST_DIR/rows-scaled.out")" \
    "what 'standardise' of the devices made of them is undone" \
    "scaled: it is said"
is "$(grep -c 'of the variance' "$TEST_DIR/rows-scaled.out")" 0 \
    "scaled: no column decides alone"

# --- a change ---

cat >"$TEST_DIR/drift.yaml" <<END
version: 1
pipeline: drift
pilots:
  devices: {kind: edge, devices: 1}
  broker: {kind: broker}
  params: {kind: params}
  pool: {kind: pool, ntasks: 2}
stages:
  sense: {pilot: devices, function: file, block: {points: 100},
          options: {path: readings.csv}}
  watch: {pilot: devices, function: drift, options: {on: "0"}}
  calm: {pilot: pool, function: drift, options: {on: "1", method: adwin,
         delta: 0.000001}}
  learn: {pilot: pool, function: kmeans, options: {clusters: 3}}
epoch: {interval: 100ms}
END
go rows-drift "$TEST_DIR/drift.yaml"
is "$(get "$TEST_DIR/rows-drift.json" drifts | grep -c '^[1-9]')" 1 \
    "drift: it is counted"
has "$(cat "$TEST_DIR/rows-drift.out")" "drift     1 found" "drift: and printed"
has "$(cat "$TEST_DIR/rows-drift.out")" \
    "first drifts: column 0 has changed at $TEST_DIR/readings.csv row 12" \
    "drift: with the row"
has "$(cat "$TEST_DIR/rows-drift.out")" \
    "drift: devices-0: column 0 has changed at" "drift: when it is found"
is "$(get "$TEST_DIR/rows-drift.json" points)" 2000 "drift: all rows go on"

# --- without services ---

cat >"$TEST_DIR/local.yaml" <<'END'
version: 1
pipeline: local
pilots: {pool: {kind: pool, ntasks: 2}}
stages:
  sense: {pilot: pool, function: file, options: {path: readings.csv},
          block: {points: 64}}
  watch: {pilot: pool, function: drift}
  learn: {pilot: pool, function: iforest, options: {trees: 20}}
END
go rows-local "$TEST_DIR/local.yaml"
for n in 63 64 1999; do
    is "$(shown rows-local $n)" "$(row $n)" "local, row $n"
done

# --- a file by a model ---

pilot model get rows-local "$TEST_DIR/m.safetensors" 2>/dev/null
pilot score "$TEST_DIR/m.safetensors" "$TEST_DIR/readings.csv" --csv \
    >"$TEST_DIR/scored.csv" 2>"$TEST_DIR/err"
is $? 0 "score: exit status" || sed 's/^/# /' "$TEST_DIR/err"
has "$(head -n 1 "$TEST_DIR/scored.csv")" ",version,temp,press" "score: names"
is "$(awk -F, '$4 == 700 { printf "%s,%s,%s\n", $1, $9, $10 }' \
    "$TEST_DIR/scored.csv")" "$(row 700)" "score: time and values of a row"

# --- followed ---

cp "$TEST_DIR/readings.csv" "$TEST_DIR/log.csv"
pilot run "$SRC/jobs/file.yaml" --run rows-follow \
    --set stages.sense.options.path="$TEST_DIR/log.csv" \
    --set stages.sense.options.follow=true \
    --set stages.sense.block.within=100ms >"$TEST_DIR/follow.out" 2>&1 &
pid=$!
children="$children $pid"
wait_for 30 applied rows-follow 20
readings 2011 | tail -n 11 >>"$TEST_DIR/log.csv"
readings 2011 >"$TEST_DIR/readings.csv"
wait_for 30 applied rows-follow 21
kill -INT $pid
wait $pid
is $? 0 "followed: drained" || sed 's/^/# /' "$TEST_DIR/follow.out"
for n in 1999 2000 2010; do
    is "$(shown rows-follow $n --stream)" "$(row $n)" "followed, row $n"
done
pilot score rows-follow 2>"$TEST_DIR/err"
is $? 0 "followed: scored" || sed 's/^/# /' "$TEST_DIR/err"
is "$(shown rows-follow 2005)" "$(row 2005)" "followed: time and values"

end_tests
