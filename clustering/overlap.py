"""What marks a family or a campaign, and how much two of them have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Core:
    """features: uint64 ascending; weights: float32, positive, of equal length."""

    features: NDArray[np.uint64]
    weights: NDArray[np.float32]


def overlap_matrix(left: Sequence[Core], right: Sequence[Core]) -> NDArray[np.float64]:
    """Weighted Jaccard (Ruzicka) similarity, sum of minima over sum of maxima, float64 (n_left, n_right)."""
    if not left or not right:
        return np.zeros((len(left), len(right)))
    names = np.concatenate([core.features for core in right])
    weights = np.concatenate([core.weights for core in right]).astype(np.float64)
    owners = np.repeat(np.arange(len(right)), [len(core.features) for core in right])
    order = np.argsort(names, kind="stable")
    shared = np.zeros((len(left), len(right)))
    for row, core in zip(shared, left, strict=True):
        _add_minima(row, core.features, core.weights, names[order], weights[order], owners[order])
    sums = [[float(core.weights.sum(dtype=np.float64)) for core in side] for side in (left, right)]
    union = np.add.outer(*sums) - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


@njit(cache=True, nogil=True)
def _add_minima(row, features, weights, names, other_weights, owners):  # type: ignore[no-untyped-def]
    """Add the smaller of the two weights to `row[owner]` for each feature that `features` and `names` share."""
    for i in range(len(features)):
        at = np.searchsorted(names, features[i])
        while at < len(names) and names[at] == features[i]:
            row[owners[at]] += min(np.float64(weights[i]), other_weights[at])
            at += 1
