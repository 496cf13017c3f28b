"""Models of scikit-learn, River and PyOD as models of runs: each has to end as
the object does to which its package alone shows the same blocks, to score here
as there, and, where its kind can, to find the planted rows.
"""
import copy
import sys

import numpy as np
import pandas
import pyod
import river
import sklearn
from pyod.models.iforest import IForest
from river import anomaly, preprocessing
from sklearn.cluster import Birch, MiniBatchKMeans
from sklearn.decomposition import IncrementalPCA
from sklearn.linear_model import SGDOneClassSVM
from sklearn.neighbors import LocalOutlierFactor

import pilot_edge as pe

RNG = np.random.default_rng(5)
X = RNG.uniform(0.4, 0.6, size=(6000, 5))
PLANTED = [1234, 3456, 5678]
X[PLANTED] = [0.95, 0.05, 0.95, 0.05, 0.95]
POINTS = 200


def trees():
    return anomaly.HalfSpaceTrees(n_trees=10, height=6, window_size=250, seed=3)


def scaled_trees():
    return preprocessing.MinMaxScaler() | trees()


MODELS = {
    "scikit-learn, MiniBatchKMeans": MiniBatchKMeans(n_clusters=3, n_init=1,
                                                     random_state=1),
    # A plane: it cannot tell the planted rows, and has to agree with itself.
    "scikit-learn, SGDOneClassSVM": SGDOneClassSVM(nu=0.01, random_state=1),
    "scikit-learn, Birch": Birch(n_clusters=None, threshold=0.2),
    "scikit-learn, LOF in a window": pe.Window(
        LocalOutlierFactor(novelty=True), rows=1000),
    "River, HalfSpaceTrees": trees,
    "River, MinMaxScaler | HalfSpaceTrees": scaled_trees,
    "PyOD, IForest in a window": pe.Window(IForest(random_state=1), rows=2000),
}
BLIND = ("SGDOneClassSVM",)


def alone(name, model):
    """Scores of X, high for outliers, without Pilot-Edge."""
    m = model() if callable(model) else copy.deepcopy(model)
    for at in range(0, len(X), POINTS):
        rows = X[at:at + POINTS]
        if name.startswith("River"):
            for row in rows.tolist():
                m.learn_one(dict(enumerate(row)))
        else:
            m.partial_fit(rows)
    if name.startswith("River"):
        return np.array([m.score_one(dict(enumerate(row)))
                         for row in X.tolist()])
    if name.startswith("PyOD"):
        return m.decision_function(X)
    if hasattr(m, "score_samples"):
        return -m.score_samples(X)
    return m.transform(X).min(axis=1)


def main():
    failed = 0
    print(f"Python {sys.version.split()[0]}, NumPy {np.__version__}, "
          f"scikit-learn {sklearn.__version__}, River {river.__version__}, "
          f"PyOD {pyod.__version__}, pandas {pandas.__version__}")
    for name, model in MODELS.items():
        run = pe.run(source=X, model=pe.python(model, contamination=0.001),
                     points=POINTS)
        frame = run.results().to_pandas()
        assert isinstance(frame, pandas.DataFrame) and len(frame) == len(X)
        scores = frame.sort_values("row").score.to_numpy()
        least = 1e-4 * max(1, np.abs(scores).max())
        far = np.abs(run.model.scores(X) - scores).max()
        other = np.abs(alone(name, model) - scores).max()
        top = sorted(int(i) for i in np.argsort(scores)[-len(PLANTED):])
        good = far < least and other < least and (
            top == PLANTED or any(b in name for b in BLIND))
        failed += not good
        print(f"{'ok' if good else 'NOT OK'}  {name}: {top}, scores within "
              f"{far:.2g}, the package alone {other:.2g}, {run.model!r}")
    for wrong in (IForest(), IncrementalPCA(), preprocessing.MinMaxScaler()):
        name = type(wrong).__name__
        try:
            pe.run(source=X, model=wrong)
            failed += 1
            print(f"NOT OK  {name} is taken for a model")
        except TypeError as e:
            print(f"ok  {name} is refused: {str(e)[:60]}")
    return failed


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
