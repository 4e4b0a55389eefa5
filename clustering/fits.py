"""How well today's campaigns fit known ones: by template, wording against wording, and by accounts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray
from scipy.stats import poisson

from campaigns.settings import IdentitySettings
from clustering.overlap import Core, overlap_matrix

FEWEST_SHARED = 3
BEYOND_CHANCE = 1e-6
"""Accounts in common are no accident from so many on, if chance gives as many less often than this."""

SAME_REQUEST = 0.8
"""Cosine of what two wordings ask for from which one is the other reworded."""

_NOT_LATELY = 0.9
"""Weight of a known wording that its campaign did not send on its last day: after a split another may own it."""


@dataclass(frozen=True, slots=True)
class Wording:
    """`direction`: float32 (d,) of length 1, what its template asks for; None where the encoder sees nothing."""

    core: Core
    n_prompts: int
    direction: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A campaign of today. `accounts` int64 (n,) ascending, `sent` int64 (n,): what each sent of it."""

    wordings: Sequence[Wording]
    accounts: NDArray[np.int64]
    sent: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Remembered:
    """A known wording that is still looked for."""

    variant: int
    core: Core
    seen_on: date
    direction: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """A campaign of days before.

    Attributes:
        accounts: int64 (n,) ascending, those that were named on its last days, numbered as in `Found`.
        merged_into: the campaign that has taken it in.
        decided: a person has confirmed or dismissed it.
        born_today: its id was first given by the first pass of today.
        apart_from: campaigns that people parted it from.
        split_from: the one that it was parted from, while no run has found it yet.
    """

    campaign_id: str
    last_day: date
    wordings: Sequence[Remembered]
    accounts: NDArray[np.int64]
    merged_into: str | None = None
    decided: bool = False
    born_today: bool = False
    apart_from: Sequence[str] = ()
    split_from: str | None = None

    def lately(self, wording: Remembered) -> float:
        """The weight of one of its wordings."""
        return _NOT_LATELY if wording.seen_on < self.last_day else 1.0


@dataclass(frozen=True, slots=True)
class Fits:
    """Today's campaigns (rows) beside known ones (columns).

    Attributes:
        overlap: of all prompts, each wording with the nearest known one; `nearest` that of the nearest wording.
        shared, expected: accounts in common, and those that their activity explains.
        held: the part of the known campaign's accounts.
        tied: more in common than chance, and a telling part of the smaller side.
        cosine: of what the two nearest wordings ask for, NaN where unknown.

    Where a person has split a campaign, what is nearer to one part has nothing but accounts in common with the others.
    """

    overlap: NDArray[np.float64]
    nearest: NDArray[np.float64]
    shared: NDArray[np.int64]
    expected: NDArray[np.float64]
    held: NDArray[np.float64]
    tied: NDArray[np.bool_]
    cosine: NDArray[np.float64]

    def same(self, settings: IdentitySettings) -> NDArray[np.bool_]:
        """Which pairs are near enough for one id."""
        related = (self.nearest >= settings.ask_overlap) | (self.cosine >= settings.alike_cosine)
        return (self.nearest >= settings.keep_overlap) | (self.tied & related)

    def wording(self, settings: IdentitySettings) -> NDArray[np.bool_]:
        """Which campaigns of today send a wording of the known one: by its words alone; or by who sends them and words
        that keep an id, or that say the same, as those of reworded requests do."""
        reworded = (self.nearest >= settings.keep_overlap) | (self.cosine >= SAME_REQUEST)
        return (self.nearest >= settings.same_wording) | (self.tied & reworded)

    def related(self, settings: IdentitySettings) -> NDArray[np.bool_]:
        """Which pairs a person should look at."""
        return (self.nearest >= settings.ask_overlap) | self.tied

    @property
    def score(self) -> NDArray[np.float64]:
        """The better the fit, the larger: overlap, and the part of its accounts that goes on, where these are tied."""
        return self.overlap + np.where(self.tied, self.held, 0.0)


