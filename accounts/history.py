"""What the days before left: who was there, who worked for which campaign, and what they put into its slots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from accounts.population import Population
from campaigns import files
from campaigns.records import ACTIVE, SLOT_WORDS, Tier

FILES = ("accounts.parquet", "active_accounts.parquet", "slot_words.parquet", "tiers.parquet")
"""What the linking stage of a day leaves for the days to come."""


@dataclass(frozen=True)
class History:
    """The trailing days, the oldest first.

    Attributes:
        n_days: how many are known.
        worked: columns day (0 the oldest), campaign_id, account_id.
        slots: columns day and those of `SLOT_WORDS`.
        active: bool (n_population, n_days), whether today's accounts were there.
        there: by day, the ids of its accounts, ascending.
        suspected: the campaigns that were more than benign on any of the days.
    """

    n_days: int
    worked: pl.DataFrame
    slots: pl.DataFrame
    active: NDArray[np.bool_]
    there: tuple[pl.Series, ...]
    suspected: frozenset[str]

    @classmethod
    def read(cls, folders: Sequence[Path], population: Population) -> History:
        days = range(len(folders))
        tables = [[pl.DataFrame(files.read_parquet(folder / name)) for name in FILES] for folder in folders]
        empty = pl.DataFrame(schema={"day": pl.Int32, "campaign_id": pl.String, "account_id": pl.String})
        worked = [
            accounts.select(pl.lit(day, pl.Int32).alias("day"), "campaign_id", "account_id")
            for day, (accounts, _, _, _) in zip(days, tables, strict=True)
        ]
        words = [
            slots.select(pl.lit(day, pl.Int32).alias("day"), *SLOT_WORDS.names)
            for day, (_, _, slots, _) in zip(days, tables, strict=True)
        ]
        active = np.zeros((len(population), len(folders)), np.bool_)
        for day, (_, there, _, _) in zip(days, tables, strict=True):
            active[:, day] = population.ids.is_in(there["account_id"].implode()).to_numpy()
        return cls(
            len(folders),
            pl.concat([empty, *worked]),
            pl.concat(words) if words else pl.DataFrame(),
            active,
            tuple(there["account_id"] for _, there, _, _ in tables),
            frozenset(
                name
                for _, _, _, tiers in tables
                for name in tiers.filter(pl.col("tier") != Tier.BENIGN)["campaign_id"]
            ),
        )

    def seen_on(self, day: int) -> pl.Series:
        """Ids of the accounts of a trailing day."""
        return self.there[day]

    def worked_for(self, campaign_id: str) -> pl.DataFrame:
        """Columns day and account_id of those who worked for a campaign."""
        return self.worked.filter(pl.col("campaign_id") == campaign_id).select("day", "account_id")

    def worked_elsewhere(self, campaign_id: str, population: Population) -> sparse.csr_matrix:
        """Which of today's accounts worked for which other suspected campaign, 0/1 CSR (n_population, n_campaigns)."""
        others = sorted(self.suspected - {campaign_id})
        place = {name: column for column, name in enumerate(others)}
        rows = self.worked.filter(
            pl.col("campaign_id").is_in(others) & pl.col("account_id").is_in(population.ids.implode())
        ).unique(["campaign_id", "account_id"])
        columns = np.array([place[name] for name in rows["campaign_id"]], np.int64)
        at = population.rows_of(rows["account_id"])
        return sparse.csr_matrix((np.ones(len(at)), (at, columns)), shape=(len(population), len(others)))

    def slots_of(self, campaign_id: str) -> pl.DataFrame:
        """Rows of `slots` of a campaign; no rows where no day is known."""
        if self.slots.is_empty():
            return self.slots
        return self.slots.filter(pl.col("campaign_id") == campaign_id)


def active_accounts(population: Population) -> pl.DataFrame:
    """Schema `ACTIVE`."""
    return pl.DataFrame({"account_id": population.ids}).select(ACTIVE.names)
