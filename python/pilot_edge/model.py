"""Models of runs as estimators, evaluated by NumPy alone."""
from __future__ import annotations

import json
import pickle
import struct
from typing import Any, Callable, Dict, Optional, Tuple, Type

import numpy as np

from ._wire import Array
from .errors import DataError

_TYPES = {"F64": "<f8", "F32": "<f4", "I64": "<i8", "U64": "<u8"}


def read_tensors(path: str) -> Tuple[Dict[str, str], Dict[str, Array]]:
    """Metadata and tensors of a safetensors file."""
    with open(path, "rb") as f:
        data = f.read()
    try:
        size = struct.unpack("<Q", data[:8])[0]
        head = json.loads(data[8:8 + size])
        meta: Dict[str, str] = head.pop("__metadata__", {})
        body = memoryview(data)[8 + size:]
        tensors = {}
        for name, t in head.items():
            begin, end = t["data_offsets"]
            tensors[name] = np.frombuffer(
                body[begin:end], _TYPES[t["dtype"]]).reshape(t["shape"])
    except (struct.error, ValueError, KeyError, TypeError) as e:
        raise DataError(f"{path} is no model file: {e}") from None
    if not meta.get("format", "").startswith("pilot-edge.model."):
        raise DataError(f"{path} is no model of Pilot-Edge")
    return meta, tensors


class Model:
    """A model as it was committed, as scikit-learn has outlier detectors:
    `score_samples` and `decision_function` are low for outliers, `predict` is
    -1 for them and 1 for others.  `scores` are those of Pilot-Edge, which are
    high for outliers; a row with a value that is not finite has NaN, and is an
    outlier to `predict`.

    It pickles, and says what it is by `kind`, `version`, `commit`, `points`,
    `threshold`, `features`, `metadata` and `tensors`.
    """

    kind = ""

    def __init__(self, metadata: Dict[str, str],
                 tensors: Dict[str, Array]) -> None:
        self._take(metadata, tensors)

    def _take(self, metadata: Dict[str, str],
              tensors: Dict[str, Array]) -> None:
        self.metadata, self.tensors = metadata, tensors
        self.version = int(metadata["version"])
        self.commit = metadata.get("commit", "")
        self.points = int(metadata["points"])
        self.threshold = float(metadata["threshold"])
        self.n_features_in_ = self.features = int(metadata["features"])
        self.warming = metadata.get("warming") == "1"

    def __getattr__(self, name: str) -> Any:
        # offset_ is where decision_function has its 0, as in scikit-learn.
        if name == "offset_":
            return -self.threshold
        raise AttributeError(name)

    def _refresh(self) -> None:
        """The newest commit, where this model follows a run."""

    def _rows(self, x: Any) -> Array:
        rows = np.asarray(x, np.float64)
        if rows.ndim != 2 or rows.shape[1] != self.features:
            raise ValueError(
                f"rows of shape {rows.shape}, and the model has "
                f"{self.features} features: (rows, {self.features}) is wanted")
        return rows

    def scores(self, x: Any) -> Array:
        """One a row, high for outliers."""
        self._refresh()
        rows = self._rows(x)
        out = np.full(len(rows), np.nan)
        good = (np.abs(rows) <= np.finfo(np.float32).max).all(axis=1)
        if not self.warming and good.any():
            out[good] = self._score(rows[good])
        return out

    def _score(self, x: Array) -> Array:
        raise DataError(f"a model of kind {self.kind or '?'} has no scores "
                        "here: use `pilot score`")

    def score_samples(self, x: Any) -> Array:
        low: Array = -self.scores(x)
        return low

    def decision_function(self, x: Any) -> Array:
        scores = self.scores(x)
        above: Array = self.threshold - scores
        return above

    def predict(self, x: Any) -> Array:
        return np.where(self.decision_function(x) >= 0, 1, -1)

    def __repr__(self) -> str:
        return (f"<pilot_edge.{type(self).__name__} version {self.version}, "
                f"{self.points:,} points, threshold {self.threshold:.6g}>")

    def _repr_html_(self) -> str:
        rows = [("version", f"{self.version}"), ("points", f"{self.points:,}"),
                ("features", f"{self.features}"),
                ("threshold", f"{self.threshold:.6g}"),
                ("commit", self.commit)]
        return (f"<b>{self.kind}</b><table>" +
                "".join(f"<tr><td>{k}</td><td>{v}</td></tr>"
                        for k, v in rows) + "</table>")


