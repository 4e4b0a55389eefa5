"""What one text shares with the others of its day."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from clustering.cores import feature_accounts
from clustering.stage import TextTable

CONTAINED = frozenset({"pairs"})
"""Readings that another one contains: what is shared there would count twice."""


@dataclass(frozen=True, slots=True)
class Sharing:
    """The features of one text and where else they are.

    Attributes:
        features: uint64 (n,), ascending, of all readings.
        accounts: int64 (n,), distinct accounts of the day whose texts keep each.
        shared: int64 (n_texts,), features of each text of the day that are among these.
        nats: float64 (n_texts,), summed ln(all accounts / accounts of the feature) of what is shared.
    """

    features: NDArray[np.uint64]
    accounts: NDArray[np.int64]
    shared: NDArray[np.int64]
    nats: NDArray[np.float64]

    @classmethod
    def of(cls, texts: TextTable, row: int) -> Sharing:
        features, accounts = [np.empty(0, np.uint64)], [np.empty(0)]
        shared, nats = np.zeros(len(texts), np.int64), np.zeros(len(texts))
        for name in (field.name for field in fields(texts.readings)):
            if name in CONTAINED:
                continue
            sets = getattr(texts.readings, name)
            mine = sets.columns[sets.indptr[row] : sets.indptr[row + 1]]
            totals = feature_accounts(sets, texts.pairs)[mine]
            weights = np.zeros(len(sets.features))
            weights[mine] = np.log(texts.pairs.everyone / np.maximum(totals, 1))
            hit = np.zeros(len(sets.features), np.bool_)
            hit[mine] = True
            rows = np.repeat(np.arange(len(texts)), sets.sizes)
            shared += np.bincount(rows, hit[sets.columns], len(texts)).astype(np.int64)
            nats += np.bincount(rows, weights[sets.columns], len(texts))
            features.append(sets.features[mine])
            accounts.append(totals)
        flat = np.concatenate(features)
        order = np.argsort(flat, kind="stable")
        counts = np.concatenate(accounts).astype(np.int64)
        return cls(flat[order], counts[order], shared, np.round(nats, 6))

    def has(self, wanted: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """bool, like `wanted`: which are among the features of the text."""
        return np.isin(wanted, self.features)

    def nearest(self, among: NDArray[np.bool_], count: int) -> NDArray[np.int64]:
        """Rows of the texts that share most, the nearest first; those that share nothing do not count."""
        rows = np.flatnonzero(among & (self.shared > 0))
        order = np.lexsort((rows, -self.shared[rows], -self.nats[rows]))
        return rows[order[:count]]


def accounts_of(texts: TextTable, wanted: NDArray[np.uint64]) -> dict[int, int]:
    """Distinct accounts of the day for each of some features."""
    found: dict[int, int] = {}
    for name in (field.name for field in fields(texts.readings)):
        if name in CONTAINED:
            continue
        sets = getattr(texts.readings, name)
        at = np.flatnonzero(np.isin(sets.features, wanted))
        totals = feature_accounts(sets, texts.pairs)[at].astype(np.int64)
        found.update(zip(sets.features[at].tolist(), totals.tolist(), strict=True))
    return found


def carriers(texts: TextTable, feature: int, among: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Rows of the texts `among` all that keep a feature, ascending."""
    rows = []
    for name in (field.name for field in fields(texts.readings)):
        sets = getattr(texts.readings, name)
        at = int(np.searchsorted(sets.features, np.uint64(feature)))
        if at < len(sets.features) and sets.features[at] == feature:
            hits = np.flatnonzero(sets.columns == at)
            rows.append(np.searchsorted(sets.indptr, hits, side="right") - 1)
    found = np.unique(np.concatenate([np.empty(0, np.int64), *rows]))
    result: NDArray[np.int64] = found[among[found]]
    return result
