"""Who is in which campaigns of a day, as numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from review.run_tables import RunTables


@dataclass(frozen=True, slots=True)
class Membership:
    """
    Attributes:
        names, accounts: strings, each once; their places are the numbers below.
        campaign_of, account_of: int32 (n,), one pair for each account of a campaign.
    """

    names: pa.Array
    accounts: pa.Array
    campaign_of: NDArray[np.int32]
    account_of: NDArray[np.int32]

    @property
    def nbytes(self) -> int:
        return sum(part.nbytes for part in (self.names, self.accounts, self.campaign_of, self.account_of))

    def members(self, *campaign_ids: str) -> NDArray[np.int32]:
        """The accounts of campaigns, one after the other; those of several as often."""
        places = pc.index_in(pa.array(campaign_ids, pa.string()), value_set=self.names).drop_null()
        return self.account_of[np.isin(self.campaign_of, places.to_numpy())]

    def shared_with(self, campaign_id: str) -> dict[str, int]:
        """How many of its accounts other campaigns have, for those that have any."""
        own = np.zeros(len(self.accounts), np.bool_)
        own[self.members(campaign_id)] = True
        counts = np.bincount(self.campaign_of[own[self.account_of]], minlength=len(self.names))
        found = np.flatnonzero(counts)
        names = self.names.take(pa.array(found)).to_pylist()
        return {name: int(counts[at]) for name, at in zip(names, found, strict=True) if name != campaign_id}

    def common(self, *campaign_ids: str) -> dict[str, tuple[str, ...]]:
        """Accounts that are in two or more of the campaigns, with the campaigns they are in."""
        places = pc.index_in(pa.array(campaign_ids, pa.string()), value_set=self.names).drop_null()
        rows = np.flatnonzero(np.isin(self.campaign_of, places.to_numpy()))
        several = np.bincount(self.account_of[rows], minlength=len(self.accounts)) > 1
        rows = rows[several[self.account_of[rows]]]
        accounts = self.accounts.take(pa.array(self.account_of[rows])).to_pylist()
        found: dict[str, tuple[str, ...]] = {}
        for account, at in zip(accounts, self.campaign_of[rows], strict=True):
            found[account] = (*found.get(account, ()), self.names[int(at)].as_py())
        return found


def membership(tables: RunTables) -> Membership:
    """Of the accounts that the run names; computed once for a run."""
    return tables.made("membership", lambda: _membership(tables))


def _membership(tables: RunTables) -> Membership:
    named = tables.table("accounts", ["campaign_id", "account_id"], keep=False).combine_chunks()
    campaigns, accounts = (pc.dictionary_encode(column).combine_chunks() for column in named.columns)
    return Membership(
        campaigns.dictionary, accounts.dictionary, campaigns.indices.to_numpy(), accounts.indices.to_numpy()
    )
