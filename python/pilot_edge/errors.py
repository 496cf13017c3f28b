"""What commands say when they fail, as exceptions: one for each exit class."""
from __future__ import annotations

from typing import Dict, Optional, Type


class PilotError(RuntimeError):
    """A command failed: `exit_code` is its status, the text what it said."""

    exit_code = 1

    def __init__(self, message: str, exit_code: Optional[int] = None) -> None:
        super().__init__(message)
        if exit_code is not None:
            self.exit_code = exit_code


class RunFailed(PilotError):
    """1: the run, or a pilot, failed."""

    exit_code = 1


class UsageError(PilotError, ValueError):
    """64: called in a way that there is not."""

    exit_code = 64


class DataError(PilotError, ValueError):
    """65: input data are bad."""

    exit_code = 65


class Unreachable(PilotError, ConnectionError):
    """69: a broker, Redis, scheduler or host is not to be reached."""

    exit_code = 69


class CannotCreate(PilotError, OSError):
    """73: a file or folder cannot be made, or the disk is full."""

    exit_code = 73


class TryAgain(PilotError):
    """75: somebody else is at it, or it stands still."""

    exit_code = 75


class PermissionDenied(PilotError, PermissionError):
    """77: permission is missing, or a password is wrong."""

    exit_code = 77


class ConfigError(PilotError, ValueError):
    """78: the pipeline or the environment is wrong; a program is missing."""

    exit_code = 78


class WaitTimeout(PilotError, TimeoutError):
    """124: a wait has timed out."""

    exit_code = 124


class Stopped(PilotError):
    """128 + N: ended by signal N."""

    exit_code = 143


_BY_CODE: Dict[int, Type[PilotError]] = {
    c.exit_code: c
    for c in (RunFailed, UsageError, DataError, Unreachable, CannotCreate,
              TryAgain, PermissionDenied, ConfigError, WaitTimeout)
}


def error_of(exit_code: int, message: str) -> PilotError:
    """The exception for a command that ended with `exit_code`."""
    if exit_code < 0:  # as subprocess says it
        exit_code = 128 - exit_code
    kind = Stopped if exit_code > 128 else _BY_CODE.get(exit_code, PilotError)
    return kind(message, exit_code)
