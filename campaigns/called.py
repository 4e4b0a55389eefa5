"""How campaigns are called now, and what was decided of them, wherever others name them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.entries import CampaignState, Verdict
from campaigns.records import Tier
from campaigns.tables import CampaignRow

_AT_ONCE = 5_000
"""Ids in one query; SQLite takes 32,766."""


@dataclass(frozen=True, slots=True)
class Called:
    """A campaign by its latest day. `title` is a person's where somebody gave it one."""

    campaign_id: str
    title: str
    tier: Tier
    state: CampaignState
    verdict: Verdict | None
    first_day: date
    last_day: date


def select_called(session: Session, campaign_ids: Collection[str]) -> dict[str, Called]:
    """By id; campaigns that no day speaks of are left out."""
    names = sorted(set(campaign_ids))
    found: dict[str, Called] = {}
    for start in range(0, len(names), _AT_ONCE):
        some = CampaignRow.campaign_id.in_(names[start : start + _AT_ONCE])
        for row in session.scalars(select(CampaignRow).where(some)):
            found[row.campaign_id] = Called(
                row.campaign_id,
                row.title,
                Tier(row.tier),
                CampaignState(row.state),
                None if row.verdict is None else Verdict(row.verdict),
                row.first_day,
                row.last_day,
            )
    return found
