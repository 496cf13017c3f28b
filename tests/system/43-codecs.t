#!/bin/bash
# Records of others: each codec from a topic to its results, what is refused
# and set aside, and what `pilot peek` and `pilot inspect` say.
. "$(dirname "$0")/lib.sh"
TOPIC="$BUILD/tests/system/topic"

# record NAME: the bytes of a recorded record, into a file; its name.
record() {
    hex=$(sed -n "s/^$1 //p" "$SRC/tests/data/codecs.txt")
    printf '%b' "$(printf '%s' "$hex" | sed 's/../\\x&/g')" >"$TEST_DIR/$1"
    echo "@$TEST_DIR/$1"
}

# job NAME STREAM [FUNCTION [OPTIONS]]: a pool on topic codecs-NAME.
job() {
    cat >"$TEST_DIR/$1.yaml" <<Y
version: 1
pipeline: codecs
pilots:
  broker: {kind: broker}
  params: {kind: params}
  pool: {kind: pool, ntasks: 1}
stages:
  learn: {pilot: pool, function: ${3:-audit}, options: {${4:-}}}
streams: {in: {topic: codecs-$1, partitions: 1$2}}
epoch: {interval: 50ms}
${5:-}
Y
}

# run_job NAME [WANT]: of all that the topic holds.
run_job() {
    out=$(pilot run "$TEST_DIR/$1.yaml" --run "codecs-$1" --until eof \
        --summary "$TEST_DIR/$1.json" 2>&1)
    is $? "${2:-0}" "$1: exit status" || printf '%s\n' "$out" | sed 's/^/# /'
    err=$(cat "$PILOT_HOME/codecs-$1/pool/err")
}

for t in json f144 da00 bluesky csv; do
    "$TOPIC" create codecs-$t 1 || die "topic codecs-$t is made"
done

# JSON: 40 records of 10 rows each, the last of which holds an outlier.
for i in 1 2; do
    awk -v i=$i 'BEGIN {
        srand(i)
        for (k = 0; k < 10; k++)
            printf "{\"at\":\"2026-11-29T08:00:%02dZ\",\"temp\":%.3f," \
                "\"air\":{\"hum\":%.3f},\"site\":\"north\"}\n", k,
                20 + rand(), i == 2 && k == 9 ? 5000 : 50 + rand()
    }' >"$TEST_DIR/json.$i"
done
"$FOREIGN" codecs-json 0 "@$TEST_DIR/json.1" 39 loggers &&
    "$FOREIGN" codecs-json 0 "@$TEST_DIR/json.2" 1 loggers
is $? 0 "JSON is sent"

# Nobody has said which columns: all is refused, and the line to be added said.
job undescribed ""
sed -i 's/codecs-undescribed/codecs-json/' "$TEST_DIR/undescribed.yaml"
run_job undescribed 65
has "$out" 'columns: "temp,air.hum", time: "at" in streams:' \
    "undescribed: the error has the line to be added"
is "$(committed codecs-undescribed refused)" 40 "undescribed: all is refused"
has "$(pilot peek -n 2 --refused codecs-undescribed 2>&1)" \
    "refused: json record: it holds 2 columns of numbers" \
    "undescribed: peek --refused has the reason"

# As inspect says.
seen=$(pilot inspect "kafka://$PILOT_BROKER/codecs-json" --set time=at 2>&1)
has "$seen" "about 40 records: 40 json of the newest" "inspect: what is in it"
has "$seen" 'columns: "temp,air.hum"' "inspect: the line for the file"
has "$seen" 'time: "at"' "inspect: ... and what was given"
job json ', columns: "temp,air.hum", time: at' kmeans \
    "clusters: 2, contamination: 0.0025" "results-format: da00"
run_job json
is "$(committed codecs-json points)" 400 "json: every row is learned from"
has "$err" "records of others in codecs-json are json: 2 columns: temp air.hum; \
left out: at (the clock), site (text)" "json: what was found is said"
has "$(pilot results codecs-json --top 1 --no-header 2>/dev/null)" "5000" \
    "json: the outlier is the first of the answers"
seen=$(pilot peek -n 3 codecs-json 2>&1)
is "$(grep -c ' loggers  *json  *10x2 ' <<<"$seen")" 3 "json: peek shows three" ||
    printf '%s\n' "$seen" | sed 's/^/# /'
