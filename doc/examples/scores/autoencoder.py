"""autoencoder.py MODEL ROWS.npy - scores of an auto-encoder."""
import sys
import numpy as np
from safetensors import safe_open

with safe_open(sys.argv[1], "numpy") as f:
    meta, t = f.metadata(), {k: f.get_tensor(k) for k in f.keys()}
z = (np.load(sys.argv[2]) - t["mean"]) / t["scale"]
z = a = np.clip(z, -1e4, 1e4).astype(np.float32).astype(np.float64)
layers = sum(k.startswith("weight.") for k in t)
for i in range(1, layers + 1):
    a = a @ t[f"weight.{i}"].astype(np.float64) + t[f"bias.{i}"]
    if i < layers:
        a = np.maximum(a, 0)
preset = "sigmoid" if meta["option.preset"] == "pyod2021" else "linear"
if meta.get("option.output", preset) == "sigmoid":
    a = 1 / (1 + np.exp(-a))
np.savetxt(sys.stdout, np.sqrt(((z - a) ** 2).sum(axis=1)), fmt="%.9g")
