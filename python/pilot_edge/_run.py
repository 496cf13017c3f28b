"""Runs: begun, followed, and what came of them."""
from __future__ import annotations

import atexit
import html
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from typing import Any, Dict, List, Mapping, Optional, Sequence, Union

from . import _cli
from .errors import (CannotCreate, PilotError, TryAgain, UsageError,
                     WaitTimeout, error_of)
from .model import Model, following, load_model
from .parts import Folder, Part, model_part, source_part, stage_part
from .results import Results

_OURS = ".python"  # in the folder of a run, which no pilot is called
_FINAL = ("DONE", "FAILED", "CANCELED", "TIMEOUT", "MISSING", "PREEMPTED")
_LOOK_S = 1.0  # how often a model that follows a run looks for a commit


def home() -> str:
    """Where runs lie: $PILOT_HOME."""
    state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser(
        "~/.local/state")
    return os.path.abspath(os.environ.get("PILOT_HOME") or
                           os.path.join(state, "pilot"))


def _is_begun(path: str) -> bool:
    """Has the run in this folder more than what we have put there?"""
    return os.path.isdir(path) and any(
        not name.startswith(_OURS) and name != "lock"
        for name in os.listdir(path))


def _kept(run: str, again: bool = False) -> str:
    """A new folder in that of `run` for what its ranks read: arrays, pickles.
    It lives as long as the run does.  `again`: there may be one already.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", run):
        raise UsageError(f"'{run}' is no name of a run: letters, digits, '.', "
                         "'_' and '-', the first a letter or digit")
    at = os.path.join(home(), run)
    try:
        os.makedirs(at, mode=0o700, exist_ok=True)
        if again and os.path.exists(os.path.join(at, _OURS)):
            return tempfile.mkdtemp(prefix=_OURS + "-", dir=at)
        if again or not _is_begun(at):
            os.mkdir(os.path.join(at, _OURS), 0o700)
            return os.path.join(at, _OURS)
    except FileExistsError:
        raise CannotCreate(
            f"run {run} is begun by another run() of that name, or one that was "
            f"killed has left {os.path.join(at, _OURS)}: remove that, or choose "
            "another name") from None
    except OSError as e:
        raise CannotCreate(f"cannot make {e.filename}: {e.strerror}") from None
    raise CannotCreate(f"run {run} is there already: go on with it by "
                       f"run(resume='{run}'), or choose another name")


def _forget(run: str) -> None:
    """Remove what we have put there for a run that never began."""
    at = os.path.join(home(), run)
    if os.path.isdir(at) and not _is_begun(at):
        shutil.rmtree(at, ignore_errors=True)


_waiting: List[str] = []  # folders of pipelines that no run has yet


def _unrun() -> str:
    """A folder for a pipeline of which no run is known yet; it goes with this
    process, what a run needs of it is brought to that by `_bring`.
    """
    path = tempfile.mkdtemp(prefix="pilot-pipeline-")
    _waiting.append(path)
    atexit.register(_remove, path, os.getpid())
    return path


def _remove(path: str, process: int) -> None:
    if os.getpid() == process:  # no child that was forked
        shutil.rmtree(path, ignore_errors=True)


def _link(source: str, to: str) -> str:
    try:
        os.link(source, to)
    except OSError:  # another disk
        shutil.copyfile(source, to)
    return to


def _bring(part: Any, to: Folder) -> Any:
    """The same pipeline with what `pipeline` has written beside it in `to`."""
    if isinstance(part, Mapping):
        return {k: _bring(v, to) for k, v in part.items()}
    if isinstance(part, (list, tuple)):
        return [_bring(v, to) for v in part]
    if not isinstance(part, str):
        return part
    for folder in _waiting:
        if folder in part:
            at = to.file(os.path.basename(folder))
            if not os.path.exists(at):
                shutil.copytree(folder, at, copy_function=_link)
            part = part.replace(folder, at)
    return part


def new_name(prefix: str = "python") -> str:
    return (f"{prefix}-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-"
            f"{os.urandom(2).hex()}")


class Run:
    """A run by its name: `status`, `wait`, `cancel`, `results`, `model`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.summary: Dict[str, Any] = {}
        self._process: Optional["subprocess.Popen[bytes]"] = None
        self._folder: Optional[str] = None  # of its output and summary
        self._model: Optional[Model] = None
        self._looked = 0.0
        self._error: Optional[PilotError] = None
        self.submitted: List[List[str]] = []  # [PILOT, SCHEDULER_ID]

    # --- as it is ---

    @property
    def path(self) -> str:
        """Its folder."""
        return os.path.join(home(), self.name)

    @property
    def state(self) -> str:
        """"RUNNING", "DONE", "FAILED", ..."""
        if self._process is not None:
            self._reap(0)
        if self._process is not None:
            return "RUNNING"
        if self._error is not None:
            return "FAILED"
        if self.summary:
            return str(self.summary.get("state", "done")).upper()
        states = {str(p.get("state")) for p in self.status()}
        final = states - {"DONE"}
        return ("DONE" if states and not final else
                final.pop() if len(final) == 1 else
                "RUNNING" if states else "UNKNOWN")

    def status(self) -> List[Dict[str, Any]]:
        """Its pilots, as `pilot status --json` has them."""
        said = _cli.call_json(["status", "--json", "--all", self.name])
        pilots: List[Dict[str, Any]] = said["pilots"]
        return pilots

    def wait(self, timeout: Optional[float] = None,
             until: str = "end") -> "Run":
        """Until it has ended, or is `until` ("active", "flowing"); what it
        failed of is raised.  WaitTimeout: it goes on.
        """
        if self._process is None or until != "end":
            if self._error is not None:
                raise self._error
            if self.summary and until == "end":
                return self
            limit = [] if timeout is None else ["--timeout", f"{timeout:g}s"]
            _cli.call(["wait", "--quiet", "--until", until, *limit, self.name])
            return self
        try:
            if not self._reap(timeout):
                raise WaitTimeout(f"run {self.name} goes on after {timeout:g} s")
        except KeyboardInterrupt:
            self.cancel()  # a second one leaves it to drain alone
            self._reap(None)
        if self._error is not None:
            raise self._error
        return self

    def cancel(self, now: bool = False) -> None:
        """Drain it: what was sent is learned; or end it `now`."""
        if self._process is not None:
            for _ in range(2 if now else 1):
                self._process.send_signal(signal.SIGINT)
                time.sleep(0.2)
            return
        _cli.call(["cancel", *(["--now"] if now else []), "--run", self.name])

    def remove(self) -> None:
        """Remove it, when it has ended: its folder with what was kept for it,
        its topics and keys.
        """
        if os.path.exists(os.path.join(self.path, "pipeline.yaml")):
            _cli.call(["runs", "--rm", self.name])
            return
        lives = [str(p["id"]) for p in self.status()
                 if p.get("state") not in _FINAL]
        if lives:
            raise TryAgain(f"run {self.name} is not removed: {lives[0]} has not "
                           "ended; cancel() it first")
        shutil.rmtree(self.path)

    # --- what came of it ---

    def results(self) -> Results:
        """Every row with its score by the final model."""
        return Results.of(self.name, home())

    @property
    def model(self) -> Model:
        """Its newest model, which looks for newer commits while the run goes
        on, before it scores.
        """
        if self._model is None:
            self._model = following(load_model(self._fetch()), self._newest)
        else:
            self._model._refresh()
        return self._model

    def _fetch(self) -> str:
        if self._folder is None:
            self._folder = tempfile.mkdtemp(prefix="pilot-run-")
        path = os.path.join(self._folder, "model.safetensors")
        _cli.call(["model", "get", "--force", self.name, path])
        self._looked = time.monotonic()
        return path

    def _newest(self) -> Optional[str]:
        now = time.monotonic()
        if now - self._looked < _LOOK_S or self._is_over():
            return None
        try:
            return self._fetch()
        except PilotError:
            self._looked = now
            return None  # what there is stays

    def _is_over(self) -> bool:
        over = self._process is None and bool(self.summary)
        if over and self._looked < self._ended:
            return False
        return over

    _ended = 0.0

    def log(self) -> str:
        """What the command that follows it has said."""
        if self._folder is None:
            return ""
        with open(os.path.join(self._folder, "log"), "rb") as f:
            return f.read().decode(errors="replace")

    # --- the command that follows it ---

    def _start(self, words: Sequence[str], quiet: bool) -> None:
        self._folder = tempfile.mkdtemp(prefix="pilot-run-")
        summary = os.path.join(self._folder, "summary.json")
        with open(os.path.join(self._folder, "log"), "wb") as log:
            self._process = subprocess.Popen(
                [_cli.program(), "run", "--summary", summary, *words],
                stdin=subprocess.DEVNULL,
                stdout=log if quiet else None, stderr=log if quiet else None,
                env=_cli.environment(), start_new_session=True)

    def _reap(self, timeout: Optional[float]) -> bool:
        """Has the command ended?"""
        if self._process is None or self._folder is None:
            return True
        try:
            status = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return False
        self._process = None
        self._ended = time.monotonic()
        path = os.path.join(self._folder, "summary.json")
        if os.path.exists(path):
            with open(path, encoding="utf-8") as f:
                self.summary = json.load(f)
        if status != 0:
            _forget(self.name)
            self._error = error_of(status, _cli.message_of(self.log()))
        return True

    def __del__(self) -> None:
        if self._process is None and self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def __repr__(self) -> str:
        return f"<pilot_edge.Run {self.name}>"

    def _repr_html_(self) -> str:
        s = self.summary
        rows = [("state", self.state)]
        if s:
            blocks = s.get("blocks", {})
            rows += [("seconds", f"{s.get('seconds', 0):.3g}"),
                     ("blocks", f"{blocks.get('applied', 0):,} applied, "
                                f"{blocks.get('refused', 0):,} refused"),
                     ("points", f"{s.get('points', 0):,}"),
                     ("exactly once", str(s.get("exactly_once", "")))]
            model = s.get("model") or {}
            rows.append(("model", f"{model.get('kind', '')} version "
                                  f"{model.get('version', 0)}"))
        return (f"<b>run {html.escape(self.name)}</b><table>" + "".join(
            f"<tr><td>{k}</td><td>{html.escape(v)}</td></tr>"
            for k, v in rows) + "</table>")


