"""@source and @stage: functions of Python as programs of `function: exec`."""
from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import sys
import traceback
from typing import Any, Callable, Iterable, Iterator, Optional, Union, overload

import numpy as np

from . import _wire
from ._wire import Array, BLOCK, MAGIC, NOTHING, PASS, REFUSES, WORD


class Context:
    """Where a function runs: `run`, `stage`, `device` ("" on a rank), `index`
    and `size` (of devices, or ranks), `points` that a source's block may have.
    """

    def __init__(self) -> None:
        def said(name: str) -> str:
            return os.environ.get("PILOT_" + name, "")

        self.run, self.stage, self.device = map(
            said, ("RUN", "STAGE", "DEVICE"))
        self.index = int(said("INDEX") or 0)
        self.size = int(said("SIZE") or 1)
        self.points = int(said("POINTS") or 0)

    def __repr__(self) -> str:
        return f"<Context {self.run}/{self.stage} {self.index} of {self.size}>"


def _wants_context(function: Callable[..., Any], others: int) -> bool:
    """Does it take one argument more than the `others`?"""
    try:
        wants = [p for p in inspect.signature(function).parameters.values()
                 if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
                 and p.default is p.empty]
    except (TypeError, ValueError):
        return False
    return len(wants) > others


class Function:
    """A function that can be a stage; it is called as before, too."""

    role = "stage"

    def __init__(self, function: Callable[..., Any], **options: Any) -> None:
        self.function, self.options = function, options
        self.__name__ = getattr(function, "__name__", type(function).__name__)
        self.__doc__ = function.__doc__
        self.__module__ = function.__module__

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<pilot_edge.{self.role} {self.__module__}.{self.__name__}>"

    def serve(self) -> None:
        """Be the program of `function: exec`, until there are no blocks."""
        raise NotImplementedError


class Stage(Function):
    """See `stage`."""

    def serve(self) -> None:
        ends, ctx = _wire.Ends(), Context()
        shared = _wire.Shared.find()
        call = self.function
        if _wants_context(call, 1):
            with_context = self.function

            def call(x: Array) -> Any:
                return with_context(x, ctx)

        writable = bool(self.options.get("writable"))
        read, unpack, size = os.read, WORD.unpack, WORD.size
        passes = WORD.pack(MAGIC, PASS, 0, 0, 0)
        while True:
            word = read(ends.input, size)
            if not word:
                return
            if shared and word[:8] == MAGIC and len(word) == size:
                _, _, element, rows, columns = unpack(word)
                x = shared.block(element, rows, columns)
            else:
                try:
                    x = _wire.read_npy(ends, word)
                except _wire.Hangup:
                    return
                x.flags.writeable = False
            given = x
            try:
                if writable:
                    x = x.copy()
                y = call(x)
                if y is given:
                    os.write(ends.output, passes)
                else:
                    self._answer(ends, shared, y)
            except Exception as e:
                traceback.print_exc()
                _refuse(ends, e)

    def _answer(self, ends: _wire.Ends, shared: Optional[_wire.Shared],
                y: Any) -> None:
        if y is None or y is False:
            ends.write(WORD.pack(MAGIC, NOTHING, 0, 0, 0))
            return
        array = _wire.as_block(y, f"{self.__name__}()")
        if array.size == 0:
            ends.write(WORD.pack(MAGIC, NOTHING, 0, 0, 0))
        elif shared and shared.put(array):
            ends.write(WORD.pack(MAGIC, BLOCK, array.dtype.itemsize,
                                 array.shape[0], array.shape[1]))
        else:
            ends.write(_wire.npy_header(array), array)


def _refuse(ends: _wire.Ends, error: BaseException) -> None:
    text = _wire.reason_of(error).encode()[:_wire.REASON_MAX]
    ends.write(WORD.pack(MAGIC, REFUSES, 0, len(text), 0) + text)


class Source(Function):
    """See `source`."""

    role = "source"

    def arrays(self) -> Iterator[Any]:
        """What it gives, one after the other."""
        args = (Context(),) if _wants_context(self.function, 0) else ()
        if inspect.isgeneratorfunction(self.function):
            yield from self.function(*args)
            return
        while True:
            value = self.function(*args)
            if value is None:
                return
            if isinstance(value, Iterator):
                yield from value
                return
            yield value

    def serve(self) -> None:
        ends = _wire.Ends()
        for value in self.arrays():
            array = _wire.as_block(value, f"{self.__name__}()")
            if array.size:
                ends.write(_wire.npy_header(array), array)


AnyFunction = Callable[..., Any]


@overload
def stage(function: AnyFunction) -> Stage: ...
@overload
def stage(*, writable: bool = ...) -> Callable[[AnyFunction], Stage]: ...
def stage(function: Optional[AnyFunction] = None, *,
          writable: bool = False) -> Any:
    """A function of one block (rows, columns), and of a Context where it takes
    two arguments, as a stage.

    It gets a view that cannot be written to, and gives what goes on: another
    array, the same one, or None for nothing.  With `writable` it gets a copy.
    What it raises refuses the block, with the last line of the traceback.
    """
    if function is None:
        return lambda f: Stage(f, writable=writable)
    return Stage(function, writable=writable)


def source(function: AnyFunction) -> Source:
    """A generator of arrays (rows, columns), or a function that gives the next
    one each time and None at the end, as a source.  It may take a Context.
    """
    return Source(function)


# --- functions by their name ---

def _load_file(path: str) -> Any:
    name = os.path.splitext(os.path.basename(path))[0]
    there = sys.modules.get(name)
    if there and os.path.abspath(getattr(there, "__file__", "") or "") == path:
        return there
    sys.path.insert(0, os.path.dirname(path))
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def load(name: str) -> Any:
    """What `FILE.py:NAME` or `MODULE:NAME` means; NAME may have dots."""
    place, colon, what = name.rpartition(":")
    if not colon or not place or not what:
        raise ValueError(f"'{name}' is not MODULE:NAME or FILE.py:NAME")
    if place.endswith(".py"):
        path = os.path.abspath(place)
        if not os.path.exists(path):
            raise FileNotFoundError(f"there is no file {path}")
        module = _load_file(path)
    else:
        if "" not in sys.path:
            sys.path.insert(0, "")
        module = importlib.import_module(place)
    found: Any = module
    for part in what.split("."):
        if not hasattr(found, part):
            raise AttributeError(f"{place} has no '{what}'")
        found = getattr(found, part)
    return found


def load_function(name: str, role: str) -> Function:
    """The function called so; a plain one becomes a `role`."""
    found = load(name)
    if isinstance(found, Function):
        return found
    if not callable(found):
        raise TypeError(f"{name} is no function")
    return Source(found) if role == "source" else Stage(found)


def numpy_version() -> str:
    return str(np.__version__)


Blocks = Union[Function, Iterable[Any]]
