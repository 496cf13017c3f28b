"""Objects and functions that tests give to ranks."""
import os
import time

import numpy as np

import pilot_edge as pe


class Gauss:
    """Means and variances; low scores are unlike the rest."""

    def __init__(self):
        self.n, self.sums, self.squares = 0, 0.0, 0.0

    def partial_fit(self, x):
        self.n += len(x)
        self.sums = self.sums + x.sum(axis=0)
        self.squares = self.squares + (x * x).sum(axis=0)
        return self

    def score_samples(self, x):
        mean = self.sums / self.n
        return -((x - mean) ** 2 / (self.squares / self.n - mean ** 2
                                    + 1e-9)).sum(axis=1)


class Slow(Gauss):
    """As long as a test needs to kill it."""

    def partial_fit(self, x):
        time.sleep(0.02)
        return super().partial_fit(x)


class Picky(Gauss):
    """Refuses some blocks in the middle of learning from them."""

    def partial_fit(self, x):
        super().partial_fit(x)
        if int(abs(x[0, 0]) * 1e6) % 7 == 0:
            raise ValueError("no such block\nonce more")
        return self


class Faults(Gauss):
    """Does what the first number says, behind having learned from the rows."""

    def partial_fit(self, x):
        super().partial_fit(x)
        if x[0, 0] == 1000:
            raise ValueError("of no use")
        if x[0, 0] == 2000:
            os._exit(9)
        if x[0, 0] == 3000:
            time.sleep(60)
        return self


class Huge(Gauss):
    """2 GB when it is pickled."""

    def partial_fit(self, x):
        super().partial_fit(x)
        self.ballast = np.zeros(1 << 28)


class NoScores:
    def partial_fit(self, x):
        return self


class Scaler:
    """transform() alone is no distance."""

    def partial_fit(self, x):
        return self

    def transform(self, x):
        return x


class Fitted:
    def fit(self, x):
        return self


class Wrong(Gauss):
    def score_samples(self, x):
        return np.zeros((len(x), 2))


@pe.stage
def same(x):
    return x


@pe.stage
def several(x, ctx):
    print("several was called by", ctx.stage)
    what = int(x[0, 0]) // 100
    if what == 3:
        x *= 2
    return {0: x, 1: x * 2, 2: None, 4: x.mean(axis=0),
            5: np.array([["a"]])}[what]


@pe.stage(writable=True)
def inplace(x):
    x *= 2
    return x


@pe.stage
def dies(x):
    os._exit(7)


@pe.source
def ten():
    for i in range(10):
        yield np.full((100, 3), float(i)) + np.arange(100)[:, None]


_left = [3]


@pe.source
def three():
    _left[0] -= 1
    return np.ones((2, 2)) if _left[0] >= 0 else None
