"""What the row of a campaign repeats of its latest day, of its label and of its decision, kept in line with them.

Each function works inside a unit that writes, so nobody ever sees the one without the other.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, aliased

from campaigns.review_tables import LabelRow
from campaigns.tables import CampaignDayRow, CampaignRow, DecisionRow

REPEATED: Final = ("run_id", "tier", "score", "n_prompts", "n_accounts", "operator_id", "title", "objective")
"""Columns of `campaigns` that are those of the latest day."""


def follow_days(session: Session) -> None:
    """After days were written: bring in line every campaign whose latest day is by another run than it repeats."""
    latest = (
        (CampaignDayRow.campaign_id == CampaignRow.campaign_id)
        & (CampaignDayRow.day == CampaignRow.last_day)
        & (CampaignDayRow.run_id != CampaignRow.run_id)
    )
    changed = session.execute(
        update(CampaignRow)
        .where(latest)
        .values({name: getattr(CampaignDayRow, name) for name in REPEATED} | {"labelled": False})
        .returning(CampaignRow.campaign_id)
        .execution_options(synchronize_session=False)
    ).scalars()
    follow_people(session, set(changed))


def follow_people(session: Session, campaign_ids: Collection[str]) -> None:
    """Bring labels and verdicts of these campaigns in line with what people said of them."""
    newest = select(func.max(LabelRow.id)).group_by(LabelRow.campaign_id)
    labels = {
        row.campaign_id: row
        for row in session.scalars(select(LabelRow).where(LabelRow.id.in_(newest)))
        if row.campaign_id in campaign_ids
    }
    undo = aliased(DecisionRow)
    standing = (
        select(DecisionRow.campaign_id, DecisionRow.verdict)
        .where(DecisionRow.undoes.is_(None), ~select(undo.id).where(undo.undoes == DecisionRow.id).exists())
        .order_by(DecisionRow.id)
    )
    verdicts = {name: verdict for name, verdict in session.execute(standing).tuples() if name in campaign_ids}
    for name in sorted(labels.keys() | verdicts.keys()):
        row = session.get(CampaignRow, name, populate_existing=True)
        if row is None:
            continue
        row.verdict = verdicts.get(name)
        if name in labels:
            _call(session, row, labels[name].title, labels[name].objective)


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
