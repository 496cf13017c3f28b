"""iforest.py MODEL ROWS.npy - scores of an isolation forest."""
import sys
import numpy as np
from safetensors import safe_open

with safe_open(sys.argv[1], "numpy") as f:
    psi = int(f.metadata()["psi"])
    feature, threshold, value, shift = (
        f.get_tensor(k) for k in ("feature", "threshold", "value", "shift"))
x = (np.load(sys.argv[2]).astype(np.float64) - shift).astype(np.float32)
trees, n = feature.shape
at = np.ones((len(x), trees), int)  # the root; the children of i: 2i, 2i + 1
while at[0, 0] < n:
    tree = np.arange(trees)
    right = np.take_along_axis(x, feature[tree, at], 1) > threshold[tree, at]
    at = 2 * at + right
path = value[np.arange(trees), at - n].astype(np.float64).mean(axis=1)
c = 2 * (np.log(psi - 1) + np.euler_gamma) - 2 * (psi - 1) / psi
np.savetxt(sys.stdout, 2 ** (-path / c), fmt="%.9g")
