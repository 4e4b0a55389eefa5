"""Output: data on stdout, talk on stderr, and nothing from a prompt that could steer the terminal."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, Final

import typer

from campaigns.display import safe_text
from campaigns.errors import ShoalError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from flows.progress import Reporter

PIPED_COLUMNS: Final = 160
"""Width of tables that go into a file or a pipe, where no terminal says how wide it is."""

STAGES: Final = {
    "ingest": "read the traffic",
    "plant": "plant canaries",
    "scaffold": "find what texts share",
    "group": "group texts",
    "represent": "choose representatives",
    "embed": "embed",
    "index": "index",
    "cluster": "form families",
    "label": "label",
    "join": "join wordings",
    "cover": "learn reworded families",
    "identify": "recognise campaigns",
    "link": "link accounts",
    "collide": "try known matchers",
    "layout": "draw the map",
    "results": "write results",
    "seeds": "compare with seeds",
}
TIER_STYLES: Final = {"actionable": "bold red", "review": "yellow", "benign": "green"}
_ROOMS: Final = (
    "accounts",
    "campaigns",
    "clustering",
    "embeddings",
    "ingest",
    "labeling",
    "matching",
    "simulation",
)


def console(*, stderr: bool = False) -> Console:
    """A console that reads no markup, so that brackets in a prompt stay brackets."""
    from rich.console import Console

    class Printer(Console):
        def on_broken_pipe(self) -> None:
            raise  # Rich would leave with 1 here; `flows.cli` leaves as the shell expects

    stream = sys.stderr if stderr else sys.stdout
    if isinstance(stream, TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")  # what a stream cannot write is spelled out
    made = Printer(stderr=stderr, markup=False, highlight=False, emoji=False)
    if not made.is_terminal:
        made.width = max(made.width, PIPED_COLUMNS)
    return made


def safe(value: object, style: str = "", *, limit: int | None = None, multiline: bool = False) -> Text:
    """Text for a console, whatever it came from; see `campaigns.display.safe_text`."""
    from rich.text import Text

    return Text(safe_text(str(value), limit, multiline=multiline), style)


def tier_text(tier: str) -> Text:
    return safe(tier, TIER_STYLES.get(tier, ""))


def table(*columns: str, right: Sequence[str] = (), title: str = "") -> Table:
    """A plain table; the columns named in `right` hold figures."""
    from rich import box
    from rich.table import Table

    made = Table(
        box=box.SIMPLE_HEAD, title=title or None, title_justify="left", title_style="bold", pad_edge=False
    )
    for column in columns:
        numeric = column in right
        made.add_column(column, justify="right" if numeric else "left", no_wrap=numeric, overflow="fold")
    return made


def print_json(value: Any) -> None:
    """ASCII alone: JSON's own escapes keep control and bidi characters exact and harmless."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=True, default=str))


def counted(number: int, noun: str) -> str:
    """`1 day`, `2 days`, `1,000 days`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def say(message: str, *, style: str = "", quiet: bool = False) -> None:
    """Talk to the person at the terminal, on as many lines as `message` has."""
    if not quiet:
        for line in message.split("\n"):
            console(stderr=True).print(safe(line, style), soft_wrap=True)


def print_error(error: ShoalError) -> None:
    """What, where and the next step."""
    printer = console(stderr=True)
    for lead, part, style in (
        ("error: ", error.what, "bold red"),
        ("where: ", error.where, ""),
        ("next:  ", error.hint, ""),
    ):
        if part:
            printer.print(safe(lead, style) + safe(part), soft_wrap=True)


# -- progress ------------------------------------------------------------------------------------------


@contextmanager
def watched(*, quiet: bool) -> Iterator[None]:
    """Show the stages of the runs within, and the warnings of our rooms, on stderr."""
    from flows import progress

    printer = console(stderr=True)
    with _warnings_shown(printer):
        if quiet:
            yield
        elif printer.is_terminal:
            with _live(printer) as reporter, progress.use(reporter):
                yield
        else:
            with progress.use(LineReporter(printer)):
                yield


class LineReporter:
    """One line a stage, for logs."""

    def __init__(self, printer: Console) -> None:
        self._console = printer

    def stage_started(self, name: str) -> None:
        pass

    def advanced(self, n: int) -> None:
        pass

    def stage_finished(self, name: str, seconds: float) -> None:
        self._console.print(safe(f"{STAGES.get(name, name):<24} {seconds:7.1f} s"))


class LiveReporter:
    """A list of stages; the one at work has a spinner and counts."""

    def __init__(self, progress: Any) -> None:
        self._progress = progress
        self._current: Any = None

    def stage_started(self, name: str) -> None:
        self._current = self._progress.add_task(STAGES.get(name, name), total=None, done="")

    def advanced(self, n: int) -> None:
        if self._current is not None:
            self._progress.advance(self._current, n)
            count = int(self._progress.tasks[self._progress.task_ids.index(self._current)].completed)
            self._progress.update(self._current, done=f"{count:,}")

    def stage_finished(self, name: str, seconds: float) -> None:  # noqa: ARG002 the Protocol names them
        self._progress.update(self._current, total=1, completed=1)
        self._current = None


@contextmanager
def _live(printer: Console) -> Iterator[Reporter]:
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(finished_text="✓"),
        TextColumn("{task.description:<24}", markup=False),
        TimeElapsedColumn(),
        TextColumn("{task.fields[done]:>12}", style="dim", markup=False),
    )
    with Progress(*columns, console=printer) as progress:
        yield LiveReporter(progress)


class _SafeHandler(logging.Handler):
    def __init__(self, printer: Console) -> None:
        super().__init__(logging.WARNING)
        self._console = printer

    def emit(self, record: logging.LogRecord) -> None:
        self._console.print(safe("warning: ", "yellow") + safe(record.getMessage()), soft_wrap=True)


@contextmanager
def _warnings_shown(printer: Console) -> Iterator[None]:
    """Prefect takes the root logger over when it is imported, so each room's logger gets the handler."""
    handler = _SafeHandler(printer)
    loggers = [logging.getLogger(room) for room in _ROOMS]
    for logger in loggers:
        logger.addHandler(handler)
        logger.propagate = False
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(handler)
            logger.propagate = True
