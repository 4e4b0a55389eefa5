"""The health gate: what is asked of a run before it is published.

A stage that fails in silence leaves a run that looks like any other. Each check holds a figure of the run against a
limit, most of them against the days before by median and median absolute deviation, which a few odd days cannot move
(Hampel 1974, J. Am. Stat. Assoc. 69). A failed check stops publishing until somebody accepts the run
and says why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median_low
from typing import Any, Final

import numpy as np

from campaigns.entries import FIRST_RUN
from campaigns.runs import Counts
from campaigns.settings import HealthSettings

_NORMAL: Final = 1.4826
"""Median absolute deviations of a normal distribution in one standard deviation."""


DAY_COUNTS: Final = (
    "ingest.rows_in",
    "ingest.quarantined",
    "scaffold.texts",
    "group.grouped_texts",
    "results.campaigns",
)
"""The counts of a run that `DayFigures` rests on."""


@dataclass(frozen=True, slots=True)
class Check:
    """What one check found. `value` and `limit` are None if there was nothing to judge; `look` says where to look."""

    name: str
    failed: bool
    value: float | None
    limit: float | None
    sentence: str
    look: str = ""

    def as_json(self) -> dict[str, Any]:
        kept = ("name", "failed", "value", "limit", "sentence")
        return {name: getattr(self, name) for name in kept}


@dataclass(frozen=True, slots=True)
class DayFigures:
    """What a day came to. `ungrouped` of its distinct `texts` are in no lexical group."""

    day: date
    rows: int
    quarantined: int
    texts: int
    ungrouped: int
    campaigns: int

    @classmethod
    def of(cls, day: date, counts: Counts) -> DayFigures | None:
        """From the counts of a run, as `STAGE.COUNT`; None if a version made it that did not count all of them."""
        if not all(name in counts for name in DAY_COUNTS):
            return None
        rows, quarantined, texts, grouped, campaigns = (int(counts[name]) for name in DAY_COUNTS)
        return cls(day, rows, quarantined, texts, texts - grouped, campaigns)

    @classmethod
    def as_usual(cls, day: date, counts: Counts) -> DayFigures | None:
        """What other days are compared with: of a second pass the figures of the day's first pass."""
        begin = len(FIRST_RUN)
        first = {name[begin:]: value for name, value in counts.items() if name.startswith(FIRST_RUN)}
        return cls.of(day, first or counts)

    @property
    def prompts(self) -> int:
        return self.rows - self.quarantined

    @property
    def noise(self) -> float:
        return self.ungrouped / max(self.texts, 1)

    @property
    def quarantine(self) -> float:
        return self.quarantined / max(self.rows, 1)


@dataclass(frozen=True, slots=True)
class CanaryFigures:
    """A row of `canaries.parquet`; see `campaigns.records.CANARIES`."""

    canary: str
    n_prompts: int
    found: int
    recall: float
    mixed: int


@dataclass(frozen=True, slots=True)
class Today:
    """The run that is looked at. `largest_prompts` and `largest_accounts` are parts of the day, in one campaign.

    `why_not` says why nothing was planted, and is empty if something was. `arrived` is what came in, where that is not
    what the run looked at: the figures of the first pass, in a second.
    """

    figures: DayFigures
    largest: str
    largest_prompts: float
    largest_accounts: float
    canaries: tuple[CanaryFigures, ...]
    why_not: str
    arrived: DayFigures | None = None


# -- checks --------------------------------------------------------------------------------------------


def examine(today: Today, before: Sequence[DayFigures], limits: HealthSettings) -> tuple[Check, ...]:
    """Every check of a run.

    Args:
        before: published days before it, in any order.
    """
    figures = today.figures
    arrived = today.arrived or figures
    return (
        canary_recall(today.canaries, today.why_not, limits.canary_recall),
        canaries_apart(today.canaries, limits.mixed_share),
        mega_cluster(today, limits),
        noise(arrived, before, limits),
        empty_output(figures, before, limits),
        prompt_drift(arrived, before, limits),
        quarantine(arrived, before, limits),
    )


def canary_recall(canaries: Sequence[CanaryFigures], why_not: str, floor: float) -> Check:
    """Most of the planted campaigns are found again.

    One of them can be lost to what else is in the day's traffic; a stage that fails loses more than one.
    """
    name = "canary recall"
    if not canaries:
        return Check(name, False, None, None, f"No canaries were planted: {why_not or 'the run knows none'}.")
    middle = median_low([one.recall for one in canaries])
    lost = sum(one.recall < floor for one in canaries)
    told = ", ".join(f"{one.canary} {one.found} of {one.n_prompts}" for one in canaries)
    return Check(
        name,
        middle < floor,
        middle,
        floor,
        f"{lost} of {len(canaries)} planted campaigns have less than {floor:.0%} of their prompts in one family of "
        f"their own ({told}).",
        "canaries.parquet; the counts of the stages `group` and `cluster`, and which settings of `scaffold` and "
        "`family` changed",
    )


def canaries_apart(canaries: Sequence[CanaryFigures], limit: float) -> Check:
    """No family holds planted and real prompts together."""
    name = "canaries apart"
    planted = sum(one.n_prompts for one in canaries)
    if not planted:
        return Check(name, False, None, None, "No canaries were planted.")
    share = sum(one.mixed for one in canaries) / planted
    return Check(
        name,
        share > limit,
        round(share, 4),
        limit,
        f"Families that hold planted and real prompts together mix {share:.0%} as many as were planted, the limit is "
        f"{limit:.0%}.",
        "canaries.parquet, column `mixed`: unlike prompts end up in one family",
    )


