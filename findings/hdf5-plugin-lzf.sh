#!/bin/bash
# hdf5-plugin-lzf (Debian 12, 3.7.0-8; Debian 13's 3.13.0-1 is alike): does a
# program linked with libhdf5 read what h5py has packed by LZF, once the package
# is installed?
#
# Guess: yes; it is the plugin of filter 32000, in the folder where libhdf5
# looks for plugins.
#
# Seen: "required filter is not registered", as without it.  The plugin is not
# linked with liblzf, whose functions it calls, and has to find all of them when
# it is loaded (BIND_NOW), so that it never is; H5Zfilter_avail says 0, and why
# is told to nobody.
#   hdf5-plugin-lzf alone: available 0
#   with liblzf1 preloaded: available 1, read
#   libh5LZF.so of package bitshuffle: available 1, read
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT && cd "$dir"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check h5py==3.16.0
h=1.10.8+repack1-1
apt-get -q download libhdf5-dev=$h libhdf5-103-1=$h \
    hdf5-plugin-lzf=3.7.0-8 liblzf1=3.6-3 bitshuffle=0.3.5-4+b3 \
    >/dev/null 2>&1
for deb in ./*.deb; do dpkg -x "$deb" root; done
lib=$dir/root/usr/lib/x86_64-linux-gnu
venv/bin/python - <<'P'
import h5py
import numpy as np
with h5py.File("x.h5", "w", libver=("v108", "v110")) as f:
    f.create_dataset("d", data=np.ones(1000), chunks=(1000,),
                     compression="lzf")
P
cat >reader.c <<'C'
#include <hdf5.h>
#include <stdio.h>
int main(void)
{
    static double x[1000];
    hid_t f = H5Fopen("x.h5", H5F_ACC_RDONLY, H5P_DEFAULT);
    hid_t d = H5Dopen2(f, "d", H5P_DEFAULT);
    int here = H5Zfilter_avail(32000) > 0;
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    herr_t got = H5Dread(d, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, x);
    printf("available %d, %s\n", here, got < 0 || x[999] != 1 ? "not read" : "read");
}
C
cc -Iroot/usr/include/hdf5/serial -o reader reader.c "$lib"/*serial.so.103
mkdir lzf both
cp "$lib"/hdf5/serial/plugins/liblzf_filter.so lzf
cp "$lib"/hdf5/serial/plugins/libh5LZF.so both
export LD_LIBRARY_PATH=$lib
alone=$(HDF5_PLUGIN_PATH=lzf ./reader)
preloaded=$(HDF5_PLUGIN_PATH=lzf LD_PRELOAD=liblzf.so.1 ./reader)
bitshuffle=$(HDF5_PLUGIN_PATH=both ./reader)
echo "hdf5-plugin-lzf alone: $alone"
echo "with liblzf1 preloaded: $preloaded"
echo "libh5LZF.so of bitshuffle: $bitshuffle"
[ "$alone" = "available 0, not read" ]
[ "$preloaded" = "available 1, read" ]
[ "$bitshuffle" = "available 1, read" ]
