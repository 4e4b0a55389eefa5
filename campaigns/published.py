"""The runs that days point to, and how many campaigns of each tier they name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaigns.entries import PublishedRun
from campaigns.records import Tier
from campaigns.tables import CampaignDayRow, DayRow, RunRow


def select_published(
    session: Session, *, before: date | None = None, limit: int | None = None
) -> list[PublishedRun]:
    """The published run of each day, the latest first.

    Args:
        before: only of days before it.
    """
    query = select(RunRow).join(DayRow, DayRow.current_run_id == RunRow.run_id).order_by(DayRow.day.desc())
    if before is not None:
        query = query.where(DayRow.day < before)
    return [row.entry() for row in session.scalars(query.limit(limit))]


def count_tiers(session: Session, days: Collection[date]) -> dict[date, dict[Tier, int]]:
    """Campaigns by day and tier; a day without any has no tiers."""
    found: dict[date, dict[Tier, int]] = defaultdict(dict)
    query = (
        select(CampaignDayRow.day, CampaignDayRow.tier, func.count())
        .where(CampaignDayRow.day.in_(days))
        .group_by(CampaignDayRow.day, CampaignDayRow.tier)
    )
    for day, tier, count in session.execute(query).tuples():
        found[day][Tier(tier)] = count
    return found
