# lib.sh - what quickstart and check share.  Sourced.

SRC=$(cd "$(dirname "$0")/.." && pwd)

# phase NAME LOG COMMAND...: one line with its seconds, and those of CPU that it
# and what it has waited for took (servers that outlive who started them are not
# in it); the log on failure.
# With PHASE_WHOLE the line comes when the phase is over, as others may end
# meanwhile.
phase() {
    local name=$1 log=$2 line started=$SECONDS status took
    local TIMEFORMAT='%0U %0S' user system
    shift 2
    line=$(printf '%-36s' "$name")
    if [ -z "${PHASE_WHOLE:-}" ]; then
        printf '%s' "$line" >&2
        line=
    fi
    { time "$@" >"$log" 2>&1 </dev/null; } 2>"$log.cpu"
    status=$?
    read -r user system <"$log.cpu"
    rm -f "$log.cpu"
    took="$((SECONDS - started)) s, $((user + system)) s of CPU"
    if [ $status -eq 0 ]; then
        printf '%sok, %s\n' "$line" "$took" >&2
    else
        printf '%sFAILED, %s; the end of %s:\n' "$line" "$took" "$log" >&2
        tail -n 40 "$log" >&2
        return 1
    fi
}

# autotools: configure is made once in the source tree.
autotools() {
    cd "$SRC" && autoreconf -fi
}

# build_in DIR ARGUMENTS...: out of tree.
build_in() {
    dir=$1
    shift
    mkdir -p "$dir" && cd "$dir" && "$SRC/configure" "$@" &&
        make -j"$(nproc)"
}
