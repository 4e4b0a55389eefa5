"""A figure day by day as bars, in the units of the drawing's `viewBox`. Days that were not published are marked: nobody
looked, which is no zero."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

HEIGHT: Final = 72
_STEP: Final = 22
_BAR: Final = 16
_LABEL_ROOM: Final = 18
_LEAST_DAYS: Final = 14
"""A drawing is never narrower than so many days."""
_LABELS_APART: Final = 4
"""Days; a label is as wide as about as many."""


@dataclass(frozen=True, slots=True)
class DayBar:
    """A day of the calendar; `label` is empty where there is no room for one."""

    day: date
    x: int
    y: float
    height: float
    count: int
    published: bool
    label: str


@dataclass(frozen=True, slots=True)
class DayBars:
    bars: tuple[DayBar, ...]
    width: int
    most: int
    bar: int = _BAR
    base: int = HEIGHT
    height: int = HEIGHT + _LABEL_ROOM


def day_bars(counts: Mapping[date, int], published: Collection[date]) -> DayBars | None:
    """From the first published day to the last; None without any."""
    if not published:
        return None
    first, there = min(published), set(published)
    n = (max(published) - first).days + 1
    most = max(counts.values(), default=0)
    bars = []
    for place in range(n):
        day = first + timedelta(days=place)
        count = counts.get(day, 0)
        height = round(max((HEIGHT - 4) * count / most, 1.5), 1) if count else 0.0
        label = day.isoformat()[5:] if place % _LABELS_APART == 0 else ""
        bars.append(DayBar(day, place * _STEP, HEIGHT - height, height, count, day in there, label))
    return DayBars(tuple(bars), max(n, _LEAST_DAYS) * _STEP, most)
