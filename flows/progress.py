"""Progress of a run, told to whoever listens: the command line listens, a scheduled run does not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Reporter(Protocol):
    """Calls come from the thread that runs the stage."""

    def stage_started(self, name: str) -> None: ...
    def advanced(self, n: int) -> None: ...
    def stage_finished(self, name: str, seconds: float) -> None: ...


_reporter: Reporter | None = None


@contextmanager
def use(reporter: Reporter) -> Iterator[None]:
    """Send the progress of this process to `reporter`."""
    global _reporter  # Prefect runs tasks in threads that do not inherit context variables
    before, _reporter = _reporter, reporter
    try:
        yield
    finally:
        _reporter = before


def advance(n: int = 1) -> None:
    if _reporter is not None:
        _reporter.advanced(n)


@contextmanager
def stage(name: str) -> Iterator[None]:
    if _reporter is not None:
        _reporter.stage_started(name)
    started = time.perf_counter()
    yield
    if _reporter is not None:
        _reporter.stage_finished(name, time.perf_counter() - started)
