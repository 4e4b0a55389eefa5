"""Every error that Shoal raises on purpose.

    ShoalError                    exit code
    ├── UsageError                2   the call itself is wrong: a flag, a setting, an unknown id
    ├── InputError                3   the traffic cannot be read as the contract says
    ├── QuarantineLimitError      4   too many rows were set aside to trust the rest
    ├── LockHeldError             5   another run holds this day
    │   └── FencedError           5   this run lost its lease and a newer holder took over
    ├── DiskFullError             6   no room; the last published run is untouched
    ├── IntegrityError            7   a file or row is not what its checksum says
    ├── DeliveryPendingError      8   messages wait to be delivered
    ├── HealthError               9   what was found looks like a failure; it was not published
    └── ConflictError            10   what you looked at has changed since

Each says what is wrong, where, and what to do next. `flows.cli` prints the three parts and leaves with
the exit code; a traceback appears under `--debug` only.
"""

from __future__ import annotations

from typing import ClassVar


class ShoalError(Exception):
    """What went wrong (`what`), where (`where`, may be empty) and the next step (`hint`, may be empty)."""

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        where = f" ({self.where})" if self.where else ""
        hint = f". {self.hint}" if self.hint else ""
        return f"{self.what}{where}{hint}"


class UsageError(ShoalError):
    exit_code = 2


class InputError(ShoalError):
    exit_code = 3


class QuarantineLimitError(ShoalError):
    exit_code = 4


class LockHeldError(ShoalError):
    exit_code = 5


class FencedError(LockHeldError):
    """A stale holder of the day lock tried to write after somebody else took the lock over."""


class DiskFullError(ShoalError):
    exit_code = 6


class IntegrityError(ShoalError):
    exit_code = 7


class DeliveryPendingError(ShoalError):
    exit_code = 8


class HealthError(ShoalError):
    """A check of the health gate failed. The run is kept; only its publishing waits for somebody's word."""

    exit_code = 9


class ConflictError(ShoalError):
    """What somebody looked at before they decided is no longer so."""

    exit_code = 10
