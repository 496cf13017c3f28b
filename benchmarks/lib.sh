# lib.sh - what the benchmarks share.  Sourced.
set -u

SRC=$(cd "$(dirname "$0")/.." && pwd)
BUILD=${BUILD:-$SRC/build}
json=
repeat=${REPEAT:-5}
for arg in "$@"; do
    case $arg in
    --json) json=1 ;;
    -h | --help)
        sed -n '2,/^$/s/^# \{0,1\}//p' "$0"
        exit 0
        ;;
    *)
        echo "$(basename "$0"): unknown argument $arg; see --help" >&2
        exit 64
        ;;
    esac
done
WORK=$(mktemp -d "${TMPDIR:-/tmp}/pilot-bench.XXXXXX")
export PILOT_HOME="$WORK/home" PILOT_LIBEXEC="$BUILD" PATH="$BUILD:$PATH"

# get FILE NAME [SECTION]: a value out of a summary (one key a line), the
# first behind the section's own line when one is given.
get() {
    sed -n "/\"${3:-}/,\$s/^ *\"$2\": \"\\{0,1\\}\\([^\",]*\\)\"\\{0,1\\},\\{0,1\\}\$/\\1/p" \
        "$1" | head -n 1
}

# spread < NUMBERS: "median min max"
spread() {
    sort -g | awk '{v[NR] = $1} END {
        if (!NR) { print "nan nan nan"; exit }
        m = NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2
        printf "%.4g %.4g %.4g\n", m, v[1], v[NR] }'
}

# say NAME UNIT MEDIAN MIN MAX: one row, for people or as JSON.
say() {
    if [ -n "$json" ]; then
        printf '{"name": "%s", "unit": "%s", "median": %s, "min": %s, "max": %s}\n' \
            "$1" "$2" "$3" "$4" "$5"
    else
        printf '%-52s %10s %10s %10s  %s\n' "$1" "$3" "$4" "$5" "$2"
    fi
}

header() {
    [ -n "$json" ] ||
        printf '%-52s %10s %10s %10s  %s\n' "$1" median min max unit
}
