"""What people say of identity: a campaign is an older one gone on, or it is not."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaigns.audit import Action, append
from campaigns.decisions import said
from campaigns.entries import Answer, CampaignState, Clock, Event, RelatedEntry, utc_now
from campaigns.errors import UsageError
from campaigns.tables import AnswerRow, CampaignRow, LineageRow


def record_answer(
    session: Session,
    campaign_id: str,
    other_id: str,
    *,
    same: bool,
    reason: str,
    author: str,
    clock: Clock = utc_now,
) -> Answer:
    """Say whether `campaign_id` is `other_id` gone on. Holds from the next run on; the latest answer stands.

    Raises:
        UsageError: one of them is not known, they are one already, or reason or author is blank.
    """
    for name in (campaign_id, other_id):
        if session.get(CampaignRow, name) is None:
            raise UsageError(f"no campaign {name!r}", hint="`shoal campaigns --all` lists them.")
    reason, author = said("reason", reason, "an answer"), said("author", author, "an answer")
    if campaign_id == other_id or (same and campaign_id in _goes_back_to(session, other_id)):
        raise UsageError(f"{other_id} is {campaign_id} already", hint="Name the newer campaign first.")
    row = AnswerRow(
        campaign_id=campaign_id,
        other_id=other_id,
        same=same,
        reason=reason,
        author=author,
        created_at=clock(),
    )
    session.add(row)
    newer = session.get_one(CampaignRow, campaign_id)
    if same or newer.state == CampaignState.MERGED:
        newer.state = CampaignState.MERGED if same else CampaignState.OPEN
    session.flush()
    session.refresh(row)
    append(
        session,
        actor=row.author,
        action=Action.ANSWERED,
        subject=campaign_id,
        details={"answer": row.id, "other": other_id, "same": same, "reason": row.reason},
        at=row.created_at,
    )
    return row.entry()


def standing_answers(session: Session) -> dict[str, Answer]:
    """The latest answer about each campaign."""
    latest = select(func.max(AnswerRow.id)).group_by(AnswerRow.campaign_id)
    rows = session.scalars(select(AnswerRow).where(AnswerRow.id.in_(latest)).order_by(AnswerRow.campaign_id))
    return {row.campaign_id: row.entry() for row in rows}


def open_questions(session: Session) -> list[RelatedEntry]:
    """What a person should say of two campaigns, and nobody has, the latest first.

    One possibly continues the other; or accounts join two that were known before (kept, and the other is named): then
    the newer one is asked about, on the latest day.
    """
    answered = select(AnswerRow.campaign_id)
    since = dict(session.execute(select(CampaignRow.campaign_id, CampaignRow.first_day)).tuples().all())
    asked = (Event.POSSIBLY_CONTINUES, Event.KEPT)
    rows = session.scalars(
        select(LineageRow)
        .where(
            LineageRow.event.in_(asked),
            LineageRow.other_id.is_not(None),
            LineageRow.campaign_id.not_in(answered),
        )
        .order_by(LineageRow.day.desc(), LineageRow.campaign_id)
    )
    found: dict[frozenset[str], RelatedEntry] = {}
    for row in rows:
        other = row.other_id or ""
        newer = (since.get(row.campaign_id, row.day), row.campaign_id) > (since.get(other, row.day), other)
        if row.event == Event.POSSIBLY_CONTINUES or newer:
            found.setdefault(frozenset((row.campaign_id, other)), row.related())
    return list(found.values())


def _goes_back_to(session: Session, campaign_id: str) -> set[str]:
    """The campaign and all that it is said to continue."""
    answers = standing_answers(session)
    found = {campaign_id}
    while (answer := answers.get(campaign_id)) is not None and answer.same and answer.other_id not in found:
        campaign_id = answer.other_id
        found.add(campaign_id)
    return found
