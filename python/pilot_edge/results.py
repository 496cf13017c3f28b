"""The answers of a run: every row with its score."""
from __future__ import annotations

import html
import io
import json
import os
from typing import Any, Dict, Iterator, List

import numpy as np

from . import _cli
from ._wire import Array

_SHOWN = 10  # rows of the table in a notebook


class Results:
    """A structured array with names for what it is made of.

    `scores`, `labels` (1 outlier, 0 inlier, -1 masked), `rows` (numbers from
    0), `values` (rows, columns), `columns`, `threshold`, `outliers`.
    """

    def __init__(self, data: Array, about: Dict[str, Any]) -> None:
        self._data, self.about = data, about

    @classmethod
    def of(cls, run: str, home: str) -> "Results":
        data = np.load(io.BytesIO(_cli.call(["results", "--npy", run])))
        about: Dict[str, Any] = {}
        path = os.path.join(home, run, "results", "results.json")
        if os.path.exists(path):
            with open(path, encoding="utf-8") as f:
                about = json.load(f)
        return cls(data, about)

    def __len__(self) -> int:
        return len(self._data)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._data)

    def __getitem__(self, what: Any) -> Any:
        part = self._data[what]
        if isinstance(part, np.ndarray) and part.dtype == self._data.dtype:
            return Results(part, self.about)
        return part

    @property
    def columns(self) -> List[str]:
        """Names of the values."""
        names = list(self._data.dtype.names or ())
        at = names.index("label") + 1 if "label" in names else len(names)
        return names[at:]

    @property
    def scores(self) -> Array:
        return np.asarray(self._data["score"])

    @property
    def labels(self) -> Array:
        return np.asarray(self._data["label"])

    @property
    def rows(self) -> Array:
        return np.asarray(self._data["row"])

    @property
    def values(self) -> Array:
        """What was sensed: (rows, columns)."""
        names = self.columns
        return np.stack([self._data[n] for n in names], axis=1) if names else (
            np.empty((len(self), 0)))

    @property
    def threshold(self) -> float:
        return float(self.about.get("threshold", np.nan))

    @property
    def outliers(self) -> "Results":
        """Those above the threshold, highest first."""
        part = self._data[self._data["label"] == 1]
        return Results(part[np.argsort(-part["score"], kind="stable")],
                       self.about)

    def to_numpy(self) -> Array:
        """The structured array, as `pilot results --npy` has it."""
        return self._data

    def to_pandas(self) -> Any:
        """A DataFrame, with pandas, which has to be installed."""
        try:
            import pandas  # type: ignore[import-untyped, unused-ignore]
        except ImportError:
            raise ImportError("to_pandas() needs pandas: pip install pandas; "
                              "to_numpy() needs nothing") from None
        frame = pandas.DataFrame({n: self._data[n]
                                  for n in self._data.dtype.names or ()})
        if "time_ns" in frame:
            frame.insert(0, "time", pandas.to_datetime(frame["time_ns"],
                                                       utc=True))
        for field, names in (("device", "devices"), ("source", "sources")):
            known = self.about.get(names)
            if field in frame and known:
                frame[field] = [known[i] if 0 <= i < len(known) else None
                                for i in frame[field]]
        return frame

    def __repr__(self) -> str:
        return (f"<pilot_edge.Results {len(self):,} rows, "
                f"{int((self.labels == 1).sum()):,} outliers, "
                f"threshold {self.threshold:.6g}>")

    def _highest(self) -> List[List[str]]:
        """Titles, and the rows with the highest scores."""
        names = ["row", "score", "label", *self.columns]
        top = self._data[np.argsort(-np.nan_to_num(
            self._data["score"], nan=-np.inf), kind="stable")][:_SHOWN]
        return [names] + [
            [f"{row[n]:.6g}" if isinstance(row[n], np.floating)
             else str(row[n]) for n in names] for row in top]

    def __str__(self) -> str:
        table = self._highest()
        widths = [max(map(len, column)) for column in zip(*table)]
        lines = ["  ".join(v.rjust(w) for v, w in zip(row, widths))
                 for row in table]
        return "\n".join([f"{repr(self)[1:-1]}; the highest:"] + lines)

    def _repr_html_(self) -> str:
        def cells(tag: str, values: List[str]) -> str:
            return "<tr>" + "".join(
                f"<{tag}>{html.escape(v)}</{tag}>" for v in values
            ) + "</tr>"

        titles, *rows = self._highest()
        body = "".join(cells("td", row) for row in rows)
        return (f"<p>{html.escape(repr(self)[1:-1])}; the highest:</p><table>"
                f"{cells('th', titles)}{body}</table>")
