#!/usr/bin/env python3
"""make_hdf5.py FOLDER - the files of tests/data/hdf5, by h5py 3.16 and netCDF4.

All arrays are of five rows: row r has the values 10 r, 10 r + 1, ...
"""
import os
import sys

import h5py
import netCDF4
import numpy as np

os.chdir(sys.argv[1])
old = dict(libver=("v108", "v110"), track_order=False)
rows = np.arange(5)[:, None] * 10 + np.arange(3)
cube = np.arange(5)[:, None, None] * 10 + np.arange(6).reshape(2, 3)

with h5py.File("types.h5", "w", **old) as f:
    for t in ("i1", "u1", "<i2", ">i2", "<u2", "<i4", ">u4", "<i8", ">u8",
              "<f2", ">f2", "<f4", ">f4", "<f8", ">f8"):
        f["types/" + t.replace("<", "le-").replace(">", "be-")] = \
            rows.astype(t)
    f["types/truth"] = rows > 20
    odd = h5py.h5t.STD_I16LE.copy()
    odd.set_precision(12)
    space = h5py.h5s.create_simple((5, 3))
    d = h5py.h5d.create(f["types"].id, b"twelve-bits", odd, space)
    d.write(h5py.h5s.ALL, h5py.h5s.ALL, rows.astype("<i2"),
            h5py.h5t.NATIVE_INT16)
    f["cube"] = cube.astype("<u2")
    f["cube-last"] = np.moveaxis(cube, 0, 2).astype("<u2")
    f.create_dataset("packed", data=rows.astype("<f4"), chunks=(2, 2),
                     compression="gzip", shuffle=True, fletcher32=True)
    f.create_dataset("columns", data=np.repeat(rows, 40, 0).astype("<f8"),
                     chunks=(64, 1), compression="gzip")
    f["one/a"] = rows[:, 0].astype("<i4")
    f["one/b"] = rows[:, 1].astype(">f8")
    f["one/short"] = rows[:4, 2].astype("<f4")
    f["large"] = np.array([1, 2**53 + 1, 3, 4, 5])
    table = np.zeros(5, dtype=[("t", "S3"), ("temp", ">f4"),
                               ("xy", "<i2", (2,)), ("in", [("ok", "?")]),
                               ("s", h5py.string_dtype())])
    table["temp"], table["xy"], table["s"] = rows[:, 0], rows[:, 1:], "x"
    table["in"]["ok"] = True
    f["table"] = table
    f["complex"] = np.zeros((5, 2), "<c8")
    f["text"] = ["a", "b"]
    f["fixed"] = np.array([b"a", b"b"])
    f["scalar"] = 3.0
    f["nothing"] = h5py.Empty("f4")
    f["empty"] = np.zeros((0, 3))
    rng = np.random.default_rng(0)
    noise = rng.integers(256, size=(4, 64)).astype("u1")
    noise[2:] = 0
    f.create_dataset("lzf", data=noise, chunks=(2, 64), compression="lzf")
    f.create_dataset("lzf-unused", data=noise[:2], chunks=(2, 64),
                     compression="lzf")
    f["soft"] = h5py.SoftLink("/one/a")
    f["dangling"] = h5py.SoftLink("/gone/a")
    f["there"] = h5py.ExternalLink("cf.nc", "/temp")
    f["away"] = h5py.ExternalLink("gone.h5", "/a/b")
    for name, source, part in (("virtual", "types.h5", 5),
                               ("virtual-away", "gone.h5", 5),
                               ("virtual-part", "types.h5", 3)):
        layout = h5py.VirtualLayout((5, 3), "<f4")
        layout[:part] = h5py.VirtualSource(source, "types/le-f4",
                                           (5, 3))[:part]
        f.create_virtual_dataset(name, layout, fillvalue=-1)

with h5py.File("nexus.nxs", "w", **old) as f:
    f.attrs["default"] = "run"
    e = f.create_group("run")
    e.attrs["NX_class"], e.attrs["default"] = "NXentry", "plot"
    e["note"] = "not this"
    e["other"] = np.zeros((7, 2))
    p = e.create_group("plot")
    p.attrs["NX_class"], p.attrs["signal"] = "NXdata", "counts"
    p.attrs["auxiliary_signals"] = ["monitor"]
    p.attrs["axes"] = ["angle"]
    p["counts"], p["monitor"] = rows[:, 0], rows[:, 1].astype("<f4")
    p["angle"] = np.linspace(0, 1, 5)
with h5py.File("entry.nxs", "w", **old) as f:
    f["a/x"] = np.zeros(3)
    f["entry/data/image"] = cube.astype("<u2")
    f["entry"].attrs["NX_class"] = "NXentry"
    f["entry/data"].attrs["NX_class"] = "NXdata"
    f["entry/data"].attrs["signal"] = "image"
with h5py.File("several.h5", "w", **old) as f:
    f["a"], f["b/c"] = rows, np.zeros(4)
with h5py.File("columns.h5", "w", **old) as f:
    f["x"], f["y"] = rows[:, 0], rows[:, 1]
    f["words"] = ["a", "b"]
with h5py.File("latest.h5", "w", libver="latest") as f:
    f["plain"] = rows
    f.create_dataset("packed", data=rows, chunks=(2, 2), compression="gzip")

n = netCDF4.Dataset("cf.nc", "w")
n.Conventions = "CF-1.8"
n.createDimension("time", None)
n.createDimension("bare", 2)
n.createVariable("time", "f8", ("time",))[:] = np.arange(5)
v = n.createVariable("temp", "i2", ("time",), fill_value=-999)
v.set_auto_maskandscale(False)
v.scale_factor, v.add_offset = 0.5, 100.0
v[:] = [0, 1, -999, 3, 4]
v = n.createVariable("hum", "f4", ("time",))
v.set_auto_maskandscale(False)
v[0:3] = [1, 2, 3]
n.createVariable("wind", "f4", ("time",))[4] = 7
v = n.createVariable("bytes", "i1", ("time",))
v.set_auto_maskandscale(False)
v._Unsigned = "true"
v.valid_range = np.array([0, -6], "i1")
v[:] = np.array([1, 127, 200, 250, 255], "u1").astype("i1")
v = n.createVariable("gust", "f4", ("time",))
v.set_auto_maskandscale(False)
v.missing_value = np.float32(-1)
v.valid_max = np.float32(50)
v[:] = [1, -1, 3, 99, 5]
n.close()

if os.fork() == 0:  # writers that are killed
    f = h5py.File("killed-swmr.h5", "w", libver=("v110", "v110"))
    d = f.create_dataset("d", (0, 3), "<f4", maxshape=(None, 3), chunks=(2, 3))
    f.swmr_mode = True
    d.resize((5, 3))
    d[:] = rows
    d.flush()
    g = h5py.File("killed.h5", "w", libver=("v110", "v110"))
    g["d"] = rows
    g.flush()
    os._exit(0)
os.wait()
