"""What people do in the tests of the store: a clock that stands, words that every change needs, intents; and what the
row of a campaign should repeat of it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session
from store_examples import MONDAY, NOON

from campaigns.current import REPEATED
from campaigns.entries import Verdict
from campaigns.proposals import Intent, Target
from campaigns.review_tables import LabelRow
from campaigns.tables import CampaignDayRow, CampaignRow, DecisionRow


def clock() -> datetime:
    return NOON


SAID: Final[dict[str, Any]] = {"reason": "dealt-out slots", "author": "ada", "clock": clock}


def looked_at(session: Session, *names: str, n_accounts: int = 30) -> tuple[Target, ...]:
    """Campaigns as the queue shows them now."""
    rows = {name: session.get_one(CampaignRow, name) for name in names}
    return tuple(
        Target(campaign_id=name, day=row.last_day, run_id=row.run_id, n_accounts=n_accounts)
        for name, row in rows.items()
    )


def intent(
    *targets: Target,
    n_accounts: int = 30,
    verdict: Verdict = Verdict.CONFIRMED,
    author: str = "ada",
    reason: str = "dealt-out slots",
    expires_on: date | None = None,
) -> Intent:
    return Intent(
        verdict=verdict,
        targets=targets,
        n_accounts=n_accounts,
        reason=reason,
        author=author,
        expires_on=expires_on,
    )


def a_target(name: str = "c1", run_id: str = "2026-01-05.1", day: date = MONDAY) -> Target:
    return Target(campaign_id=name, day=day, run_id=run_id, n_accounts=30)


def repeated(session: Session) -> dict[str, dict[str, Any]]:
    """What `campaigns` says."""
    columns = ("first_day", "last_day", *REPEATED, "labelled", "verdict")
    rows = session.scalars(select(CampaignRow).execution_options(populate_existing=True))
    return {row.campaign_id: {name: getattr(row, name) for name in columns} for row in rows}


def derived(session: Session) -> dict[str, dict[str, Any]]:
    """The same, from days, labels and decisions."""
    days: dict[str, dict[date, CampaignDayRow]] = {}
    for row in session.scalars(select(CampaignDayRow).execution_options(populate_existing=True)):
        days.setdefault(row.campaign_id, {})[row.day] = row
    labels = {row.campaign_id: row for row in session.scalars(select(LabelRow).order_by(LabelRow.id))}
    decisions = list(session.scalars(select(DecisionRow).order_by(DecisionRow.id)))
    undone = {row.undoes for row in decisions}
    verdicts = {row.campaign_id: row.verdict for row in decisions if row.verdict and row.id not in undone}
    found = {}
    for name, of_days in days.items():
        told = {column: getattr(of_days[max(of_days)], column) for column in REPEATED}
        label = labels.get(name)
        called = {"title": label.title, "objective": label.objective} if label else {}
        called = {column: value for column, value in called.items() if value is not None}
        found[name] = told | called | {
            "first_day": min(of_days),
            "last_day": max(of_days),
            "labelled": bool(called),
            "verdict": verdicts.get(name),
        }  # fmt: skip
    return found
