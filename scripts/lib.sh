# lib.sh - what quickstart and check share.  Sourced.

SRC=$(cd "$(dirname "$0")/.." && pwd)

# phase NAME LOG COMMAND...: one line with its seconds; the log on failure.
# With PHASE_WHOLE the line comes when the phase is over, as others may end
# meanwhile.
phase() {
    name=$1 log=$2
    shift 2
    started=$(date +%s)
    line=$(printf '%-36s' "$name")
    if [ -z "${PHASE_WHOLE:-}" ]; then
        printf '%s' "$line" >&2
        line=
    fi
    if "$@" >"$log" 2>&1 </dev/null; then
        printf '%sok, %d s\n' "$line" "$(($(date +%s) - started))" >&2
    else
        printf '%sFAILED, %d s; the end of %s:\n' "$line" \
            "$(($(date +%s) - started))" "$log" >&2
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