def mega_cluster(today: Today, limits: HealthSettings) -> Check:
    """No family is a good part of the whole day."""
    name, limit = "mega-cluster", limits.largest_share
    share = min(today.largest_prompts, today.largest_accounts)
    if today.figures.prompts < limits.min_prompts:
        return Check(name, False, None, None, _too_few(today.figures, limits))
    return Check(
        name,
        share > limit,
        round(share, 4),
        limit,
        f"The largest campaign holds {today.largest_prompts:.0%} of the prompts and {today.largest_accounts:.0%} of "
        f"the accounts, the limit for both is {limit:.0%}.",
        f"campaigns.parquet, {today.largest}: is it one template?",
    )


def noise(today: DayFigures, before: Sequence[DayFigures], limits: HealthSettings) -> Check:
    """Not many more texts than usual are in no group."""
    name = "noise share"
    usual = _usual([day.noise for day in before], limits)
    if usual is None or today.prompts < limits.min_prompts:
        return Check(name, False, None, None, _too_new(today, before, limits))
    limit = usual.above(limits.noise_jump)
    return Check(
        name,
        today.noise > limit,
        round(today.noise, 4),
        round(limit, 4),
        f"{today.noise:.0%} of the texts are in no group; over {_days(before)} before it were {usual.median:.0%}, "
        f"the limit is {limit:.0%}.",
        "the counts of the stages `scaffold` and `group`: are texts cut, or tokens lost?",
    )


def empty_output(today: DayFigures, before: Sequence[DayFigures], limits: HealthSettings) -> Check:
    """A day has campaigns if the days before had."""
    name = "empty output"
    if not before:
        return Check(name, False, None, None, "No day before it is published.")
    usual = float(np.median([day.campaigns for day in before]))
    volume = max(today.prompts, int(np.median([day.prompts for day in before])))
    if volume < limits.min_prompts:
        return Check(name, False, None, None, _too_few(today, limits))
    return Check(
        name,
        today.campaigns == 0 and usual >= 1,
        float(today.campaigns),
        1.0,
        f"{today.campaigns:,} campaigns were found; over {_days(before)} before it were {usual:,.0f} (median).",
        "the counts of the stages `group` and `cluster`",
    )


def prompt_drift(today: DayFigures, before: Sequence[DayFigures], limits: HealthSettings) -> Check:
    """About as many prompts came in as usual."""
    name = "prompt drift"
    usual = _usual([float(day.prompts) for day in before], limits)
    if usual is None or max(usual.median, today.prompts) < limits.min_prompts:
        return Check(name, False, None, None, _too_new(today, before, limits))
    least = min(usual.median / limits.drift_factor, usual.median - usual.spread)
    most = max(usual.median * limits.drift_factor, usual.median + usual.spread)
    fewer = today.prompts < usual.median
    return Check(
        name,
        not least <= today.prompts <= most,
        float(today.prompts),
        round(least if fewer else most, 1),
        f"{today.prompts:,} prompts came in; over {_days(before)} before it were {usual.median:,.0f} (median), "
        f"between {max(least, 0):,.0f} and {most:,.0f} is usual.",
        "the export of the traffic: is the day whole, and there once?",
    )


def quarantine(today: DayFigures, before: Sequence[DayFigures], limits: HealthSettings) -> Check:
    """Not many more rows than usual were set aside."""
    name = "quarantine share"
    usual = _usual([day.quarantine for day in before], limits)
    if usual is None or today.rows < limits.min_prompts:
        return Check(name, False, None, None, _too_new(today, before, limits))
    limit = usual.above(limits.quarantine_jump)
    return Check(
        name,
        today.quarantine > limit,
        round(today.quarantine, 4),
        round(limit, 4),
        f"{today.quarantine:.1%} of the rows were set aside; over {_days(before)} before it were "
        f"{usual.median:.1%}, the limit is {limit:.1%}.",
        "quarantine.parquet, column `reason`",
    )


@dataclass(frozen=True, slots=True)
class _Usual:
    """`spread`: as far from the median as is still usual."""

    median: float
    spread: float

    def above(self, jump: float) -> float:
        """How far up is still usual, where a rise of `jump` always is."""
        return self.median + max(jump, self.spread)


def _usual(values: Sequence[float], limits: HealthSettings) -> _Usual | None:
    """None: too few days to tell."""
    if len(values) < limits.least_days:
        return None
    median = float(np.median(values))
    deviation = _NORMAL * float(np.median(np.abs(np.asarray(values) - median)))
    return _Usual(median, limits.deviations * deviation)


def _days(before: Sequence[DayFigures]) -> str:
    return "1 day" if len(before) == 1 else f"{len(before)} days"


def _too_few(today: DayFigures, limits: HealthSettings) -> str:
    return f"{today.prompts:,} prompts are too few to judge by, it takes {limits.min_prompts:,}."


def _too_new(today: DayFigures, before: Sequence[DayFigures], limits: HealthSettings) -> str:
    if len(before) < limits.least_days:
        return f"{_days(before)} before it published, it takes {limits.least_days} to tell what is usual."
    return _too_few(today, limits)
