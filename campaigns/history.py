"""What the store tells of one campaign: its days, its wordings, and what happened to its id."""

from __future__ import annotations

from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.entries import CampaignHistory, Event
from campaigns.errors import UsageError
from campaigns.tables import CampaignDayRow, CampaignRow, DayRow, LineageRow, WordingRow


def select_history(session: Session, campaign_id: str) -> CampaignHistory:
    """See `Store.campaign`."""
    campaign = session.get(CampaignRow, campaign_id)
    if campaign is None:
        raise UsageError(f"no campaign {campaign_id!r}", hint="`shoal campaigns` lists them.")
    days = session.scalars(
        select(CampaignDayRow).where(CampaignDayRow.campaign_id == campaign_id).order_by(CampaignDayRow.day)
    )
    lineage = session.scalars(
        select(LineageRow)
        .where(LineageRow.campaign_id == campaign_id)
        .order_by(LineageRow.day, LineageRow.event)
    )
    related = session.scalars(
        select(LineageRow)
        .where(LineageRow.other_id == campaign_id, LineageRow.event != Event.KEPT)
        .order_by(LineageRow.day, LineageRow.event, LineageRow.campaign_id)
    )
    published = session.scalars(
        select(DayRow.day)
        .where(DayRow.day.between(campaign.first_day, campaign.last_day))
        .order_by(DayRow.day)
    )
    return CampaignHistory(
        campaign_id=campaign.campaign_id,
        first_day=campaign.first_day,
        last_day=campaign.last_day,
        state=campaign.state,
        days=tuple(row.entry() for row in days),
        lineage=tuple(row.entry() for row in lineage),
        published=tuple(published),
        wordings=_wordings(session, campaign_id),
        related=tuple(row.related() for row in related),
    )


def _wordings(session: Session, campaign_id: str) -> dict[int, tuple[date, ...]]:
    query = (
        select(WordingRow.variant, WordingRow.day)
        .where(WordingRow.campaign_id == campaign_id)
        .order_by(WordingRow.variant, WordingRow.day)
    )
    found: dict[int, tuple[date, ...]] = {}
    for variant, day in session.execute(query).tuples():
        found[variant] = (*found.get(variant, ()), day)
    return found
