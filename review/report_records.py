"""What a report says: dataclasses, and these as JSON knows them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import date
from typing import Any

from campaigns.estimates import AccountBounds, Estimate
from review.changes import Move, Turnover


@dataclass(frozen=True, slots=True)
class Row:
    """Campaigns by one kind. Shares by tier and objective are of all traffic, by model and country of that of `name`.

    `prompts` and `tokens` are those in campaigns; `suspected_share` leaves out campaigns of the tier benign. `accounts`
    are the mean of a day's distinct accounts in the sample, `account_share` their part of the accounts seen. `name` is
    None where the traffic does not say.
    """

    name: str | None
    prompts: Estimate
    prompt_share: Estimate
    suspected_share: Estimate
    tokens: Estimate
    token_share: Estimate
    accounts: float
    account_share: float


@dataclass(frozen=True, slots=True)
class DayFigures:
    """A day. Shares are of its prompts; `accounts` are those in campaigns of any tier, of `all_accounts`."""

    day: date
    run_id: str
    sample_rate: float
    sample_by: str
    prompts: Estimate
    suspected: Estimate
    tiers: dict[str, Estimate]
    accounts: AccountBounds
    all_accounts: AccountBounds


@dataclass(frozen=True, slots=True)
class Largest:
    """A campaign over the period; title, objective and tier are those of its latest day in it.

    `accounts` are the distinct ones that the runs saw. `first_seen` and `last_seen` also look beyond the period.
    """

    campaign_id: str
    title: str
    objective: str
    tier: str
    prompts: Estimate
    accounts: int
    first_seen: date
    last_seen: date


@dataclass(frozen=True, slots=True)
class Report:
    """
    Attributes:
        not_published: days of the period that no run was published for.
        without_table: published by a version that did not count prevalence.
        token_coverage: part of the prompts that had token figures.
        whole: all campaigns, of all traffic; `suspected`: those of the tiers actionable and review.
        kinds: the rows of each of `KINDS`, the largest first.
    """

    first: date
    last: date
    not_published: tuple[date, ...]
    without_table: tuple[date, ...]
    prompts: Estimate
    token_coverage: float
    whole: Row
    suspected: Row
    days: tuple[DayFigures, ...]
    kinds: dict[str, tuple[Row, ...]]
    largest: tuple[Largest, ...]
    moves: tuple[Move, ...]
    turnovers: tuple[Turnover, ...]

    @property
    def sampled(self) -> bool:
        return any(day.sample_rate < 1 for day in self.days)

    def as_json(self) -> dict[str, Any]:
        """What is not estimable is null."""
        made: dict[str, Any] = plain(self)
        return made


def plain(value: Any) -> Any:
    """Dataclasses, dates and tuples as JSON knows them; a number that is none is null."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [plain(one) for one in value]
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
