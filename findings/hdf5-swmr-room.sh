#!/bin/bash
# HDF5 1.10.8 (Debian 12) as reader, h5py 3.16 (HDF5 2.0) as writer: what does
# a SWMR reader see of rows that the writer has made room for, but not written?
#
# Guess: nothing, or an error: SWMR promises a file that is consistent.
#
# Seen: a flush between H5Dset_extent and H5Dwrite shows the new shape, and
# H5Dread of those rows succeeds with fill values:
#   rows 100, of them made up: 100
# A chunk that is not there can be asked for (storage size 0); rows in one that
# is there can not be told from rows of zeros.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT && cd "$dir"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check h5py==3.16.0
v=1.10.8+repack1-1
apt-get -q download libhdf5-dev=$v libhdf5-103-1=$v >/dev/null 2>&1
for deb in ./*.deb; do dpkg -x "$deb" root; done
lib=root/usr/lib/x86_64-linux-gnu
cat >reader.c <<'C'
#include <hdf5.h>
#include <stdio.h>
int main(void)
{
    static float x[1000][2];
    hsize_t dim[2], made_up = 0;
    hid_t f = H5Fopen("s.h5", H5F_ACC_RDONLY | H5F_ACC_SWMR_READ, H5P_DEFAULT);
    hid_t d = H5Dopen2(f, "d", H5P_DEFAULT), s = H5Dget_space(d);
    H5Sget_simple_extent_dims(s, dim, NULL);
    if (H5Dread(d, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, x) < 0)
        return 1;
    for (hsize_t i = 0; i < dim[0]; i++)
        made_up += x[i][0] == 0;
    printf("rows %d, of them made up: %d\n", (int)dim[0], (int)made_up);
}
C
cc -Iroot/usr/include/hdf5/serial -o reader reader.c "$lib"/*serial.so.103
cat >writer.py <<'P'
import subprocess
import h5py
import numpy as np
def look(rows, made_up):
    out = subprocess.run(["./reader"], capture_output=True, text=True).stdout
    print(out.strip(), flush=True)
    assert f"rows {rows}, of them made up: {made_up}\n" == out
f = h5py.File("s.h5", "w", libver=("v110", "v110"))
d = f.create_dataset("d", (0, 2), "f4", maxshape=(None, 2), chunks=(64, 2))
f.swmr_mode = True
d.resize((100, 2))
d.flush()
look(100, 100)
d[:] = np.ones((100, 2))
d.flush()
look(100, 0)
d.resize((120, 2))
d.flush()
look(120, 20)
P
LD_LIBRARY_PATH=$lib venv/bin/python writer.py
