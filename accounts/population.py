"""The accounts of a day as arrays: when each was made, where it comes from, when it is active.

What an account shows several times (an address, a client) counts by the value of most of its prompts, the first in
order of equals. Absent columns and values are -1 or NaN: not tested, never suspicious.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from campaigns import files
from campaigns.runs import Run

NETWORKS = ("asn", "address_range", "payment_fingerprint", "user_agent")
"""What accounts may have in common by their infrastructure, in the order of `Population.networks`."""
_COLUMNS = [
    "account_id", "created_at", "organization_id", "ip", "asn", "country", "payment_fingerprint", "user_agent",
    "account_created_at",
]  # fmt: skip
_HOURS = 24


@dataclass(frozen=True, slots=True)
class Population:
    """Row i is the i-th account of the day by its id.

    Attributes:
        ids: account ids, ascending.
        n_prompts: int64 (n,), of the day.
        age: float64 (n,), days between the account's making and its first prompt of the day; NaN unknown.
        created: float64 (n,), days since the epoch; NaN unknown.
        country, organization: int32 (n,), numbers of the values, -1 for none.
        organization_names: the organization's id of each account, None for none.
        networks: int32 (n, 4), numbers of the values of `NETWORKS`, -1 for none.
        hours: float32 (n, 24), part of the account's prompts in each hour of the day, UTC.
    """

    ids: pl.Series
    n_prompts: NDArray[np.int64]
    age: NDArray[np.float64]
    created: NDArray[np.float64]
    country: NDArray[np.int32]
    organization: NDArray[np.int32]
    organization_names: pl.Series
    networks: NDArray[np.int32]
    hours: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.n_prompts)

    def rows_of(self, ids: pl.Series) -> NDArray[np.int64]:
        """Row of each account id; every one must be of the day."""
        rows = self.ids.search_sorted(ids)
        return rows.to_numpy().astype(np.int64)

    @classmethod
    def read(cls, run: Run) -> Population:
        """The accounts of a run, part by part: all prompts of an account are in one part."""
        parts = [_accounts(pl.DataFrame(files.read_parquet(part, _COLUMNS))) for part in run.prompt_parts()]
        return cls.of(pl.concat(parts))

    @classmethod
    def of(cls, accounts: pl.DataFrame) -> Population:
        """
        Args:
            accounts: what `_accounts` makes of prompts, one row per account.
        """
        accounts = accounts.sort("account_id")
        created = accounts["created"].to_numpy().astype(np.float64)
        return cls(
            ids=accounts["account_id"],
            n_prompts=accounts["n_prompts"].to_numpy().astype(np.int64),
            age=np.maximum(accounts["first"].to_numpy() - created, 0.0),
            created=created,
            country=_numbers(accounts["country"]),
            organization=_numbers(accounts["organization_id"]),
            organization_names=accounts["organization_id"],
            networks=np.column_stack([_numbers(accounts[name]) for name in NETWORKS]),
            hours=accounts.select(f"h{hour}" for hour in range(_HOURS)).to_numpy().astype(np.float32),
        )


def _accounts(prompts: pl.DataFrame) -> pl.DataFrame:
    """One row per account: ids, counts, first values by frequency, days since the epoch, share of each hour."""
    day = 86_400_000_000
    prompts = prompts.with_columns(
        address_range=address_range(pl.col("ip")),
        hour=pl.col("created_at").dt.hour(),
        asn=pl.col("asn").cast(pl.String),
    )
    named = ["organization_id", "country", *NETWORKS]
    return prompts.group_by("account_id").agg(
        pl.len().alias("n_prompts"),
        (pl.col("created_at").min().dt.timestamp("us") / day).alias("first"),
        (pl.col("account_created_at").min().dt.timestamp("us") / day).alias("created"),
        *(pl.col(name).drop_nulls().mode().min().alias(name) for name in named),
        *((pl.col("hour") == hour).mean().alias(f"h{hour}") for hour in range(_HOURS)),
    )


def address_range(ip: pl.Expr) -> pl.Expr:
    """The /24 of an IPv4 address, the /48 of an IPv6 one, as text: what one customer of a hoster is given.

    A pseudonymous address names its range before the dot (`ingest.pseudonyms`). What is no address stands for itself.
    """
    value = ip.str.strip_chars().str.to_lowercase()
    v4 = value.str.extract(r"^(?:::ffff:)?(\d+\.\d+\.\d+)\.\d+$")
    groups = value.str.replace_all(r"\b0+([0-9a-f])", "${1}")  # 0db8 is db8
    three = groups.str.extract(r"^([0-9a-f]{1,4}:[0-9a-f]{1,4}:[0-9a-f]{1,4}):")
    two = groups.str.extract(r"^([0-9a-f]{1,4}:[0-9a-f]{1,4})::") + ":0"
    one = groups.str.extract(r"^([0-9a-f]{1,4})::") + ":0:0"
    pseudonym = ip.str.extract(r"^(net_[0-9a-f]+)\.[0-9a-f]+$")
    return pl.coalesce(v4, three, two, one, pseudonym, ip)


def _numbers(values: pl.Series) -> NDArray[np.int32]:
    """Places of the values among the distinct ones in order, int32 (n,), -1 for null."""
    return (values.rank("dense").cast(pl.Int32) - 1).fill_null(-1).to_numpy().astype(np.int32)
