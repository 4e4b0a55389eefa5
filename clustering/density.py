"""HDBSCAN over weighted vectors: dense regions become clusters, everything else stays noise.

HDBSCAN* (Campello, Moulavi, Sander 2013; McInnes, Healy 2017) with three changes.

*Weights.* A representative stands for many prompts. The hdbscan package knows no weights, and repeating rows
makes every heavy row a cluster of its own, for nothing is denser than copies. So distances are prepared here
and handed to the package's compiled functions: a neighbour counts with its weight towards the core distance,
and a branch of the tree has the summed weight of its points. One point, however heavy, is no cluster; two
heavy ones close together are. Weight above the minimum cluster size counts no more than the minimum. With
weights of one the result is that of the package.

*Guards.* A branch that holds more than `max_cluster_share` of the weight cannot be chosen; its sub-branches
can. In a chosen cluster, members below `semantic_cosine` to the medoid become noise, and what is left must
still reach the minimum size.

*Order.* Equal vectors are one point and points are sorted by content, so the order of rows plays no part.
Distances are rounded to `_STEP`, far above the noise of summation in another order or on more threads.

Memory is 8 n² bytes for n distinct vectors, time O(n² d).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from campaigns.errors import IntegrityError, UsageError
from campaigns.settings import FamilySettings, Settings

MOST_POINTS = 10_000
"""Distinct vectors that fit: 0.8 GB of distances."""
SMALL = 10
"""With less weight than this many minimum clusters no share is too large, and all may be one cluster."""
_STEP = 1e-6
_BLOCK = 1_024

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Density:
    """A clustering of n rows, and how healthy it looks.

    Attributes:
        labels: int32 (n,), clusters numbered by their first row; -1 is noise.
        strengths: float32 (n,), 0..1: how deep in its cluster a row lies; noise has 0.
        medoids: int64 (n_clusters,), the row that is closest to all others of its cluster.
    """

    labels: NDArray[np.int32]
    strengths: NDArray[np.float32]
    medoids: NDArray[np.int64]

    @property
    def n_clusters(self) -> int:
        return len(self.medoids)

    @property
    def noise_share(self) -> float:
        """Part of the rows that are in no cluster."""
        return float((self.labels < 0).mean()) if len(self.labels) else 0.0

    @property
    def largest_share(self) -> float:
        """Part of the rows that the largest cluster holds."""
        inside = self.labels[self.labels >= 0]
        return float(np.bincount(inside).max() / len(self.labels)) if len(inside) else 0.0


def cluster(vectors: NDArray[np.float32], weights: NDArray[np.int64], settings: Settings) -> Density:
    """Cluster unit vectors.

    Args:
        vectors: (n, d) of unit length.
        weights: (n,) positive; the prompts that each row stands for.

    Raises:
        IntegrityError: a vector is not finite.
        UsageError: more distinct vectors than fit into memory.
    """
    if not np.isfinite(vectors).all():
        raise IntegrityError("a vector to cluster holds a value that is not finite")
    if len(vectors) == 0:
        return Density(np.empty(0, np.int32), np.empty(0, np.float32), np.empty(0, np.int64))
    points, point_of_row = np.unique(vectors, axis=0, return_inverse=True)
    copies = np.bincount(point_of_row)
    if len(points) > MOST_POINTS:
        raise UsageError(
            f"{len(points):,} distinct vectors are too many to cluster at once",
            where="embedding.budget",
            hint=f"Set it to {MOST_POINTS:,} or less.",
        )
    family = settings.family
    weight = np.bincount(point_of_row, weights=weights).clip(1, family.min_cluster_size).astype(np.int64)
    labels, strengths = _hdbscan(points, weight, family)
    stacked = (labels < 0) & (copies > 1) & (weight >= family.min_cluster_size)
    labels[stacked] = labels.max(initial=-1) + 1 + np.arange(stacked.sum())
    strengths[stacked] = 1.0
    medoids = _trim(points, weight, labels, family)
    strengths[labels < 0] = 0.0
    return _numbered_by_first_row(labels[point_of_row], strengths[point_of_row], medoids, point_of_row)


def _distances(points: NDArray[np.float32]) -> Floats:
    """Chord lengths (n, n) between unit vectors: sqrt(2 - 2 cosine), rounded to `_STEP`."""
    wide = points.astype(np.float64)
    squared = wide @ wide.T
    squared *= -2
    squared += 2
    np.clip(squared, 0, None, out=squared)
    np.sqrt(squared, out=squared)
    squared /= _STEP
    np.rint(squared, out=squared)
    squared *= _STEP
    np.fill_diagonal(squared, 0)
    return squared


def _hdbscan(
    points: NDArray[np.float32], weight: NDArray[np.int64], family: FamilySettings
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Labels and strengths of distinct points, before the guard on width."""
    n_points = len(points)
    if n_points == 1:
        return np.full(1, -1, np.int32), np.zeros(1, np.float32)
    from hdbscan._hdbscan_linkage import label, mst_linkage_core
    from hdbscan._hdbscan_tree import compute_stability, condense_tree, get_clusters

    edges = mst_linkage_core(_mutual_reachability(_distances(points), weight, family.min_cluster_size))
    tree = label(edges[np.argsort(edges[:, 2], kind="stable")])
    tree[:, 3] = _branch_weights(tree, weight)
    condensed = condense_tree(tree, family.min_cluster_size)
    is_point = condensed["child"] < n_points
    point = condensed["child"][is_point]
    weighted = condensed.copy()  # stability needs weights; `get_clusters` knows a point by its size of one
    weighted["child_size"][is_point] = weight[point]
    total = int(weight.sum())
    small = total < SMALL * family.min_cluster_size
    labels, strengths, _ = get_clusters(
        condensed,
        compute_stability(weighted),
        max_cluster_size=0 if small else int(total * family.max_cluster_share),
    )
    if small and (labels < 0).all():  # nothing splits: one proposal, which the guard on width judges
        labels[:] = 0
        strengths[point] = condensed["lambda_val"][is_point] / condensed["lambda_val"].max()
    return labels.astype(np.int32), strengths.astype(np.float32)


