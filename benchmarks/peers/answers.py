#!/usr/bin/env python3
"""answers.py - the outliers of `pilot results` beside those of scikit-learn.

  python3 -m venv venv && venv/bin/pip install -r benchmarks/peers/requirements.txt
  venv/bin/python benchmarks/peers/answers.py [--build build] [--only blobs]
      [--write tests/data/answers.txt]

Seeded tables, most of them made by tests/unit/answer_data (the same rows in
the tests), and the breast-cancer table of scikit-learn.  Each goes as a .csv
file through `pilot run` without services: the file source and the model in the
ranks of a pool, then all rows by the final model.  The peers see the same rows:
KMeans with the distance to the nearest centre, IsolationForest, and PyOD's
AutoEncoder where torch is there; a row is an outlier above the percentile of
the contamination, as they define it.  Precision and recall are those over the
rows that were planted; what is random is done with three seeds by both sides and
averaged.  A difference of more than 0.02 to our disadvantage is an error;
--write keeps the peers' figures for the tests.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import warnings

import numpy as np

warnings.filterwarnings("ignore")
SEEDS = (1, 2, 3)
SETS = ("blobs", "ramp", "constant", "scales", "duplicates")
WITHIN = 0.02


def table(build, name):
    """Rows, and which are planted: the last column."""
    if name == "cancer":
        from sklearn.datasets import load_breast_cancer

        data = load_breast_cancer()
        benign = data.target == 1  # and one in twenty rows malignant
        odd = np.flatnonzero(~benign)[:18]
        keep = np.sort(np.concatenate([np.flatnonzero(benign), odd]))
        return data.data[keep], ~benign[keep]
    text = subprocess.run([build / "tests/unit/answer_data", name],
                          check=True, capture_output=True, text=True).stdout
    rows = np.loadtxt(text.splitlines(), delimiter=",", ndmin=2)
    return rows[:, :-1], rows[:, -1] == 1


# --- peers: scores, higher is odder ---


def kmeans(x, clusters, seed):
    from sklearn.cluster import KMeans

    model = KMeans(clusters, n_init=10, random_state=seed).fit(x)
    return model.transform(x).min(axis=1)


def iforest(x, clusters, seed):
    from sklearn.ensemble import IsolationForest

    return -IsolationForest(random_state=seed).fit(x).score_samples(x)


def autoencoder(x, clusters, seed):
    from pyod.models.auto_encoder import AutoEncoder

    model = AutoEncoder(random_state=seed, verbose=0, epoch_num=10)
    return model.fit(x).decision_scores_


# --- ours ---

JOB = """version: 1
pipeline: answers
pilots: {{pool: {{kind: pool, ntasks: 2}}}}
stages:
  sense: {{pilot: pool, function: file, block: {{points: 100}},
          options: {{path: "{path}", header: no}}}}
  learn: {{pilot: pool, function: {model}, options: {options}}}
epoch: {{interval: 20ms}}
results: off
"""


def ours(build, folder, x, model, clusters, c, seed):
    """Labels of all rows by `pilot run` and its final answers."""
    path = folder / "rows.csv"
    np.savetxt(path, x, delimiter=",", fmt="%.17g")
    options = {"contamination": c, "seed": seed}
    if model == "kmeans":
        options["clusters"] = clusters
    if model == "autoencoder":
        options["passes"] = 10  # all of it in random order, as PyOD's fit
        options["warmup"] = len(x)
    job = folder / "job.yaml"
    job.write_text(JOB.format(path=path, model=model,
                              options=json.dumps(options)))
    run = f"{model}-{seed}"
    env = dict(os.environ, PILOT_HOME=str(folder / "home"))
    subprocess.run([build / "pilot", "runs", "--rm", run], env=env,
                   capture_output=True)
    done = subprocess.run([build / "pilot", "run", job, "--run", run], env=env,
                          capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    rows = np.load(folder / "home" / run / "results" / "rows.npy")
    label = np.zeros(len(x), bool)
    label[rows["row"]] = rows["label"] == 1
    assert len(rows) == len(x)
    return label


def quality(label, truth):
    hit = (label & truth).sum()
    return hit / max(label.sum(), 1), hit / truth.sum()


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--build", default="build", type=pathlib.Path)
    p.add_argument("--only")
    p.add_argument("--model")
    p.add_argument("--write", type=pathlib.Path)
    a = p.parse_args()
    build = a.build.resolve()
    peers = {"kmeans": kmeans, "iforest": iforest, "autoencoder": autoencoder}
    if a.model:
        peers = {a.model: peers[a.model]}
    try:
        import torch

        torch.set_num_threads(1)
    except ImportError:
        print("torch is not there: no auto-encoder", file=sys.stderr)
        peers.pop("autoencoder", None)
    bad, lines = 0, []
    print(f"{'table':<12}{'model':<13}{'rows':>6}{'odd':>5}"
          f"{'precision':>10}{'peer':>7}{'recall':>8}{'peer':>7}")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for name in SETS + ("cancer",):
            if a.only and a.only != name:
                continue
            x, truth = table(build, name)
            c = truth.mean()
            clusters = 3 if name != "cancer" else 8
            for model, peer in peers.items():
                theirs, mine = [], []
                for seed in SEEDS:
                    s = peer(x, clusters, seed)
                    theirs.append(quality(
                        s > np.percentile(s, 100 * (1 - c)), truth))
                    mine.append(quality(ours(build, folder, x, model, clusters,
                                             c, seed), truth))
                theirs = np.mean(theirs, axis=0)
                mine = np.mean(mine, axis=0)
                worse = (mine < theirs - WITHIN).any()
                bad += worse
                print(f"{name:<12}{model:<13}{len(x):>6}{truth.sum():>5}"
                      f"{mine[0]:>10.3f}{theirs[0]:>7.3f}{mine[1]:>8.3f}"
                      f"{theirs[1]:>7.3f}{'  worse' if worse else ''}",
                      flush=True)
                lines.append(f"{name} {model} {theirs[0]:.4f} {theirs[1]:.4f}")
    if a.write:
        import sklearn
        import pyod.version

        a.write.write_text(
            "# Precision and recall of the peers, mean of three seeds: "
            f"scikit-learn {sklearn.__version__}, PyOD "
            f"{pyod.version.__version__}\n# by benchmarks/peers/answers.py\n" +
            "\n".join(lines) + "\n")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
