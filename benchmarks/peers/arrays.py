#!/usr/bin/env python3
"""arrays.py [--json] - files of arrays, read by us and by NumPy and h5py.

400,000 rows of 32 columns, in blocks of 100 and of 5,000 rows as doubles; both
take turns, REPEAT (5) times.  BUILD: the build tree (build).
"""
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import h5py
import numpy as np

ROWS, COLUMNS = 400000, 32
REPEAT = int(os.environ.get("REPEAT", "5"))
OURS = os.path.join(os.environ.get("BUILD", "build"), "benchmarks", "arrays")


def make(folder):
    rng = np.random.default_rng(0)
    x = np.round(rng.normal(size=(ROWS, COLUMNS)), 2).astype("<f4")
    path = folder + "/"
    np.save(path + "f8.npy", x.astype("<f8"))
    np.save(path + "i2-big.npy", (x * 100).astype(">i2"))
    np.save(path + "f8-fortran.npy", np.asfortranarray(x.astype("<f8")))
    with h5py.File(path + "x.h5", "w", libver=("v108", "v110")) as f:
        f["contiguous"] = x
        for name, chunks in (("rows", (4096, COLUMNS)), ("auto", True)):
            f.create_dataset(name, data=x, chunks=chunks, compression="gzip")
    return ["f8.npy", "i2-big.npy", "f8-fortran.npy", "x.h5:/contiguous",
            "x.h5:/rows", "x.h5:/auto"]


def theirs(path, points):
    file, _, member = path.partition(":")
    start = time.perf_counter()
    data = h5py.File(file)[member] if member else np.load(file, mmap_mode="r")
    total = 0.0
    for row in range(0, ROWS, points):
        block = np.array(data[row:row + points], dtype="<f8", order="C")
        total += float(block[:, 0].sum())
    return time.perf_counter() - start, total


def ours(path, points):
    out = subprocess.run([OURS, str(points), path], check=True,
                         capture_output=True, text=True).stdout.split()
    return float(out[0]), float(out[1])


def measure(path, points):
    turns = [], []
    for _ in range(REPEAT):
        (a, x), (b, y) = ours(path, points), theirs(path, points)
        assert abs(x - y) <= 1e-6 * max(1.0, abs(y)), (path, x, y)
        turns[0].append(a)
        turns[1].append(b)
    size = ROWS * COLUMNS * 8 / 1e6
    ratio = [b / a for a, b in zip(*turns)]
    return {"ours": [size / t for t in turns[0]],
            "theirs": [size / t for t in turns[1]], "ratio": ratio}


def words(values, form):
    return "%s (%s, %s)" % tuple(
        form % v for v in (statistics.median(values), min(values),
                           max(values)))


def main():
    result = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in make(folder):
            for points in (100, 5000):
                result["%s by %d" % (name, points)] = measure(
                    folder + "/" + name, points)
    if "--json" in sys.argv:
        print(json.dumps(result, indent=1))
        return
    print("| file, rows a block | ours, MB/s | NumPy, h5py | ratio |")
    print("|---|---|---|---|")
    for name, r in result.items():
        print("| %s | %s | %s | %s |" % (
            name, words(r["ours"], "%.0f"), words(r["theirs"], "%.0f"),
            words(r["ratio"], "%.2f")))


main()