class KMeansModel(Model):
    """Score: the distance to the nearest centre."""

    kind = "kmeans"

    @property
    def cluster_centers_(self) -> Array:
        return self.tensors["centers"]

    def _score(self, x: Array) -> Array:
        return np.asarray(np.sqrt(self._squares(x).min(axis=1)))

    def labels(self, x: Any) -> Array:
        """The nearest centre of each row."""
        self._refresh()
        return np.asarray(self._squares(self._rows(x)).argmin(axis=1))

    def _squares(self, x: Array) -> Array:
        out = np.empty((len(x), len(self.cluster_centers_)))
        for k, centre in enumerate(self.cluster_centers_):
            out[:, k] = ((x - centre) ** 2).sum(axis=1)
        return out


class IForestModel(Model):
    """Score: as scikit-learn's isolation forest, but high for outliers."""

    kind = "iforest"

    def _score(self, x: Array) -> Array:
        feature, threshold, value, shift = (
            self.tensors[k] for k in ("feature", "threshold", "value", "shift"))
        psi = int(self.metadata["psi"])
        x = (x - shift).astype(np.float32)
        trees, n = feature.shape
        tree = np.arange(trees)
        path = np.empty(len(x))
        for first in range(0, len(x), 4096):  # bounded memory
            part = x[first:first + 4096]
            at = np.ones((len(part), trees), np.intp)  # its children: 2i, 2i+1
            while at[0, 0] < n:
                column = feature[tree, at].astype(np.intp)
                at = 2 * at + (np.take_along_axis(part, column, 1) >
                               threshold[tree, at])
            path[first:first + 4096] = value[tree, at - n].astype(
                np.float64).mean(axis=1)
        c = (2 * (np.log(psi - 1) + np.euler_gamma) - 2 * (psi - 1) / psi
             if psi > 2 else 1.0)
        return np.asarray(2 ** (-path / c))


class AutoencoderModel(Model):
    """Score: how far a row is from what the net makes of it."""

    kind = "autoencoder"

    def _score(self, x: Array) -> Array:
        t, option = self.tensors, self.metadata
        z = (x - t["mean"]) / t["scale"]
        z = np.clip(z, -1e4, 1e4).astype(np.float32).astype(np.float64)
        a = z
        layers = sum(k.startswith("weight.") for k in t)
        for i in range(1, layers + 1):
            a = a @ t[f"weight.{i}"].astype(np.float64) + t[f"bias.{i}"]
            if i < layers:
                a = np.maximum(a, 0)
        preset = ("sigmoid" if option.get("option.preset") == "pyod2021"
                  else "linear")
        if option.get("option.output", preset) == "sigmoid":
            a = 1 / (1 + np.exp(-a))
        return np.asarray(np.sqrt(((z - a) ** 2).sum(axis=1)))


class PythonModel(Model):
    """Score: what the user's object says.

    Its file holds a pickle, and to load one runs what it says: load models of
    yours alone.
    """

    kind = "python"
    _object: Any = None

    @property
    def object(self) -> Any:
        """The user's object as it was committed."""
        if self._object is None:
            size = int(self.metadata["state_bytes"])
            data = self.tensors["state"].tobytes()[:size]
            self._object = pickle.loads(data)[1]
        return self._object

    def _take(self, metadata: Dict[str, str],
              tensors: Dict[str, Array]) -> None:
        super()._take(metadata, tensors)
        self._object = None

    def _score(self, x: Array) -> Array:
        from ._learner import scores
        return np.asarray(scores(self.object, x), np.float64)


_KINDS: Dict[str, Type[Model]] = {
    k.kind: k for k in (KMeansModel, IForestModel, AutoencoderModel,
                        PythonModel)}


def load_model(path: str) -> Model:
    """The model in a file, as `pilot model get` writes one."""
    metadata, tensors = read_tensors(path)
    return _KINDS.get(metadata.get("kind", ""), Model)(metadata, tensors)


def following(model: Model, newest: Callable[[], Optional[str]]) -> Model:
    """The same model, which asks `newest` for a file that has another commit
    before it scores.  Its pickle is the model of then, and follows nothing.
    """
    kind = type(model)

    class Following(kind):  # type: ignore[misc, valid-type]
        __doc__ = kind.__doc__

        def _refresh(self) -> None:
            path = newest()
            if path is not None:
                self._take(*read_tensors(path))

        def __reduce__(self) -> Any:
            return kind, (self.metadata, self.tensors)

    Following.__name__ = kind.__name__
    return Following(model.metadata, model.tensors)
