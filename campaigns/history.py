"""What the store tells of one campaign: its days, its wordings, what happened to its id, and what people said of it."""

from __future__ import annotations

from datetime import date

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from campaigns.entries import CampaignHistory, Event, Said, Saying, Split
from campaigns.errors import UsageError
from campaigns.splits import select_splits
from campaigns.tables import AnswerRow, CampaignDayRow, CampaignRow, DayRow, LineageRow, WordingRow


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
        said=_said(session, campaign_id),
    )


def _said(session: Session, campaign_id: str) -> tuple[Said, ...]:
    """Answers and splits about this campaign, whichever of the two it is."""
    found: list[Said] = []
    one_by_now: set[tuple[str, str]] = set()
    answers = session.scalars(
        select(AnswerRow)
        .where(or_(AnswerRow.campaign_id == campaign_id, AnswerRow.other_id == campaign_id))
        .order_by(AnswerRow.id)
    )
    for answer in answers:
        pair = (answer.campaign_id, answer.other_id)
        if answer.same:
            saying = Saying.ONE
            one_by_now.add(pair)
        else:
            saying = Saying.ONE_TAKEN_BACK if pair in one_by_now else Saying.TWO
            one_by_now.discard(pair)
        found.append(_saying(answer, saying, *pair))
    made = {row.id: row for row in select_splits(session)}
    for row in made.values():
        split = row if row.undoes is None else made[row.undoes]
        if campaign_id in (split.campaign_id, split.new_id):
            saying = Saying.SPLIT if row is split else Saying.SPLIT_TAKEN_BACK
            found.append(_saying(row, saying, str(split.new_id), split.campaign_id))
    return tuple(sorted(found, key=lambda one: one.said_at))


def _saying(row: AnswerRow | Split, saying: Saying, campaign_id: str, other_id: str) -> Said:
    return Said(
        said_at=row.created_at,
        saying=saying,
        campaign_id=campaign_id,
        other_id=other_id,
        reason=row.reason,
        author=row.author,
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