# --- pipelines ---

def _folder(given: Union[None, str, "os.PathLike[str]", Folder]) -> Folder:
    if isinstance(given, Folder):
        return given
    if given is None:
        return Folder(_unrun)
    path = os.path.abspath(os.fspath(given))

    def make() -> str:
        try:
            os.makedirs(path, exist_ok=True)
        except OSError as e:
            raise CannotCreate(f"folder={path!r}: {e.strerror}") from None
        return path

    return Folder(make)


def pipeline(source: Any, model: Any = None, *, stages: Sequence[Any] = (),
             points: int = 1000, within: Optional[str] = None,
             ranks: int = 1, devices: int = 0,
             epoch: Optional[Mapping[str, Any]] = None,
             results: Optional[bool] = None,
             context: Optional[Mapping[str, str]] = None,
             name: str = "python",
             folder: Union[None, str, "os.PathLike[str]",
                           Folder] = None) -> Dict[str, Any]:
    """The pipeline file, as a mapping, whose JSON is YAML.

    What it needs beside it (an array, a pickle) is written into `folder`, and
    stays there.  Without one it is gone when this process ends; `run` and
    `submit` have it with the run then, in .python.  Without `devices` the ranks read the source themselves, and there is no
    broker and no parameter service; with them it is read by so many devices,
    sent through Kafka, and committed to Redis.  `stages` run on the pool.
    """
    at = _folder(folder)
    block: Dict[str, Any] = {"points": points}
    if within is not None:
        block["within"] = within
    where = "devices" if devices else "pool"
    pilots: Dict[str, Any] = {"pool": {"kind": "pool", "ntasks": ranks}}
    if devices:
        pilots = {"devices": {"kind": "edge", "devices": devices},
                  "broker": {"kind": "broker"}, "params": {"kind": "params"},
                  **pilots}
    out: Dict[str, Part] = {"sense": {
        "pilot": where, "block": block, **source_part(source, at)}}
    for i, s in enumerate(stages):
        part = stage_part(s, at)
        out[part.pop("name", f"stage{i + 1}")] = {"pilot": "pool", **part}
    if model is not None:
        out["learn"] = {"pilot": "pool", **model_part(model, at)}
    elif not stages:
        raise UsageError("neither a model nor a stage: what is to be done?")
    file: Dict[str, Any] = {"version": 1, "pipeline": name, "pilots": pilots,
                            "stages": out}
    if epoch is not None:
        file["epoch"] = dict(epoch)
    if context:
        file["context"] = dict(context)
    file["results"] = "topic" if (results if results is not None
                                  else bool(devices)) else "off"
    return file


