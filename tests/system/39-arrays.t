#!/bin/bash
# Arrays as people have them: records of any type and order, and files.
. "$(dirname "$0")/lib.sh"

arrays=$SRC/tests/data/arrays

# Records: whatever the numbers are, they are learned as they are.
cat >"$TEST_DIR/typed.yaml" <<'Y'
version: 1
pipeline: typed
pilots:
  broker: {kind: broker}
  params: {kind: params}
  devices: {kind: edge, devices: 1}
  pool: {kind: pool, ntasks: 3}
stages:
  sense: {pilot: devices, function: generator, block: {points: 10}, options: {features: 3, blocks: 5}}
  learn: {pilot: pool, function: audit}
streams: {sense: {partitions: 1, topic: typed-topic}}
epoch: {interval: 50ms}
until: eof
Y
pilot run "$TEST_DIR/typed.yaml" --run typed-0 --set until=end \
    >"$TEST_DIR/0.out" 2>&1
is $? 0 "records: first run: exit status" || sed 's/^/# /' "$TEST_DIR/0.out"
for a in big-i2 fortran half bytes python2; do
    "$FOREIGN" typed-topic 0 "@$arrays/$a.npy" 40 numpy
done
"$FOREIGN" typed-topic 0 "@$arrays/complex.npy" 1 numpy
"$FOREIGN" typed-topic 0 "@$arrays/cube.npy" 1 numpy
"$FOREIGN" typed-topic 0 "@$arrays/large.npy" 1 numpy
out=$(pilot run "$TEST_DIR/typed.yaml" --run typed 2>&1)
is $? 0 "records: exit status" || printf '%s\n' "$out" | sed 's/^/# /'
is "$(committed typed applied)" 205 "records of any type are learned"
is "$(committed typed points)" 1050 "with all of their rows"
is "$(committed typed refused)" 3 \
    "what has no rows of numbers, or of other features, is refused"
has "$out$(cat "$PILOT_HOME/typed/pool/err")" \
    "has whole numbers beyond 2^53, which have no exact double" \
    "numbers that are rounded are said"
exact typed

# Files: the rows of each, by two devices.
cat >"$TEST_DIR/file.yaml" <<'Y'
version: 1
pipeline: file
pilots:
  devices: {kind: edge, devices: 2}
  broker: {kind: broker}
  params: {kind: params}
  pool: {kind: pool, ntasks: 2}
stages:
  sense:
    pilot: devices
    function: file
    block: {points: 2, within: 100ms}
    options: {path: none}
  learn: {pilot: pool, function: audit}
streams: {sense: {partitions: 2}}
epoch: {interval: 50ms}
results: "off"
Y
# take RUN PATH [ARGUMENT...]: a run of file PATH.
take() {
    name=$1 path=$2
    shift 2
    pilot run "$TEST_DIR/file.yaml" --run "$name" \
        --set stages.sense.options.path="$path" "$@" >"$TEST_DIR/$name.out" 2>&1
}
take fields "$arrays/fields.npy" --set stages.sense.options.exclude='in.ok'
is $? 0 "fields: exit status" || sed 's/^/# /' "$TEST_DIR/fields.out"
is "$(committed fields points)" 5 "fields: every row"
has "$(cat "$TEST_DIR/fields.out" "$PILOT_HOME/fields/devices/err")" \
    "3 columns: temp xy[0] xy[1]; left out: t (<M8[s]), tag (|S3)" \
    "fields: columns and what is left out are said"
take packed "$arrays/packed.npz:f"
is $? 0 "packed: exit status" || sed 's/^/# /' "$TEST_DIR/packed.out"
is "$(committed packed points)" 5 "packed: every row"
exact packed
take cube "$arrays/cube.npy"
is $? 65 "cube: exit status"
has "$(cat "$TEST_DIR/cube.out")" "with frames: true each of the first" \
    "cube: what to say is said"

# HDF5: what a scan plots, and several data sets as columns.
hdf5=$SRC/tests/data/hdf5
if [ ! -x "$BUILD/tests/unit/test_hdf5" ]; then
    take without "$hdf5/nexus.nxs"
    is $? 65 "without HDF5: exit status"
    has "$(cat "$TEST_DIR/without.out")" "was built without HDF5" \
        "without HDF5: it is said"
    end_tests
fi
take nexus "$hdf5/nexus.nxs"
is $? 0 "nexus: exit status" || sed 's/^/# /' "$TEST_DIR/nexus.out"
is "$(committed nexus points)" 5 "nexus: every row"
has "$(cat "$TEST_DIR/nexus.out" "$PILOT_HOME/nexus/devices/err")" \
    "2 columns: counts monitor; its axes angle are not learned from" \
    "nexus: columns are said"
exact nexus
take columns "$hdf5/types.h5:/one/a,/packed"
is $? 0 "columns: exit status" || sed 's/^/# /' "$TEST_DIR/columns.out"
is "$(committed columns points)" 5 "columns: every row"
take netcdf "$hdf5/cf.nc" --summary "$TEST_DIR/netcdf.json"
is $? 0 "netcdf: exit status" || sed 's/^/# /' "$TEST_DIR/netcdf.out"
has "$(cat "$TEST_DIR/netcdf.json")" '"wind is missing": 4' \
    "netcdf: fill values are counted"
