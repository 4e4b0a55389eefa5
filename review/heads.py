"""How campaigns of a run are called, wherever others name them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from campaigns.errors import UsageError
from campaigns.records import Tier
from review.run_tables import RunTables


@dataclass(frozen=True, slots=True)
class Head:
    """`title` comes from prompts."""

    campaign_id: str
    title: str
    tier: Tier
    n_prompts: int
    n_accounts: int


def heads(tables: RunTables, campaign_ids: Iterable[str]) -> dict[str, Head]:
    """By id; campaigns that the run does not have are left out."""
    columns = ["campaign_id", "label", "tier", "n_prompts", "n_accounts"]
    table = tables.table("campaigns", columns)
    wanted = pa.array(sorted(set(campaign_ids)), pa.string())
    rows = table.filter(pc.is_in(table["campaign_id"], value_set=wanted)).to_pylist()
    return {
        row["campaign_id"]: Head(
            row["campaign_id"], row["label"], Tier(row["tier"]), row["n_prompts"], row["n_accounts"]
        )
        for row in rows
    }


def head_of(tables: RunTables, campaign_id: str) -> Head:
    """
    Raises:
        UsageError: the run does not have the campaign.
    """
    found = heads(tables, [campaign_id])
    if not found:
        raise UsageError(f"{campaign_id} was not seen on {tables.day}")
    return found[campaign_id]
