"""Decisions of analysts: rows that are only added, and which of them stand.

A decision stands until it is taken back by a row that names it, or a later one about the same campaign replaces it.
The functions work inside a transaction of the caller, so that whatever follows from a decision can be written
together with it. `Store` wraps each in one of its own.
"""

from __future__ import annotations

from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from campaigns.entries import Clock, Decision, Verdict, utc_now
from campaigns.errors import UsageError
from campaigns.tables import CampaignDayRow, CampaignRow, DecisionRow


def record(
    session: Session,
    campaign_id: str,
    verdict: Verdict,
    *,
    reason: str,
    author: str,
    day: date | None = None,
    clock: Clock = utc_now,
) -> Decision:
    """Add a decision about a campaign as the published run of `day` shows it, by default its latest day.

    Raises:
        UsageError: nobody knows the campaign, it was not seen on that day, or reason or author is blank.
    """
    campaign = session.get(CampaignRow, campaign_id)
    if campaign is None:
        raise UsageError(f"no campaign {campaign_id!r}", hint="`shoal campaigns --all` lists them.")
    seen = session.get(CampaignDayRow, (campaign_id, day or campaign.last_day))
    if seen is None:
        raise UsageError(
            f"{campaign_id} was not seen on {day}",
            hint=f"It was seen from {campaign.first_day} to {campaign.last_day}.",
        )
    return _add(
        session,
        DecisionRow(
            campaign_id=campaign_id,
            day=seen.day,
            run_id=seen.run_id,
            verdict=verdict,
            reason=_said("reason", reason),
            author=_said("author", author),
            created_at=clock(),
        ),
    )


def take_back(
    session: Session, decision_id: int, *, reason: str, author: str, clock: Clock = utc_now
) -> Decision:
    """Add the row that undoes a decision; the campaign need not be known any longer.

    Raises:
        UsageError: there is no such decision, it is an undo, it was taken back, or reason or author is blank.
    """
    row = session.get(DecisionRow, decision_id)
    if row is None:
        raise UsageError(f"no decision {decision_id}", hint="`shoal decisions` lists them.")
    if row.undoes is not None:
        raise UsageError(f"decision {decision_id} is an undo", hint="To take it back, decide again.")
    earlier = session.scalar(select(DecisionRow.id).where(DecisionRow.undoes == decision_id))
    if earlier is not None:
        raise UsageError(
            f"decision {decision_id} was taken back already, by {earlier}",
            hint=f"`shoal decisions {row.campaign_id}` shows what stands.",
        )
    return _add(
        session,
        DecisionRow(
            campaign_id=row.campaign_id,
            day=row.day,
            run_id=row.run_id,
            reason=_said("reason", reason),
            author=_said("author", author),
            created_at=clock(),
            undoes=row.id,
        ),
    )


def select_decisions(
    session: Session, campaign_id: str | None = None, *, in_force: bool = False
) -> list[Decision]:
    """Decisions about one campaign or all, oldest first; with `in_force` without undos and what they took back."""
    query = select(DecisionRow).order_by(DecisionRow.id)
    if campaign_id is not None:
        query = query.where(DecisionRow.campaign_id == campaign_id)
    if in_force:
        undo = aliased(DecisionRow)
        undone = select(undo.id).where(undo.undoes == DecisionRow.id).exists()
        query = query.where(DecisionRow.undoes.is_(None), ~undone)
    return [row.entry() for row in session.scalars(query)]


def _said(name: str, text: str) -> str:
    text = text.strip()
    if not text:
        raise UsageError(f"a decision needs {name}", hint="Say what was seen, and who saw it.")
    return text


def _add(session: Session, row: DecisionRow) -> Decision:
    session.add(row)
    session.flush()
    session.refresh(row)
    return row.entry()
