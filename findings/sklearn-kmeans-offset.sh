#!/bin/bash
# scikit-learn 1.9.1, NumPy 2.4.6: KMeans on float64 rows of which one column
# is a time in seconds since 1970.  Do predict and transform agree with fit on
# the very rows that were fitted?
#
# Guess: yes; in float64 1.7e9 leaves nine digits for blobs 3 apart.
#
# Seen: fit is right for every row, predict and transform are wrong for about
# 70 in 100 of the same rows, without a warning.  fit takes the mean off the
# data before it computes |x|^2 - 2xc + |c|^2 and puts it back afterwards;
# predict and transform use that form on the numbers as they are, and 1.7e9
# squared leaves no digit for the rest.  MiniBatchKMeans.partial_fit does not
# take a mean off either: from the first batch on it learns centres that are
# none.  Up to 1e8 all agree.  Whoever scores a stream has to take the offset
# off before.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check \
    scikit-learn==1.9.1 numpy==2.4.6
"$dir/venv/bin/python" -W error - <<'P'
import numpy as np
import sklearn
from sklearn.cluster import KMeans, MiniBatchKMeans

rng = np.random.default_rng(0)
true = np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 3.0]])
label = rng.integers(3, size=600)
rows = true[label] + 0.3 * rng.normal(size=(600, 2))


def wrong(got):
    return round(float((got != label).mean()), 2)


seen = {}
for offset in (0, 1e8, 1.7e9):
    by = np.array([offset, 0])
    model = KMeans(3, init=true + by, n_init=1).fit(rows + by)
    batch = MiniBatchKMeans(3, init=true + by, n_init=1,
                            reassignment_ratio=0).partial_fit(rows + by)
    away = np.abs(batch.cluster_centers_ - by - true).max()
    seen[offset] = (wrong(model.labels_), wrong(model.predict(rows + by)),
                    wrong(model.transform(rows + by).argmin(1)))
    print("scikit-learn %s, offset %g: wrong labels of fit %g, predict %g, "
          "transform %g; centres of partial_fit at most %.2g off"
          % ((sklearn.__version__, offset) + seen[offset] + (away,)))
    assert (away > 0.5) == (offset > 1e8)
assert seen[0] == seen[1e8] == (0, 0, 0)
assert seen[1.7e9][0] == 0 and min(seen[1.7e9][1:]) > 0.5
P
