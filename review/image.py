"""The map of a day as a picture for reports: the same marks as the page, with a legend."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from campaigns import files
from campaigns.display import plain_text
from review.drawing import FIELD, INK, QUIET, characters
from review.map import LIGHT, Mark, Picture, style_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAMED: Final = 18
"""Most campaigns of the legend."""

_MARKERS: Final = {
    "circle": "o", "square": "s", "triangle": "^", "diamond": "D", "wedge": "v", "hexagon": "h",
}  # fmt: skip
_POINTS_PER_UNIT: Final = 7.5 * 0.86 * 72 / 1.08
"""Typographic points, 72 to the inch, along a side of the map's unit square."""
_TITLE_CHARACTERS: Final = 46


def write_png(picture: Picture, path: Path, *, dots_per_inch: int = 150) -> None:
    """Draw without pyplot, so that nothing of the process is changed."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 7.5), dpi=dots_per_inch, facecolor="white")
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes((0.02, 0.05, 0.60, 0.86))
    _draw(axes, picture)
    shown = list(enumerate(picture.marks))[:NAMED]
    figure.text(
        0.03,
        0.955,
        f"Campaigns of {picture.day}",
        fontsize=15,
        fontweight="bold",
        color=INK,
        parse_math=False,
    )
    _legend(figure.add_axes((0.64, 0.05, 0.35, 0.86)), shown, len(picture.marks) - len(shown))
    note = "Near means alike, but marks in one place are moved apart. Area: prompts. Grey: no campaign."
    figure.text(0.03, 0.02, note, fontsize=8, color=QUIET)
    with files.atomic_path(path) as temporary, temporary.open("wb") as handle:
        canvas.print_png(handle, metadata={"Software": "shoal"})


def _draw(axes: Axes, picture: Picture) -> None:
    axes.set_axis_off()
    axes.set_aspect("equal", adjustable="box")
    axes.set(xlim=(-0.04, 1.04), ylim=(-0.04, 1.04))
    if not len(picture):
        return
    sizes = (2 * picture.radius * _POINTS_PER_UNIT) ** 2
    outside = picture.campaign < 0
    axes.scatter(picture.x[outside], picture.y[outside], s=sizes[outside], c=FIELD, alpha=0.6, linewidths=0)
    for place in range(len(picture.marks)):
        inside = picture.campaign == place
        colour, shape = style_of(place, LIGHT)
        axes.scatter(
            picture.x[inside],
            picture.y[inside],
            s=sizes[inside],
            c=colour,
            marker=_MARKERS[shape],
            alpha=0.88,
            linewidths=0.8,
            edgecolors="white",
        )


def _legend(axes: Axes, shown: list[tuple[int, Mark]], left_out: int) -> None:
    axes.set_axis_off()
    axes.set(xlim=(0, 1), ylim=(NAMED + 0.5, -0.5))
    known = characters()
    for row, (place, mark) in enumerate(shown):
        colour, shape = style_of(place, LIGHT)
        axes.scatter([0.02], [row], s=70, c=colour, marker=_MARKERS[shape], linewidths=0)
        title = plain_text(mark.title, _TITLE_CHARACTERS)
        name = title if set(title) <= known else mark.campaign_id  # a row of boxes would name nothing
        _write(axes, row - 0.14, name, INK, 9)
        size = f"{mark.tier.value} · {mark.n_prompts:,} prompts · {mark.n_accounts:,} accounts"
        _write(axes, row + 0.26, size, QUIET, 7.5)
    if left_out:
        _write(axes, NAMED, f"and {left_out} more", QUIET, 8)


def _write(axes: Axes, row: float, text: str, colour: str, size: float) -> None:
    axes.text(0.06, row, text, color=colour, fontsize=size, va="center", parse_math=False)