def _write(file: Any, folder: Union[str, Folder], kept: Folder) -> str:
    """The path of a pipeline file; what it needs beside it is in `kept`."""
    if not isinstance(file, Mapping):
        return str(os.fspath(file))
    file = _bring(file, kept)
    path = (folder.file("pipeline.yaml") if isinstance(folder, Folder) else
            os.path.join(folder, "pipeline.yaml"))
    with open(path, "w", encoding="utf-8") as f:
        json.dump(file, f, indent=1)
    return path


_RUN_WORDS = ("resume", "restore", "until", "trace", "keep", "no_final")


def run(file: Any = None, *, source: Any = None, model: Any = None,
        name: Optional[str] = None, set: Optional[Mapping[str, Any]] = None,
        wait: bool = True, quiet: bool = True, **words: Any) -> Run:
    """Run a pipeline: a file, a mapping, or what `pipeline` makes of `source`,
    `model` and its other arguments.

    `set` overrides keys of the file; resume, restore, until, trace, keep and
    no_final are the options of `pilot run`.  Without `wait` it returns at once.
    """
    given = {k: words.pop(k) for k in _RUN_WORDS if k in words}
    resumed = given.get("resume")
    r = Run(str(resumed or name or new_name()))
    kept = Folder(lambda: _kept(r.name))
    _main_guard()
    args = _cli.options(given) + _cli.settings(set)
    try:
        if not resumed:
            if file is None:
                if source is None:
                    raise UsageError("run() wants a file, or source= and model=")
                file, words = pipeline(source, model, folder=kept, **words), {}
            args += ["--run", r.name]
        if words or (file is not None and (source is not None or
                                           model is not None) and
                     not isinstance(file, Mapping)):
            raise UsageError(
                f"run() does not know {', '.join(words) or 'source='} beside a "
                "file: say it by set={'PATH': VALUE}")
        with tempfile.TemporaryDirectory(prefix="pilot-file-") as folder:
            if not resumed:  # without `wait` it is read later
                args.append(_write(file, folder if wait else kept, kept))
            r._start(args, quiet)
            return r.wait() if wait else r
    except Exception:
        if kept.path and r._process is None:
            _forget(r.name)
        raise


