"""Arrays out of this process as blocks of devices."""
from __future__ import annotations

import ast
import json
import os
import shlex
import socket
import struct
import sys
import tempfile
import threading
from typing import Any, Dict, Optional

import numpy as np

from . import _cli, _wire
from .errors import PilotError, TryAgain, UsageError

_TAKEN = b"+"


class _Link:
    """One device: an edge pilot, whose source is connected to us."""

    def __init__(self, producer: "Producer", device: str) -> None:
        self.lock = threading.Lock()
        self.path = os.path.join(producer.folder, device)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(1)
        self.listener.settimeout(producer.timeout)
        self.peer: Optional[socket.socket] = None
        self.pilot = producer._submit(device, self.path)

    def _connected(self) -> socket.socket:
        if self.peer is None:
            try:
                self.peer = self.listener.accept()[0]
            except socket.timeout:
                raise TryAgain(f"pilot {self.pilot} did not begin in time: "
                               f"see `pilot log {self.pilot}`") from None
        return self.peer

    def send(self, array: Any) -> None:
        with self.lock:
            for _ in range(2):  # an agent that was started again connects anew
                peer = self._connected()
                try:
                    peer.sendall(_wire.npy_header(array))
                    peer.sendall(memoryview(array).cast("B"))
                    if peer.recv(1) == _TAKEN:
                        return
                except OSError:
                    pass
                peer.close()
                self.peer = None
            raise PilotError(f"pilot {self.pilot} takes no more: see "
                             f"`pilot log {self.pilot}`")

    def close(self) -> None:
        with self.lock:
            if self.peer is None:
                try:
                    self._connected()
                except PilotError:
                    pass
            if self.peer is not None:
                self.peer.shutdown(socket.SHUT_WR)
                self.peer.close()
            self.listener.close()


def _sender(path: str) -> str:
    """Whose key the file is: "sender NAME HEX"."""
    with open(path, encoding="ascii") as f:
        words = f.readline().split()
    if len(words) != 3 or words[0] != "sender":
        raise UsageError(f"{path} is no file of 'pilot key gateway'")
    return words[1]


class Producer:
    """Arrays of this process, as blocks in a topic that a pool reads.

    `topic` is one of Kafka's; in it {run} stands for `run`.  A device is an
    edge pilot of that run, whose agent stamps DEVICE-0/BOOT/SEQ on each block,
    sends it again where it has to, and scores nothing.  `send` returns when
    the agent has it; `close`, or the end of a `with`, when all are sent.
    `sign` is the file of `pilot key gateway RUN NAME FILE` where the run that
    reads is signed; then `run` is NAME.
    """

    def __init__(self, topic: str, *, run: Optional[str] = None,
                 broker: Optional[str] = None, params: Optional[str] = None,
                 partitions: int = 1, timeout: float = 60,
                 sign: Optional[str] = None) -> None:
        self.topic, self.broker, self.params = topic, broker, params
        self.sign = os.path.abspath(sign) if sign else None
        if self.sign and not run:
            run = _sender(self.sign)
        self.run = run or f"producer-{os.getpid()}-{os.urandom(2).hex()}"
        self.partitions, self.timeout = partitions, timeout
        self._temporary = tempfile.TemporaryDirectory(prefix="pilot-producer-")
        self.folder = self._temporary.name
        self._links: Dict[str, _Link] = {}
        self._lock = threading.Lock()

    def _submit(self, device: str, path: str) -> str:
        words = [_cli.python(), "-m", "pilot_edge", "producer", path]
        pipeline = {
            "version": 1, "pipeline": "producer",
            "pilots": {
                device: {"kind": "edge", "devices": 1},
                "broker": {"kind": "broker",
                           **({"endpoint": self.broker} if self.broker else {})},
                "params": {"kind": "params",
                           **({"endpoint": self.params} if self.params else {})},
            },
            "stages": {"sense": {
                "pilot": device, "function": "exec",
                "options": {"command": shlex.join(words)}}},
            **({"sign": self.sign} if self.sign else {}),
            "streams": {"sense": {"topic": self.topic,
                                  "partitions": self.partitions}},
        }
        file = path + ".yaml"
        with open(file, "w", encoding="utf-8") as f:
            json.dump(pipeline, f)
        out = _cli.call(["--run", self.run, "--resource", "local://",
                         "--parsable", file], command="pilot-submit")
        return out.decode().split(";")[0].strip()

    def send(self, array: Any, device: str = "python") -> None:
        """Rows and columns, as a block of `device`."""
        block = _wire.as_block(array, "send()")
        if block.size == 0:
            return
        with self._lock:
            if not device.replace("-", "").replace("_", "").isalnum():
                raise UsageError(f"'{device}' is no name of a device: letters, "
                                 "digits, '-' and '_'")
            link = self._links.get(device)
            if link is None:
                link = self._links[device] = _Link(self, device)
        link.send(block)

    def close(self) -> None:
        """All is sent when this returns; else it raises."""
        try:
            for link in self._links.values():
                link.close()
            for link in self._links.values():
                _cli.call(["wait", "--quiet", "--timeout",
                           f"{self.timeout:g}s", link.pilot])
        finally:
            self._links.clear()
            self._temporary.cleanup()

    def __enter__(self) -> "Producer":
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()


def serve(path: str) -> int:
    """The source of such a pilot: what comes through the socket."""
    ends = _wire.Ends()
    with socket.socket(socket.AF_UNIX) as s:
        try:
            s.connect(path)
        except OSError as e:
            print(f"the producer at {path} is gone: {e.strerror}",
                  file=sys.stderr)
            return 1
        s_file = s.makefile("rb")
        while True:
            first = s_file.read(10)
            if not first:
                return 0
            head = s_file.read(struct.unpack("<H", first[8:10])[0])
            said = ast.literal_eval(head.decode("latin1"))
            size = (int(np.prod(said["shape"])) *
                    np.dtype(said["descr"]).itemsize)
            data = s_file.read(size)
            if len(data) < size:
                return 1
            ends.write(first, head, data)
            s.sendall(_TAKEN)
