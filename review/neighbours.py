"""The campaigns of a day that are nearest to one of them: by accounts in common, and by wording.

Wordings are compared as identity compares them, by the overlap of their cores (`clustering.overlap`): it says what they
have in common word by word, where the cosine of what they ask for is high for any two that ask for translations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from campaigns.records import Tier
from review.heads import heads
from review.membership import membership
from review.run_tables import RunTables

MOST: Final = 8
LEAST_OVERLAP: Final = 0.05
"""Cores that have less in common are told of only where accounts are shared."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """
    Attributes:
        n_shared: accounts in common.
        overlap: of the cores of the two nearest wordings, 0 to 1.
        why: both in a sentence.
    """

    campaign_id: str
    title: str
    tier: Tier
    n_shared: int
    overlap: float
    why: str


def neighbours(tables: RunTables, campaign_id: str, most: int = MOST) -> list[Neighbour]:
    """The nearest first, by what is more: the shared part of the smaller one's accounts, or the overlap."""
    shared = membership(tables).shared_with(campaign_id)
    overlaps = cores(tables).overlaps(campaign_id)
    near = {name: overlap for name, overlap in overlaps.items() if overlap >= LEAST_OVERLAP}
    known = heads(tables, {campaign_id, *shared, *near})
    own = known[campaign_id]

    def nearness(name: str) -> float:
        smaller = max(min(own.n_accounts, known[name].n_accounts), 1)
        return max(shared.get(name, 0) / smaller, near.get(name, 0.0))

    chosen = sorted(
        {*shared, *near} & known.keys() - {campaign_id},
        key=lambda name: (-nearness(name), -shared.get(name, 0), name),
    )
    return [
        Neighbour(
            name,
            known[name].title,
            known[name].tier,
            shared.get(name, 0),
            overlaps.get(name, 0.0),
            _why(shared.get(name, 0), own.n_accounts, overlaps.get(name, 0.0)),
        )
        for name in chosen[:most]
    ]


def _why(shared: int, of: int, overlap: float) -> str:
    accounts = f"{shared:,} of {of:,} accounts are in both" if shared else ""
    words = f"{overlap:.0%} of what marks their nearest wordings is the same" if overlap >= 0.005 else ""
    return "; ".join(filter(None, (accounts, words))) + "."


@dataclass(frozen=True, slots=True)
class Cores:
    """The cores of all wordings of a day, by feature.

    Attributes:
        features: uint64 (n,), ascending; families: int32 (n,), whose each is; weights: float64 (n,).
        sums: float64 (n_families,), of the weights of each family.
        campaign_of: int32 (n_families,), places in `names`.
    """

    features: NDArray[np.uint64]
    families: NDArray[np.int32]
    weights: NDArray[np.float64]
    sums: NDArray[np.float64]
    campaign_of: NDArray[np.int32]
    names: pa.Array

    @property
    def nbytes(self) -> int:
        arrays = (self.features, self.families, self.weights, self.sums, self.campaign_of, self.names)
        return sum(array.nbytes for array in arrays)

    def overlaps(self, campaign_id: str) -> dict[str, float]:
        """Weighted Jaccard similarity of the nearest two wordings, by campaign; those without any are left out."""
        place = pc.index(self.names, campaign_id).as_py()
        nearest = np.zeros(len(self.names))
        for family in np.flatnonzero(self.campaign_of == place):
            np.maximum.at(nearest, self.campaign_of, self._overlaps(int(family)))
        found = np.flatnonzero(nearest)
        names = self.names.take(pa.array(found)).to_pylist()
        return {name: float(nearest[at]) for name, at in zip(names, found, strict=True) if at != place}

    def _overlaps(self, family: int) -> NDArray[np.float64]:
        """float64 (n_families,)."""
        own = np.flatnonzero(self.families == family)
        first = np.searchsorted(self.features, self.features[own], "left")
        counts = np.searchsorted(self.features, self.features[own], "right") - first
        # All places of the first feature, then all of the second, ...
        places = np.arange(counts.sum()) + np.repeat(first - (np.cumsum(counts) - counts), counts)
        minima = np.minimum(np.repeat(self.weights[own], counts), self.weights[places])
        shared = np.bincount(self.families[places], minima, len(self.sums))
        union = self.sums[family] + self.sums - shared
        overlaps: NDArray[np.float64] = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
        return overlaps


def cores(tables: RunTables) -> Cores:
    """Computed once for a run."""
    return tables.made("cores", lambda: _cores(tables))


def _cores(tables: RunTables) -> Cores:
    ids = tables.table("identities", ["family", "campaign_id"], keep=False).sort_by("family")
    campaigns = pc.dictionary_encode(ids["campaign_id"].combine_chunks())
    table = tables.table("family_cores", keep=False)
    features, families = table["feature"].to_numpy(), table["family"].to_numpy()
    weights = table["weight"].to_numpy().astype(np.float64)
    order = np.argsort(features, kind="stable")
    return Cores(
        features[order],
        families[order],
        weights[order],
        np.bincount(families, weights, ids.num_rows).astype(np.float64, copy=False),
        campaigns.indices.to_numpy(),
        campaigns.dictionary,
    )
