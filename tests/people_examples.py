"""What people do in the tests of the store: a clock that stands, words that every change needs, intents."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final

from sqlalchemy.orm import Session
from store_examples import MONDAY, NOON

from campaigns.entries import Verdict
from campaigns.proposals import Intent, Target
from campaigns.tables import CampaignRow


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
