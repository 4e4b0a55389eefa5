"""Nearest texts of other accounts, by the cosine of their features weighted with inverse account frequency.

A text is looked for by its `RAREST` rarest features, among the first `MOST_POSTINGS` texts of each, in the order of
rows. So the cost per text is bounded, and a family too large for that meets round the same first texts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from clustering.groups import FeatureSets
from clustering.senders import Pairs

RAREST = 16
MOST_POSTINGS = 250


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The nearest texts of each text, the nearest first, no two of one account.

    A text of several accounts is nobody's own.

    Attributes:
        rows: int64 (n,), the texts asked about.
        nearest: int64 (n, k), rows of texts; -1 where there are fewer.
        cosines: float64 (n, k), of the features looked at, so at most the cosine of the whole texts.
        repeats: int64 (n,), texts of the same account, itself included, that are as close as `repeat_cosine`.
    """

    rows: NDArray[np.int64]
    nearest: NDArray[np.int64]
    cosines: NDArray[np.float64]
    repeats: NDArray[np.int64]


def nearest_of_others(
    sets: FeatureSets,
    pairs: Pairs,
    totals: NDArray[np.float64],
    among: NDArray[np.bool_],
    k: int,
    repeat_cosine: float,
) -> Neighbours:
    """The `k` nearest texts of each text, of other accounts than its own.

    Args:
        totals: float64 (n_features,), accounts of each feature.
        among: bool (n_sets,), the texts that ask and may be found.
    """
    chosen = sets.only(among)
    weights = np.log(max(pairs.everyone, 1) / np.maximum(totals, 1.0)) ** 2
    lengths = np.sqrt(chosen.matrix(np.float64) @ weights) + 1e-9
    columns = chosen.matrix(np.float32).tocsc()
    rows = np.flatnonzero(among & (sets.sizes > 0))
    nearest, cosines, repeats = _nearest(
        chosen.indptr, chosen.columns, weights, lengths,
        columns.indptr.astype(np.int64), columns.indices.astype(np.int64),
        rows, pairs.sender_of_text(len(sets)), k, repeat_cosine,
    )  # fmt: skip
    return Neighbours(rows, nearest, np.round(cosines, 6), repeats)


@njit(cache=True, nogil=True)
def _nearest(indptr, columns, weights, lengths, postings, texts, rows, senders, k, cut):  # type: ignore[no-untyped-def]
    nearest = np.full((len(rows), k), -1, np.int64)
    cosines = np.zeros((len(rows), k))
    repeats = np.ones(len(rows), np.int64)
    shared = np.zeros(len(indptr) - 1)
    touched = np.empty(len(indptr) - 1, np.int64)
    for q in range(len(rows)):
        row = rows[q]
        n_touched = 0
        own = columns[indptr[row] : indptr[row + 1]]
        for i in np.argsort(weights[own])[-RAREST:]:
            column = own[i]
            if weights[column] == 0:  # everybody's
                continue
            for j in range(postings[column], min(postings[column + 1], postings[column] + MOST_POSTINGS)):
                other = texts[j]
                if shared[other] == 0:
                    touched[n_touched] = other
                    n_touched += 1
                shared[other] += weights[column]
        for i in range(n_touched):
            other = touched[i]
            cosine = shared[other] / (lengths[other] * lengths[row])
            shared[other] = 0
            if senders[other] != senders[row]:
                _insert(nearest[q], cosines[q], other, cosine, senders)
            elif other != row and cosine >= cut:
                repeats[q] += 1
    return nearest, cosines, repeats


@njit(cache=True, nogil=True)
def _insert(nearest, cosines, other, cosine, senders):  # type: ignore[no-untyped-def]
    """Keep the list sorted by falling cosine, then row, with the best text of each account only."""
    k = len(nearest)
    end = k - 1
    for i in range(k):
        if nearest[i] >= 0 and senders[nearest[i]] == senders[other]:
            end = i
            break
    at_end = nearest[end]
    if at_end >= 0 and (cosine < cosines[end] or (cosine == cosines[end] and other > at_end)):
        return
    i = end
    while i > 0 and (
        nearest[i - 1] < 0 or cosines[i - 1] < cosine or (cosines[i - 1] == cosine and nearest[i - 1] > other)
    ):
        nearest[i] = nearest[i - 1]
        cosines[i] = cosines[i - 1]
        i -= 1
    nearest[i] = other
    cosines[i] = cosine
