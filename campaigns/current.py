"""What the row of a campaign repeats of its latest day, of its label and of its decision, kept in line with them.

Each function works inside a unit that writes, so nobody ever sees the one without the other.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, ScalarSelect, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from campaigns.review_tables import LabelRow
from campaigns.tables import CampaignDayRow, CampaignRow, DecisionRow

REPEATED: Final = ("run_id", "tier", "score", "n_prompts", "n_accounts", "operator_id", "title", "objective")
"""Columns of `campaigns` that are those of the latest day."""


def follow_days(session: Session) -> None:
    """After days were written: bring in line every campaign whose latest day is by another run than it repeats.

    What people said is looked up again only for those whose row lost it or never had it: one that changed is called
    what its day calls it until then, and one that had vanished has a new row, without a verdict.
    """
    of_latest_day = (CampaignDayRow.campaign_id == CampaignRow.campaign_id) & (
        CampaignDayRow.day == CampaignRow.last_day
    )
    _update(
        session,
        of_latest_day & (CampaignDayRow.run_id != CampaignRow.run_id),
        {name: getattr(CampaignDayRow, name) for name in REPEATED} | {"labelled": False},
    )
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


def _update(session: Session, where: ColumnElement[bool], values: dict[str, Any]) -> None:
    session.execute(
        update(CampaignRow).where(where).values(values).execution_options(synchronize_session=False)
    )


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
