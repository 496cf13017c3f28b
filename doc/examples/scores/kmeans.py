"""kmeans.py MODEL ROWS.npy - scores of a k-means, as `pilot score` has them."""
import sys
import numpy as np
from safetensors.numpy import load_file

t = load_file(sys.argv[1])
x = np.load(sys.argv[2]).astype(np.float64)
far = x[:, None, :] - t["centers"][None, :, :]
score = np.sqrt((far ** 2).sum(axis=2)).min(axis=1)
np.savetxt(sys.stdout, score, fmt="%.9g")
