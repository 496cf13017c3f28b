#!/usr/bin/env python3
"""make_filters.py FILE - tests/data/hdf5/filters.h5, by h5py 3.16 and
hdf5plugin 7.1: each data set by another filter, all of the same rows.

Row r of 64 has the values 100 r, 100 r + 1, 100 r + 2, 100 r + 3.
"""
import sys

import h5py
import hdf5plugin as p
import numpy as np

rows = np.arange(64)[:, None] * 100 + np.arange(4)

with h5py.File(sys.argv[1], "w", libver=("v108", "v110")) as f:
    for name, how in (("bzip2", p.BZip2()), ("lz4", p.LZ4()),
                      ("blosc", p.Blosc(cname="lz4")),
                      ("blosc-zstd", p.Blosc(cname="zstd")),
                      ("bitshuffle", p.Bitshuffle(cname="none")),
                      ("bitshuffle-lz4", p.Bitshuffle(cname="lz4")),
                      ("bitshuffle-zstd", p.Bitshuffle(cname="zstd")),
                      ("zstd", p.Zstd()), ("blosc2", p.Blosc2()),
                      ("zfp", p.Zfp(reversible=True)),
                      ("lzf", {"compression": "lzf"})):
        f.create_dataset(name, data=rows.astype("<f4"), chunks=(16, 4), **how)
    # Of four chunks the first and the last have left the filter out.
    d = f.create_dataset("some", (64, 4), "<f4", chunks=(16, 4), **p.LZ4())
    d[16:48] = rows[16:48]
    for first in (0, 48):
        d.id.write_direct_chunk(
            (first, 0), rows[first:first + 16].astype("<f4").tobytes(), 1)
    # And of one all have.
    d = f.create_dataset("none", (64, 4), "<f4", chunks=(16, 4), **p.Zstd())
    for first in range(0, 64, 16):
        d.id.write_direct_chunk(
            (first, 0), rows[first:first + 16].astype("<f4").tobytes(), 1)
