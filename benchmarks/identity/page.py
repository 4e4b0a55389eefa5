"""Where the figures of `docs/identity.md` go."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.measure import ROOT
from benchmarks.quality.page import markdown, write
from benchmarks.results import Result

PAGE = ROOT / "docs" / "identity.md"


def fill(tables: Mapping[str, Result], made: str) -> None:
    """Put tables, and how they were made, between their markers.

    Raises:
        InputError: the page lacks a place for one of them.
    """
    write(PAGE, {name: markdown(table) for name, table in tables.items()} | {"made-identity": made})
