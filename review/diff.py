"""What changed between two published days: campaigns that are new, grown, shrunk or gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final

import numpy as np

from campaigns.entries import CampaignSummary
from campaigns.estimates import count_change, discoveries
from campaigns.records import Tier
from review.report_records import plain

FALSE_DISCOVERIES: Final = 0.05
_TIERS: Final = list(Tier)


class Kind(StrEnum):
    NEW = "new"
    GROWN = "grown"
    SHRUNK = "shrunk"
    GONE = "gone"
    SAME = "same size"


@dataclass(frozen=True, slots=True)
class Side:
    """A campaign on one of the two days."""

    n_prompts: int
    n_accounts: int
    tier: str
    score: float


@dataclass(frozen=True, slots=True)
class Change:
    """A campaign of either day; title and objective are those of the later one that has it.

    `p_value` is None where a side is missing. `known_since` tells a new campaign from one that came back.
    """

    campaign_id: str
    title: str
    objective: str
    kind: Kind
    before: Side | None
    after: Side | None
    p_value: float | None
    known_since: date

    @property
    def tier_changed(self) -> bool:
        return self.before is not None and self.after is not None and self.before.tier != self.after.tier


@dataclass(frozen=True, slots=True)
class Difference:
    """
    Attributes:
        rates: what part of all prompts each day's input held.
        changes: campaigns that changed, the weightiest first: by the gravest of their tiers, then by how many prompts
            of all traffic came or went.
        same: how many campaigns changed neither size nor tier.
    """

    first: date
    second: date
    rates: tuple[float, float]
    changes: tuple[Change, ...]
    same: int

    def count(self, kind: Kind) -> int:
        return sum(change.kind == kind for change in self.changes)

    def as_json(self) -> dict[str, Any]:
        made: dict[str, Any] = plain(self)
        return made


def compare(
    first: Sequence[CampaignSummary],
    second: Sequence[CampaignSummary],
    days: tuple[date, date],
    rates: tuple[float, float],
) -> Difference:
    """Compare two days.

    A campaign has grown or shrunk if its two counts of prompts differ by more than counting noise: a two-sided exact
    test of two Poisson counts, given the sampling rates (`campaigns.estimates.count_change`), with the false discovery
    rate over all campaigns of both days held at `FALSE_DISCOVERIES`.
    """
    before = {one.campaign_id: one for one in first}
    after = {one.campaign_id: one for one in second}
    both = sorted(before.keys() & after.keys())
    p = count_change(
        np.array([before[name].n_prompts for name in both], np.int64),
        np.array([after[name].n_prompts for name in both], np.int64),
        rates[1] / rates[0],
    )
    differs = dict(zip(both, discoveries(p, FALSE_DISCOVERIES).tolist(), strict=True))
    p_values = dict(zip(both, p.tolist(), strict=True))
    changes = [
        _change(name, before, after, rates, p_values.get(name), differs=differs.get(name, False))
        for name in sorted(before.keys() | after.keys())
    ]
    changed = [change for change in changes if change.kind != Kind.SAME or change.tier_changed]
    changed.sort(key=lambda change: _weight(change, rates))
    return Difference(*days, rates, tuple(changed), len(changes) - len(changed))


def _change(
    name: str,
    before: Mapping[str, CampaignSummary],
    after: Mapping[str, CampaignSummary],
    rates: tuple[float, float],
    p_value: float | None,
    *,
    differs: bool,
) -> Change:
    was, now = before.get(name), after.get(name)
    shown = now or before[name]
    kind = Kind.SAME
    if was is None:
        kind = Kind.NEW
    elif now is None:
        kind = Kind.GONE
    elif differs:
        kind = Kind.GROWN if now.n_prompts / rates[1] > was.n_prompts / rates[0] else Kind.SHRUNK
    return Change(
        campaign_id=name,
        title=shown.title,
        objective=shown.objective.value,
        kind=kind,
        before=_side(was),
        after=_side(now),
        p_value=p_value,
        known_since=shown.first_day,
    )


def _side(one: CampaignSummary | None) -> Side | None:
    return None if one is None else Side(one.n_prompts, one.n_accounts, one.tier.value, one.score)


def _weight(change: Change, rates: tuple[float, float]) -> tuple[int, float, str]:
    sides = [side for side in (change.before, change.after) if side is not None]
    gravest = min(_TIERS.index(Tier(side.tier)) for side in sides)
    was = change.before.n_prompts / rates[0] if change.before else 0.0
    now = change.after.n_prompts / rates[1] if change.after else 0.0
    return gravest, -abs(now - was), change.campaign_id
