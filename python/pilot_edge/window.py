"""What can only be fitted as a whole, as a model that learns on."""
from __future__ import annotations

from typing import Any, Optional

import numpy as np

from ._wire import Array


class Window:
    """`detector`, which has fit(), as one with partial_fit(): it is fitted to
    the last `rows` rows again, each time `every` more have come.

    For detectors of PyOD and scikit-learn: pe.Window(IForest(), rows=5000).
    """

    def __init__(self, detector: Any, rows: int = 5000,
                 every: Optional[int] = None) -> None:
        if rows < 1:
            raise ValueError("a window has a row, or more")
        self.detector, self.rows = detector, rows
        self.every = every if every is not None else max(1, rows // 4)
        self._seen: Optional[Array] = None
        self._fresh = 0
        self._fitted = False
        # PyOD's scores are high for outliers, scikit-learn's are low.
        self.high_is_outlier = any(
            c.__module__.startswith("pyod.") for c in type(detector).__mro__)

    def partial_fit(self, x: Array, y: Any = None) -> "Window":
        x = np.array(x)
        seen = x if self._seen is None else np.concatenate((self._seen, x))
        self._seen = seen[-self.rows:]
        self._fresh += len(x)
        if not self._fitted or self._fresh >= self.every:
            self.detector.fit(self._seen)
            self._fresh, self._fitted = 0, True
        return self

    def decision_function(self, x: Array) -> Array:
        return np.asarray(self.detector.decision_function(x))

    def score_samples(self, x: Array) -> Array:
        d = self.detector
        score = (d.score_samples if hasattr(d, "score_samples")
                 else d.decision_function)
        return np.asarray(score(x))
