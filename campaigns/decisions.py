"""Decisions of analysts: rows that are only added, and which of them stand.

A decision stands until it is taken back by a row that names it, or a later one about the same campaign replaces it. A
dismissal that stands is an entry of the allow-list until the day it expires on. The functions work inside a
transaction of the caller, so that whatever follows from a decision can be written together with it. `Store` wraps each
in one of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from campaigns.audit import Action, append
from campaigns.current import judge
from campaigns.entries import AllowEntry, AllowKind, Clock, Decision, Verdict, utc_now
from campaigns.errors import UsageError
from campaigns.outbox import follow
from campaigns.tables import CampaignDayRow, CampaignRow, DecisionRow


def record(
    session: Session,
    campaign_id: str,
    verdict: Verdict,
    *,
    reason: str,
    author: str,
    day: date | None = None,
    expires_on: date | None = None,
    clock: Clock = utc_now,
) -> Decision:
    """Add a decision about a campaign as the published run of `day` shows it, by default its latest day.

    Args:
        expires_on: the last day on which a dismissal keeps the campaign on the allow-list; None: no end.

    Raises:
        UsageError: nobody knows the campaign, it was not seen on that day, reason or author is blank, or something that
            is not a dismissal expires.
    """
    seen = seen_on(session, campaign_id, day)
    return add(
        session,
        campaign_id=campaign_id,
        day=seen.day,
        run_id=seen.run_id,
        verdict=verdict,
        reason=reason,
        author=author,
        created_at=clock(),
        expires_on=expires_on,
    )


def add(
    session: Session,
    *,
    campaign_id: str,
    day: date,
    run_id: str,
    verdict: Verdict,
    reason: str,
    author: str,
    created_at: datetime,
    expires_on: date | None = None,
    proposal_id: int | None = None,
    approved_by: str = "",
) -> Decision:
    """As `record`, about what was looked at, whatever is published now.

    Raises:
        UsageError: as `record`, less what it looks up.
    """
    check_end(verdict, expires_on, created_at)
    made = _add(
        session,
        DecisionRow(
            campaign_id=campaign_id,
            day=day,
            run_id=run_id,
            verdict=verdict,
            reason=said("reason", reason),
            author=said("author", author),
            created_at=created_at,
            expires_on=expires_on,
            proposal_id=proposal_id,
        ),
    )
    judge(session, campaign_id, verdict)
    follow(session, made, made)
    details: dict[str, Any] = {
        "decision": made.id,
        "verdict": str(verdict),
        "reason": made.reason,
        "run": run_id,
        **({"until": expires_on.isoformat()} if expires_on else {}),
        **({"proposal": proposal_id, "approved by": approved_by} if proposal_id else {}),
    }
    append(
        session, actor=made.author, action=Action.DECIDED, subject=campaign_id, details=details, at=created_at
    )
    return made


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
    made = _add(
        session,
        DecisionRow(
            campaign_id=row.campaign_id,
            day=row.day,
            run_id=row.run_id,
            reason=said("reason", reason),
            author=said("author", author),
            created_at=clock(),
            undoes=row.id,
        ),
    )
    stands = latest(select_decisions(session, made.campaign_id, in_force=True)).get(made.campaign_id)
    judge(session, made.campaign_id, stands.verdict if stands else None)
    follow(session, made, stands)
    append(
        session,
        actor=made.author,
        action=Action.UNDONE,
        subject=made.campaign_id,
        details={
            "decision": made.id,
            "undoes": decision_id,
            "verdict": row.verdict,
            "reason": made.reason,
            "stands": stands.id if stands else None,
        },
        at=made.created_at,
    )
    return made


def select_decisions(
    session: Session, campaign_id: str | None = None, *, in_force: bool = False
) -> list[Decision]:
    """Decisions about one campaign or all, oldest first; with `in_force` without undos and what they took back."""
    query = select(*_COLUMNS.values()).order_by(DecisionRow.id)
    if campaign_id is not None:
        query = query.where(DecisionRow.campaign_id == campaign_id)
    if in_force:
        undo = aliased(DecisionRow)
        undone = select(undo.id).where(undo.undoes == DecisionRow.id).exists()
        query = query.where(DecisionRow.undoes.is_(None), ~undone)
    return [_entry(dict(zip(_COLUMNS, row, strict=True))) for row in session.execute(query)]


_COLUMNS: Final = {field.name: getattr(DecisionRow, field.name) for field in fields(Decision)}
"""Not whole rows of the model: there may be thousands of decisions, and they take three times as long."""


def _entry(told: dict[str, Any]) -> Decision:
    return Decision(**told | {"verdict": None if told["verdict"] is None else Verdict(told["verdict"])})


def latest(decisions: Iterable[Decision]) -> dict[str, Decision]:
    """The decision that stands, by campaign, of decisions in force, oldest first."""
    return {decision.campaign_id: decision for decision in decisions}


def dismissals(session: Session, day: date | None = None) -> list[AllowEntry]:
    """The dismissals that stand, as entries of the allow-list; only those that hold on `day`, where one is given."""
    return [
        AllowEntry(
            id=None,
            kind=AllowKind.CAMPAIGN,
            value=one.campaign_id,
            reason=one.reason,
            author=one.author,
            created_at=one.created_at,
            expires_on=one.expires_on,
            decision_id=one.id,
        )
        for one in latest(select_decisions(session, in_force=True)).values()
        if one.verdict == Verdict.DISMISSED
        and (day is None or one.expires_on is None or one.expires_on >= day)
    ]


def said(name: str, text: str, what: str = "a decision") -> str:
    """`text` without white space round it.

    Raises:
        UsageError: nothing is left.
    """
    text = text.strip()
    if not text:
        raise UsageError(f"{what} needs {name}", hint="Say what was seen, and who saw it.")
    return text


def check_end(verdict: Verdict, expires_on: date | None, at: datetime) -> None:
    """
    Raises:
        UsageError: something that is not a dismissal has a last day, or it has passed.
    """
    if expires_on is not None and verdict != Verdict.DISMISSED:
        raise UsageError(f"only a dismissal expires, not {verdict}", hint="Leave out the last day.")
    if expires_on is not None and expires_on < at.date():
        raise UsageError(f"{expires_on} has passed", hint="Name a day to come.")


def seen_on(session: Session, campaign_id: str, day: date | None) -> CampaignDayRow:
    """What the published run of a day, by default the campaign's latest, says of it.

    Raises:
        UsageError: nobody knows the campaign, or it was not seen on that day.
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
    return seen


def _add(session: Session, row: DecisionRow) -> Decision:
    session.add(row)
    session.flush()
    session.refresh(row)
    return row.entry()
