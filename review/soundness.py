"""How far published runs can be trusted: canaries over the days, days that are not there, runs that were held back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

from campaigns.entries import PublishedRun
from campaigns.runs import attempts, days

HEALTH: Final = "health.json"
"""In a run folder: what the health gate asked, also of a run that it held back."""
CANARY_COUNT: Final = "canary."
"""How the counts of a published run call the recall of a canary."""
FAILED_COUNT: Final = "health.failed"
"""The count that names the checks a run was published over; then `health.accepted_by` and more of them are there."""
DAYS_SHOWN: Final = 30
"""Days whose canaries are drawn and whose gaps are named."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A run that was published although checks failed, on the word of `by`."""

    day: date
    run_id: str
    failed: str
    by: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class HeldBack:
    """A run that the health gate stopped and nobody accepted; `failed` are sentences."""

    day: date
    run_id: str
    failed: tuple[str, ...]


def recalls(counts: Mapping[str, Any]) -> dict[str, float]:
    """Recall by canary, from the counts of a published run."""
    return {
        name.removeprefix(CANARY_COUNT): float(value)
        for name, value in sorted(counts.items())
        if name.startswith(CANARY_COUNT)
    }


def canary_history(published: Iterable[PublishedRun]) -> dict[str, dict[date, float]]:
    """Recall by canary and day, where a canary was planted."""
    by_day = {run.day: recalls(run.counts) for run in published}
    names = sorted({name for found in by_day.values() for name in found})
    return {name: {day: found[name] for day, found in by_day.items() if name in found} for name in names}


def accepted(run: PublishedRun) -> Accepted | None:
    """None: no check failed."""
    if FAILED_COUNT not in run.counts:
        return None
    by, reason = (run.counts.get(f"health.accepted_{name}") for name in ("by", "reason"))
    return Accepted(
        run.day,
        run.run_id,
        str(run.counts[FAILED_COUNT]),
        None if by is None else str(by),
        None if reason is None else str(reason),
    )


def held_back(home: Path, published: set[str], latest: int = DAYS_SHOWN) -> list[HeldBack]:
    """Runs whose folders are there though nobody published them, the oldest first.

    Args:
        published: ids of the runs that days point to.
        latest: of how many days that have a folder.
    """
    found = []
    for day in days(home)[-latest:]:
        for run in attempts(home, day)[-1:]:
            path = run.path / HEALTH
            if run.complete or run.run_id in published or not path.exists():
                continue
            failed = tuple(check["sentence"] for check in json.loads(path.read_bytes()) if check["failed"])
            if failed:
                found.append(HeldBack(day, run.run_id, failed))
    return found


def missing_days(published: Sequence[date]) -> list[date]:
    """Days between the first and the last that are not there.

    Args:
        published: ascending.
    """
    if not published:
        return []
    there = set(published)
    every = (published[0] + timedelta(days=n) for n in range((published[-1] - published[0]).days))
    return [day for day in every if day not in there]
