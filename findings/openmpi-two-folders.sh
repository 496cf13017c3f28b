#!/bin/bash
# Open MPI 4.1.4 (Debian 12): may mpirun be told a folder for what it leaves
# behind, by its parameter for that (orte_local_tmpdir_base, "base of the
# session directory tree to be used by orterun/mpirun")?
#
# Guess: yes; mpirun takes it, and programs that are no MPI programs run.
#
# Seen: every rank ends in MPI_Init, and mpirun with it.  mpirun hands its
# ranks orte_tmpdir_base by itself, and along with it what stood on its own
# command line; and a process that has both is refused ("The MCA param
# orte_tmpdir_base was specified ... values for the local and/or remote tmpdir
# base were also given"), though nobody gave the first.  TMPDIR in front of
# mpirun does what was meant.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get -q download openmpi-bin=4.1.4-3+b1 libopenmpi3=4.1.4-3+b1 \
    openmpi-common=4.1.4-3 libpmix2=4.2.2-1+deb12u1 \
    libhwloc15=2.9.0-1 libevent-core-2.1-7=2.1.12-stable-8 \
    libevent-pthreads-2.1-7=2.1.12-stable-8 >/dev/null 2>&1
for deb in ./*.deb; do dpkg -x "$deb" root; done
lib=$(dirname "$(find "$dir/root" -name libmpi.so.40 | head -n 1)")
export LD_LIBRARY_PATH=$lib OPAL_PREFIX=$dir/root/usr
export OPAL_LIBDIR=$lib/openmpi/lib PATH=$dir/root/usr/bin:$PATH
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_plm=isolated OMPI_MCA_btl=self,vader PMIX_MCA_gds=hash
mkdir folder
cat >rank.py <<'P'
import ctypes
mpi = ctypes.CDLL("libmpi.so.40", ctypes.RTLD_GLOBAL)
assert mpi.MPI_Init(None, None) == 0
mpi.MPI_Finalize()
print("a rank ran")
P
mpirun.openmpi --version | head -n 1

run() {
    if "$@" >out 2>&1; then
        echo "status 0: $(tail -n 1 out)"
    else
        echo "failed: $(grep -c 'is therefore not allowed' out) times refused"
    fi
}

param="--mca orte_local_tmpdir_base $dir/folder"
# shellcheck disable=SC2086
plain=$(run mpirun.openmpi $param -n 1 sh -c 'echo no MPI program')
# shellcheck disable=SC2086
rank=$(run mpirun.openmpi $param -n 1 python3 rank.py)
by_env=$(run env TMPDIR="$dir/folder" mpirun.openmpi -n 1 python3 rank.py)
echo "no MPI program, parameter: $plain"
echo "a rank, parameter:         $rank"
echo "a rank, TMPDIR:            $by_env"
[ "$plain" = "status 0: no MPI program" ]
[ "$rank" = "failed: 1 times refused" ]
[ "$by_env" = "status 0: a rank ran" ]
