"""What the row of a campaign repeats of its latest day, of its label and of its decision, kept in line with them.

Each function works inside a unit that writes, so nobody ever sees the one without the other.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Final, cast

from sqlalchemy import ColumnElement, CursorResult, ScalarSelect, delete, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from campaigns.review_tables import LabelRow
from campaigns.tables import CampaignDayRow, CampaignRow, DecisionRow

REPEATED: Final = (
    "run_id", "tier", "score", "n_prompts", "n_accounts", "operator_id", "title", "objective", "template",
)  # fmt: skip
"""Columns of `campaigns` that are those of the latest day."""
_REPEATED: Final = {name: getattr(CampaignDayRow, name) for name in REPEATED} | {"labelled": False}


def follow_days(session: Session, day: date) -> None:
    """Bring every campaign in line after `day`, and no other day, was written.

    What people said is looked up again only for those whose row lost it or never had it: one that changed is called
    what its day calls it until then, and one that had vanished has a new row, without a verdict.
    """
    _follow_lost(session, day)
    told = (CampaignDayRow.campaign_id == CampaignRow.campaign_id) & (CampaignDayRow.day == day)
    _update(session, told & (CampaignRow.last_day <= day), _REPEATED | {"last_day": day})
    _update(session, told & (CampaignRow.first_day > day), {"first_day": day})
    newest = select(func.max(LabelRow.id)).group_by(LabelRow.campaign_id)
    label = aliased(LabelRow)
    _update(
        session,
        (label.campaign_id == CampaignRow.campaign_id)
        & label.id.in_(newest)
        & or_(label.title.is_not(None), label.objective.is_not(None))
        & CampaignRow.labelled.is_(False),
        {
            "title": func.coalesce(label.title, CampaignRow.title),
            "objective": func.coalesce(label.objective, CampaignRow.objective),
            "labelled": True,
        },
    )
    decided = (
        select(DecisionRow.campaign_id).where(DecisionRow.campaign_id == CampaignRow.campaign_id).exists()
    )
    _update(session, CampaignRow.verdict.is_(None) & decided, {"verdict": _standing_verdict()})


def _follow_lost(session: Session, day: date) -> None:
    """Campaigns that began or ended on the day, and that its run speaks of no longer; most days have none."""
    of_campaign = CampaignDayRow.campaign_id == CampaignRow.campaign_id
    lost = or_(CampaignRow.first_day == day, CampaignRow.last_day == day) & (
        ~select(CampaignDayRow.day).where(of_campaign, CampaignDayRow.day == day).exists()
    )
    session.execute(
        delete(CampaignRow)
        .where(lost, ~select(CampaignDayRow.day).where(of_campaign).exists())
        .execution_options(synchronize_session=False)
    )
    first, last = (
        select(edge(CampaignDayRow.day)).where(of_campaign).scalar_subquery() for edge in (func.min, func.max)
    )
    if _update(session, lost, {"first_day": first, "last_day": last}):
        latest = of_campaign & (CampaignDayRow.day == CampaignRow.last_day)
        _update(session, latest & (CampaignDayRow.run_id != CampaignRow.run_id), _REPEATED)


def _update(session: Session, where: ColumnElement[bool], values: dict[str, Any]) -> bool:
    """Whether any row was changed."""
    statement = update(CampaignRow).where(where).values(values)
    changed = session.execute(statement.execution_options(synchronize_session=False))
    return bool(cast(CursorResult[Any], changed).rowcount)


def _standing_verdict() -> ScalarSelect[str | None]:
    undo = aliased(DecisionRow)
    return (
        select(DecisionRow.verdict)
        .where(
            DecisionRow.campaign_id == CampaignRow.campaign_id,
            DecisionRow.undoes.is_(None),
            ~select(undo.id).where(undo.undoes == DecisionRow.id).exists(),
        )
        .order_by(DecisionRow.id.desc())
        .limit(1)
        .correlate(CampaignRow)
        .scalar_subquery()
    )


def call(session: Session, campaign_id: str, title: str | None, objective: str | None) -> None:
    """Call a campaign what a person calls it; None: what its latest day does."""
    row = session.get(CampaignRow, campaign_id, populate_existing=True)
    if row is not None:
        _call(session, row, title, objective)


def judge(session: Session, campaign_id: str, verdict: str | None) -> None:
    """The verdict that stands; None: none does. A campaign that no day speaks of any longer has no row."""
    row = session.get(CampaignRow, campaign_id, populate_existing=True)
    if row is not None:
        row.verdict = verdict


def _call(session: Session, row: CampaignRow, title: str | None, objective: str | None) -> None:
    day = session.get_one(CampaignDayRow, (row.campaign_id, row.last_day))
    row.title = day.title if title is None else title
    row.objective = day.objective if objective is None else objective
    row.labelled = title is not None or objective is not None
