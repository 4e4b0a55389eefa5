"""A campaign over the days, and over the hours of a day, as arrays to draw."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from campaigns.entries import CampaignHistory
from campaigns.records import Tier
from review.run_tables import RunTables

HOURS: Final = 24


@dataclass(frozen=True, slots=True)
class Timeline:
    """Every day of the calendar from a campaign's first to its last.

    Attributes:
        prompts, accounts: int64 (n,), 0 where it was not seen.
        tiers: None where it was not seen.
        published: bool (n,). On a day that was not published nobody looked: that is a gap, not a zero.
    """

    days: tuple[date, ...]
    prompts: NDArray[np.int64]
    accounts: NDArray[np.int64]
    tiers: tuple[Tier | None, ...]
    published: NDArray[np.bool_]


def timeline(history: CampaignHistory) -> Timeline:
    span = (history.last_day - history.first_day).days + 1
    days = tuple(history.first_day + timedelta(days=n) for n in range(span))
    seen = {one.day: one for one in history.days}
    published = {*history.published, *seen}
    return Timeline(
        days,
        np.array([seen[day].n_prompts if day in seen else 0 for day in days], np.int64),
        np.array([seen[day].n_accounts if day in seen else 0 for day in days], np.int64),
        tuple(seen[day].tier if day in seen else None for day in days),
        np.array([day in published for day in days], np.bool_),
    )


@dataclass(frozen=True, slots=True)
class DayHours:
    """int32 (n_campaigns, 24): prompts by the hour in UTC; `places` is the row of each campaign."""

    places: dict[str, int]
    counts: NDArray[np.int32]

    @property
    def nbytes(self) -> int:
        return self.counts.nbytes + _PLACE_BYTES * len(self.places)


_PLACE_BYTES: Final = 150


def hours(tables: RunTables, campaign_id: str) -> NDArray[np.int32]:
    """int32 (24,), prompts of a campaign by the hour of the day in UTC.

    The first call reads the times of all prompts of the run, the others nothing: fetch it after the page, not with it.
    """
    day = tables.made("hours", lambda: _hours(tables))
    if campaign_id not in day.places:
        return np.zeros(HOURS, np.int32)
    counts: NDArray[np.int32] = day.counts[day.places[campaign_id]]
    return counts


def _hours(tables: RunTables) -> DayHours:
    members = pl.DataFrame(tables.table("members", ["prompt_id", "campaign_id"], keep=False))
    members = members.with_columns(pl.col("campaign_id").cast(pl.Categorical))
    found = [
        _times(tables, f"{path.parent.name}/{path.stem}")
        .join(members, on="prompt_id")
        .group_by("campaign_id", "hour")
        .len()
        for path in tables.run.prompt_parts()
    ]
    sums = pl.concat(found).group_by("campaign_id", "hour").agg(pl.sum("len"))
    names = sums["campaign_id"].cast(pl.String)
    places = {name: row for row, name in enumerate(names.unique().sort().to_list())}
    counts = np.zeros((len(places), HOURS), np.int32)
    counts[[places[name] for name in names], sums["hour"].to_numpy()] = sums["len"].to_numpy()
    return DayHours(places, counts)


def _times(tables: RunTables, part: str) -> pl.DataFrame:
    prompts = pl.DataFrame(tables.table(part, ["prompt_id", "created_at"], keep=False))
    return prompts.select("prompt_id", hour=pl.col("created_at").dt.hour())
