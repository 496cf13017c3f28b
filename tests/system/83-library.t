#!/bin/bash
# libpilot: headers that compile alone, what the libraries give, a program of a
# user before and behind an install, runs of it on real servers, and functions
# that are none.
. "$(dirname "$0")/lib.sh"

if grep -q '^PE_SANITIZE = .' "$BUILD/Makefile"; then
    skip_rest "a program of a user has no sanitizer to go with the library's"
fi

# --- headers ---

for h in "$SRC"/include/pilot/*.h; do
    out=$(cc -std=c11 -pedantic -Wall -Wextra -Werror -I"$SRC/include" \
        -fsyntax-only -x c "$h" 2>&1)
    is "$out" "" "${h##*/} compiles alone as C11"
    if command -v g++ >/dev/null; then
        out=$(g++ -std=c++17 -pedantic -Wall -Wextra -Werror \
            -I"$SRC/include" -fsyntax-only -x c++ "$h" 2>&1)
        is "$out" "" "${h##*/} compiles alone as C++17"
    else
        ok 0 "${h##*/} as C++17 # SKIP needs g++"
    fi
done

# --- what is in it ---

so=$BUILD/src/library/libpilot.so.0
names() { sed -n 's/^ *\(pe_[a-z_]*\);$/\1/p' "$SRC/src/library/pilot.map" | sort; }
given() { nm "$@" | awk '$2 ~ /^[TDRBV]$/ { sub(/@.*/, "", $3); print $3 }' | sort; }
is "$(given -D --defined-only "$so" | grep -v '^PILOT_0')" "$(names)" \
    "the shared library gives what pilot.map says"
is "$(given -g "$BUILD/src/library/libpilot.a")" \
    "$(given -g "$BUILD/src/library/libpilot.a" | grep '^pe_')" \
    "the static one gives no other names"
is "$(names | while read -r n; do
    grep -qw "$n" "$SRC"/include/pilot/*.h || echo "$n"; done)" "" \
    "each is in a header"
has "$(readelf -d "$so")" "Library soname: [libpilot.so.0]" "soname"

# --- before an install ---

cp -r "$SRC/doc/examples/embed" "$TEST_DIR/before"
cd "$TEST_DIR/before" || exit
commands() { sed -n 's/^\(cc .*\)$/\1/p' README.md; }
out=$(export PKG_CONFIG_PATH="$BUILD"; commands | sh -e 2>&1)
is "$out" "" "the README's commands build the example, by pkg-config alone"
out=$(LD_LIBRARY_PATH=$BUILD/src/library ./embed --text 2>&1)
has "$out" "function: \"$PWD/libsensor.so:sensor_function\"" \
    "a linked function is found in its object"
has "$out" "context: {site: beamline-7}" "the file has the context"
out=$(PKG_CONFIG_PATH="$BUILD" sh -c 'cc $(pkg-config --cflags pilot) \
    -o static embed.c ./libsensor.so "$BUILD/src/library/libpilot.a" \
    $(pkg-config --static --libs pilot | sed "s/-lpilot//")' 2>&1)
is "$out" "" "it is linked with the static library"
is "$(./static --text)" "$(LD_LIBRARY_PATH=$BUILD/src/library ./embed --text)" \
    "... and says the same"

# --- behind an install ---

inst=$TEST_DIR/inst
make -s -C "$BUILD" install DESTDIR="$inst" >/dev/null 2>&1
ok $? "make install DESTDIR"
# Not where it was configured for, it is found beside the supervisor.
ln -s ../../bin/pilot-edge "$inst/usr/local/libexec/pilot-edge/pilot-edge"
cp -r "$inst/usr/local/share/doc/pilot-edge/examples/embed" "$TEST_DIR/after"
cd "$TEST_DIR/after" || exit
out=$(export PKG_CONFIG_SYSROOT_DIR="$inst" \
    PKG_CONFIG_PATH="$inst/usr/local/lib/pkgconfig"
    commands | sh -e 2>&1)
is "$out" "" "the installed example is built against the installed tree"
installed() {
    LD_LIBRARY_PATH=$inst/usr/local/lib PATH=$inst/usr/local/bin:$PATH \
        PILOT_LIBEXEC=$inst/usr/local/libexec/pilot-edge "$@"
}
# example NAME ARGUMENTS...: it runs; its output is $out, its run $run.
example() {
    what=$1
    shift
    out=$(installed ./embed "$@" 2>&1)
    is $? 0 "$what: it runs" || printf '%s\n' "$out" | sed 's/^/# /'
    run=$(printf '%s\n' "$out" | sed -n 's/^run //p')
}
example "in the ranks"
has "$out" "40 blocks" "... each block"
has "$out" "with --edge" "... and where there are answers"
example "on devices" --edge
has "$out" "40 blocks" "... each block"
has "$out" "200 outliers" "... and the answers are back"
verified "$run"

# --- the same from a file: the same model, for epochs are counted ---

# sum_of RUN: of its model, but for the id of its last commit.
sum_of() {
    pilot model get --force "$1" model >get.out 2>&1 || sed 's/^/# /' get.out
    sed 's/"commit":"[0-9a-f]*"//' model | sha256sum
}
installed ./embed --edge --text >seven.yaml
out=$(pilot run seven.yaml --run lib-file --summary seven.json 2>&1)
is $? 0 "the file runs" || printf '%s\n' "$out" | sed 's/^/# /'
is "$(get seven.json applied)" 40 "... and applies as many blocks"
own=$(sum_of "$run")
rm -f model
is "$(sum_of lib-file)" "$own" "... and gives the same model, byte for byte"
[ -s model ]
ok $? "... which is one"

# --- functions that are none ---

cat >bad.c <<'C'
#include <pilot/pilot.h>
static int f(pe_context *ctx, const pe_block *in, pe_block *out)
{
    return pe_context_pass(ctx, in, out);
}
const pe_function newer = {.abi = PE_FUNCTION_ABI + 1, .process_cloud = f};
const pe_function hollow = {.abi = PE_FUNCTION_ABI};
C
cc -shared -fPIC -I"$SRC/include" -o bad.so bad.c
echo 'int nobody(void); int g(void) { return nobody(); }' >needs.c
echo 'int nobody(void) { return 0; }' >nobody.c
cc -shared -fPIC -o libnobody.so nobody.c
cc -shared -fPIC -o needs.so needs.c -L. -lnobody
rm libnobody.so
mkdir folder.so
: >empty.so
cp bad.so other.so
printf '\026' | dd of=other.so bs=1 seek=18 conv=notrunc 2>/dev/null
machine=$(uname -m)
while read -r function words; do
    out=$(pilot run "$SRC/jobs/smoke.yaml" --run "none" \
        --set "stages.learn.function=$PWD/$function" \
        --set stages.learn.options= 2>&1)
    is $? 78 "$function is refused"
    is "$(printf '%s\n' "$out" | wc -l)" 1 "... in one line"
    has "$out" "${words//MACHINE/$machine}" "... that says why"
done <<'E2'
bad.so:gone has no symbol 'gone'
bad.so:newer was built for ABI 2 and this program has ABI 1
bad.so:hollow has no entry point
needs.so:g libnobody.so: cannot open shared object file
folder.so:f it is a folder
empty.so:f it is empty
other.so:newer was built for s390x, and this program for MACHINE
gone.so:f No such file or directory
E2
[ ! -e "$PILOT_HOME/none" ]
ok $? "nothing is left"
end_tests
