#!/usr/bin/env python3
"""users.py - what four users make, and whose answers agree; see `users`.

  users.py make FOLDER          their data, as their own packages write it
  users.py send HOST:PORT TOPIC    documents of bluesky to Kafka
  users.py name BUILD > tests/data/named.txt        for the tests
  users.py compare USER MODEL plain|scaled RESULTS.csv...    a line of the table

The peers get the table that the user has: what `make` has drawn, in units as
different as theirs, through StandardScaler where the run has a `standardise`.
"""
import argparse
import pathlib
import sys
import warnings

import numpy as np

warnings.filterwarnings("ignore")
SEEDS = range(1, 21)
CLUSTERS = 3


# --- the tables ---


def plant(rng, x, n, far):
    """[n] rows whose columns do not belong together, spread over the table."""
    odd = np.sort(rng.choice(np.arange(20, len(x) - 5), n, replace=False))
    scale = x.std(axis=0)
    for i in odd:
        k = rng.integers(0, x.shape[1], 2)
        x[i, k] += far * scale[k] * rng.choice([-1, 1], 2) * \
            rng.uniform(1, 1.6, 2)
    return odd


def hydrologist(rng):
    """A logger by a stream: level, flow, temperature, conductivity; 8 days."""
    n = 8 * 288
    t = np.arange(n) / 288
    day = np.sin(2 * np.pi * t)
    rain = np.convolve((rng.random(n) < 0.004) * rng.gamma(2, 0.6, n),
                       np.exp(-np.arange(200) / 40), "full")[:n]
    level = 1.2 + 0.4 * rain + 0.01 * rng.normal(size=n)
    x = np.column_stack([
        level, 8 * level ** 1.6 + 0.2 * rng.normal(size=n),
        11 + 2.5 * day + 0.2 * rng.normal(size=n),
        420 - 60 * rain + 4 * rng.normal(size=n),
        1012 + 6 * np.sin(t) + 0.3 * rng.normal(size=n)])
    return x, plant(rng, x, 20, 6)


def beamline(rng):
    """A scan over a peak: detector, monitor, temperature; 1,001 points."""
    n = 1001
    motor = np.linspace(-5, 5, n)
    i0 = 9e4 * (1 + 0.05 * np.sin(motor)) + 300 * rng.normal(size=n)
    peak = 40 + 3e4 * np.exp(-motor ** 2 / 0.8)
    x = np.column_stack([rng.poisson(peak), i0,
                         80 + 0.02 * motor + 0.01 * rng.normal(size=n)])
    return x, plant(rng, x, 10, 5)


def pandas_user(rng):
    """A frame of six columns in other units, three kinds of rows; 8,000."""
    kind = rng.integers(0, 3, 8000)
    centre = np.array([[0, 2, -1, 5, 1, 0], [4, -2, 3, 1, 0, 2],
                       [-3, 0, 1, -4, 2, -2]], float)
    x = centre[kind] + rng.normal(size=(8000, 6))
    x = x * [1, 1000, 0.01, 5, 1e5, 20] + [0, 5e4, 3, -40, 1e6, 273]
    return x, plant(rng, x, 16, 5)


