"""The evidence of a campaign as a picture: each signal beside what ordinary accounts show."""

from __future__ import annotations

import textwrap
from itertools import groupby
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

import numpy as np

from campaigns import files
from review.drawing import FIELD, INK, QUIET, drawable
from review.evidence import FOR_PEOPLE, PHRASES, Sheet, Signal, Standing, chance, figure
from review.map import LIGHT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

ENDINGS: Final = (".png", ".svg")

_BLUE, _ORANGE, *_ = LIGHT
_COLOURS: Final = {Standing.SPEAKS: _ORANGE, Standing.SILENT: _BLUE, Standing.TEXTS: _BLUE}
_WIDE: Final = 10.0
"""Width in inches; so are all lengths below. Heights grow with the signals."""
_HEAD, _FOOT, _GROUP, _ROW, _LINE, _GAP = 0.98, 0.34, 0.36, 0.40, 0.155, 0.13
_LEFT, _FIRST, _LAST, _RIGHT = 0.35, 2.15, 7.75, 9.65
"""Where names begin, strips begin and end, and chances end."""
_COLOURS_KEPT: Final = 96
_HALF_BOX, _HALF_BAND = 0.075, 0.04
_TITLE_CHARACTERS, _SENTENCE_CHARACTERS, _LINE_CHARACTERS = 84, 600, 165