def _mutual_reachability(distances: Floats, weight: NDArray[np.int64], min_samples: int) -> Floats:
    """max(distance, core distance of either), in place; a core reaches neighbours of weight `min_samples`."""
    n_points = len(distances)
    nearest = min(min_samples + 1, n_points)  # a point is its own nearest
    core = np.empty(n_points)
    for start in range(0, n_points, _BLOCK):
        block = distances[start : start + _BLOCK]
        near = np.argpartition(block, nearest - 1, axis=1)[:, :nearest]
        length = np.take_along_axis(block, near, 1)
        order = np.argsort(length, axis=1, kind="stable")
        near, length = np.take_along_axis(near, order, 1), np.take_along_axis(length, order, 1)
        held = np.where(near == np.arange(start, start + len(block))[:, None], 0, weight[near])
        enough = np.cumsum(held, axis=1) >= min_samples
        enough[:, -1] = True
        core[start : start + len(block)] = np.take_along_axis(length, enough.argmax(axis=1)[:, None], 1)[:, 0]
    core = np.maximum(core, _STEP)  # a distance of zero would be an infinite density
    np.maximum(distances, core[:, None], out=distances)
    np.maximum(distances, core[None, :], out=distances)
    return distances


def _branch_weights(tree: Floats, weight: NDArray[np.int64]) -> NDArray[np.int64]:
    """Summed weight of the points below each inner node of a single-linkage tree (n - 1, 4)."""
    n_points = len(weight)
    below = np.concatenate([weight, np.zeros(len(tree), np.int64)])
    for node, (left, right) in enumerate(tree[:, :2].astype(np.int64)):
        below[n_points + node] = below[left] + below[right]
    return below[n_points:]


def _trim(
    points: NDArray[np.float32], weight: NDArray[np.int64], labels: NDArray[np.int32], family: FamilySettings
) -> dict[int, int]:
    """Set members far from their cluster's medoid to noise, in place, and clusters that become too small.

    Returns:
        The medoid of each label that is left, as a point.
    """
    widest = np.sqrt(2 - 2 * family.semantic_cosine) + _STEP / 2
    medoids = {}
    for name in range(labels.max(initial=-1) + 1):
        members = np.flatnonzero(labels == name)
        inside = _distances(points[members])
        medoid = int(np.argmin((inside * weight[members]).sum(axis=1).round(4)))
        near = inside[medoid] <= widest
        labels[members[~near]] = -1
        if weight[members[near]].sum() < family.min_cluster_size:
            labels[members] = -1
        else:
            medoids[name] = int(members[medoid])
    return medoids


def _numbered_by_first_row(
    labels: NDArray[np.int32],
    strengths: NDArray[np.float32],
    medoids: dict[int, int],
    point_of_row: NDArray[np.intp],
) -> Density:
    names, first = np.unique(labels[labels >= 0], return_index=True)
    names = names[np.argsort(first)]
    number = np.full(labels.max(initial=-1) + 2, -1, np.int32)  # the last place is that of noise, -1
    number[names] = np.arange(len(names), dtype=np.int32)
    _, first_row = np.unique(point_of_row, return_index=True)
    rows = [first_row[medoids[name]] for name in names.tolist()]
    return Density(number[labels], strengths, np.array(rows, np.int64))
