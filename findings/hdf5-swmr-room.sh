#!/bin/bash
# HDF5 1.10.8 (Debian 12) as reader, h5py 3.16 (HDF5 2.0) as writer: what does
# a SWMR reader see of rows that the writer has made room for, but not written?
#
# Guess: nothing, or an error.  SWMR promises that a reader never sees a file
# that is not consistent, so rows come with their values.
#
# Seen: a flush between H5Dset_extent and H5Dwrite shows the new shape to the
# reader, whose H5Dread of those rows succeeds and gives the fill value, in
# chunks that are not there and in the rest of one that is:
#   rows 100, of them made up: 100
# The shape is consistent; that somebody has written the rows is not in it.
# Any flush does that, also of the cache when it is full.  A chunk that is not
# there can be asked for (H5Dget_chunk_storage_size: 0); a row in one that is
# there can not.  Who follows a file has to ask for the chunk, and to wait
# where the last rows are nothing but fill values.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check h5py==3.16.0
apt-get -q download libhdf5-dev=1.10.8+repack1-1 libhdf5-103-1=1.10.8+repack1-1 \
    >/dev/null 2>&1
for deb in ./*.deb; do dpkg -x "$deb" root; done
lib=root/usr/lib/x86_64-linux-gnu
cat >reader.c <<'C'
#include <hdf5.h>
#include <stdio.h>
int main(void)
{
    static float x[1000][2];
    hsize_t dim[2], size, at[2] = {0, 0};
    hid_t f = H5Fopen("s.h5", H5F_ACC_RDONLY | H5F_ACC_SWMR_READ, H5P_DEFAULT);
    hid_t d = H5Dopen2(f, "d", H5P_DEFAULT), s = H5Dget_space(d);
    int made_up = 0;

    H5Sget_simple_extent_dims(s, dim, NULL);
    if (H5Dread(d, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, x) < 0)
        return 1;
    for (hsize_t i = 0; i < dim[0]; i++)
        made_up += x[i][0] == 0;
    H5Dget_chunk_storage_size(d, at, &size);
    printf("rows %d, of them made up: %d; bytes of the first chunk: %d\n",
           (int)dim[0], made_up, (int)size);
    return 0;
}
C
cc -Iroot/usr/include/hdf5/serial -o reader reader.c \
    "$lib"/libhdf5_serial.so.103
cat >writer.py <<'P'
import subprocess

import h5py
import numpy as np


def look():
    out = subprocess.run(["./reader"], capture_output=True, text=True)
    print(out.stdout.strip(), flush=True)
    return out.stdout


f = h5py.File("s.h5", "w", libver=("v110", "v110"))
d = f.create_dataset("d", (0, 2), "f4", maxshape=(None, 2), chunks=(64, 2))
f.swmr_mode = True
d.resize((100, 2))
d.flush()
assert "rows 100, of them made up: 100; bytes of the first chunk: 0" in look()
d[:] = np.ones((100, 2))
d.flush()
assert "rows 100, of them made up: 0" in look()
d.resize((120, 2))
d.flush()
assert "rows 120, of them made up: 20" in look()
P
LD_LIBRARY_PATH=$lib venv/bin/python writer.py
