"""The charts of the prevalence page: SVG from numbers alone, coloured by classes of the page's style sheet."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from campaigns.estimates import Estimate
from campaigns.records import Tier
from review.report_records import DayFigures

_HEIGHT: Final = 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 22, 12, 34
_LABEL: Final = 90
"""Width that the label of a day takes."""
_TIERS: Final = frozenset(tier.value for tier in Tier)
_STEPS: Final = (1, 2, 5)
_GRID_LINES: Final = 4
_ASIDE: Final = 6
"""How far the intervals of one day stand apart, so that none hides another."""


def tone(name: str) -> str:
    """A class of the style sheet; what is no tier is plain."""
    return name if name in _TIERS else "plain"


def widest(estimates: Sequence[Estimate]) -> float:
    """What a whole bar stands for; a wide interval is cut off rather than all bars made small for it."""
    values = max((estimate.value for estimate in estimates if not math.isnan(estimate.value)), default=0.0)
    return min(max(map(_end, estimates), default=0.0), 1.5 * values)


def bar(estimate: Estimate, most: float, name: str) -> str:
    """A bar from nothing, and a line for the interval; `most` is the whole width."""
    scale = 100 / most if most > 0 else 0.0
    value = 0.0 if math.isnan(estimate.value) else estimate.value * scale
    interval = ""
    if not estimate.exact and math.isfinite(estimate.high):
        interval = f'<path d="M{estimate.low * scale:.2f} 5H{min(estimate.high * scale, 100):.2f}"/>'
    return (
        f'<svg class="bar {tone(name)}" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="field" width="100" height="10"/><rect width="{value:.2f}" height="10"/>{interval}</svg>'
    )


def trend(days: Sequence[DayFigures]) -> str:
    """A line for each tier, once for a wide page and once for a narrow one; the style sheet shows one of them."""
    return "".join(_lines(days, width, name) for width, name in ((960, "wide"), (360, "narrow")))


@dataclass(frozen=True, slots=True)
class _Plane:
    """Where days and shares are. Days that are missing keep their place."""

    width: int
    days: Sequence[DayFigures]
    step: float
    ceiling: float

    @classmethod
    def of(cls, days: Sequence[DayFigures], width: int) -> _Plane:
        highest = max((_end(estimate) for day in days for estimate in day.tiers.values()), default=0.0)
        step = _step(highest)
        return cls(width, days, step, step * max(1, math.ceil(highest / step - 1e-9)))

    def x(self, day: DayFigures) -> float:
        inner = self.width - _LEFT - _RIGHT
        span = (self.days[-1].day - self.days[0].day).days
        return _LEFT + inner * ((day.day - self.days[0].day).days / span if span else 0.5)

    def y(self, share: float) -> float:
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - min(share, self.ceiling) / self.ceiling)


def _lines(days: Sequence[DayFigures], width: int, name: str) -> str:
    plane = _Plane.of(days, width)
    drawn = "".join([*_axes(plane), *_series(plane)])
    return (
        f'<svg class="lines {name}" viewBox="0 0 {width} {_HEIGHT}" role="img" '
        f'aria-label="Share of prompts in campaigns by day and tier; the table below has the figures.">{drawn}</svg>'
    )


def _axes(plane: _Plane) -> Iterator[str]:
    for n in range(round(plane.ceiling / plane.step) + 1):
        at = plane.y(n * plane.step)
        yield f'<path class="grid" d="M{_LEFT} {at:.1f}H{plane.width - _RIGHT}"/>'
        yield f'<text x="{_LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{100 * n * plane.step:g} %</text>'
    room = max(1, (plane.width - _LEFT - _RIGHT) // _LABEL)
    last = len(plane.days) - 1
    for n in range(0, len(plane.days), math.ceil(len(plane.days) / room)):
        anchor = "middle" if 0 < n < last or last == 0 else "start" if n == 0 else "end"
        at = plane.x(plane.days[n])
        yield f'<text x="{at:.1f}" y="{_HEIGHT - 8}" text-anchor="{anchor}">{plane.days[n].day}</text>'


def _series(plane: _Plane) -> Iterator[str]:
    """Lines between days in a row, a dot and an interval for each day."""
    sampled = not all(estimate.exact for day in plane.days for estimate in day.tiers.values())
    for place, tier in enumerate(plane.days[0].tiers):
        aside = _ASIDE * (place - 1) if sampled else 0
        row: list[str] = []
        marks = []
        for n, day in enumerate(plane.days):
            estimate, at = day.tiers[tier], plane.x(day) + aside
            if n and (day.day - plane.days[n - 1].day).days > 1:
                yield _line(row, tier)
                row = []
            if math.isnan(estimate.value):
                continue
            row.append(f"{at:.1f},{plane.y(estimate.value):.1f}")
            if not estimate.exact:
                ends = f"M{at:.1f} {plane.y(estimate.low):.1f}V{plane.y(estimate.high):.1f}"
                marks.append(f'<path class="whisker {tone(tier)}" d="{ends}"/>')
            marks.append(
                f'<circle class="{tone(tier)}" cx="{at:.1f}" cy="{plane.y(estimate.value):.1f}" r="4"/>'
            )
        yield _line(row, tier)
        yield from marks


def _line(points: Sequence[str], tier: str) -> str:
    return f'<polyline class="{tone(tier)}" points="{" ".join(points)}"/>' if len(points) > 1 else ""


def _step(highest: float) -> float:
    """A round distance between grid lines."""
    if highest <= 0:
        return 0.01
    rough = highest / _GRID_LINES
    power = 10.0 ** math.floor(math.log10(rough))
    return next((n * power for n in _STEPS if n * power >= rough - 1e-12), 10 * power)


def _end(estimate: Estimate) -> float:
    if math.isnan(estimate.value):
        return 0.0
    return estimate.high if math.isfinite(estimate.high) else estimate.value
