#!/usr/bin/env python3
"""make_oracles.py - what scikit-learn and NumPy say, for tests/unit.

Writes iforest.txt, kmeans.txt, overload.txt, percentile.txt and adam.txt
beside this file:
numbers apart by blanks, arrays with their length in front, %.17g.  With names
only those.  Needs numpy and scikit-learn; the tests need neither.
"""
import os
import sys
import warnings

import numpy as np
import sklearn
from sklearn.cluster import MiniBatchKMeans
from sklearn.ensemble import IsolationForest

warnings.simplefilter("ignore")
here = os.path.dirname(os.path.abspath(__file__))


class Out:
    def __init__(self, name, what):
        self.f = open(os.path.join(here, name), "w")
        self.f.write("# %s (scikit-learn %s, NumPy %s)\n"
                     % (what, sklearn.__version__, np.__version__))

    def num(self, *values):
        self.f.write(" ".join("%.17g" % v for v in values) + "\n")

    def array(self, a):
        a = np.asarray(a, float).ravel()
        self.num(len(a))
        self.num(*a)


def iforest():
    """Trees node by node, and the scores of some rows."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(200, 5)).astype(np.float32)
    far = (6 * rng.normal(size=(20, 5))).astype(np.float32)
    model = IsolationForest(n_estimators=8, max_samples=64, random_state=3)
    model.fit(x)
    rows = np.vstack([x[:20], far])
    out = Out("iforest.txt", "IsolationForest: trees, psi, features; of each "
              "tree its nodes (feature threshold left right samples); rows; "
              "scores")
    out.num(8, 64, 5)
    for tree in model.estimators_:
        t = tree.tree_
        out.num(t.node_count)
        for i in range(t.node_count):
            out.num(t.feature[i], t.threshold[i], t.children_left[i],
                    t.children_right[i], t.n_node_samples[i])
    out.array(rows)
    out.array(-model.score_samples(rows))


def kmeans():
    """partial_fit block by block from given centres."""
    rng = np.random.default_rng(2)
    k, d, blocks, n = 8, 6, 6, 50
    true = 3 * rng.normal(size=(k, d))
    init = true + 0.5 * rng.normal(size=(k, d))
    out = Out("kmeans.txt", "MiniBatchKMeans: k, d, blocks, rows; centres; of "
              "each block its rows, scores before, centres and counts after, "
              "scores after")
    out.num(k, d, blocks, n)
    out.array(init)
    model = MiniBatchKMeans(k, init=init, n_init=1, reassignment_ratio=0)
    centers = init
    for _ in range(blocks):
        x = true[rng.integers(k, size=n)] + 0.7 * rng.normal(size=(n, d))
        before = np.sqrt(((x[:, None] - centers) ** 2).sum(2)).min(1)
        model.partial_fit(x)
        centers = model.cluster_centers_.copy()
        out.array(x)
        out.array(before)
        out.array(centers)
        out.array(model._counts)
        out.array(model.transform(x).min(1))


def overload():
    """partial_fit at other scales, with readings of an overload."""
    rng = np.random.default_rng(5)
    k, d, blocks, n = 4, 2, 2, 30
    true = np.array([[0, 50], [50, 0], [50, 50]], float)
    init = true + rng.normal(size=true.shape)
    rows = [true[rng.integers(3, size=n)] + rng.normal(size=(n, d))
            for _ in range(blocks)]
    cases = [(scale, far) for far in (0, 1e8, 2147483647, 9.9e37, 3.4e38)
             for scale in (1e-30, 1e-9, 1, 1e9, 1e17, 1e30) if far > 1e3 * scale
             or far == 0]
    out = Out("overload.txt", "MiniBatchKMeans: k, d, blocks, rows; cases; of "
              "each scale, overload (0: none), centres; of each block its "
              "rows, labels, centres and counts after")
    out.num(k, d, blocks, n)
    out.num(len(cases))
    for scale, far in cases:
        last = np.array([[0, 0], [far, 0]][far > 0], float)
        centers = np.vstack([init * scale, last])
        out.num(scale, far)
        out.array(centers)
        model = MiniBatchKMeans(k, init=centers, n_init=1,
                                reassignment_ratio=0)
        for x in rows:
            x = x * scale
            if far:
                x[7, 0] = far
            # Far from 0 scikit-learn's |x|^2 - 2xc + |c|^2 loses its digits:
            # labels by the distances themselves.
            labels = ((x[:, None] - centers) ** 2).sum(2).argmin(1)
            model.partial_fit(x)
            centers = model.cluster_centers_.copy()
            out.array(x)
            out.array(labels)
            out.array(centers)
            out.array(model._counts)


def percentile():
    rng = np.random.default_rng(3)
    out = Out("percentile.txt", "numpy.percentile: cases; of each c, values, "
              "result at 100 (1 - c)")
    cases = [rng.normal(size=n) for n in (1, 2, 10, 11, 1000)]
    cases += [np.round(rng.normal(size=50)), np.ones(7)]
    out.num(3 * len(cases))
    for x in cases:
        for c in (0.001, 0.1, 0.5):
            out.num(c)
            out.array(x)
            out.num(np.percentile(x, 100 * (1 - c)))


def adam():
    """Steps of the auto-encoder in f64, from given weights."""
    rng = np.random.default_rng(4)
    d, hidden, batch, steps = 8, [6, 4, 6], 10, 20
    widths = [d, d] + [d] + hidden + [d]
    out = Out("adam.txt", "auto-encoder: d, hidden, batch, steps; cases; of "
              "each sigmoid, penalty, weights and biases by layer, rows, loss "
              "of each step, weights and biases after the first and the last")
    out.num(d)
    out.array(hidden)
    out.num(batch, steps, 2)
    for sigmoid, l2 in ((0, 0.0), (1, 0.1)):
        w = [(0.8 * rng.normal(size=(a, b)) / np.sqrt(a)).astype(np.float32)
             .astype(float) for a, b in zip(widths, widths[1:])]
        b = [(0.1 * rng.normal(size=n)).astype(np.float32).astype(float)
             for n in widths[1:]]
        x = rng.normal(size=(steps, batch, d)).astype(np.float32).astype(float)
        out.num(sigmoid, l2)
        for p in w + b:
            out.array(p)
        out.array(x)
        loss, first, last = train(w, b, x, sigmoid, l2)
        out.array(loss)
        for p in first + last:
            out.array(p)


def gradient(w, b, x, sigmoid, l2):
    n, d = x.shape
    a, loss = [x], 0
    for i, (wi, bi) in enumerate(zip(w, b)):
        h = a[-1] @ wi + bi
        if i + 1 < len(w):
            h = np.maximum(h, 0)
        elif sigmoid:
            h = 1 / (1 + np.exp(-h))
        a.append(h)
        loss += l2 * (h ** 2).sum() / n
    loss += ((a[-1] - x) ** 2).mean()
    g = 2 * (a[-1] - x) / (n * d) + 2 * l2 * a[-1] / n
    if sigmoid:
        g = g * a[-1] * (1 - a[-1])
    gw, gb = [None] * len(w), [None] * len(w)
    for i in range(len(w) - 1, -1, -1):
        gw[i], gb[i] = a[i].T @ g, g.sum(0)
        if i:
            g = (g @ w[i].T + 2 * l2 * a[i] / n) * (a[i] > 0)
    return loss, gw + gb


def train(w, b, x, sigmoid, l2):
    """Keras' Adam: epsilon 1e-7 outside of the root."""
    p = [q.copy() for q in w + b]
    m, v = [0 * q for q in p], [0 * q for q in p]
    losses, k = [], len(w)
    for t, batch in enumerate(x, 1):
        loss, g = gradient(p[:k], p[k:], batch, sigmoid, l2)
        losses.append(loss)
        rate = 1e-3 * np.sqrt(1 - .999 ** t) / (1 - .9 ** t)
        for i, gi in enumerate(g):
            m[i] = .9 * m[i] + .1 * gi
            v[i] = .999 * v[i] + .001 * gi ** 2
            p[i] = p[i] - rate * m[i] / (np.sqrt(v[i]) + 1e-7)
        if t == 1:
            first = [q.copy() for q in p]
    return losses, first, p


for make in (iforest, kmeans, overload, percentile, adam):
    if not sys.argv[1:] or make.__name__ in sys.argv[1:]:
        make()
