"""Models of scikit-learn, River and PyOD as models of runs: each has to find
the planted rows, and to say the same of them here and there.
"""
import sys

import numpy as np
import pandas
from pyod.models.iforest import IForest
from river import anomaly
from sklearn.cluster import MiniBatchKMeans
from sklearn.linear_model import SGDOneClassSVM
from sklearn.neighbors import LocalOutlierFactor

import pilot_edge as pe

RNG = np.random.default_rng(5)
X = RNG.uniform(0.4, 0.6, size=(6000, 5))
PLANTED = [1234, 3456, 5678]
X[PLANTED] = [0.95, 0.05, 0.95, 0.05, 0.95]


def trees():
    return anomaly.HalfSpaceTrees(n_trees=10, height=6, window_size=250, seed=3)


MODELS = {
    "scikit-learn, MiniBatchKMeans": MiniBatchKMeans(n_clusters=3, n_init=1,
                                                     random_state=1),
    "scikit-learn, SGDOneClassSVM": SGDOneClassSVM(nu=0.01, random_state=1),
    "scikit-learn, LOF in a window": pe.Window(
        LocalOutlierFactor(novelty=True), rows=1000),
    "River, HalfSpaceTrees": trees,
    "PyOD, IForest in a window": pe.Window(IForest(random_state=1), rows=2000),
}


def main():
    failed = 0
    for name, model in MODELS.items():
        run = pe.run(source=X, model=pe.python(model, contamination=0.001),
                     points=200)
        frame = run.results().to_pandas()
        assert isinstance(frame, pandas.DataFrame) and len(frame) == len(X)
        top = set(frame.sort_values("score").row.tail(3))
        far = np.abs(run.model.scores(X) - frame.score.to_numpy()).max()
        good = top == set(PLANTED) and far < 1e-4 * max(1, frame.score.max())
        failed += not good
        print(f"{'ok' if good else 'NOT OK'}  {name}: {sorted(top)}, scores "
              f"within {far:.2g}, {run.model!r}")
    return failed


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
