"""Pilot-Edge from Python.

    import pilot_edge as pe

    run = pe.run(source="data.csv", model=pe.kmeans(clusters=3))
    run.results().outliers.to_pandas()
    run.model.predict(rows)

See README.md of this package.
"""
try:
    import numpy as _numpy  # noqa: F401
except ImportError:
    import sys as _sys
    raise ImportError(
        f"pilot_edge needs NumPy, and {_sys.executable} has none: "
        "pip install numpy, or name another Python") from None

from ._producer import Producer
from ._serve import Context, Source, Stage, source, stage
from .errors import (CannotCreate, ConfigError, DataError, PermissionDenied,
                     PilotError, RunFailed, Stopped, TryAgain, Unreachable,
                     UsageError, WaitTimeout)
from .model import Model, load_model
from .parts import (autoencoder, file, generator, iforest, kmeans, program,
                    python)
from .results import Results
from ._run import Run, pipeline, run, runs, submit
from .window import Window

__version__ = "0.1.0"
__all__ = [
    "CannotCreate", "ConfigError", "Context", "DataError", "Model",
    "PermissionDenied", "PilotError", "Producer", "Results", "Run",
    "RunFailed", "Source", "Stage", "Stopped", "TryAgain", "Unreachable",
    "UsageError", "WaitTimeout", "Window", "autoencoder", "file", "generator",
    "iforest", "kmeans", "load_model", "pipeline", "program", "python", "run",
    "runs", "source", "stage", "submit",
]
