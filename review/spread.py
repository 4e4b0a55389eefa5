"""Marks that would cover each other are moved apart, so that each can be seen and pointed at."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

MOST: Final = 600
"""Marks that take part: as many as a person could tell apart."""

_ROUNDS: Final = 120
_GOLDEN_ANGLE: Final = np.pi * (3 - np.sqrt(5))

Places = NDArray[np.float64]


def apart(places: Places, radii: NDArray[np.float64], gap: float = 0.003) -> Places:
    """Move discs apart until they no longer overlap, each as little as the others allow.

    Overlapping pairs push each other along the line between their centres, all at once, again and again (as
    position-based dynamics does: M. Müller et al., 2007). Discs in the very same place part along directions
    of their own, so the result depends on the order of the discs and on nothing else.

    Args:
        places: float64 (n, 2). radii: float64 (n,), to the same scale. Only the `MOST` largest are moved.
        gap: room to leave between two discs.

    Returns:
        float64 (n, 2); discs that overlapped none stay where they were.
    """
    chosen = np.sort(np.argsort(-radii, kind="stable")[:MOST])
    moved, radius, n = places[chosen].copy(), radii[chosen], len(chosen)
    farthest = 2 * radius.max(initial=0.0) + gap
    angles = np.arange(n) * _GOLDEN_ANGLE
    own = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    for _ in range(_ROUNDS):
        pairs = cKDTree(moved).query_pairs(farthest, output_type="ndarray")
        between = moved[pairs[:, 0]] - moved[pairs[:, 1]]
        distance = np.hypot(between[:, 0], between[:, 1])
        overlap = radius[pairs].sum(axis=1) + gap - distance
        touching = overlap > 1e-9
        if not touching.any():
            break
        i, j = pairs[touching].T
        same = distance[touching] < 1e-9
        along = between[touching] / np.where(same, 1.0, distance[touching])[:, None]
        push = 0.7 * overlap[touching, None] * np.where(same[:, None], own[i] - own[j], along)
        others = np.maximum(np.bincount(np.concatenate([i, j]), minlength=n), 1)
        for axis in (0, 1):
            pushed = np.bincount(i, push[:, axis], n) - np.bincount(j, push[:, axis], n)
            moved[:, axis] += pushed / others
    result = places.copy()
    result[chosen] = moved
    return result
