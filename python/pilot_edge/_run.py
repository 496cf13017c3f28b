"""Runs: begun, followed, and what came of them."""
from __future__ import annotations

import html
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from typing import Any, Dict, List, Mapping, Optional, Sequence

from . import _cli
from .errors import PilotError, UsageError, WaitTimeout, error_of
from .model import Model, following, load_model
from .parts import Folder, Part, model_part, source_part, stage_part
from .results import Results

_LOOK_S = 1.0  # how often a model that follows a run looks for a commit


def home() -> str:
    """Where runs lie: $PILOT_HOME."""
    state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser(
        "~/.local/state")
    return os.environ.get("PILOT_HOME") or os.path.join(state, "pilot")


def _kept(name: str) -> str:
    """A folder for what ranks read: arrays, pickles."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    path = os.path.join(cache, "pilot-edge", name)
    os.makedirs(path, mode=0o700, exist_ok=True)
    return path


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

def pipeline(source: Any, model: Any = None, *, stages: Sequence[Any] = (),
             points: int = 1000, within: Optional[str] = None,
             ranks: int = 1, devices: int = 0,
             epoch: Optional[Mapping[str, Any]] = None,
             results: Optional[bool] = None,
             context: Optional[Mapping[str, str]] = None,
             name: str = "python",
             folder: Optional[Folder] = None) -> Dict[str, Any]:
    """The pipeline file, as a mapping, whose JSON is YAML.

    Without `devices` the ranks read the source themselves, and there is no
    broker and no parameter service; with them it is read by so many devices,
    sent through Kafka, and committed to Redis.  `stages` run on the pool.
    """
    at = folder or Folder(lambda: _kept(new_name()))
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


def _write(file: Any, folder: str) -> str:
    """The path of a pipeline file."""
    if not isinstance(file, Mapping):
        return str(os.fspath(file))
    path = os.path.join(folder, "pipeline.yaml")
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
    run_name = str(resumed or name or new_name())
    _main_guard()
    args = _cli.options(given) + _cli.settings(set)
    if not resumed:
        if file is None:
            if source is None:
                raise UsageError("run() wants a file, or source= and model=")
            file = pipeline(source, model,
                            folder=Folder(lambda: _kept(run_name)), **words)
            words = {}
        args += ["--run", run_name]
    if words or (file is not None and (source is not None or
                                       model is not None) and
                 not isinstance(file, Mapping)):
        raise UsageError(f"run() does not know {', '.join(words) or 'source='} "
                         "beside a file: say it by set={'PATH': VALUE}")
    r = Run(run_name)
    with tempfile.TemporaryDirectory(prefix="pilot-file-") as folder:
        if not resumed:
            args.append(_write(file, folder))
        if not wait and isinstance(file, Mapping):
            args[-1] = _write(file, _kept(run_name))  # it is read later
        r._start(args, quiet)
        return r.wait() if wait else r


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
    run_name = name or new_name()
    _main_guard()
    if file is None:
        if source is None:
            raise UsageError("submit() wants a file, or source= and model=")
        more = dict(pipeline_words or {})
        file = pipeline(source, model,
                        folder=Folder(lambda: _kept(run_name)), **more)
    path = _write(file, _kept(run_name)) if isinstance(file, Mapping) else (
        str(os.fspath(file)))
    out = _cli.call(["--resource", resource, "--run", run_name, "--parsable",
                     *_cli.options(words), *_cli.settings(set), path],
                    command="pilot-submit")
    r = Run(run_name)
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
