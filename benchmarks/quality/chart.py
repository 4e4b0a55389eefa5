"""The picture of the quality page: levels, detection floor, and groups that nobody asked for."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from benchmarks.quality.bench import Outcome
from benchmarks.quality.design import LEVELS
from benchmarks.quality.tables import DONE, SIZE_BUCKETS, SMALLEST, TARGET, pairs, recovered, within
from campaigns import files

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STYLES = (("#0072B2", "o"), ("#E69F00", "s"), ("#CC79A7", "^"), ("#009E73", "D"), ("#D55E00", "v"))
"""Colours of Okabe and Ito (*Color universal design*, 2008), which colour-blind readers tell apart, and marks."""
INCHES = (15.0, 5.4)
DOTS = 110
LABEL_GAP = 0.075
"""Least distance of two labels, as a part of the height."""
FEWEST = 5
"""Families that a point of the floor stands for at least."""


def draw(outcome: Outcome, path: Path) -> None:
    """Write a PNG. Bytes follow from the figures, matplotlib and its fonts: no date, no version inside."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    common = outcome.on_common_days()
    families = common.families.filter(pl.col("prompts") >= SMALLEST)
    figure = Figure(figsize=INCHES, dpi=DOTS, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, 3, width_ratios=(1.05, 1.0, 1.0))
    _levels(axes[0], families.filter(pl.col("prompts") >= TARGET), common.methods)
    _floor(axes[1], families, common.methods)
    _ordinary(axes[2], outcome)
    for one in axes:
        one.spines[["top", "right"]].set_visible(False)
    png = io.BytesIO()
    figure.savefig(png, format="png", metadata={"Software": None})
    files.write_bytes(path, png.getvalue())


def _levels(axes: Axes, families: pl.DataFrame, methods: Sequence[str]) -> None:
    """Shares as numbers on shades of one hue: dark is found."""
    shown = [level for level in LEVELS if families.filter(pl.col("level") == level).height]
    shares = [
        [recovered(families.filter((pl.col("level") == level) & (pl.col("method") == method))) for method in methods]
        for level in shown
    ]  # fmt: skip
    grid = [[0.0 if share is None else share for share in row] for row in shares]
    axes.imshow(grid, cmap="Blues", vmin=0, vmax=1.15, aspect="auto")
    for y, row in enumerate(grid):
        for x, share in enumerate(row):
            axes.text(
                x,
                y,
                f"{100 * share:.0f}",
                ha="center",
                va="center",
                color="white" if share > 0.6 else "black",
            )
    axes.set_xticks(range(len(methods)), [name.replace(" ", "\n") for name in methods], fontsize=8.5)
    axes.set_yticks(range(len(shown)), [f"{DONE[level]}  {level}" for level in shown])
    axes.tick_params(length=0)
    axes.set_title(f"Recovered, %, families of {TARGET} or more prompts", loc="right", fontsize=11)


def _floor(axes: Axes, families: pl.DataFrame, methods: Sequence[str]) -> None:
    centres = [math.sqrt(low * (high - 1)) for low, high in pairs(SIZE_BUCKETS)]
    ends: dict[str, float] = {}
    for number, method in enumerate(methods):
        mine = families.filter(pl.col("method") == method)
        parts = [within(mine, "prompts", low, high) for low, high in pairs(SIZE_BUCKETS)]
        points = [
            (x, 100 * (recovered(part) or 0.0))
            for x, part in zip(centres, parts, strict=True)
            if part.height >= FEWEST
        ]
        ends[method] = points[-1][1]
        _line(axes, points, number)
    axes.set_xscale("log")
    axes.set_xticks(centres, [f"{low:g}-\n{high - 1:g}" for low, high in pairs(SIZE_BUCKETS)])
    axes.minorticks_off()
    axes.set_ylim(-3, 103)
    axes.set_xlabel("prompts of the family that day")
    axes.set_title("Recovered, %, by size of the family", loc="left", fontsize=11)
    _labels(axes, ends, methods)


def _ordinary(axes: Axes, outcome: Outcome) -> None:
    ends: dict[str, float] = {}
    for number, method in enumerate(outcome.methods):
        mine = outcome.runs.filter(pl.col("method") == method)
        means = mine.group_by("volume").agg(pl.col("ordinary").mean()).sort("volume")
        points = [(float(volume), float(count)) for volume, count in means.iter_rows()]
        ends[method] = points[-1][1]
        _line(axes, points, number)
    axes.set_xscale("log")
    axes.set_yscale("symlog", linthresh=1)
    axes.set_ylim(bottom=-0.1)
    volumes = sorted(set(outcome.runs["volume"]))
    axes.set_xticks(volumes, [f"{volume / 1_000:g}k" for volume in volumes])
    axes.minorticks_off()
    axes.set_yticks([0, 1, 10, 100, 1_000], ["0", "1", "10", "100", "1,000"])
    axes.set_xlabel("prompts a day")
    axes.set_title("Groups a day that hold mostly ordinary prompts", loc="left", fontsize=11)
    _labels(axes, ends, outcome.methods)


def _line(axes: Axes, points: Sequence[tuple[float, float]], number: int) -> None:
    colour, mark = STYLES[number % len(STYLES)]
    width = 2.6 if number == 0 else 1.5
    axes.plot(
        *zip(*points, strict=True), color=colour, marker=mark, linewidth=width, markersize=6, clip_on=False
    )


def _labels(axes: Axes, ends: Mapping[str, float], methods: Sequence[str]) -> None:
    """Names at the right edge, each as near to the end of its line as the others leave room."""
    place = axes.transData + axes.transAxes.inverted()
    heights = {name: float(place.transform((1, end))[1]) for name, end in ends.items()}
    for name, height in zip(heights, spread(list(heights.values()), LABEL_GAP), strict=True):
        number = methods.index(name)
        colour, mark = STYLES[number % len(STYLES)]
        axes.plot([1.03], [height], marker=mark, color=colour, transform=axes.transAxes, clip_on=False)
        axes.text(
            1.055, height, name.replace(", ", ",\n", 1), transform=axes.transAxes, va="center", fontsize=8.5,
            fontweight="bold" if number == 0 else "normal",
        )  # fmt: skip


def spread(places: Sequence[float], gap: float) -> list[float]:
    """Places moved apart to at least `gap`, in their order, around their own middle as far as 0 to 1 has room."""
    order = sorted(range(len(places)), key=lambda at: (places[at], -at))
    moved = list(places)
    for before, at in pairwise(order):
        moved[at] = max(places[at], moved[before] + gap)
    shift = (sum(places) - sum(moved)) / len(places)
    top = 1.0
    for at in reversed(order):
        moved[at] = min(moved[at] + shift, top)
        top = moved[at] - gap
    bottom = 0.0
    for at in order:
        moved[at] = max(moved[at], bottom)
        bottom = moved[at] + gap
    return moved
