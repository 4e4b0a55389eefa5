"""Operators of a day: which campaigns are run together, by whom, and whom they touch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from campaigns.errors import UsageError
from review.heads import Head, heads
from review.membership import membership
from review.run_tables import RunTables

MOST_ACCOUNTS: Final = 200
"""Of the accounts that several campaigns share, so many are named."""


@dataclass(frozen=True, slots=True)
class OperatorSummary:
    """`largest` is its campaign of the most prompts; accounts count once, whatever they work for."""

    operator_id: str
    n_campaigns: int
    n_prompts: int
    n_accounts: int
    largest: Head


@dataclass(frozen=True, slots=True)
class Member:
    """A campaign of an operator; `membership`, 0 to 1, is soft."""

    campaign: Head
    membership: float
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bridge:
    """Accounts between two campaigns that no operator joins; chance explains `expected` of them.

    `inside`: the campaign of the operator, `outside` the other. Where both are the operator's, `inside` is the first.
    """

    inside: Head
    outside: Head
    n_shared: int
    expected: float
    account_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Operator:
    """
    Attributes:
        members: the firmest first.
        n_shared: accounts that work for two or more of its campaigns; `shared` has up to `MOST_ACCOUNTS` of them with
            the campaigns they work for, those of the most campaigns first.
        bridges: those of the most accounts first.
    """

    summary: OperatorSummary
    members: tuple[Member, ...]
    n_shared: int
    shared: dict[str, tuple[str, ...]]
    bridges: tuple[Bridge, ...]


def read_operators(tables: RunTables) -> list[OperatorSummary]:
    """All of the day, those of the most accounts first."""
    if not tables.has("operators"):
        return []
    rows = tables.table("operators", ["operator_id", "campaign_id"]).to_pylist()
    campaigns_of: dict[str, list[str]] = {}
    for row in rows:
        campaigns_of.setdefault(row["operator_id"], []).append(row["campaign_id"])
    known = heads(tables, [row["campaign_id"] for row in rows])
    found = [
        _summary(tables, name, [known[one] for one in campaigns]) for name, campaigns in campaigns_of.items()
    ]
    return sorted(found, key=lambda one: (-one.n_accounts, one.operator_id))


def read_operator(tables: RunTables, operator_id: str) -> Operator:
    """
    Raises:
        UsageError: the run knows no such operator.
    """
    rows = tables.rows("operators", "operator_id", operator_id).to_pylist() if tables.has("operators") else []
    if not rows:
        raise UsageError(f"no operator {operator_id!r} on {tables.day}")
    names = [row["campaign_id"] for row in rows]
    known = heads(tables, names)
    members = [Member(known[row["campaign_id"]], row["membership"], tuple(row["reasons"])) for row in rows]
    members.sort(key=lambda one: (-one.membership, one.campaign.campaign_id))
    shared = membership(tables).common(*names)
    ordered = sorted(shared, key=lambda account: (-len(shared[account]), account))
    return Operator(
        _summary(tables, operator_id, list(known.values())),
        tuple(members),
        len(shared),
        {account: shared[account] for account in ordered[:MOST_ACCOUNTS]},
        tuple(_bridges(tables, names)),
    )


def _summary(tables: RunTables, operator_id: str, campaigns: list[Head]) -> OperatorSummary:
    accounts = membership(tables).members(*(one.campaign_id for one in campaigns))
    return OperatorSummary(
        operator_id,
        len(campaigns),
        sum(one.n_prompts for one in campaigns),
        len(np.unique(accounts)),
        max(campaigns, key=lambda one: (one.n_prompts, one.campaign_id)),
    )


def _bridges(tables: RunTables, campaign_ids: Iterable[str]) -> list[Bridge]:
    if not tables.has("bridges"):
        return []
    own, table = set(campaign_ids), tables.table("bridges")
    touches = [pc.is_in(table[end], value_set=pa.array(sorted(own))) for end in ("campaign_id", "other_id")]
    rows: list[dict[str, Any]] = table.filter(pc.or_(*touches)).to_pylist()
    known = heads(tables, [row[end] for row in rows for end in ("campaign_id", "other_id")])
    found = []
    for row in rows:
        ends = (row["campaign_id"], row["other_id"])
        inside, outside = ends if ends[0] in own else ends[::-1]
        found.append(
            Bridge(known[inside], known[outside], row["n_shared"], row["expected"], tuple(row["account_ids"]))
        )
    return sorted(found, key=lambda one: (-one.n_shared, one.inside.campaign_id, one.outside.campaign_id))
