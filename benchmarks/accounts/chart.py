"""The picture of the limits page: what is found of one pool, by what is changed about it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from benchmarks.accounts.stress import AXES, OPERATORS, Axis
from campaigns import files

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LINES = (
    ("review", "found at review or above", "#0072B2", "o", "-"),
    ("actionable", "found as actionable", "#D55E00", "s", "-"),
    ("named_review", "accounts named", "#555555", "^", ":"),
)
"""Column, what it is called, colour (of Okabe and Ito, *Color universal design*, 2008), mark, line."""
INCHES = (13.6, 6.4)
DOTS = 100
COLOURS = 64


def draw(curves: pl.DataFrame, path: Path) -> None:
    """Write a PNG: a row of panels per operator, a column per axis. Bytes follow from the figures: no date, no version.

    Args:
        curves: what `stress.curves` tells.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from PIL import Image

    figure = Figure(figsize=INCHES, dpi=DOTS, layout="constrained", facecolor="white")
    canvas = FigureCanvasAgg(figure)
    panels = figure.subplots(len(OPERATORS), len(AXES), sharey=True, squeeze=False)
    for row, operator in zip(panels, OPERATORS, strict=True):
        for axes, axis in zip(row, AXES, strict=True):
            axes.set_title(f"{operator} operator", loc="left", fontsize=10)
            mine = curves.filter((pl.col("operator") == operator) & (pl.col("axis") == axis.name))
            _panel(axes, mine, axis)
        row[0].set_ylabel("%")
    for axes, axis in zip(panels[-1], AXES, strict=True):
        axes.set_xlabel(axis.name)
    handles, names = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=len(LINES), frameon=False)
    canvas.draw()
    png = io.BytesIO()
    # A palette takes a fifth of the room of full colour.
    drawn = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    drawn.quantize(COLOURS).save(png, "PNG", optimize=True)
    files.write_bytes(path, png.getvalue())


def _panel(axes: Axes, rows: pl.DataFrame, axis: Axis) -> None:
    """Values stand at even distances; lines are moved apart a little where they would hide each other."""
    places = range(len(axis.values))
    for number, (column, name, colour, mark, line) in enumerate(LINES):
        shares = [
            100
            * float(rows.filter(pl.col("value") == value)[column].cast(pl.Float64).sum())
            / max(_n(rows, value), 1)
            for value in axis.values
        ]
        shift = 1.6 * (1 - number)
        axes.plot(
            places, [share + shift for share in shares], color=colour, marker=mark, linestyle=line, label=name,
            markersize=5, clip_on=False,
        )  # fmt: skip
    axes.set_xticks(places, [axis.label(value) for value in axis.values], fontsize=8.5)
    axes.set_ylim(-4, 104)
    axes.set_yticks(range(0, 101, 25))
    axes.grid(axis="y", color="#e6e6e6")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _n(rows: pl.DataFrame, value: float) -> int:
    return rows.filter(pl.col("value") == value).height
