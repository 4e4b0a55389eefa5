"""Which accounts a second pass over a day looks at: all prompts of each, or none.

A sample shows which templates there are, and of most accounts too little to say whose they are. So a day is counted
again over whole accounts: those that the first pass named in a campaign, those that sent a known template anywhere in
the traffic, and others that tell what is ordinary.

The others are those of the lowest hash. So they are drawn evenly from all accounts that are in no campaign, whatever
these sent; and the same accounts are drawn on every day that they are there (permanent random numbers: E. Ohlsson,
"Coordination of Samples Using Permanent Random Numbers", in Business Survey Methods, Wiley 1995).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

CONTROLS_PER_ACCOUNT: Final = 4
"""So that campaigns stay a small part of what is looked at: all of them together a fifth of the accounts at most."""

_LARGE: Final = 0.1
"""Where the budget binds, an account that needs more than this part of it is left out: it would stand for many."""

_PERSON: Final = b"second pass"

CHOSEN_ACCOUNTS = pa.schema(
    [pa.field("account_id", pa.string(), nullable=False), pa.field("why", pa.string(), nullable=False)]
)
"""The accounts of a second pass. Sort: account_id."""


class Why(StrEnum):
    """Why an account is looked at: the first reason that holds."""

    MEMBER = "member"
    MATCHED = "matched"
    CONTROL = "control"


@dataclass(frozen=True, slots=True)
class Budget:
    """
    Attributes:
        most_prompts: of all accounts chosen.
        fewest_controls: there are at least so many, if the traffic and half of the budget hold them.
    """

    most_prompts: int = 1_000_000
    fewest_controls: int = 20_000


@dataclass(frozen=True, slots=True)
class Choice:
    """
    Attributes:
        accounts: columns account_id, why and n_prompts, sorted by account_id.
        left_out: accounts of campaigns that the budget had no room for.
        absent: members that the traffic does not hold.
        accounts_seen: of the traffic.
    """

    accounts: pl.DataFrame
    left_out: int
    absent: int
    accounts_seen: int

    def table(self) -> pa.Table:
        """Schema CHOSEN_ACCOUNTS."""
        return self.accounts.select(CHOSEN_ACCOUNTS.names).to_arrow().cast(CHOSEN_ACCOUNTS)

    @property
    def digest(self) -> str:
        """SHA-256, in hex, of the accounts."""
        digest = hashlib.sha256()
        for name in self.accounts["account_id"]:
            digest.update(name.encode() + b"\n")
        return digest.hexdigest()

    def counts(self) -> dict[str, int]:
        """Accounts and prompts by why, and what was not chosen."""
        found: dict[str, int] = {}
        for why in Why:
            own = self.accounts.filter(pl.col("why") == why)
            found |= {f"{why}_accounts": own.height, f"{why}_prompts": int(own["n_prompts"].sum())}
        seen = {"accounts_seen": self.accounts_seen, "left_out": self.left_out, "absent": self.absent}
        return found | seen


def choose(
    totals: pl.DataFrame, members: pl.DataFrame, matched: pl.DataFrame, seed: int, budget: Budget
) -> Choice:
    """The accounts to look at. It depends on which rows the tables hold, not on their order.

    Args:
        totals: `account_id` and `n_prompts` of every account of the traffic, once each.
        members: `campaign_id` and `account_id`, whom the first pass found in its campaigns.
        matched: the same columns, who sent a known template.
        seed: of the hash.
    """
    placed = pl.concat(
        [
            members.select("campaign_id", "account_id", why=pl.lit(Why.MEMBER.value)),
            matched.select("campaign_id", "account_id", why=pl.lit(Why.MATCHED.value)),
        ]
    )
    pool = placed.select("account_id").unique().join(totals, on="account_id")
    pool = pool.with_columns(order=_order(pool["account_id"], seed))
    others = totals.join(pool, on="account_id", how="anti")
    others = others.with_columns(order=_order(others["account_id"], seed)).sort("order", "account_id")

    reserve = min(int(others["n_prompts"].head(budget.fewest_controls).sum()), budget.most_prompts // 2)
    kept = _pool_within(pool, placed, budget.most_prompts - reserve)
    wanted = max(budget.fewest_controls, CONTROLS_PER_ACCOUNT * kept.height)
    controls = _within(others.head(wanted), budget.most_prompts - int(kept["n_prompts"].sum()))
    why = placed.group_by("account_id").agg(member=(pl.col("why") == Why.MEMBER).any())
    kept = kept.join(why, on="account_id").select(
        "account_id",
        "n_prompts",
        why=pl.when("member").then(pl.lit(Why.MEMBER.value)).otherwise(pl.lit(Why.MATCHED.value)),
    )
    controls = controls.select("account_id", "n_prompts", why=pl.lit(Why.CONTROL.value))
    return Choice(
        accounts=pl.concat([kept, controls]).sort("account_id"),
        left_out=pool.height - kept.height,
        absent=members.select("account_id").unique().join(totals, on="account_id", how="anti").height,
        accounts_seen=totals.height,
    )


def _pool_within(pool: pl.DataFrame, placed: pl.DataFrame, room: int) -> pl.DataFrame:
    """All of the pool if there is room, else the same part of each campaign's accounts, by hash.

    An account of several campaigns comes with the one that takes it first.
    """
    if pool["n_prompts"].sum() <= room:
        return pool
    places = placed.select("campaign_id", "account_id").unique().join(pool, on="account_id")
    places = places.sort("order", "account_id").with_columns(
        place=pl.int_range(pl.len()).over("campaign_id") / pl.len().over("campaign_id")
    )
    first = places.group_by("account_id").agg(pl.col("place").min())
    return _within(pool.join(first, on="account_id").sort("place", "order", "account_id"), room)


def _within(accounts: pl.DataFrame, room: int) -> pl.DataFrame:
    """The first accounts whose prompts are no more than `room`, large ones left out if not all have room."""
    if accounts["n_prompts"].sum() <= room:
        return accounts
    small = accounts.filter(pl.col("n_prompts") <= max(_LARGE * room, 1))
    return small.filter(pl.col("n_prompts").cum_sum() <= room)


def _order(accounts: pl.Series, seed: int) -> NDArray[np.uint64]:
    """A random number that belongs to the account, uint64 (n,)."""
    key = seed.to_bytes(8, "little")
    digests = [
        hashlib.blake2b(name.encode(), digest_size=8, key=key, person=_PERSON).digest() for name in accounts
    ]
    return np.frombuffer(b"".join(digests), "<u8")
