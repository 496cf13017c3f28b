"""What a pipeline is made of: sources, stages and models, as options of YAML."""
from __future__ import annotations

import inspect
import os
import pickle
import shlex
import sys
from typing import Any, Callable, Dict, Mapping, Optional

import numpy as np

from . import _cli, _wire
from ._serve import Function, Source, Stage

Part = Dict[str, Any]  # keys of a stage in the file: function, options, ...


def generator(**options: Any) -> Part:
    """Seeded blobs with planted outliers: features, blocks, clusters, ..."""
    return {"function": "generator", "options": options}


def file(path: Any, **options: Any) -> Part:
    """Rows of files; see `man pilot-run`."""
    return {"function": "file",
            "options": {"path": os.path.abspath(os.fspath(path)), **options}}


def program(command: str, **options: Any) -> Part:
    """A program of any language, `function: exec`."""
    return {"function": "exec",
            "options": {"command": command, "folder": os.getcwd(), **options}}


def kmeans(**options: Any) -> Part:
    return {"function": "kmeans", "options": options}


def iforest(**options: Any) -> Part:
    return {"function": "iforest", "options": options}


def autoencoder(**options: Any) -> Part:
    return {"function": "autoencoder", "options": options}


def python(obj: Any, **options: Any) -> Part:
    """An object of Python with partial_fit as a model that one rank holds:
    "module:name", a class, a function that makes one, or an object, which is
    pickled as it is.
    """
    return {"function": "python", "object": obj, "options": options}


class Folder:
    """Where what a pipeline needs is written, made when something is."""

    def __init__(self, make: Callable[[], str]) -> None:
        self._make = make
        self.path: Optional[str] = None

    def file(self, name: str) -> str:
        if self.path is None:
            self.path = self._make()
        return os.path.join(self.path, name)


def _main_file() -> Optional[str]:
    path = getattr(sys.modules.get("__main__"), "__file__", None)
    return os.path.abspath(path) if path and os.path.exists(path) else None


def name_of(found: Any, folder: Folder, what: str) -> str:
    """MODULE:NAME or FILE.py:NAME by which another process finds it."""
    module, name = found.__module__, getattr(found, "__qualname__",
                                             found.__name__)
    if "<locals>" not in name and "<lambda>" not in name:
        source = (_main_file() if module == "__main__" else
                  inspect.getsourcefile(sys.modules[module])
                  if module in sys.modules else None)
        if module != "__main__" and "." in module:
            return f"{module}:{name}"
        if source and source.endswith(".py"):
            return f"{os.path.abspath(source)}:{name}"
    return _pickled(found, folder, what)


def _pickled(found: Any, folder: Folder, what: str) -> str:
    """Written down with cloudpickle, where it is in no file."""
    try:
        import cloudpickle  # type: ignore[import-untyped, unused-ignore]
    except ImportError:
        raise TypeError(
            f"{what} is defined in a notebook, or within a function, where "
            "the ranks cannot find it: put it into a file, or pip install "
            "cloudpickle") from None
    data = cloudpickle.dumps(found)
    with open(folder.file(f"{what}.pickle"), "wb") as f:
        f.write(data)
    path = folder.file(f"{what}_from_notebook.py")
    with open(path, "w", encoding="utf-8") as f:
        f.write(f"import os, pickle\nwith open(os.path.join(os.path.dirname("
                f"__file__), {what + '.pickle'!r}), 'rb') as f:\n"
                f"    {what} = pickle.load(f)\n")
    return f"{path}:{what}"


def _program_of(function: Function, role: str, folder: Folder) -> Part:
    inner = function.function
    found: Any = function
    if not hasattr(inner, "__module__"):
        found = inner
    name = _name_of_function(function, found, folder, role)
    words = [_cli.python(), "-m", "pilot_edge", role, name]
    return {"function": "exec",
            "options": {"command": shlex.join(words), "folder": os.getcwd()}}


def _name_of_function(function: Function, found: Any, folder: Folder,
                      role: str) -> str:
    inner = function.function
    module = sys.modules.get(inner.__module__)
    name = getattr(inner, "__qualname__", inner.__name__)
    # Under a name that is another thing now, as in a notebook, it is lost.
    there = getattr(module, name, None) if "." not in name else None
    if there is not found and there is not inner:
        return _pickled(found, folder, role)
    return name_of(inner, folder, role)


def source_part(source: Any, folder: Folder) -> Part:
    """A path, an array, a @source, or a mapping, as the first stage."""
    if isinstance(source, Mapping):
        return dict(source)
    if isinstance(source, Stage):
        raise TypeError(f"{source!r} is a stage; a source is made by @source")
    if isinstance(source, Source):
        return _program_of(source, "source", folder)
    if isinstance(source, (str, os.PathLike)):
        return file(source)
    if callable(source):
        return _program_of(Source(source), "source", folder)
    array = _wire.as_block(source, "source=")
    path = folder.file("source.npy")
    np.save(path, array)
    return file(path)


def stage_part(stage: Any, folder: Folder) -> Part:
    if isinstance(stage, Mapping):
        return dict(stage)
    if isinstance(stage, Source):
        raise TypeError(f"{stage!r} is a source; a stage is made by @stage")
    if isinstance(stage, str):
        return {"function": stage}
    if isinstance(stage, Function):
        return _program_of(stage, "stage", folder)
    if callable(stage):
        return _program_of(Stage(stage), "stage", folder)
    raise TypeError(f"{stage!r} is no stage: a function, its name, or "
                    "{'function': ..., 'options': {...}}")


def model_part(model: Any, folder: Folder) -> Part:
    """A name, a mapping, or an object of Python."""
    if isinstance(model, str) and ":" not in model:
        return {"function": model}
    if isinstance(model, str) and ".so:" in model:
        return {"function": model}
    if not isinstance(model, Mapping):
        model = python(model)
    part = dict(model)
    if "object" in part:
        options = dict(part.get("options") or {})
        options["object"] = _object_name(part.pop("object"), folder)
        options.setdefault("python", _cli.python())
        options.setdefault("folder", os.getcwd())
        part["options"] = options
    return part


def _object_name(obj: Any, folder: Folder) -> str:
    if isinstance(obj, str):
        return obj
    if isinstance(obj, type) or inspect.isfunction(obj):
        return name_of(obj, folder, "model")
    from ._learner import check
    check(obj)
    if type(obj).__module__ == "__main__":
        # Its pickle would look for the class in the __main__ of the rank.
        raise TypeError(
            f"{type(obj).__name__} is defined in the script itself: give the "
            "class, or a function that makes the object")
    with open(folder.file("model.pickle"), "wb") as f:
        pickle.dump(obj, f, protocol=4)
    path = folder.file("model_as_given.py")
    with open(path, "w", encoding="utf-8") as f:
        f.write("import os, pickle\n\n\ndef make():\n    with open(os.path.join("
                "os.path.dirname(__file__), 'model.pickle'), 'rb') as f:\n"
                "        return pickle.load(f)\n")
    return f"{path}:make"
