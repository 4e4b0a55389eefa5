"""Known campaigns that a run does not make one, though today's accounts would.

Accounts may join the wordings of two known campaigns, and an operator who knows it may send what innocents send to have
them joined to his. Where a decision stands on one of the two, the run keeps them apart and says what joined them; a
person answers (`shoal same`). So it does where they have no words in common and were two on the days before: two jobs
of one pool look like wordings of one on some days, and a single such day would join them for good.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from clustering.fits import Known
from clustering.overlap import Core, overlap_matrix


def kept_apart(
    campaigns: Sequence[Sequence[int]],
    cores: Sequence[Core],
    known: Sequence[Known],
    same_wording: float,
    by_direction: Collection[int] = (),
) -> tuple[list[list[int]], dict[int, list[str]]]:
    """Today's campaigns, and by first family those that were joined to another, with what joined them.

    Wordings of a decided campaign leave the others that they were joined to, each decided one by itself, and
    likewise all known ones where what they ask for was a reason to join. Wordings of no known campaign stay with
    what is left, or with the largest.

    Args:
        campaigns: the families of each, the lead first, then the larger.
        same_wording: overlap from which a family is a known wording.
        by_direction: families that were joined to the others of their campaign by what they ask for alone.
    """
    owner_of = _owners(cores, known, same_wording)
    decided = np.array([one.decided for one in known], np.bool_)
    result: list[list[int]] = []
    apart: dict[int, list[str]] = {}
    for families in campaigns:
        owners = [int(owner_of[family]) for family in families]
        several = len({owner for owner in owners if owner >= 0}) > 1
        weakly = any(family in by_direction for family in families)
        parts: dict[int, list[int]] = {}
        for family, owner in zip(families, owners, strict=True):
            own = several and owner >= 0 and (weakly or bool(decided[owner]))
            parts.setdefault(owner if own else -1, []).append(family)
        if len(parts) > 1 and all(owner_of[family] < 0 for family in parts.get(-1, [0])):
            strays = parts.pop(-1)
            parts[next(iter(parts))] += strays
        result += parts.values()
        if len(parts) > 1:
            names = sorted({known[owner].campaign_id for owner in owners if owner >= 0})
            for own_families in parts.values():
                mine = {
                    known[owner_of[family]].campaign_id for family in own_families if owner_of[family] >= 0
                }
                apart[own_families[0]] = [name for name in names if name not in mine]
    return result, apart


def _owners(cores: Sequence[Core], known: Sequence[Known], same_wording: float) -> NDArray[np.int64]:
    """Per family the known campaign with the nearest wording, -1 where none is the same."""
    wordings = [
        (place, one.core)
        for place, campaign in enumerate(known)
        if campaign.merged_into is None
        for one in campaign.wordings
    ]
    if not wordings or not cores:
        return np.full(len(cores), -1, np.int64)
    overlaps = overlap_matrix(cores, [core for _, core in wordings])
    nearest = overlaps.argmax(axis=1)
    same = overlaps[np.arange(len(cores)), nearest] >= same_wording
    return np.where(same, np.array([place for place, _ in wordings])[nearest], -1)