has "$seen" "temp=20." "json: ... and their first values"
has "$(pilot peek -n 1 --json codecs-json 2>/dev/null)" \
    '"sense":"2026-11-29T08:00:09' "json: ... and the record's own time"
has "$(pilot results codecs-json --top 1 --csv 2>/dev/null)" "temp,air.hum" \
    "json: columns have their names in the answers"
# The results are da00 that any reader of those can take, ours among them.
seen=$(pilot peek -n 1 --results codecs-json 2>&1)
is "$(grep -c ' da00  *10x1  ' <<<"$seen")" 1 "json: its results are da00" ||
    printf '%s\n' "$seen" | sed 's/^/# /'
is "$(pilot results --stream --no-header codecs-json 2>/dev/null | wc -l)" 400 \
    "json: ... which the stream's results are read from"

# f144, and the status of somebody beside it.
"$FOREIGN" codecs-f144 0 "$(record f144_float_array)" 50 &&
    "$FOREIGN" codecs-f144 0 "$(record x5f2)" 3 &&
    "$FOREIGN" codecs-f144 0 "$(record ev43)" 1
is $? 0 "f144 is sent"
job f144 "" kmeans "clusters: 1, warmup: 10"
run_job f144
has "$out" "of 50 rows (final model" "f144: all rows are scored, and no other"
is "$(committed codecs-f144 points)" 50 "f144: a row each"
is "$(committed codecs-f144 applied)" 53 "f144: the status is done with"
is "$(get "$TEST_DIR/f144.json" aside)" 3 "f144: ... and counted as set aside"
has "$(cat "$TEST_DIR/f144.json")" "codecs-f144/0/50: 3 x status (x5f2)" \
    "f144: ... by kind, with the first"
has "$out" "3 without rows set aside" "f144: ... and said"
has "$err" "a FlatBuffer of schema 'ev43' is not read" \
    "f144: what is not read is named"
has "$(redis_do GET 'pilot:{codecs-f144}:state')" "offset 54" \
    "f144: all is committed"
has "$(pilot peek codecs-f144 2>&1)" "no rows: status (x5f2)" \
    "f144: peek tells the status"

# da00, whose frames are rows, and one of another width.
"$FOREIGN" codecs-da00 0 "$(record da00_float)" 20 &&
    "$FOREIGN" codecs-da00 0 "$(record da00_signal)" 1
is $? 0 "da00 is sent"
job da00 ", rows: record"
run_job da00
is "$(committed codecs-da00 points)" 20 "da00: a row each"
has "$err" "/20 refused: " "da00: another width is refused"

# Events, images and samples, in a topic that is made for others; the command
# that inspect prints runs as it stands.
out=$(pilot services topic --partitions 2 codecs-ess 2>&1)
is $? 0 "ess: a topic is made"
has "$out" "codecs-ess at $PILOT_BROKER: made, 2 partitions" "ess: ... and said"
out=$(pilot services topic codecs-ess 2>&1)
has "$out" "there already, 2 partitions, about 0 records" "ess: the second time"
out=$(pilot services topic --partitions 3 codecs-ess 2>&1)
is $? 78 "ess: another number of partitions is refused"
has "$out" "has 2 partitions, and not 3: leave --partitions out" "ess: ... why"
for bad in "" "a b" "--partitions 0 x" "--partitions x x" "--message-max 1 x"; do
    # shellcheck disable=SC2086
    pilot services topic $bad >/dev/null 2>&1
    is $? 64 "services topic $bad: exit status"
done
"$FOREIGN" codecs-ess 0 "$(record ev44_pulses)" 20 &&
    "$FOREIGN" codecs-ess 1 "$(record ev44_empty)" 2
is $? 0 "ess: events are sent"
command=$(pilot inspect "kafka://$PILOT_BROKER/codecs-ess" 2>/dev/null |
    sed -n 's/^  pilot run //p')
has "$command" "jobs/pool.yaml --until eof " "ess: inspect has a command"
# shellcheck disable=SC2086
out=$(cd "$SRC" && pilot run $command --run codecs-ess --set epoch.interval=50ms \
    --set stages.learn.options.clusters=2 --set pilots.pool.ntasks=1 2>&1)
is $? 0 "ess: ... which runs" || printf '%s\n' "$out" | sed 's/^/# /'
is "$(committed codecs-ess points)" 60 "ess: every event is a row"
has "$out" "2 without rows set aside" "ess: pulses without any are set aside"
has "$(pilot results codecs-ess --csv 2>/dev/null)" \
    "2026-11-29T08:00:00.266314631Z" "ess: an event has the time of its own"
