#!/bin/bash
# Open MPI 4.1.4 with hwloc 2.9.0 and its plugins (Debian 12; openmpi-bin brings
# them along as recommended): what does a rank without DISPLAY and without a
# network in its settings connect to, while it is in MPI_Init?
#
# Guess: to its daemon, and to other ranks.
#
# Seen: to X displays :0 to :9, each by TCP, ports 6000 to 6009 of loopback, and
# by two unix sockets; mpirun does it, and each rank once more.  hwloc's plugin
# `gl` looks for graphics cards whenever a topology is read.  Only with
# HWLOC_COMPONENTS=-gl it does not.  What watches a node's connections sees each
# rank of each job knock at ten ports.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get -q download openmpi-bin=4.1.4-3+b1 libopenmpi3=4.1.4-3+b1 \
    openmpi-common=4.1.4-3 libpmix2=4.2.2-1+deb12u1 \
    libhwloc15=2.9.0-1 libhwloc-plugins=2.9.0-1 \
    libxnvctrl0=525.85.05-3~deb12u1 libx11-6=2:1.8.4-2+deb12u2 \
    libxext6=2:1.3.4-1+b1 libxcb1=1.15-1 libxau6=1:1.0.9-1 \
    libxdmcp6=1:1.1.2-3 libbsd0=0.11.7-2 libmd0=1.0.4-2 \
    libevent-core-2.1-7=2.1.12-stable-8 \
    libevent-pthreads-2.1-7=2.1.12-stable-8 strace=6.1-0.1 \
    libunwind8=1.6.2-3 >/dev/null 2>&1
for deb in ./*.deb; do dpkg -x "$deb" root; done
lib=$(dirname "$(find "$dir/root" -name libmpi.so.40 | head -n 1)")
export LD_LIBRARY_PATH=$lib OPAL_PREFIX=$dir/root/usr
export OPAL_LIBDIR=$lib/openmpi/lib PATH=$dir/root/usr/bin:$PATH
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_plm=isolated OMPI_MCA_btl=self,vader PMIX_MCA_gds=hash
HWLOC_PLUGINS_PATH=$(dirname "$(find "$dir/root" -name hwloc_gl.so)")
export HWLOC_PLUGINS_PATH
unset DISPLAY
cat >rank.py <<'P'
import ctypes
mpi = ctypes.CDLL("libmpi.so.40", ctypes.RTLD_GLOBAL)
assert mpi.MPI_Init(None, None) == 0
mpi.MPI_Finalize()
print("a rank ran")
P
mpirun.openmpi --version | head -n 1

# asked COMPONENTS RANKS: how many TCP ports from 6000 to 6009 were tried, and
# how often all of them.
asked() {
    HWLOC_COMPONENTS=$1 strace -f -e trace=connect -o trace \
        mpirun.openmpi --oversubscribe -n "$2" python3 rank.py >out
    [ "$(grep -c 'a rank ran' out)" = "$2" ]
    grep -o 'sin_port=htons(600[0-9])' trace | sort | uniq -c |
        awk '{n++; most = $1 > most ? $1 : most} END {print n + 0, most + 0}'
}
two=$(asked "" 2)
three=$(asked "" 3)
without=$(asked -gl 2)
echo "ports tried, and how often: 2 ranks $two, 3 ranks $three, -gl $without"
[ "$two" = "10 2" ]
[ "$three" = "10 5" ]
[ "$without" = "0 0" ]
