#!/bin/bash
# Every command of doc/guide.md, as it stands there, one block after the other.
# shellcheck disable=SC1091,SC2317
. "$(dirname "$0")/lib.sh"

unset PILOT_BROKER PILOT_PARAMS PILOT_PASSWORD_FILE
cd "$TEST_DIR" || exit 66
for there in jobs doc python include; do
    ln -s "$SRC/$there" .
done
ln -s "$BUILD" build
stop_services() { pilot services stop --purge >/dev/null 2>&1; }
at_end stop_services

# step HEADING: the block on the standard input ends well.
step() {
    block=$(cat)
    (
        set -e
        eval "$block"
    ) >out 2>&1 </dev/null
    ok $? "guide: $1" || sed 's/^/# /' out
}

mkdir bin # the Python that has NumPy (scripts/bootstrap --check)
ln -s "${PILOT_TEST_PYTHON:-/usr/bin/python3}" bin/python3
export PATH="$PWD/bin:$PATH" PYTHONDONTWRITEBYTECODE=1
python3 -c 'import numpy' 2>/dev/null ||
    skip_rest "there is no NumPy"
awk '/^## / { at = substr($0, 4) }
    /^```sh$/ { print "step \"" at "\" <<\"GUIDE\""; inside = 1; next }
    /^```$/ && inside { print "GUIDE"; inside = 0 }
    inside' "$SRC/doc/guide.md" >steps
is "$(grep -c '^step' steps)" "$(grep -c '^```sh$' "$SRC/doc/guide.md")" \
    "all blocks of the guide are here"
# shellcheck disable=SC1091
. ./steps

end_tests
