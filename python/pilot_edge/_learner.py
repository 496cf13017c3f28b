"""A user's object as a model: the program behind `function: python`.

Questions and answers are words of 32 bytes (`models/python/talk.c`) with the
numbers of a block, scores, or the pickled object behind them.
"""
from __future__ import annotations

import io
import os
import pickle
import sys
import traceback
from typing import Any, Callable, Optional

import numpy as np

from . import _wire
from ._wire import Array, WORD

MAGIC = b"\x93PILOT\2\n"
LEARN, AFTER, SCORE, LOAD, STATE = range(16, 21)
DONE, REFUSES = 1, 2
_NEED = ("a model has partial_fit(rows), or learn_one(row), and one of "
         "score_samples(rows), decision_function(rows), score_one(row), "
         "or transform(rows) of clusters")


def make_of(found: Any) -> Any:
    """The object that a name means: a class, a function that makes one, or it.
    """
    is_object = hasattr(found, "partial_fit") or hasattr(found, "learn_one")
    if isinstance(found, type) or (callable(found) and not is_object):
        found = found()
    check(found)
    return found


def check(model: Any) -> None:
    """TypeError where no model can be made of it."""
    name = type(model).__name__
    if not (hasattr(model, "partial_fit") or hasattr(model, "learn_one")):
        hint = ("; pe.Window(%s(...)) fits it to the last rows again and again"
                % name if hasattr(model, "fit") else "")
        raise TypeError(f"{name} has no partial_fit: {_NEED}{hint}")
    scorer_of(model)


def scorer_of(model: Any) -> Callable[[Array], Array]:
    """What gives scores of rows, high for what is unlike the rest."""
    pyod = any(c.__module__.startswith("pyod.") for c in type(model).__mro__)
    if hasattr(model, "score_one"):  # River
        def score_one(x: Array) -> Array:
            return np.array([model.score_one(dict(enumerate(row)))
                             for row in x.tolist()])
        return score_one
    if pyod or getattr(model, "high_is_outlier", False):
        return lambda x: np.asarray(model.decision_function(x))
    if hasattr(model, "score_samples"):  # scikit-learn: low is unlike the rest
        return lambda x: -np.asarray(model.score_samples(x))
    if hasattr(model, "decision_function"):
        return lambda x: -np.asarray(model.decision_function(x))
    # Clusters: the distance of the nearest.  What a scaler, or a projection,
    # makes of a row is none.
    if hasattr(model, "transform") and hasattr(model, "predict"):
        return lambda x: np.asarray(model.transform(x)).min(axis=1)
    raise TypeError(f"{type(model).__name__} gives no scores: {_NEED}")


def learn(model: Any, x: Array) -> None:
    if hasattr(model, "partial_fit"):
        model.partial_fit(x)
    else:
        for row in x.tolist():
            model.learn_one(dict(enumerate(row)))


def scores(model: Any, x: Array) -> Array:
    """One a row; NaN where a value is not finite, or nothing is learned yet."""
    out = np.full(len(x), np.nan, np.float32)
    good = np.isfinite(x).all(axis=1)
    if not good.any():
        return out
    got = scorer_of(model)(x if good.all() else x[good])
    if np.shape(got) != (int(good.sum()),):
        raise ValueError(f"{type(model).__name__} gave scores of shape "
                         f"{np.shape(got)} for {int(good.sum())} rows")
    out[good] = got
    return out


class _Bounded(io.RawIOBase):
    """Bytes, and not more than a model may have."""

    def __init__(self, most: int, name: str) -> None:
        self.data, self.most, self.name = bytearray(), most, name

    def writable(self) -> bool:
        return True

    def write(self, b: Any) -> int:
        view = (b.raw() if isinstance(b, pickle.PickleBuffer)
                else memoryview(b).cast("B"))
        if len(self.data) + view.nbytes > self.most:
            raise ValueError(
                f"{self.name} pickled is more than the {self.most:,} bytes "
                "that option most allows")
        self.data += view
        return view.nbytes



class Learner:
    """The object, and what it is asked for."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.model: Any = None
        self.rows = 0  # that it has learned from
        self.touched = False
        self.most = int(os.environ.get("PILOT_MOST", "67108864"))

    def load(self, data: bytes) -> bytes:
        if data:
            self.rows, self.model = pickle.loads(data)
            check(self.model)
        else:
            from ._serve import load
            self.rows, self.model = 0, make_of(load(self.name))
        return b""

    def state(self) -> bytes:
        out = _Bounded(self.most, type(self.model).__name__)
        pickle.Pickler(out, protocol=5).dump((self.rows, self.model))
        return bytes(out.data)

    def score(self, x: Array) -> Array:
        if self.rows == 0:
            return np.full(len(x), np.nan, np.float32)
        return scores(self.model, x)

    def learn(self, x: Array) -> None:
        good = np.isfinite(x).all(axis=1)
        if not good.any():
            return
        self.touched = True
        learn(self.model, x if good.all() else x[good])
        self.rows += int(good.sum())

    def answer(self, kind: int, x: Optional[Array], data: bytes) -> Any:
        self.touched = False
        if kind == LOAD:
            return self.load(data)
        if kind == STATE:
            return self.state()
        assert x is not None
        if kind == AFTER:
            self.learn(x)
        out = self.score(x)
        if kind == LEARN:
            self.learn(x)
        return out


def serve(name: str) -> int:
    ends, learner = _wire.Ends(), Learner(name)
    while True:
        try:
            word = ends.read(WORD.size)
        except _wire.Hangup:
            return 0
        magic, kind, element, rows, columns = WORD.unpack(word)
        if magic != MAGIC:
            print("standard input has no questions: this program is started "
                  "by `function: python`", file=sys.stderr)
            return 64
        x, data = None, b""
        try:
            if element:
                raw = ends.read(rows * columns * element)
                x = np.frombuffer(raw, "<f%d" % element).reshape(rows, columns)
            elif rows:
                data = bytes(ends.read(rows))
        except _wire.Hangup:
            return 0
        try:
            out = learner.answer(kind, x, data)
            size = len(memoryview(out).cast("B"))
            ends.write(WORD.pack(MAGIC, DONE, 0, size, 0), out)
        except BrokenPipeError:
            return 0
        except Exception as e:
            traceback.print_exc()
            text = _wire.reason_of(e).encode()[:_wire.REASON_MAX]
            ends.write(WORD.pack(MAGIC, REFUSES, 0, len(text),
                                 int(learner.touched)) + text)