def bluesky(rng):
    """Events of a scan: two detectors and a motor; 1,200."""
    n = 1200
    motor = np.tile(np.linspace(0, 10, 60), n // 60)
    x = np.column_stack([
        5 + np.sin(motor) + 0.1 * rng.normal(size=n),
        1e4 + 2e3 * np.cos(motor) + 150 * rng.normal(size=n), motor])
    return x, plant(rng, x, 12, 5)


USERS = {"toa5": hydrologist, "nexus": beamline, "pandas": pandas_user,
         "bluesky": bluesky}


def table(user):
    return USERS[user](np.random.default_rng(sorted(USERS).index(user) + 1))


# --- as they write them ---


def write_toa5(x, folder):
    import pandas as pd

    times = pd.date_range("2026-05-01", periods=len(x), freq="5min")
    names = ["Level", "Flow", "TempW", "Cond", "BP_mbar"]
    units = ["m", "m3/s", "Deg C", "uS/cm", "mbar"]
    folder.mkdir()
    for day, at in enumerate(range(0, len(x), 288)):
        with open(folder / f"stream_{day:02d}.dat", "w", newline="") as f:
            f.write('"TOA5","stream","CR1000","1","CR1000.Std.27",'
                    '"CPU:stream.CR1","4711","Table5"\r\n')
            f.write(",".join(f'"{n}"' for n in
                             ["TIMESTAMP", "RECORD"] + names) + "\r\n")
            f.write(",".join(f'"{n}"' for n in ["TS", "RN"] + units) + "\r\n")
            f.write(",".join(f'"{n}"' for n in
                             ["", ""] + ["Avg"] * len(names)) + "\r\n")
            for i in range(at, min(at + 288, len(x))):
                f.write(f'"{times[i]:%Y-%m-%d %H:%M:%S}",{i},' +
                        ",".join(repr(float(v)) for v in x[i]) + "\r\n")


def write_nexus(x, path):
    import h5py

    with h5py.File(path, "w") as f:
        f.attrs["default"] = "entry"
        entry = f.create_group("entry")
        entry.attrs.update(NX_class="NXentry", default="data")
        data = entry.create_group("data")
        data.attrs.update(NX_class="NXdata", signal="det", axes=["motor"])
        data["motor"] = np.linspace(-5, 5, len(x))
        for k, name in enumerate(["det", "i0", "temp"]):
            data.create_dataset(name, data=x[:, k], chunks=(100,),
                                compression="gzip")


def write_pandas(x, folder):
    import pandas as pd

    frame = pd.DataFrame(x, columns=list("abcdef"))
    np.save(folder / "frame.npy", frame.to_numpy())
    frame.to_csv(folder / "frame.csv", index=False)


def make(folder):
    folder.mkdir(parents=True, exist_ok=True)
    write_toa5(table("toa5")[0], folder / "logs")
    write_nexus(table("nexus")[0], folder / "scan.nxs")
    write_pandas(table("pandas")[0], folder)


def send(broker, topic):
    import msgpack
    import msgpack_numpy
    from confluent_kafka import Producer
    from confluent_kafka.admin import AdminClient, NewTopic

    conf = {"bootstrap.servers": broker}
    admin = AdminClient(conf)  # as long as it is asked
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result()
    producer = Producer(conf)
    x, _ = table("bluesky")

    def put(name, doc):
        producer.produce(topic, msgpack.packb((name, doc),
                                              default=msgpack_numpy.encode))
        producer.poll(0)

    put("start", {"uid": "s", "time": 1.79e9, "plan_name": "scan"})
    put("descriptor", {"uid": "d", "name": "primary", "data_keys": {}})
    for i, row in enumerate(x):
        put("event", {"descriptor": "d", "uid": str(i), "seq_num": i + 1,
                      "time": 1.79e9 + i, "filled": {},
                      "data": {"det": row[0], "i0": np.float64(row[1]),
                               "motor": float(row[2])}, "timestamps": {}})
    put("stop", {"uid": "e", "time": 1.79e9 + len(x),
                 "exit_status": "success"})
    producer.flush()


# --- whose answers agree ---


def peer(model, z, seed):
    from sklearn.cluster import KMeans
    from sklearn.ensemble import IsolationForest

    if model == "kmeans":
        fit = KMeans(CLUSTERS, n_init=10, random_state=seed).fit(z)
        return fit.transform(z).min(axis=1)
    return -IsolationForest(random_state=seed).fit(z).score_samples(z)


def named(scores, c):
    """Rows above the percentile, as the peers define it."""
    return set(np.flatnonzero(scores > np.percentile(scores, 100 * (1 - c))))


def spearman(a, b):
    from scipy.stats import spearmanr

    return spearmanr(a, b)[0]


def ours(path, n):
    """Scores and labels by number of the row, over files."""
    import pandas as pd

    r = pd.read_csv(path, keep_default_na=True)
    r = r.sort_values(["source", "row", "time"], kind="stable") \
        if r["source"].notna().any() else r.sort_values("row", kind="stable")
    assert len(r) == n, (len(r), n)
    return r["score"].to_numpy(), set(np.flatnonzero(r["label"] == "outlier"))


def med(v):
    return float(np.median(list(v)))


def each_of(peers, near):
    """How near each is to the others, the median: sorted."""
    n = range(len(peers))
    return sorted(med(near(peers[a], peers[b]) for b in n if b != a)
                  for a in n)


def compare(user, model, scaled, paths):
    from sklearn.preprocessing import StandardScaler

    x, odd = table(user)
    odd, c = set(odd), len(odd) / len(x)
    z = StandardScaler().fit_transform(x) if scaled else x
    peers = [peer(model, z, s) for s in SEEDS]
    theirs = [named(s, c) for s in peers]
    runs = [ours(path, len(x)) for path in paths]
    both = med(med(len(mine & t) for t in theirs) for _, mine in runs)
    rho = med(med(spearman(s, p) for p in peers) for s, _ in runs)
    boths = each_of(theirs, lambda a, b: len(a & b))
    rhos = each_of(peers, spearman)
    hits = med(len(m & odd) for _, m in runs)
    peer_hits = med(len(t & odd) for t in theirs)
    good = both >= boths[0] and rho >= rhos[0] - 0.001
    word = "agrees" if good else "better" if hits > peer_hits else "DIFFERS"
    name = {"kmeans": "k-means", "iforest": "forest"}[model]
    print(f"{user:<9}{name + (', scaled' if scaled else ''):<16}{len(x):>6}"
          f"{len(odd):>8}{hits:>6g}{peer_hits:>6g}"
          f"{both:>7g}"
          f"{med(boths):>7g}{boths[0]:>7g}{rho:>8.3f}{med(rhos):>7.3f}"
          f"{rhos[0]:>7.3f}  {word}", flush=True)
    return word == "DIFFERS"


def name_rows(build):
    """tests/data/named.txt: what the peers name in the tables of the tests."""
    import sklearn
    from sklearn.preprocessing import StandardScaler

    from answers import SETS, table as made

    print("# users.py name: of each table its StandardScaler (mean, scale), and "
          "by model\n# the least rows that a peer has in common with another "
          "(median), and those of\n# the most typical one: scikit-learn",
          sklearn.__version__)
    for name in SETS:
        x, odd = made(pathlib.Path(build), name)
        scaler = StandardScaler().fit(x)
        print("scaler", name, *map(repr, map(float, scaler.mean_)),
              *map(repr, map(float, scaler.scale_)))
        for model, scaled in (("kmeans", 0), ("kmeans", 1), ("iforest", 0)):
            z = scaler.transform(x) if scaled else x
            theirs = [named(peer(model, z, s), odd.mean()) for s in SEEDS]
            near = [med(len(a & b) for b in theirs if b is not a)
                    for a in theirs]
            typical = theirs[int(np.argmax(near))]
            print("named", name, model, scaled, min(near), *sorted(typical))


def head():
    print(f"{'user':<9}{'model':<16}{'rows':>6}{'planted':>8}{'ours':>6}"
          f"{'peer':>6}{'both':>7}{'peers':>7}{'lowest':>7}{'rho':>8}"
          f"{'peers':>7}{'lowest':>7}", flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("verb", choices=("make", "send", "compare", "share", "head", "name"))
    p.add_argument("words", nargs="*")
    a = p.parse_args()
    w = a.words
    if a.verb == "make":
        make(pathlib.Path(w[0]))
    elif a.verb == "send":
        send(w[0], w[1])
    elif a.verb == "name":
        name_rows(w[0])
    elif a.verb == "head":
        head()
    elif a.verb == "share":
        x, odd = table(w[0])
        print(len(odd) / len(x))
    else:
        sys.exit(compare(w[0], w[1], w[2] == "scaled", w[3:]))


if __name__ == "__main__":
    main()