def write_picture(sheet: Sheet, path: Path, *, dots_per_inch: int = 110) -> None:
    """Draw every signal that was tested, as PNG or SVG by the ending of `path`.

    Without pyplot, so that nothing of the process is changed. Text is drawn as plain characters; one that the font
    lacks becomes a box.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    drawing = _figure(sheet, dots_per_inch)
    with files.atomic_path(path) as temporary, temporary.open("wb") as handle:
        if path.suffix.lower() == ".png":
            _save_png(FigureCanvasAgg(drawing), handle)
        else:
            # Text stays text, which is a tenth of the size; without a salt ids would differ from writing to writing.
            with rc_context({"svg.fonttype": "none", "svg.hashsalt": "shoal"}):
                FigureCanvasSVG(drawing).print_svg(handle, metadata={"Date": None, "Creator": "shoal"})


def _save_png(canvas: FigureCanvasAgg, handle: IO[bytes]) -> None:
    """With a palette: a third of the size, and no difference to see."""
    from PIL import Image

    canvas.draw()
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    picture.quantize(_COLOURS_KEPT, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(
        handle, "PNG", optimize=True
    )


def drawn(sheet: Sheet) -> list[Signal]:
    """The signals that a picture shows: those that were tested, with controls or by formula."""
    return [one for one in sheet.signals if one.p_value is not None]


def _figure(sheet: Sheet, dots_per_inch: int) -> Figure:
    from matplotlib.figure import Figure

    shown = [(one, _wrapped(one.sentence)) for one in drawn(sheet)]
    groups = [(group, list(rows)) for group, rows in groupby(shown, key=lambda row: row[0].group)]
    rows = sum(_ROW + _LINE * len(lines) + _GAP for _, lines in shown)
    left_out = _wrapped(_left_out(sheet))
    height = _HEAD + _GROUP * len(groups) + rows + _LINE * len(left_out) + _FOOT
    made = Figure(figsize=(_WIDE, height), dpi=dots_per_inch, facecolor="white")
    axes = made.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set(xlim=(0, _WIDE), ylim=(height, 0))
    _head(axes, sheet)
    at = _HEAD
    for group, signals in groups:
        _write(axes, _LEFT, at + 0.14, group.value, 10, INK, weight="bold")
        _write(axes, _FIRST, at + 0.14, PHRASES[group], 8.5, QUIET)
        weight = next((one for one in sheet.weights if one.group == group and one.n_tested > 1), None)
        if weight is not None:
            _write(axes, _RIGHT, at + 0.14, f"together {chance(weight.p_value)}", 8.5, QUIET, "right")
        axes.plot([_LEFT, _RIGHT], [at + 0.28] * 2, color=FIELD, linewidth=0.6)
        at += _GROUP
        for signal, lines in signals:
            _signal(axes, at + _ROW * 0.6, signal)
            for number, line in enumerate(lines):
                _write(axes, _LEFT, at + _ROW + _LINE * (number + 0.35), line, 7.5, QUIET)
            at += _ROW + _LINE * len(lines) + _GAP
    for number, line in enumerate(left_out):
        _write(axes, _LEFT, at + _LINE * (number + 0.4), line, 7.5, QUIET)
    return made


def _head(axes: Axes, sheet: Sheet) -> None:
    _write(axes, _LEFT, 0.28, drawable(sheet.title, _TITLE_CHARACTERS), 13, INK, weight="bold")
    size = f"{sheet.n_prompts:,} prompts · {sheet.n_accounts:,} accounts"
    said = f"{drawable(sheet.campaign_id)} · {sheet.day} · {sheet.tier.value} · {size}"
    _write(axes, _LEFT, 0.53, said, 8.5, QUIET)
    key = 0.76
    _strip(axes, key, _LEFT, _LEFT + 0.9, tuple(i / 20 for i in range(21)))
    _write(
        axes, _LEFT + 1.0, key, "ordinary accounts, or dealing at random: all, 90 %, half, median", 8, QUIET
    )
    for x, colour, text in (
        (5.35, _ORANGE, "this campaign, speaks"),
        (7.15, _BLUE, "this campaign, does not speak"),
    ):
        _diamond(axes, x, key, colour)
        _write(axes, x + 0.12, key, text, 8, QUIET)


def _signal(axes: Axes, at: float, signal: Signal) -> None:
    _write(axes, _LEFT, at, drawable(signal.name, 24), 9, INK)
    _write(axes, _RIGHT, at - 0.17, FOR_PEOPLE.get(signal.name, ""), 7.5, QUIET, "right")
    weight = "bold" if signal.standing == Standing.SPEAKS else "normal"
    _write(axes, _RIGHT, at, chance(signal.p_value), 9, INK, "right", weight)
    if not signal.controls:
        _write(axes, _FIRST, at, "computed by formula: no controls to draw", 8, QUIET)
        return
    value = signal.controls[0] if signal.value is None else signal.value
    low, high = min(signal.controls[0], value), max(signal.controls[-1], value)
    unit = (_LAST - _FIRST) / (high - low) if high > low else 0.0
    middle = 0.0 if unit else (_LAST - _FIRST) / 2  # all the same: nothing to spread
    axes.plot([_FIRST, _LAST], [at, at], color="#e9ebee", linewidth=0.8, zorder=0)
    _strip(axes, at, _FIRST + middle, _LAST, tuple(x - low for x in signal.controls), unit)
    x, colour = _FIRST + middle + (value - low) * unit, _COLOURS[signal.standing]
    _diamond(axes, x, at, colour)
    side = min(max(x, _FIRST + 0.15), _LAST - 0.15)
    _write(axes, side, at - 0.15, figure(signal.value), 7.5, colour, "center")


def _strip(
    axes: Axes, at: float, first: float, last: float, places: tuple[float, ...], unit: float | None = None
) -> None:
    """All of the controls as a line, nine tenths as a band, half as a box, the median as a stroke.

    Args:
        places: 21 quantiles, from 0 on.
        unit: inches for each; None spreads them from `first` to `last`.
    """
    from matplotlib.patches import Rectangle

    unit = (last - first) / max(places[-1], 1e-300) if unit is None else unit
    x = [first + place * unit for place in places]
    axes.plot([x[0], x[20]], [at, at], color=QUIET, linewidth=1.0, zorder=1, solid_capstyle="butt")
    for left, right, half, colour in ((x[1], x[19], _HALF_BAND, FIELD), (x[5], x[15], _HALF_BOX, "#8b93a1")):
        axes.add_patch(
            Rectangle((left, at - half), right - left, 2 * half, facecolor=colour, linewidth=0, zorder=2)
        )
    axes.plot(
        [x[10]] * 2, [at - 0.095, at + 0.095], color=INK, linewidth=1.4, zorder=3, solid_capstyle="butt"
    )


def _diamond(axes: Axes, x: float, at: float, colour: str) -> None:
    axes.scatter([x], [at], s=46, c=colour, marker="D", linewidths=0.9, edgecolors="white", zorder=4)


def _left_out(sheet: Sheet) -> str:
    """What the picture does not show, in words."""
    shown = drawn(sheet)
    untested = [one.name for one in sheet.of(Standing.UNTESTED)]
    others = [one.name for one in sheet.signals if one not in shown and one.name not in untested]
    said = f"Described, not tested: {', '.join(others)}. " if others else ""
    return said + (f"Could not be tested: {', '.join(untested)}." if untested else "")


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(drawable(text, _SENTENCE_CHARACTERS), _LINE_CHARACTERS)


def _write(
    axes: Axes,
    x: float,
    y: float,
    text: str,
    size: float,
    colour: str,
    side: str = "left",
    weight: str = "normal",
) -> None:
    axes.text(
        x, y, text, fontsize=size, color=colour, ha=side, va="center", fontweight=weight, parse_math=False
    )
