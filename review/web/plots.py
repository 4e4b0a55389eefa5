"""Plots as numbers: worked out here, drawn as SVG by the macros of `plots.html`, coloured by style sheets.

Places are in the units of the drawing's `viewBox`, rounded to a tenth.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from campaigns.records import Tier
from review.evidence import Signal, figure
from review.timeline import Timeline

# -- a value beside its controls -----------------------------------------------------------------------

STRIP_WIDTH: Final = 300
"""What the places of a strip lie within."""
FAR: Final = 25.0
"""Where all there is to draw is so many times as wide as nine tenths of the controls, far values are drawn closer."""

_ROOM: Final = 60
"""Between the value's own figure and an end."""
_P5, _QUARTER, _MEDIAN, _THREE_QUARTERS, _P95 = 1, 5, 10, 15, 19


class Scale(StrEnum):
    LINEAR = "linear"
    LOG = "logarithmic"


@dataclass(frozen=True, slots=True)
class Figure:
    """A number below a strip; `is_value`: it is the campaign's own."""

    x: float
    text: str
    anchor: str
    is_value: bool


@dataclass(frozen=True, slots=True)
class Strip:
    """Where a value lies among 21 quantiles of its controls.

    Attributes:
        least, quarter, median, three_quarters, p95, most: places of the controls.
        value: place of the campaign's own value.
        scale: LOG: by the logarithm of the distance from the median, evenly near it; so negative values and zeros have
            their places too.
        figures: what stands below: the ends, and the value where there is room for it.
        words: the same for who cannot see it.
    """

    least: float
    quarter: float
    median: float
    three_quarters: float
    p95: float
    most: float
    value: float
    scale: Scale
    figures: tuple[Figure, ...]
    words: str


def strip(signal: Signal) -> Strip | None:
    """None where there is nothing to draw: no value, or no controls."""
    if signal.value is None or not signal.controls:
        return None
    controls, value = signal.controls, signal.value
    low, high = min(controls[0], value), max(controls[-1], value)
    usual = (controls[_P95] - controls[_P5]) / 2
    log = usual > 0 and high - low > FAR * 2 * usual

    def stretched(x: float) -> float:
        return math.asinh((x - controls[_MEDIAN]) / usual) if log else x

    def place(x: float) -> float:
        left, right = stretched(low), stretched(high)
        part = (stretched(x) - left) / (right - left) if right > left else 0.5
        return round(STRIP_WIDTH * part, 1)

    return Strip(
        least=place(controls[0]),
        quarter=place(controls[_QUARTER]),
        median=place(controls[_MEDIAN]),
        three_quarters=place(controls[_THREE_QUARTERS]),
        p95=place(controls[_P95]),
        most=place(controls[-1]),
        value=place(value),
        scale=Scale.LOG if log else Scale.LINEAR,
        figures=_figures(low, high, value, place(value)),
        words=_in_words(controls, value),
    )


def _figures(low: float, high: float, value: float, at: float) -> tuple[Figure, ...]:
    ends = (
        Figure(0, figure(low), "start", value == low),
        Figure(STRIP_WIDTH, figure(high), "end", value == high),
    )
    if min(at, STRIP_WIDTH - at) < _ROOM:
        return ends
    return (*ends, Figure(at, figure(value), "middle", is_value=True))


def _in_words(controls: Sequence[float], value: float) -> str:
    return (
        f"Value {figure(value)}. Controls from {figure(controls[0])} to {figure(controls[-1])}, "
        f"median {figure(controls[_MEDIAN])}, 95 in 100 below {figure(controls[_P95])}."
    )


# -- a campaign over the days --------------------------------------------------------------------------

DAYS_WIDTH: Final = 640
DAYS_HEIGHT: Final = 132
_PANEL: Final = 58
"""Height of the bars of prompts, and of those of accounts below them."""
_GAP: Final = 16
_WIDEST_DAY: Final = 40.0
_MOST_TICKS: Final = 6
_LEAST_BAR: Final = 1.5


@dataclass(frozen=True, slots=True)
class DayMark:
    """A day of the calendar; `prompts` and `accounts` are heights, `tier` is None where it was not seen.

    `published`: somebody looked. On the other days nothing is known, which is no zero.
    """

    day: date
    x: float
    prompts: float
    accounts: float
    n_prompts: int
    n_accounts: int
    tier: Tier | None
    published: bool


@dataclass(frozen=True, slots=True)
class Tick:
    x: float
    label: str


@dataclass(frozen=True, slots=True)
class DaysPlot:
    """Bars of prompts that end at `prompts_base`, and of accounts that end at `accounts_base`.

    `step`: room of a day, `bar`: width of its bars.
    """

    marks: tuple[DayMark, ...]
    ticks: tuple[Tick, ...]
    step: float
    bar: float
    width: float
    most_prompts: int
    most_accounts: int
    prompts_base: int = _PANEL
    accounts_base: int = _PANEL * 2 + _GAP
    panel: int = _PANEL


def days_plot(line: Timeline) -> DaysPlot:
    n = len(line.days)
    step = min(_WIDEST_DAY, DAYS_WIDTH / n)
    most_prompts, most_accounts = int(line.prompts.max()), int(line.accounts.max())
    marks = tuple(
        DayMark(
            day=day,
            x=round(place * step, 1),
            prompts=_height(int(prompts), most_prompts),
            accounts=_height(int(accounts), most_accounts),
            n_prompts=int(prompts),
            n_accounts=int(accounts),
            tier=tier,
            published=bool(published),
        )
        for place, (day, prompts, accounts, tier, published) in enumerate(
            zip(line.days, line.prompts, line.accounts, line.tiers, line.published, strict=True)
        )
    )
    return DaysPlot(
        marks=marks,
        ticks=tuple(Tick(round((place + 0.5) * step, 1), f"{line.days[place]:%m-%d}") for place in _ticks(n)),
        step=round(step, 2),
        bar=round(max(step * 0.72, min(step, 1.0)), 2),
        width=round(n * step, 1),
        most_prompts=most_prompts,
        most_accounts=most_accounts,
    )


def _height(count: int, most: int) -> float:
    return round(max(_PANEL * count / most, _LEAST_BAR), 1) if count else 0.0


def _ticks(n: int) -> list[int]:
    """The first day, the last, and some between them, evenly."""
    count = min(n, _MOST_TICKS)
    return sorted({round(number * (n - 1) / max(count - 1, 1)) for number in range(count)})


# -- the hours of a day --------------------------------------------------------------------------------

HOUR_WIDTH: Final = 12
HOURS_HEIGHT: Final = 48


@dataclass(frozen=True, slots=True)
class HourBar:
    hour: int
    x: int
    height: float
    n_prompts: int


def hours_plot(counts: Sequence[int]) -> tuple[HourBar, ...]:
    """
    Args:
        counts: prompts of each of the 24 hours.
    """
    most = max(counts, default=0)
    return tuple(
        HourBar(hour, hour * HOUR_WIDTH, round(HOURS_HEIGHT * count / most, 1) if most else 0.0, count)
        for hour, count in enumerate(counts)
    )
