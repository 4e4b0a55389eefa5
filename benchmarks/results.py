"""What a benchmark returns: a few figures that answer its question, and the table they were read from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

Cell = str | int | float

WIDTH = 120
"""Columns of a table that goes to a file or a pipe."""


@dataclass(frozen=True, slots=True)
class Figure:
    """`value` in `unit`; a ratio has the unit `x`, an exponent the unit `n^`."""

    name: str
    value: float
    unit: str

    def __str__(self) -> str:
        if self.unit == "n^":
            return f"n^{self.value:.2f}"
        if self.unit == "%":
            return f"{100 * self.value:.0f} %"
        return f"{number(self.value)} {self.unit}".strip()


@dataclass(frozen=True, slots=True)
class Result:
    """`rows` hold one cell per name in `columns`."""

    title: str
    figures: tuple[Figure, ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def value(self, name: str) -> float:
        return {figure.name: figure.value for figure in self.figures}[name]

    def to_json(self) -> dict[str, Any]:
        return {
            "figures": {f.name: {"value": f.value, "unit": f.unit} for f in self.figures},
            "table": [dict(zip(self.columns, row, strict=True)) for row in self.rows],
        }

    def render(self) -> RenderableType:
        table = Table(title=self.title, title_justify="left", title_style="bold")
        for i, column in enumerate(self.columns):
            words = all(isinstance(row[i], str) for row in self.rows)
            table.add_column(column, justify="left" if words else "right")
        for row in self.rows:
            table.add_row(*(cell if isinstance(cell, str) else number(cell) for cell in row))
        width = max((len(figure.name) for figure in self.figures), default=0)
        lines = [Text(f"  {figure.name:<{width}}  {figure}") for figure in self.figures]
        return Group(table, *lines, Text(""))


def number(value: float) -> str:
    """Three digits that matter; whole numbers with separators."""
    if isinstance(value, int) or abs(value) >= 1_000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def show(results: Mapping[str, Result]) -> None:
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    for result in results.values():
        console.print(result.render())
