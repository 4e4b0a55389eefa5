"""What the published runs say of one account, day by day."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from campaigns.records import Tier
from review.heads import Head, heads
from review.run_tables import RunTables


@dataclass(frozen=True, slots=True)
class Belonging:
    """An account in a campaign on a day.

    Attributes:
        n_prompts: that it sent of the campaign; `share` is their part of all it sent, 0 to 1.
        strength: how surely it belongs, 0 to 1.
    """

    campaign_id: str
    title: str
    tier: Tier
    n_prompts: int
    share: float
    strength: float
    is_core: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AccountDay:
    """`campaigns`: the surest first; none where no campaign of the day names the account. `bridges`: pairs of campaigns
    that it connects without making them one operator's."""

    day: date
    run_id: str
    campaigns: tuple[Belonging, ...]
    bridges: tuple[tuple[Head, Head], ...]


def read_account(runs: Iterable[RunTables], account_id: str) -> list[AccountDay]:
    """One entry for each run, in the order given."""
    return [_on_day(tables, account_id) for tables in runs]


def _on_day(tables: RunTables, account_id: str) -> AccountDay:
    rows = tables.rows("accounts", "account_id", account_id).to_pylist()
    rows.sort(key=lambda row: (-row["strength"], -row["n_prompts"], row["campaign_id"]))
    ends = _bridged(tables, account_id)
    named = heads(tables, [*(row["campaign_id"] for row in rows), *(name for pair in ends for name in pair)])
    return AccountDay(
        tables.day,
        tables.run_id,
        tuple(
            Belonging(
                row["campaign_id"],
                named[row["campaign_id"]].title,
                named[row["campaign_id"]].tier,
                row["n_prompts"],
                row["share"],
                row["strength"],
                row["is_core"],
                tuple(row["reasons"]),
            )
            for row in rows
        ),
        tuple((named[left], named[right]) for left, right in ends),
    )


def _bridged(tables: RunTables, account_id: str) -> list[tuple[str, str]]:
    if not tables.has("bridges"):
        return []
    bridges = tables.table("bridges")
    given = pc.equal(pc.list_flatten(bridges["account_ids"]), account_id)
    places = pc.list_parent_indices(bridges["account_ids"]).filter(given)
    rows = bridges.select(["campaign_id", "other_id"]).take(pc.unique(places).cast(pa.int64()))
    return [(row["campaign_id"], row["other_id"]) for row in rows.to_pylist()]