for r in se00_double ad00_uint16; do
    "$FOREIGN" codecs-ess 1 "$(record $r)" 1 || break
done
seen=$(pilot peek -n 2 "kafka://$PILOT_BROKER/codecs-ess" 2>&1)
has "$seen" "se00           3x1  1.5 -2 3.25" "ess: peek tells samples"
has "$seen" "ad00           1x6  " "ess: ... and an image"

# A scan of bluesky, of which the events are rows.
for r in start descriptor event event page stop; do
    "$FOREIGN" codecs-bluesky 0 "$(record bluesky_$r)" 1 scan || break
done
is $? 0 "a scan is sent"
job bluesky ', columns: "det,motor", time: time'
run_job bluesky
is "$(committed codecs-bluesky points)" 5 "bluesky: two events, a page of three"
is "$(get "$TEST_DIR/bluesky.json" aside)" 3 "bluesky: three documents aside"
has "$(cat "$TEST_DIR/bluesky.json")" \
    "codecs-bluesky/0/0: 1 x start document, 1 x descriptor, 1 x stop document" "bluesky: by kind"

# Lines of text, with and without a header.
printf 'when;temp;hum\n2026-11-29 08:00:00;20,5;50\n2026-11-29 08:00:01;21;51,5\n' \
    >"$TEST_DIR/csv.1"
printf '2026-11-29 08:00:02;20;49\n' >"$TEST_DIR/csv.2"
"$FOREIGN" codecs-csv 0 "@$TEST_DIR/csv.1" 2 &&
    "$FOREIGN" codecs-csv 0 "@$TEST_DIR/csv.2" 3
is $? 0 "text is sent"
out=$(pilot peek --set decimal=comma --set columns=-,temp,hum codecs-csv 2>&1)
has "$out" "temp=20 hum=49" "csv: names for fields without any"
job csv ", decimal: comma"
run_job csv
is "$(committed codecs-csv points)" 7 "csv: every line"

# A topic, a broker or an option that is none.
for bad in "-n 0" "-n many" "--refused --results" "-n 1 more"; do
    # shellcheck disable=SC2086
    pilot peek $bad codecs-csv >/dev/null 2>&1
    is $? 64 "peek $bad: exit status"
done
out=$(pilot peek codecs-none 2>&1)
is $? 78 "peek: no topic: exit status"
has "$out" "there is no topic 'codecs-none' at broker" "peek: no topic: said"
out=$(pilot peek --set colums=a codecs-csv 2>&1)
is $? 78 "peek: no option: exit status"
has "$out" "columns" "peek: no option: the nearest one"
sed 's/codecs-json/codecs-ess/; s/partitions: 1/partitions: 3/' \
    "$TEST_DIR/json.yaml" >"$TEST_DIR/more.yaml"
out=$(pilot run "$TEST_DIR/more.yaml" --run codecs-more --until eof 2>&1)
is $? 78 "more partitions than others have made: exit status"
has "$out" "has 2 partitions and 3 are asked for: set streams.in.partitions to 2" \
    "more partitions: the fix"
[ "${out#*--alter}" = "$out" ]
ok $? "... which alters nothing of theirs"
out=$(PILOT_BROKER='' pilot peek codecs-none 2>&1)
is $? 78 "peek: no broker: exit status"
has "$out" "no broker is known for topic 'codecs-none'" "peek: no broker: said"

# A topic that goes on growing, of which one partition ends in the mark of a
# transaction, so that its end never comes.
"$TOPIC" create codecs-grows 2 || die "topic codecs-grows is made"
FOREIGN_TRANSACTION=codecs "$FOREIGN" codecs-grows 0 npy 1
is $? 0 "grows: a transaction is sent"
marked() { [ "$("$TOPIC" end codecs-grows)" -eq 2 ]; }
wait_for 30 marked
ok $? "grows: its mark is there"
"$FOREIGN" codecs-grows 1 npy 1
while "$FOREIGN" codecs-grows 1 npy 1; do :; done &
grows=$!
children="$children $grows"
out=$(timeout 120 pilot peek -n 3 codecs-grows 2>&1)
is $? 0 "grows: peek ends"
kill -KILL "$grows"
has "$out" "1 of its partitions did not give the last records" \
    "grows: what peek did not see is said"
end_tests
