"""Marks that would cover each other are moved apart, so that each can be seen and pointed at."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

MOST: Final = 600
"""Marks that take part; the work grows with their square."""

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
    moved = places[chosen].copy()
    reach = radii[chosen, None] + radii[None, chosen] + gap
    angles = np.arange(len(chosen)) * _GOLDEN_ANGLE
    own = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    for _ in range(_ROUNDS):
        between = moved[:, None] - moved[None, :]
        distance = np.hypot(between[..., 0], between[..., 1])
        overlap = reach - distance
        np.fill_diagonal(overlap, 0.0)
        overlap[overlap < 1e-9] = 0.0
        if not overlap.any():
            break
        same = distance < 1e-9
        direction = np.where(
            same[..., None], own[:, None] - own[None, :], between / np.where(same, 1.0, distance)[..., None]
        )
        push = 0.5 * overlap / np.maximum(np.count_nonzero(overlap, axis=1), 1)[:, None]
        moved += 1.4 * (push[..., None] * direction).sum(axis=1)
    result = places.copy()
    result[chosen] = moved
    return result
