"""The commands of Pilot-Edge, called."""
from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import Any, Dict, List, Mapping, Optional, Sequence

from .errors import ConfigError, error_of

_HERE = os.path.dirname(os.path.abspath(__file__))


def program(name: str = "pilot") -> str:
    """The path of a command: beside $PILOT_COMMAND, on PATH, or in the build
    of the source tree that this package lies in.
    """
    given = os.environ.get("PILOT_COMMAND")
    if given:
        beside = os.path.join(os.path.dirname(given), name)
        if os.access(beside, os.X_OK):
            return beside
    found = shutil.which(name)
    if found:
        return found
    tree = os.path.join(_HERE, os.pardir, os.pardir, "build", name)
    if os.access(tree, os.X_OK):
        return os.path.normpath(tree)
    raise ConfigError(
        f"the command {name} is not on PATH: build Pilot-Edge "
        "(scripts/quickstart) and put it there, or say where it is by "
        "PILOT_COMMAND=/path/to/pilot")


def environment() -> Dict[str, str]:
    """Ours, in which a program of ours finds this package and this Python."""
    env = dict(os.environ)
    paths = env.get("PYTHONPATH", "").split(os.pathsep)
    home = os.path.dirname(_HERE)
    if home not in paths:
        env["PYTHONPATH"] = os.pathsep.join([home] + [p for p in paths if p])
    return env


def message_of(text: str) -> str:
    """What a command said was wrong: its last words, without its name."""
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    said = [line for line in lines if line.startswith(("pilot", "error"))]
    return "\n".join((said or lines)[-3:]) or "it said nothing"


def call(args: Sequence[str], timeout: Optional[float] = None,
         command: str = "pilot") -> bytes:
    """The standard output of `pilot ARGS`; PilotError by its exit status."""
    words = [program(command), *args]
    done = subprocess.run(words, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env=environment(), timeout=timeout, check=False)
    if done.returncode != 0:
        raise error_of(done.returncode,
                       message_of(done.stderr.decode(errors="replace")))
    return done.stdout


def call_json(args: Sequence[str]) -> Any:
    return json.loads(call(args))


def value(v: Any) -> str:
    """As --set and options have it."""
    if isinstance(v, bool):
        return "true" if v else "false"
    if isinstance(v, (dict, list, tuple)):
        return json.dumps(v)
    return str(v)


def settings(sets: Optional[Mapping[str, Any]]) -> List[str]:
    """--set PATH=VALUE of each."""
    words: List[str] = []
    for path, v in (sets or {}).items():
        words += ["--set", f"{path}={value(v)}"]
    return words


def options(given: Mapping[str, Any]) -> List[str]:
    """Options as on the command line: ntasks=4, dry_run=True, setup=[...];
    one letter is a short one.
    """
    words: List[str] = []
    for name, v in given.items():
        if v is None or v is False:
            continue
        flag = ("-" if len(name) == 1 else "--") + name.replace("_", "-")
        for one in v if isinstance(v, (list, tuple)) else [v]:
            words += [flag] if one is True else [flag, str(one)]
    return words


def python() -> str:
    return sys.executable or "python3"
