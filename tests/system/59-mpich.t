#!/bin/bash
# The pool of an MPICH: under its own mpiexec, and under srun by pmi2; and ranks
# that each launcher of another MPI would leave alone.
. "$(dirname "$0")/lib.sh"

cluster=$SRC/tests/system/slurm-cluster
job=$SRC/tests/system/audit.yaml
ours=$BUILD

for p in mpicc.mpich mpiexec.mpich mpirun.openmpi; do
    command -v $p >/dev/null || skip_rest "MPICH: $p is not there"
done
if grep -q '^\(PE_\)\?CFLAGS.*-fsanitize' "$BUILD/Makefile"; then
    skip_rest "MPICH: not with sanitizers"
fi

# A build tree as configure would make it for that MPI, of which only the rooms
# that know of MPI are built anew.
mkdir "$TEST_DIR/tree"
for f in "$SRC"/*; do
    [ "$f" -ef "$BUILD" ] || [ -e "$f/config.status" ] ||
        ln -s "$f" "$TEST_DIR/tree/"
done
theirs=$TEST_DIR/tree/build
mkdir "$theirs"
for f in "$BUILD"/*; do
    case ${f##*/} in
    tests | benchmarks | build* | pilot-agent | libpool.a | liblauncher.a) ;;
    *) cp -a "$f" "$theirs/" ;;
    esac
done
rm -f "$theirs"/src/{pool,launcher}/*.o
# What they were made of is not asked: what noted it, a compiler cache, say, may
# have done so as seen from another folder.
find "$theirs" -name '*.Po' -exec truncate -s 0 {} +
flags() { mpicc.mpich -show | tr ' ' '\n' | grep "^-[$1]" | tr '\n' ' '; }
make -C "$theirs" -f Makefile -j2 MPI_CFLAGS="$(flags ID)" \
    MPI_LIBS="$(flags LlW)" LAUNCHER_CPPFLAGS="-DPE_LAUNCHER='\"mpiexec\"' \
-DPE_MPIEXEC='\"mpiexec.mpich\"'" \
    pilot-agent pilot pilot-supervisor >"$TEST_DIR/make.out" 2>&1
ok $? "the pool is built with MPICH" ||
    tail -n 5 "$TEST_DIR/make.out" | sed 's/^/# /'
has "$(ldd "$theirs/pilot-agent")" libmpich "... and has its library"

# with TREE COMMAND...: the programs of that tree.
with() {
    # shellcheck disable=SC2030
    (export PILOT_LIBEXEC="$1" PATH="$1:$PATH" && shift && exec "$@")
}
with "$theirs" pilot run "$job" --run hydra --set pilots.pool.ntasks=2 \
    >"$TEST_DIR/out" 2>&1
is $? 0 "hydra: exit status" || sed 's/^/# /' "$TEST_DIR/out"
exact hydra --blocks 200

# fake NAME COMMAND: a NAME first on PATH that starts the ranks by COMMAND.
mkdir "$TEST_DIR/fake"
fake() {
    cat >"$TEST_DIR/fake/$1" <<F
#!/bin/bash
while [ \$# -gt 0 ] && [[ \$1 != */pilot-agent ]]; do shift; done
export OMPI_MCA_ess_singleton_isolated=1 OMPI_ALLOW_RUN_AS_ROOT=1
export OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
PATH=\${PATH#*:} exec $2 "\$@"
F
    chmod +x "$TEST_DIR/fake/$1"
}
# alone TREE RUN WORDS OPTION...: refused, with these words.
alone() {
    tree=$1 run=$2 words=$3
    shift 3
    # shellcheck disable=SC2031
    with "$tree" env PATH="$TEST_DIR/fake:$tree:$PATH" pilot run "$job" \
        --run "$run" --set pilots.pool.ntasks=2 "$@" >"$TEST_DIR/out" 2>&1
    is $? 78 "$run: singletons are refused" || sed 's/^/# /' "$TEST_DIR/out"
    has "$(cat "$TEST_DIR/out")" "do not know of each other: $words" \
        "$run: ... with their launcher"
}
fake mpiexec.mpich "mpirun.openmpi --oversubscribe -n 2"
alone "$theirs" alone.openmpi \
    "Open MPI's mpirun does not speak to the MPI of pilot-agent, MPICH"
fake mpirun "mpiexec.mpich -n 2"
alone "$ours" alone.hydra \
    "MPICH's mpiexec (hydra) does not speak to the MPI of pilot-agent, Open MPI"

"$cluster" start "$TEST_DIR/slurm" --nodes 1 >"$TEST_DIR/out" 2>&1 ||
    skip_rest "srun: $(tail -n 1 "$TEST_DIR/out")"
leave() { "$cluster" stop "$TEST_DIR/slurm" >/dev/null 2>&1; }
at_end leave
# shellcheck disable=SC1091
. "$TEST_DIR/slurm/env"
in_slurm="--set pilots.pool.resource=slurm:// --set pilots.pool.same-host=yes
    --set pilots.pool.time=10m"
# shellcheck disable=SC2086
with "$theirs" pilot run "$job" --run pmi2 --set pilots.pool.ntasks=2 \
    $in_slurm >"$TEST_DIR/out" 2>&1
is $? 0 "srun: exit status" || sed 's/^/# /' "$TEST_DIR/out"
exact pmi2 --blocks 200
# It is that one which is asked for.
cat >"$TEST_DIR/fake/srun" <<F
#!/bin/bash
PATH=\${PATH#*:} exec srun "\${@/#--mpi=pmi2/--mpi=none}"
F
chmod +x "$TEST_DIR/fake/srun"
# shellcheck disable=SC2086
alone "$theirs" alone.srun \
    "srun does not speak to the MPI of pilot-agent, MPICH" $in_slurm
end_tests