take lzf "$hdf5/types.h5:/lzf"
is $? 65 "filter that is not here: exit status"
has "$(cat "$TEST_DIR/lzf.out")" "apt-get install bitshuffle" \
    "filter that is not here: its package is named"

# The command is not linked with the library and asks.
out=$(pilot inspect "$hdf5/cf.nc" 2>&1)
is $? 0 "inspect: exit status"
has "$out" "3  temp          int16             100           102         1" \
    "inspect: unpacked, with what is missing"
out=$(pilot inspect --set columns=b "$hdf5/types.h5:/one/a" 2>&1)
is $? 78 "inspect: a column that is not there: exit status"
has "$out" "columns: 'b' is no column of $hdf5/types.h5:/one/a, which has 1" \
    "inspect: is named"

# What there is to choose from comes first, also where the choice is missing.
out=$(pilot inspect "$hdf5/nexus.nxs" 2>&1)
is $? 0 "list: exit status" || printf '%s\n' "$out" | sed 's/^/# /'
has "$out" "  * /run/plot/counts                (5,) int64" \
    "list: what is learned from has a star"
has "$out" "others: $hdf5/nexus.nxs:/run/other" "list: what could be named"
has "$out" "path: \"$hdf5/nexus.nxs\"" "list: and the lines for the file"
out=$(pilot inspect "$hdf5/several.h5" 2>"$TEST_DIR/several.err")
is $? 65 "several: exit status"
has "$out" "one of these: $hdf5/several.h5:/a $hdf5/several.h5:/b/c" \
    "several: they are listed"
has "$(cat "$TEST_DIR/several.err")" "several.h5 holds several data sets" \
    "several: and asked for"
out=$(pilot inspect "$hdf5/types.h5:/one" 2>&1)
is $? 65 "group: exit status"
has "$out" "types.h5:/one: 3 data sets in 1 group" "group: what is in it"
out=$(pilot inspect --set time=/types/be-i2 --set format=s --set rows=0 \
    "$hdf5/types.h5:/one/a" 2>&1)
is $? 65 "clock: one that is none: exit status"
has "$out" "/types/be-i2 cannot be the clock: it is no row of numbers" \
    "clock: why it is none"
out=$(pilot inspect --set time=/one/b --set format=s "$hdf5/types.h5:/one/a" \
    2>&1)
is $? 0 "clock: exit status" || printf '%s\n' "$out" | sed 's/^/# /'
has "$(tr -s ' ' <<<"$out")" " 1 b time 0 the clock" "clock: is no column"
has "$out" 'time: "/one/b"' "clock: is in the lines for the file"

# Filters that are brought by packages, or by a folder of the user's.
lz4=$(find /usr/lib -path '*/hdf5/serial/plugins/libh5lz4.so' 2>/dev/null)
out=$(HDF5_PLUGIN_PATH=/nowhere pilot inspect "$hdf5/filters.h5:/lz4" 2>&1)
is $? 65 "filter: not in the folder: exit status"
has "$out" "apt-get install hdf5-filter-plugin, or name its folder in \
HDF5_PLUGIN_PATH, which is /nowhere" "filter: the folder is named"
if [ -n "$lz4" ]; then
    mkdir "$TEST_DIR/plugins"
    cp "$lz4" "$TEST_DIR/plugins"
    out=$(HDF5_PLUGIN_PATH=$TEST_DIR/plugins pilot inspect \
        "$hdf5/filters.h5:/some" 2>&1)
    is $? 0 "filter: from a folder: exit status"
    has "$out" "64 rows of 4 columns" "filter: all rows are read"
else
    echo "# without hdf5-filter-plugin two tests less"
fi

# A file that grows while the agent is killed: every row once.
live=$TEST_DIR/live.h5
mkfifo "$TEST_DIR/say"
"$BUILD/tests/unit/test_hdf5_live" --write "$live" <"$TEST_DIR/say" \
    >"$TEST_DIR/written" &
children="$children $!"
exec 7>"$TEST_DIR/say"
# have N: the writer has flushed that many rows.
have() {
    echo "$1" >&7
    wait_for 10 grep -qx "$1" "$TEST_DIR/written"
}
points() {
    n=$(committed swmr points)
    [ "${n:-0}" -ge "$1" ]
}
have 13
pilot run "$TEST_DIR/file.yaml" --run swmr \
    --set stages.sense.options.path="$live" \
    --set stages.sense.options.follow=true >"$TEST_DIR/live.out" 2>&1 &
live_pid=$!
children="$children $live_pid"
wait_for 30 points 13
ok $? "live: rows are sent as they come"
kill -KILL "$(agents swmr pilot-edge)"
have 31
wait_for 30 points 31
ok $? "live: those of a time without an agent, too"
kill -KILL "$(agents swmr pilot-edge)"
have 40
wait_for 30 points 40
ok $? "live: and after another one"
kill -INT "$live_pid"
wait "$live_pid"
is $? 0 "live: exit status" || sed 's/^/# /' "$TEST_DIR/live.out"
is "$(committed swmr points)" 40 "live: every row once"
exec 7>&-

end_tests
