"""Who is in which campaigns of a day, as numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from review.run_tables import RunTables

_PLACE_BYTES: Final = 150


@dataclass(frozen=True, slots=True)
class Membership:
    """
    Attributes:
        places: the number of each campaign, by id, in the order of the numbers.
        names: strings, the accounts by number.
        campaigns, accounts: int32 (n,), one pair for each account of a campaign; campaigns ascend.
        bounds: int64 (n_campaigns + 1,), where the pairs of a campaign begin, and end.
    """

    places: dict[str, int]
    names: pa.Array
    campaigns: NDArray[np.int32]
    accounts: NDArray[np.int32]
    bounds: NDArray[np.int64]

    @property
    def nbytes(self) -> int:
        arrays = (self.names, self.campaigns, self.accounts, self.bounds)
        return sum(array.nbytes for array in arrays) + _PLACE_BYTES * len(self.places)

    def members(self, *campaign_ids: str) -> NDArray[np.int32]:
        """The accounts of campaigns, one campaign after the other; an account of several as often."""
        places = [self.places[name] for name in campaign_ids if name in self.places]
        slices = [self.accounts[self.bounds[at] : self.bounds[at + 1]] for at in places]
        return np.concatenate([*slices, np.empty(0, np.int32)])

    def shared_with(self, campaign_id: str) -> dict[str, int]:
        """How many of its accounts other campaigns have, for those that have any."""
        own = np.zeros(len(self.names), np.bool_)
        own[self.members(campaign_id)] = True
        counts = np.bincount(self.campaigns[own[self.accounts]], minlength=len(self.places))
        campaign_ids = list(self.places)
        found = {campaign_ids[at]: int(counts[at]) for at in np.flatnonzero(counts)}
        return {name: count for name, count in found.items() if name != campaign_id}

    def common(self, *campaign_ids: str) -> dict[str, tuple[str, ...]]:
        """Accounts that are in two or more of the campaigns, with the campaigns they are in."""
        owners = np.repeat(np.arange(len(campaign_ids)), [len(self.members(name)) for name in campaign_ids])
        accounts = self.members(*campaign_ids)
        several = np.bincount(accounts, minlength=len(self.names))[accounts] > 1
        names = self.names.take(pa.array(accounts[several])).to_pylist()
        found: dict[str, tuple[str, ...]] = {}
        for name, owner in zip(names, owners[several], strict=True):
            found[name] = (*found.get(name, ()), campaign_ids[owner])
        return found


def membership(tables: RunTables) -> Membership:
    """Of the accounts that the run names; computed once for a run."""
    return tables.made("membership", lambda: _membership(tables))


def _membership(tables: RunTables) -> Membership:
    named = tables.table("accounts", ["campaign_id", "account_id"], keep=False).sort_by("campaign_id")
    campaigns, accounts = (pc.dictionary_encode(column.combine_chunks()) for column in named.columns)
    n = len(campaigns.dictionary)
    numbers = campaigns.indices.to_numpy()
    return Membership(
        {name: place for place, name in enumerate(campaigns.dictionary.to_pylist())},
        accounts.dictionary,
        numbers,
        accounts.indices.to_numpy(),
        np.searchsorted(numbers, np.arange(n + 1)),
    )