def submit(resource: str, file: Any = None, *, source: Any = None,
           model: Any = None, name: Optional[str] = None,
           set: Optional[Mapping[str, Any]] = None,
           pipeline_words: Optional[Mapping[str, Any]] = None,
           **words: Any) -> Run:
    """Submit the pilots of a pipeline to "slurm://", "pbs://", "ssh://HOST",
    "local://" and return: the words of `pilot-submit`, as nodes=2, ntasks=8,
    time="30m", partition="compute", account="proj".

    What makes a pipeline of `source` and `model` is in `pipeline_words`.
    """
    r = Run(name or new_name())
    kept = Folder(lambda: _kept(r.name, again=True))
    _main_guard()
    try:
        if file is None:
            if source is None:
                raise UsageError("submit() wants a file, or source= and model=")
            file = pipeline(source, model, folder=kept,
                            **dict(pipeline_words or {}))
        out = _cli.call(["--resource", resource, "--run", r.name, "--parsable",
                         *_cli.options(words), *_cli.settings(set),
                         _write(file, kept, kept)], command="pilot-submit")
    except Exception:
        if kept.path:
            _forget(r.name)
        raise
    r.submitted = [line.split(";") for line in out.decode().split()]
    return r


def runs() -> List[Run]:
    """Those there are, oldest first."""
    out = _cli.call(["runs", "--no-header"]).decode()
    return [Run(line.split()[0]) for line in out.splitlines() if line.strip()]


def _main_guard() -> None:
    """A script that calls run() is loaded by its own ranks, too."""
    if "pilot_edge.__main__" in sys.modules or os.environ.get("PILOT_STAGE"):
        raise UsageError(
            "run() is called while a rank loads this script for its function: "
            "put it behind `if __name__ == \"__main__\":`")
