# lib.sh - what quickstart and check share.  Sourced.

SRC=$(cd "$(dirname "$0")/.." && pwd)

# phase NAME LOG COMMAND...: one line with its seconds; the log on failure.
phase() {
    name=$1 log=$2
    shift 2
    started=$(date +%s)
    printf '%-36s' "$name" >&2
    if "$@" >"$log" 2>&1 </dev/null; then
        printf 'ok, %d s\n' "$(($(date +%s) - started))" >&2
    else
        printf 'FAILED, %d s; the end of %s:\n' \
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
