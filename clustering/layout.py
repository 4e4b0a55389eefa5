"""A map of the vectors for the eye. Nothing is decided by it.

UMAP (McInnes, Healy, Melville 2018) with a seed and one thread. Neighbours are found exactly here: at these
sizes a matrix product beats the approximate search, which would first compile for half a minute.
"""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from campaigns.errors import IntegrityError
from campaigns.settings import Settings

MOST_POINTS = 20_000
"""More points are drawn at the place of their nearest neighbour among as many as this."""
FEWEST_POINTS = 5
"""Fewer have no neighbourhoods to preserve: they are drawn by their principal components."""
_EPOCHS = 200
_BLOCK = 1_024


def layout(vectors: NDArray[np.float32], settings: Settings) -> NDArray[np.float32]:
    """Places in the plane, float32 (n, 2), finite. Equal seeds give equal maps on one machine.

    Args:
        vectors: (n, d) of unit length, or zero.

    Raises:
        IntegrityError: a vector is not finite.
    """
    if not np.isfinite(vectors).all():
        raise IntegrityError("a vector to draw holds a value that is not finite")
    if len(vectors) < FEWEST_POINTS:
        return _principal(vectors)
    if len(vectors) <= MOST_POINTS:
        return _umap(vectors, settings)
    drawn = np.sort(np.random.default_rng(settings.seed).choice(len(vectors), MOST_POINTS, replace=False))
    nearest, _ = _neighbours(vectors, vectors[drawn], 1)
    nearest[drawn, 0] = np.arange(len(drawn))
    places: NDArray[np.float32] = _umap(vectors[drawn], settings)[nearest[:, 0]]
    return places


def _umap(vectors: NDArray[np.float32], settings: Settings) -> NDArray[np.float32]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Tensorflow not installed", ImportWarning)
        from umap import UMAP
    k = min(settings.layout.neighbours, len(vectors) - 1)
    indices, distances = _neighbours(vectors, vectors, k)
    start = _principal(vectors)
    start *= 10 / max(float(np.abs(start).max()), 1e-6)
    jitter = np.random.default_rng(settings.seed).normal(scale=0.01, size=start.shape)
    start += jitter.astype(np.float32)  # equal rows have no spread to scale by
    reducer = UMAP(
        n_neighbors=k,
        min_dist=settings.layout.min_distance,
        n_epochs=_EPOCHS,
        init=start,
        random_state=settings.seed,
        n_jobs=1,
        precomputed_knn=(indices, distances),
    )
    with warnings.catch_warnings():
        # It misses a search tree, which only placing new points would need.
        warnings.filterwarnings("ignore", r"precomputed_knn\[2\]", UserWarning)
        places: NDArray[np.float32] = np.nan_to_num(reducer.fit_transform(vectors)).astype(np.float32)
    return places


def _neighbours(
    queries: NDArray[np.float32], vectors: NDArray[np.float32], k: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The `k` nearest of each query, nearest first: rows of `vectors` and Euclidean distances, (n, k)."""
    indices = np.empty((len(queries), k), np.int64)
    distances = np.empty((len(queries), k), np.float32)
    norms = (vectors * vectors).sum(axis=1)
    for first in range(0, len(queries), _BLOCK):
        block = queries[first : first + _BLOCK]
        squared = (block * block).sum(axis=1)[:, None] + norms - 2 * (block @ vectors.T)
        np.maximum(squared, 0, out=squared)
        near = np.sort(np.argpartition(squared, k - 1, axis=1)[:, :k], axis=1)
        found = np.take_along_axis(squared, near, 1)
        order = np.argsort(found, axis=1, kind="stable")
        indices[first : first + _BLOCK] = np.take_along_axis(near, order, 1)
        distances[first : first + _BLOCK] = np.sqrt(np.take_along_axis(found, order, 1))
    return indices, distances


def _principal(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The first two principal components, float32 (n, 2); zero where there is no spread."""
    places = np.zeros((len(vectors), 2))
    if len(vectors) > 1 and vectors.shape[1] > 0:
        centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
        _, axes = np.linalg.eigh(centred.T @ centred)
        axes = axes[:, ::-1][:, :2]
        largest = np.abs(axes).argmax(axis=0)
        signs = np.sign(np.take_along_axis(axes, largest[None, :], 0))
        places[:, : axes.shape[1]] = centred @ (axes * signs)  # an eigenvector alone has no direction
    return places.round(4).astype(np.float32)
