#!/usr/bin/env python3
"""compare.py - our kernels beside the libraries our users know.

  python3 -m venv venv && venv/bin/pip install -r benchmarks/peers/requirements.txt
  venv/bin/python benchmarks/peers/compare.py [--build build] [--json]
      [--points 25,100,1000,10000] [--repeat 9] [--only kmeans]

One thread everywhere.  Ours runs in benchmarks/kernels, which answers over a
pipe with the time of one repetition, and the peers here; within a size they
take turns, and the first two turns are not counted.  Ours gets the points as
float64, converts and standardises them itself, and writes its scores; a peer
gets them as it likes best, made ready outside of the time.  Times are those
of the library call; a ratio is the peer's median over ours.  The quality of
both is the area under the ROC curve over the planted outliers (of the last
turn; for a size below 1,000 there are too few of them to say).
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import warnings

for name in ("OMP", "OPENBLAS", "MKL"):
    os.environ[name + "_NUM_THREADS"] = "1"

import numpy as np

WARM = 2
FEATURES = 32
CLUSTERS = 25
LLOYD = 10  # iterations, as in kernels.c


def make_data(n, seed=1):
    """25 blobs of deviation 0.5 round centres N(0, 4), 5% uniform."""
    rng = np.random.default_rng(seed)
    centers = 2 * rng.standard_normal((CLUSTERS, FEATURES))
    label = rng.random(n) < 0.05
    x = centers[rng.integers(CLUSTERS, size=n)]
    x = x + 0.5 * rng.standard_normal(x.shape)
    x[label] = rng.uniform(-4, 4, (label.sum(), FEATURES))
    return x, label


class Ours:
    """benchmarks/kernels, over a pipe."""

    def __init__(self, build, data, folder):
        self.scores = folder / "scores.f4"
        self.process = subprocess.Popen(
            [build / "benchmarks" / "kernels", "--serve", "--data", data],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, task, points, want_scores=False):
        words = [task, str(points)] + [str(self.scores)] * want_scores
        self.process.stdin.write(" ".join(words) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        if not answer.isdigit():
            sys.exit(f"kernels: {task}: {answer or 'ended'}")
        scores = None
        if want_scores:
            scores = np.fromfile(self.scores, np.float32)
        return int(answer) / 1e3, scores

    def close(self):
        self.process.stdin.close()
        self.process.wait()


# --- the peers: each is made for (x, all), is called, and returns scores ---


def minibatch(x, everything):
    from sklearn.cluster import MiniBatchKMeans

    m = MiniBatchKMeans(CLUSTERS, random_state=0, n_init=1)
    m.partial_fit(everything)
    return lambda: m.partial_fit(x).transform(x).min(axis=1)


def lloyd(x, everything):
    from sklearn.cluster import KMeans

    x = x.astype(np.float32)

    def call():
        m = KMeans(CLUSTERS, init=x[:CLUSTERS], n_init=1, max_iter=LLOYD,
                   tol=0, algorithm="lloyd").fit(x)
        call.scale = LLOYD / m.n_iter_  # had it gone on as long as ours

    call.scale = 1
    return call


def isolation(x, everything):
    from sklearn.ensemble import IsolationForest

    psi = min(256, len(x))
    x = x.astype(np.float32)

    def call():
        m = IsolationForest(max_samples=psi, random_state=0, n_jobs=1)
        return -m.fit(x).score_samples(x)

    return call


def isolation_score(x, everything):
    from sklearn.ensemble import IsolationForest

    x = x.astype(np.float32)
    m = IsolationForest(max_samples=256, random_state=0, n_jobs=1)
    m.fit(everything.astype(np.float32))
    return lambda: -m.score_samples(x)


def pyod_forest(x, everything):
    from pyod.models.iforest import IForest

    psi = min(256, len(x))

    def call():
        m = IForest(max_samples=psi, random_state=0, n_jobs=1)
        m.fit(x)
        return m.decision_function(x)

    return call


def isotree(x, everything):
    from isotree import IsolationForest

    psi = min(256, len(x))
    columns = np.asfortranarray(x)

    def call():
        m = IsolationForest(
            sample_size=psi, ntrees=100, max_depth=8, ndim=1,
            missing_action="fail", standardize_data=False, nthreads=1,
            prob_pick_pooled_gain=0, prob_pick_avg_gain=0)
        return m.fit(columns).predict(x)

    return call


def standardised(x, everything):
    mean, scale = everything.mean(axis=0), everything.std(axis=0)
    return ((x - mean) / scale).astype(np.float32)


def mlp_model(everything):
    from sklearn.neural_network import MLPRegressor

    z = standardised(everything, everything)
    m = MLPRegressor(hidden_layer_sizes=(32, 64, 32, 32, 64, 32),
                     batch_size=32, alpha=0)
    return m.partial_fit(z, z)


def mlp_distance(m, z):
    return np.linalg.norm(m.predict(z) - z, axis=1)


def mlp(x, everything):
    z = standardised(x, everything)
    m = mlp_model(everything)
    m.set_params(batch_size=min(32, len(x)))
    return lambda: mlp_distance(m.partial_fit(z, z), z)


def mlp_score(x, everything):
    z = standardised(x, everything)
    m = mlp_model(everything)
    return lambda: mlp_distance(m, z)


def torch_net():
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    widths = [32, 32, 64, 32, 32, 64, 32, 32]
    layers = []
    for i, (a, b) in enumerate(zip(widths, widths[1:])):
        layers.append(torch.nn.Linear(a, b))
        if i + 2 < len(widths):
            layers += [torch.nn.ReLU(), torch.nn.Dropout(0.2)]
    return torch, torch.nn.Sequential(*layers)


def torch_distance(torch, net, z):
    net.eval()
    with torch.no_grad():
        return (net(z) - z).norm(dim=1).numpy()


def torch_epoch(x, everything, fused=False):
    torch, net = torch_net()
    z = torch.from_numpy(standardised(x, everything))
    adam = torch.optim.Adam(net.parameters(), fused=fused)

    def call():
        net.train()
        for batch in z[torch.randperm(len(z))].split(32):
            adam.zero_grad(set_to_none=True)
            ((net(batch) - batch) ** 2).mean().backward()
            adam.step()
        return torch_distance(torch, net, z)

    return call


def torch_fused(x, everything):
    return torch_epoch(x, everything, fused=True)


def torch_score(x, everything):
    torch, net = torch_net()
    z = torch.from_numpy(standardised(x, everything))
    return lambda: torch_distance(torch, net, z)


# Ours, with the peers and the gate at 10,000 points of each.
TASKS = [
    ("kmeans", [("sklearn MiniBatchKMeans partial_fit + transform",
                 minibatch, 10),
                ("our GEMM path", "kmeans-gemm", 2)]),
    ("kmeans-exact", [("our sums in any order", "kmeans", 1 / 1.1)]),
    ("kmeans-lloyd", [("sklearn KMeans, Lloyd, float32", lloyd, 2)]),
    ("forest", [("sklearn IsolationForest fit + score", isolation, 40),
                ("PyOD IForest fit + score", pyod_forest, 45),
                ("isotree fit + score", isotree, 14)]),
    ("forest-score", [("sklearn IsolationForest score", isolation_score, 8)]),
    ("autoencoder", [("sklearn MLPRegressor, batch 32", mlp, 12),
                     ("torch, same net, Adam", torch_epoch, 20),
                     ("torch, same net, fused Adam", torch_fused, None),
                     ("our BLAS path", "autoencoder-blas", None)]),
    ("autoencoder-score", [("sklearn MLPRegressor predict", mlp_score, 2.7),
                           ("torch, same net", torch_score, None)]),
]


def auc(scores, label):
    if scores is None or len(label) < 1000 or not np.isfinite(scores).all():
        return None
    order = np.argsort(scores)
    rank = np.empty(len(scores))
    rank[order] = np.arange(1, len(scores) + 1)
    out, n = label.sum(), len(label)
    return (rank[label].sum() - out * (out + 1) / 2) / (out * (n - out))


def timed(call):
    start = time.perf_counter_ns()
    scores = call()
    us = (time.perf_counter_ns() - start) / 1e3
    return us * getattr(call, "scale", 1), scores


def compare(ours, task, peers, x, label, points, args):
    part = np.ascontiguousarray(x[:points])
    calls = []
    for name, peer, gate in peers:
        if isinstance(peer, str):
            calls.append(lambda p=peer: ours.run(p, points))
        else:
            calls.append(lambda c=peer(part, x): timed(c))
    mine, theirs = [], [[] for _ in peers]
    quality = None
    others = [None] * len(peers)
    for turn in range(-WARM, args.repeat):
        us, scores = ours.run(task, points, turn + 1 == args.repeat)
        if scores is not None and task != "kmeans-lloyd":
            quality = auc(scores, label[:points])
        if turn >= 0:
            mine.append(us)
        for i, call in enumerate(calls):
            us, scores = call()
            if turn >= 0:
                theirs[i].append(us)
                others[i] = auc(scores, label[:points])
    for i, (name, _, gate) in enumerate(peers):
        report(task, name, gate, points, mine, theirs[i], quality, others[i],
               args)


def report(task, name, gate, points, mine, theirs, quality, other, args):
    ratio = np.median(theirs) / np.median(mine)
    each = sorted(t / m for t, m in zip(theirs, mine))
    row = {
        "task": task, "peer": name, "points": points,
        "ours_min_us": min(mine), "ours_median_us": float(np.median(mine)),
        "peer_min_us": min(theirs), "peer_median_us": float(np.median(theirs)),
        "ratio": float(ratio), "ratio_min": each[0], "ratio_max": each[-1],
        "gate": gate if points == 10000 else None,
        "auc": quality, "peer_auc": other,
    }
    if args.json:
        print(json.dumps(row), flush=True)
        return
    verdict = ""
    if row["gate"]:
        verdict = f"gate {gate:.3g}: " + ("ok" if ratio >= gate else "MISSED")
    aucs = "" if other is None else f"AUC {quality:.3f} {other:.3f}"
    print(f"{task:18} {points:6}  ours {np.median(mine):10.1f} us  "
          f"x {ratio:7.2f} ({each[0]:.2f}, {each[-1]:.2f})  {name:48} "
          f"{aucs:16} {verdict}", flush=True)


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    p = argparse.ArgumentParser()
    p.add_argument("--build", type=pathlib.Path, default=root / "build")
    p.add_argument("--points", default="25,100,1000,10000")
    p.add_argument("--repeat", type=int, default=9)
    p.add_argument("--only", default="")
    p.add_argument("--json", action="store_true")
    args = p.parse_args()
    warnings.simplefilter("ignore")
    subprocess.run(["make", "-s", "-C", args.build, "benchmarks/kernels"],
                   check=True, stdout=sys.stderr)
    x, label = make_data(10000)
    with tempfile.TemporaryDirectory(prefix="pilot-peers.") as folder:
        folder = pathlib.Path(folder)
        np.save(folder / "data.npy", x)
        ours = Ours(args.build.resolve(), folder / "data.npy", folder)
        for points in map(int, args.points.split(",")):
            for task, peers in TASKS:
                if task.startswith(args.only):
                    compare(ours, task, peers, x, label, points, args)
        ours.close()


if __name__ == "__main__":
    main()
