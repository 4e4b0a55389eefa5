"""Rows, matches and speed of a pass over traffic, on a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from flows.commands.console import console

if TYPE_CHECKING:
    from matching.counts import MatchCounts
    from matching.stream import Progress


@contextmanager
def match_progress(*, quiet: bool) -> Iterator[Progress | None]:
    printer = console(stderr=True)
    if quiet or not printer.is_terminal:
        yield None
        return
    from rich.progress import Progress as Bar
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        TimeElapsedColumn(),
        TextColumn("{task.fields[told]}", style="dim", markup=False),
    )
    with Bar(*columns, console=printer) as bar:
        task = bar.add_task("match", total=None, told="")

        def show(counts: MatchCounts) -> None:
            elapsed = bar.tasks[0].elapsed or 1e-9
            told = f"{counts.rows_in:,} rows, {counts.matched:,} matched, {counts.quarantined:,} set aside"
            bar.update(task, told=f"{told}, {counts.rows_in / elapsed:,.0f}/s")

        yield show
