#!/usr/bin/env python3
"""make_arrays.py FOLDER - the arrays of tests/data/arrays, by NumPy 2.4.6.

All are of five rows: row r has the values 10 r, 10 r + 1, ...
"""
import sys

import numpy as np

out = sys.argv[1] + "/"
rows = np.arange(5)[:, None] * 10 + np.arange(3)
np.save(out + "big-i2.npy", rows.astype(">i2"))
np.save(out + "fortran.npy", np.asfortranarray(rows.astype("<f8")))
np.save(out + "half.npy", rows.astype("<f2"))
np.save(out + "bytes.npy", rows.astype("u1"))
np.save(out + "flat.npy", rows[:, 0].astype("<i4"))
cube = np.arange(5)[:, None, None] * 10 + np.arange(6).reshape(2, 3)
np.save(out + "cube.npy", cube.astype("<u2"))
np.save(out + "cube-last.npy", np.moveaxis(cube, 0, 2).astype("<u2"))
np.save(out + "cube-fortran.npy", np.asfortranarray(cube.astype("<u2")))
fields = np.zeros(5, dtype=[("t", "<M8[s]"), ("temp", ">f4"), ("tag", "S3"),
                            ("xy", "<i2", (2,)), ("in", [("ok", "?")])])
fields["temp"], fields["xy"] = rows[:, 0], rows[:, 1:]
fields["in"]["ok"] = True
np.save(out + "fields.npy", fields)
np.save(out + "large.npy", np.array([1, 2**53 + 1, 3, 4, 5]))
np.save(out + "complex.npy", np.zeros((5, 2), "<c8"))
np.save(out + "text.npy", np.array(["a", "b"]))
np.save(out + "object.npy", np.array([1, None]), allow_pickle=True)
np.save(out + "scalar.npy", np.float64(3))
np.save(out + "empty.npy", np.zeros((0, 3)))
with open(out + "two.npy", "wb") as f:
    np.save(f, rows.astype("<f4"))
    np.save(f, rows.astype("<f4"))
with open(out + "appended.npy", "wb") as f:
    np.save(f, rows[:3].astype("<f4"))
    f.write(rows[3:].astype("<f4").tobytes() + b"xy")
with open(out + "python2.npy", "wb") as f:
    text = b"{'descr': '<f4', 'fortran_order': False, 'shape': (5L, 3L), }\n"
    f.write(b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text)
    f.write(rows.astype("<f4").tobytes())
np.savez(out + "one.npz", x=rows.astype("<i8"))
np.savez(out + "several.npz", a=rows, b=rows + 1, c=np.array(["t"]))
np.savez_compressed(out + "packed.npz", x=rows.astype("<f4"),
                    f=np.asfortranarray(rows.astype(">f8")))
with open(out + "classic.nc", "wb") as f:
    f.write(b"CDF\x01" + bytes(28))
