"""Where the figures of `docs/limits.md` go."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.measure import ROOT
from benchmarks.quality.page import markdown, write
from benchmarks.results import Result

PAGE = ROOT / "docs" / "limits.md"
CHART = ROOT / "docs" / "images" / "limits-curves.png"


def fill(tables: Mapping[str, Result], blocks: Mapping[str, str]) -> None:
    """Put tables, and blocks that are words already, between their markers.

    Raises:
        InputError: the page lacks a place for one of them.
    """
    write(PAGE, {name: markdown(table) for name, table in tables.items()} | dict(blocks))