def compare(
    found: Sequence[Found], known: Sequence[Known], activity: NDArray[np.int64], settings: IdentitySettings
) -> Fits:
    """
    Args:
        activity: int64, prompts of the day of each numbered account; 0 for those that were not there.
    """
    today = [wording for one in found for wording in one.wordings]
    before = [(k, wording) for k, one in enumerate(known) for wording in one.wordings]
    row_of = np.repeat(np.arange(len(found)), [len(one.wordings) for one in found])
    column_of = np.array([k for k, _ in before], np.int64)
    pairs = overlap_matrix([one.core for one in today], [one.core for _, one in before])
    lately = np.array([known[k].lately(wording) for k, wording in before])
    best = _best_of(pairs, column_of, len(known))
    owned = _best_of(pairs * lately, column_of, len(known))
    prompts = np.array([one.n_prompts for one in today], np.float64)
    overlap, nearest, nearest_owned = np.zeros((3, len(found), len(known)))
    for row in range(len(found)):
        own = row_of == row
        overlap[row] = np.average(owned[own], axis=0, weights=prompts[own])
        nearest[row] = best[own].max(axis=0)
        nearest_owned[row] = owned[own].max(axis=0)
    cosine = _cosines(today, [one for _, one in before], row_of, column_of, overlap.shape)
    shared, expected = _shared(found, known, activity)
    ours = np.array([len(one.accounts) for one in found], np.int64)[:, None]
    theirs = np.array([len(one.accounts) for one in known], np.int64)
    tied = (
        (shared >= FEWEST_SHARED)
        & (shared >= settings.shared_accounts * np.minimum(ours, theirs))
        & (poisson.sf(shared - 1, np.maximum(expected, 1e-12)) < BEYOND_CHANCE)
    )
    another = _of_another_part(nearest_owned, known, settings)
    overlap[another] = nearest[another] = 0.0
    tied[another] = False
    cosine[another] = np.nan
    return Fits(overlap, nearest, shared, expected, shared / np.maximum(theirs, 1), tied, cosine)


def _of_another_part(
    nearest: NDArray[np.float64], known: Sequence[Known], settings: IdentitySettings
) -> NDArray[np.bool_]:
    """bool, as `nearest`: pairs where a campaign that a person parted from the known one is the nearer of the two."""
    place = {one.campaign_id: k for k, one in enumerate(known)}
    result = np.zeros(nearest.shape, np.bool_)
    for k, one in enumerate(known):
        others = [place[name] for name in one.apart_from if name in place]
        nearer = nearest[:, others].max(axis=1, initial=0.0)
        result[:, k] = (nearer >= settings.keep_overlap) & (nearer > nearest[:, k])
    return result


def _best_of(pairs: NDArray[np.float64], column_of: NDArray[np.int64], n: int) -> NDArray[np.float64]:
    """float64 (rows, n): of the columns of each campaign, the largest; 0 where it has none."""
    best = np.zeros((n, len(pairs)))
    np.maximum.at(best, column_of, pairs.T)
    return best.T


def _cosines(
    today: Sequence[Wording],
    before: Sequence[Remembered],
    row_of: NDArray[np.int64],
    column_of: NDArray[np.int64],
    shape: tuple[int, ...],
) -> NDArray[np.float64]:
    """float64 `shape`: the largest cosine of two wordings, NaN where no pair has vectors of one length."""
    result = np.full(shape, -np.inf)
    left = {i: one.direction for i, one in enumerate(today) if one.direction is not None}
    right = {j: one.direction for j, one in enumerate(before) if one.direction is not None}
    if left and right:
        cosines = np.stack([*left.values()]).astype(np.float64) @ np.stack([*right.values()]).T
        np.maximum.at(result, (row_of[[*left]][:, None], column_of[[*right]][None, :]), cosines)
    return np.where(np.isinf(result), np.nan, result)


def _shared(
    found: Sequence[Found], known: Sequence[Known], activity: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """(n_found, n_known) each: accounts in common, and those that activity explains."""
    names = np.concatenate([np.empty(0, np.int64), *(one.accounts for one in known)])
    column_of = np.repeat(np.arange(len(known)), [len(one.accounts) for one in known])
    there = activity[names] > 0
    names, column_of = names[there], column_of[there]
    prompts = max(int(activity.sum()), 1)
    shared = np.zeros((len(found), len(known)), np.int64)
    expected = np.zeros((len(found), len(known)))
    for row, one in enumerate(found):
        by_chance = np.minimum(activity[names] * (one.sent.sum() / prompts), 1.0)
        shared[row] = np.bincount(column_of[np.isin(names, one.accounts)], minlength=len(known))
        expected[row] = np.bincount(column_of, by_chance, len(known))
    return shared, expected
