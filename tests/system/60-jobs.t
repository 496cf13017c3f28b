#!/bin/bash
# The jobs that ship, and the worked example of a user's function.
. "$(dirname "$0")/lib.sh"

# json FILE KEY PATTERN NAME
matches() {
    v=$(get "$1" "$2")
    [[ $v =~ $3 ]]
    ok $? "$4"
    [[ $v =~ $3 ]] || echo "#   $2 is '$v'"
}

sum=$TEST_DIR/quickstart.json
out=$(pilot run "$SRC/jobs/quickstart.yaml" --run quickstart \
    --summary "$sum" 2>&1)
is $? 0 "quickstart: exit status" || printf '%s\n' "$out" | sed 's/^/# /'
is "$(get "$sum" applied)" 512 "quickstart: every block is learned from"
is "$(get "$sum" points)" 512000 "quickstart: every point"
matches "$sum" version '^[1-9]' "quickstart: models were committed"
has "$out" "headroom" "quickstart: there is a verdict"
has "$(redis_do GET 'pilot:{quickstart}:model' | head -c 2000 | tr -d "\0")" \
    '"kind":"kmeans"' "quickstart: the model is a safetensors file"

sum=$TEST_DIR/file.json
{
    echo "a,b,c"
    for i in $(seq 1 2000); do
        echo "$((i % 7)).5,$((i % 11)),-$((i % 3)).25"
    done
} >"$TEST_DIR/data.csv"
out=$(cd "$TEST_DIR" && pilot run "$SRC/jobs/file.yaml" --run csv --set \
    stages.sense.options.path=data.csv --summary "$sum" 2>&1)
is $? 0 "file: exit status" || printf '%s\n' "$out" | sed 's/^/# /'
is "$(get "$sum" points)" 2000 "file: every row is learned from"

sum=$TEST_DIR/smoke.json
out=$(env -u PILOT_BROKER -u PILOT_PARAMS PATH="$BUILD:/usr/bin:/bin" \
    pilot run "$SRC/jobs/smoke.yaml" --run smoke-job --summary "$sum" 2>&1)
is $? 0 "smoke: exit status" || printf '%s\n' "$out" | sed 's/^/# /'
is "$(get "$sum" exactly_once)" off "smoke: exactly-once is off"

pilot run "$SRC/jobs/hostwatch.yaml" --run hostwatch \
    >"$TEST_DIR/hostwatch.out" 2>&1 &
pid=$!
children="$children $pid"
wait_for 60 applied hostwatch 3
ok $? "hostwatch: learns from this machine"
kill -INT $pid
wait $pid
is $? 0 "hostwatch: exit status" || sed 's/^/# /' "$TEST_DIR/hostwatch.out"

# The models of the README: what the file says of all models is said again.
contamination() { sed -n 's/^ *contamination: //p'; }
want=$(pilot config show "$SRC/jobs/quickstart.yaml" | contamination)
sed -n 's/^ *pilot run \(jobs\/.*function=.*\)$/\1/p' "$SRC/README.md" \
    >"$TEST_DIR/models"
is "$(wc -l <"$TEST_DIR/models")" 2 "README: other models"
while read -r line; do
    is "$(cd "$SRC" && eval "pilot config show $line" | contamination)" \
        "$want" "README: $line"
done <"$TEST_DIR/models"

# The example, built with the very command of its README.
mkdir "$TEST_DIR/rms" && cp "$SRC"/doc/examples/rms/* "$TEST_DIR/rms"
cmd=$(sed -n 's/^ *\(cc .*rms\.so.*\)$/\1/p' "$SRC/doc/examples/rms/README.md" |
    head -n 1)
make -s -C "$BUILD" install DESTDIR="$TEST_DIR/inst" \
    >/dev/null 2>&1
ok $? "example: make install DESTDIR"
(cd "$TEST_DIR/rms" && PKG_CONFIG_SYSROOT_DIR="$TEST_DIR/inst" \
    PKG_CONFIG_PATH="$TEST_DIR/inst/usr/local/lib/pkgconfig" sh -c "$cmd") \
    >"$TEST_DIR/cc.out" 2>&1
ok $? "example: its README's command builds it"
sed 's/^/# /' "$TEST_DIR/cc.out"
yaml=$(ls "$TEST_DIR"/rms/*.yaml | head -n 1)
out=$(cd "$TEST_DIR/rms" && pilot run "$yaml" --run rms 2>&1)
is $? 0 "example: its pipeline runs" || printf '%s\n' "$out" | sed 's/^/# /'

# A function on ranks that shares state with whoever asks.
cat >"$TEST_DIR/share.c" <<'C'
#include <pilot/pilot.h>
#include <string.h>
static int share(pe_context *ctx, const pe_block *in, pe_block *out)
{
    char text[8] = "";

    (void)in;
    (void)out;
    if (pe_context_put(ctx, "word", "hello", 5) < 0 ||
        pe_context_get(ctx, "word", text, sizeof(text)) != 5 ||
        memcmp(text, "hello", 5) || !pe_context_value(ctx, "site"))
        return pe_context_fail(ctx, "no shared state");
    return PE_NOTHING;
}
const pe_function share_function = {.abi = PE_FUNCTION_ABI,
                                    .name = "share",
                                    .process_cloud = share};
C
cc -shared -fPIC -I"$SRC/include" -o "$TEST_DIR/share.so" "$TEST_DIR/share.c"
sum=$TEST_DIR/share.json
out=$(pilot run "$SRC/tests/system/audit.yaml" --run share --summary "$sum" \
    --set stages.sense.options.blocks=5 --set context.site=here \
    --set "stages.learn.function=$TEST_DIR/share.so:share_function" 2>&1)
is $? 0 "shared state: exit status" || printf '%s\n' "$out" | sed 's/^/# /'
is "$(get "$sum" applied) $(get "$sum" refused)" "20 0" \
    "shared state: put and get on ranks"
is "$(redis_do HGET 'pilot:{share}:shared' word)" hello \
    "shared state: there for others"

end_tests
