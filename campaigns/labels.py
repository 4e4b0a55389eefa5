"""What people call campaigns: a title, an objective, or both in place of those that a run found. Holds over runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaigns.audit import Action, append
from campaigns.current import call
from campaigns.decisions import said
from campaigns.entries import Clock, utc_now
from campaigns.errors import UsageError
from campaigns.records import Objective
from campaigns.review_tables import LabelRow
from campaigns.tables import CampaignRow

MOST_CHARACTERS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What `author` calls a campaign. None: what its runs do. The latest stands."""

    id: int
    campaign_id: str
    title: str | None
    objective: Objective | None
    reason: str
    author: str
    created_at: datetime


def relabel(
    session: Session,
    campaign_id: str,
    *,
    title: str | None,
    objective: Objective | None,
    reason: str,
    author: str,
    clock: Clock = utc_now,
) -> Label:
    """Call a campaign something else from now on; with neither title nor objective, what its runs call it.

    Raises:
        UsageError: nobody knows the campaign, the title is blank or longer than `MOST_CHARACTERS`, or reason or author
            is blank.
    """
    if session.get(CampaignRow, campaign_id) is None:
        raise UsageError(f"no campaign {campaign_id!r}", hint="`shoal campaigns --all` lists them.")
    if title is not None:
        title = said("a title", " ".join(title.split()), "a label")
        if len(title) > MOST_CHARACTERS:
            raise UsageError(f"the title is longer than {MOST_CHARACTERS} characters", hint="Say it shorter.")
    row = LabelRow(
        campaign_id=campaign_id,
        title=title,
        objective=objective,
        reason=said("reason", reason, "a label"),
        author=said("author", author, "a label"),
        created_at=clock(),
    )
    session.add(row)
    session.flush()
    session.refresh(row)
    call(session, campaign_id, row.title, row.objective)
    details = {"title": row.title, "objective": row.objective, "reason": row.reason}
    append(
        session,
        actor=row.author,
        action=Action.RELABELLED,
        subject=campaign_id,
        details=details,
        at=row.created_at,
    )
    return _label(row)


def standing_labels(session: Session, campaign_id: str = "") -> dict[str, Label]:
    """The label that stands, by campaign; one that only goes back to what the runs say is none. Of one or of all."""
    newest = select(func.max(LabelRow.id)).group_by(LabelRow.campaign_id)
    if campaign_id:
        newest = newest.where(LabelRow.campaign_id == campaign_id)
    rows = session.scalars(select(LabelRow).where(LabelRow.id.in_(newest)).order_by(LabelRow.campaign_id))
    labels = [_label(row) for row in rows]
    return {one.campaign_id: one for one in labels if one.title is not None or one.objective is not None}


def _label(row: LabelRow) -> Label:
    return Label(
        id=row.id,
        campaign_id=row.campaign_id,
        title=row.title,
        objective=None if row.objective is None else Objective(row.objective),
        reason=row.reason,
        author=row.author,
        created_at=row.created_at,
    )
