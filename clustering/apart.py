"""Known campaigns that a run does not make one, though today's accounts would.

Accounts may join the wordings of two known campaigns, and an operator who knows it may send what innocents send to have
them joined to his. Where a decision stands on one of the two, the run keeps them apart and says what joined them; a
person answers (`shoal same`). So it does where they have no words in common and were two on the days before: two jobs
of one pool look like wordings of one on some days, and a single such day would join them for good.

Campaigns that a person has split stay apart, and nobody is asked: the answer was given.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from campaigns.settings import IdentitySettings
from clustering.fits import Known
from clustering.overlap import Core, overlap_matrix


def kept_apart(
    campaigns: Sequence[Sequence[int]],
    cores: Sequence[Core],
    known: Sequence[Known],
    settings: IdentitySettings,
    by_direction: Collection[int] = (),
) -> tuple[list[list[int]], dict[int, list[str]]]:
    """Today's campaigns, and by first family those that were joined to another, with what joined them.

    Wordings of a decided campaign leave the others that they were joined to, each decided one by itself, and
    likewise all known ones where what they ask for was a reason to join. So do those of campaigns that people parted
    from each other, who are not asked about these again. Wordings of no known campaign stay with what is left, or with
    the largest.

    Args:
        campaigns: the families of each, the lead first, then the larger.
        by_direction: families that were joined to the others of their campaign by what they ask for alone.
    """
    owner_of = _owners(cores, known, settings)
    result: list[list[int]] = []
    apart: dict[int, list[str]] = {}
    for families in campaigns:
        owners = [int(owner_of[family]) for family in families]
        names = sorted({known[owner].campaign_id for owner in owners if owner >= 0})
        weakly = any(family in by_direction for family in families)
        parts: dict[int, list[int]] = {}
        for family, owner in zip(families, owners, strict=True):
            own = len(names) > 1 and owner >= 0 and (weakly or _alone(known[owner], names))
            parts.setdefault(owner if own else -1, []).append(family)
        if len(parts) > 1 and -1 in parts and all(owner_of[family] < 0 for family in parts[-1]):
            strays = parts.pop(-1)
            parts[next(iter(parts))] += strays
        result += parts.values()
        if len(parts) > 1:
            for own_families in parts.values():
                mine = [known[owner_of[family]] for family in own_families if owner_of[family] >= 0]
                settled = {name for one in mine for name in (one.campaign_id, *one.apart_from)}
                apart[own_families[0]] = [name for name in names if name not in settled]
    return result, apart


def _alone(one: Known, names: Sequence[str]) -> bool:
    """Whether people have said that it is by itself, or apart from one of `names`."""
    return one.decided or any(name in one.apart_from for name in names)


def _owners(cores: Sequence[Core], known: Sequence[Known], settings: IdentitySettings) -> NDArray[np.int64]:
    """Per family the known campaign with the nearest wording, -1 where none is the same.

    To parts of a split campaign belongs whatever would keep the id of one of them.
    """
    wordings = [
        (place, one)
        for place, campaign in enumerate(known)
        if campaign.merged_into is None
        for one in campaign.wordings
    ]
    if not wordings or not cores:
        return np.full(len(cores), -1, np.int64)
    overlaps = overlap_matrix(cores, [one.core for _, one in wordings])
    places = np.array([place for place, _ in wordings])
    every = np.arange(len(cores))
    nearest = overlaps.argmax(axis=1)
    owner = np.where(overlaps[every, nearest] >= settings.same_wording, places[nearest], -1)
    is_part = np.array([bool(one.apart_from) for one in known])
    if not is_part.any():
        return owner
    lately = [known[place].lately(one) for place, one in wordings]
    of_parts = overlaps * np.where(is_part[places], lately, 0.0)
    best = of_parts.argmax(axis=1)
    is_free = (owner < 0) | is_part[owner]
    return np.where(is_free & (overlaps[every, best] >= settings.keep_overlap), places[best], owner)
