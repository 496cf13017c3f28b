"""Blocks between an agent and this program: frames, words, shared memory.

An array comes as .npy bytes on standard input and goes back so on standard
output; with PILOT_SHARED in the environment the two have memory in common, and
words of 32 bytes take the place of the bytes (`src/program/share.h`).
"""
from __future__ import annotations

import ast
import mmap
import os
import struct
import sys
from typing import Any, Optional, Tuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

MAGIC = b"\x93PILOT\1\n"
WORD = struct.Struct("=8sIIQQ")  # magic, kind, bytes of a number, rows, columns
BLOCK, PASS, NOTHING, REFUSES = 1, 2, 3, 4
REASON_MAX = 400
HEAD = 4096  # of the shared memory
_NPY = b"\x93NUMPY"


class Hangup(Exception):
    """The agent has closed our input: there are no more blocks."""


def reason_of(error: BaseException) -> str:
    """The last line of its traceback."""
    text = str(error).strip().splitlines()
    name = type(error).__name__
    return f"{name}: {text[0]}" if text else name


class Ends:
    """The two pipes, out of the way of what user code prints and reads."""

    def __init__(self) -> None:
        sys.stdout.flush()
        self.input = os.dup(0)
        self.output = os.dup(1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)  # print() goes to the log
        for stream in (sys.stdout, sys.stderr):
            reconfigure = getattr(stream, "reconfigure", None)
            if reconfigure:
                reconfigure(line_buffering=True)

    def read(self, n: int, first: bytes = b"") -> bytearray:
        """`n` bytes, of which `first` have come already."""
        data = bytearray(n)
        at = len(first)
        data[:at] = first
        view = memoryview(data)
        while at < n:
            got = os.readv(self.input, [view[at:]])
            if got == 0:
                raise Hangup
            at += got
        return data

    def write(self, *pieces: Any) -> None:
        for piece in pieces:
            view = memoryview(piece).cast("B")
            while len(view):
                view = view[os.write(self.output, view):]


def npy_header(array: Array) -> bytes:
    """Version 1.0, of 128 bytes where that is enough."""
    text = repr({"descr": array.dtype.str, "fortran_order": False,
                 "shape": array.shape}).encode()
    room = -(len(text) + 11) % 64
    return (_NPY + b"\1\0" + struct.pack("<H", len(text) + room + 1) + text +
            b" " * room + b"\n")


def read_npy(ends: Ends, first: bytes = b"") -> Array:
    """The array that comes next; it is ours, and read without a copy."""
    head = ends.read(max(10, len(first)), first)
    if bytes(head[:6]) != _NPY or head[6] != 1:
        raise ValueError("standard input has no .npy array of version 1.0: "
                         "this program is started by `function: exec`")
    end = 10 + struct.unpack("<H", head[8:10])[0]
    head = ends.read(end, bytes(head))
    said = ast.literal_eval(head[10:].decode("latin1"))
    dtype, shape = np.dtype(said["descr"]), said["shape"]
    n = int(np.prod(shape, dtype=np.int64))
    data = ends.read(n * dtype.itemsize)
    return np.frombuffer(data, dtype).reshape(shape)


def as_block(value: Any, what: str) -> Array:
    """Rows and columns of f4 or f8, in C order: as it is where it is so."""
    array = np.asarray(value)
    if array.ndim != 2:
        raise ValueError(
            f"{what} gave an array of {array.ndim} dimension"
            f"{'' if array.ndim == 1 else 's'}, and a block has "
            "rows and columns: reshape(1, -1) makes one row of it, "
            "reshape(-1, 1) one column")
    if array.dtype.kind == "O" or array.dtype.kind not in "biuf":
        raise ValueError(f"{what} gave values of type {array.dtype}, which "
                         "are no real numbers")
    if array.dtype.str not in ("<f4", "<f8"):
        small = array.dtype.itemsize <= 2
        array = array.astype("<f4" if small else "<f8")
    return np.ascontiguousarray(array)


class Shared:
    """Memory in common with the agent; None of `find` where there is none."""

    def __init__(self, memory: mmap.mmap, room: int) -> None:
        self.memory, self.room = memory, room
        memory[0:8] = struct.pack("=Q", 2)  # we have it, and only read blocks
        self._numbers = {
            (where, size): np.frombuffer(
                memory, "<f%d" % size, room // size, HEAD + where * room)
            for where in (0, 1) for size in (4, 8)}
        self._last: Tuple[Any, Optional[Array]] = (None, None)

    @classmethod
    def find(cls) -> Optional["Shared"]:
        place, _, size = os.environ.get("PILOT_SHARED", "").rpartition(":")
        if not place:
            return None
        try:
            fd = os.open(place, os.O_RDWR | os.O_CLOEXEC)
            try:
                room = int(size)
                return cls(mmap.mmap(fd, HEAD + 2 * room), room)
            finally:
                os.close(fd)
        except (OSError, ValueError):
            return None  # blocks go through the pipe

    def block(self, size: int, rows: int, columns: int) -> Array:
        """The block that is there, which cannot be written to."""
        form = (size, rows, columns)
        if self._last[0] == form and self._last[1] is not None:
            return self._last[1]
        view = self._numbers[0, size][:rows * columns].reshape(rows, columns)
        view.flags.writeable = False
        self._last = (form, view)
        return view

    def put(self, array: Array) -> bool:
        """An answer; False: it has no room."""
        size = array.dtype.itemsize
        if array.nbytes > self.room:
            return False
        self._numbers[1, size][:array.size] = array.reshape(-1)
        return True
