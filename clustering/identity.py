"""Identity: which of today's campaigns is which of the known ones.

Two sides tell. The *template* side compares the scaffold of each wording with every known wording (Ruzicka overlap),
so it does not matter how many of its wordings an operator sends on a day. The *account* side counts the accounts that
worked for the known campaign, against what their activity explains. Either may change overnight: a template found
again is enough by itself; accounts found again are enough where the template is still related, or asks for the same
in other words. Both changed at once is a new campaign that possibly continues the old one, and a person says so.

Ids are given from the best fit of the whole day downwards, so that no campaign takes an id that fits another one
better. (An assignment that maximises the sum of fits would: two middling pairs can outweigh one good one.)
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray
from scipy.stats import poisson

from campaigns.entries import Event
from campaigns.settings import IdentitySettings
from clustering.overlap import Core, overlap_matrix

FEWEST_SHARED = 3
BEYOND_CHANCE = 1e-6
"""Accounts in common are no accident from so many on, if chance gives as many less often than this."""

PARTED = 0.001
"""A pool has parted if chance would leave as few accounts on both sides less often than this."""

_NOT_LATELY = 0.9
"""Weight of a known wording that its campaign did not send on its last day: after a split another may own it."""

_ID_BYTES = 10


@dataclass(frozen=True, slots=True)
class Wording:
    """`medoid`: float32 (d,) of length 1, or None where nothing was embedded."""

    core: Core
    n_prompts: int
    medoid: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A campaign of today. `accounts` int64 (n,) ascending, `sent` int64 (n,): what each sent of it."""

    wordings: Sequence[Wording]
    accounts: NDArray[np.int64]
    sent: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class KnownWording:
    variant: int
    core: Core
    seen_on: date
    medoid: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """A campaign of days before.

    Attributes:
        accounts: int64 (n,) ascending, those that were named on its last days, numbered as in `Found`.
        merged_into: the campaign that has taken it in.
    """

    campaign_id: str
    last_day: date
    wordings: Sequence[KnownWording]
    accounts: NDArray[np.int64]
    merged_into: str | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """Why a campaign has its id. `overlap`: of its wordings with those of `other_id`, or of the campaign kept."""

    campaign_id: str
    event: Event
    overlap: float
    other_id: str | None = None
    shared: int = 0
    expected: float = 0.0
    cosine: float | None = None


@dataclass(frozen=True, slots=True)
class Fits:
    """Today's campaigns (rows) beside known ones (columns).

    Attributes:
        overlap: of all prompts, each wording with the nearest known one; `nearest` that of the nearest wording.
        shared, expected: accounts in common, and those that their activity explains.
        held: the part of the known campaign's accounts.
        tied: more in common than chance, and a telling part of the smaller side.
        cosine: of the nearest wordings' medoids, NaN where unknown.
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
        related = (self.nearest >= settings.ask_overlap) | (self.cosine >= settings.near_cosine)
        return (self.nearest >= settings.keep_overlap) | (self.tied & related)

    def related(self, settings: IdentitySettings) -> NDArray[np.bool_]:
        """Which pairs a person should look at."""
        return (self.nearest >= settings.ask_overlap) | self.tied | (self.cosine >= settings.near_cosine)

    @property
    def score(self) -> NDArray[np.float64]:
        """The better the fit, the larger: overlap, and the part of its accounts that goes on, where these are tied."""
        return self.overlap + np.where(self.tied, self.held, 0.0)


@dataclass(frozen=True, slots=True)
class Recognised:
    """
    Attributes:
        identities: of today's campaigns, in order; two may be parts of one known campaign.
        merged: known campaigns that another one of today has taken in: id, and that identity.
    """

    identities: Sequence[Identity]
    merged: Sequence[tuple[str, Identity]] = field(default=())


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
    lately = np.array([_NOT_LATELY if w.seen_on < known[k].last_day else 1.0 for k, w in before])
    best = _best_of(pairs, column_of, len(known))
    owned = _best_of(pairs * lately, column_of, len(known))
    prompts = np.array([one.n_prompts for one in today], np.float64)
    overlap, nearest = np.zeros((2, len(found), len(known)))
    for row in range(len(found)):
        own = row_of == row
        overlap[row] = np.average(owned[own], axis=0, weights=prompts[own])
        nearest[row] = best[own].max(axis=0)
    cosine = _cosines(today, [one for _, one in before], row_of, column_of, overlap.shape)
    shared, expected = _shared(found, known, activity)
    ours = np.array([len(one.accounts) for one in found], np.int64)[:, None]
    theirs = np.array([len(one.accounts) for one in known], np.int64)
    tied = (
        (shared >= FEWEST_SHARED)
        & (shared >= settings.shared_accounts * np.minimum(ours, theirs))
        & (poisson.sf(shared - 1, np.maximum(expected, 1e-12)) < BEYOND_CHANCE)
    )
    return Fits(overlap, nearest, shared, expected, shared / np.maximum(theirs, 1), tied, cosine)


def recognise(
    found: Sequence[Found],
    known: Sequence[Known],
    day: date,
    activity: NDArray[np.int64],
    settings: IdentitySettings,
) -> Recognised:
    """An identity for each of today's campaigns, and what became of known ones that were taken in.

    Campaigns stand in the order of their content, so that ties do not depend on the call.
    """
    new_ids = [mint(day, one) for one in found]
    order = sorted(range(len(found)), key=lambda i: new_ids[i])
    known = sorted(known, key=lambda one: one.campaign_id)
    ordered = [found[i] for i in order]
    fits = compare(ordered, known, activity, settings)
    recognition = _Recognition(ordered, [new_ids[i] for i in order], known, day, fits, settings)
    identities: dict[int, Identity] = dict(zip(order, recognition.identities, strict=True))
    return Recognised([identities[i] for i in range(len(found))], recognition.merged())


class _Recognition:
    """One day's decisions: first those who find their campaign, then those who are left over, best fit first."""

    def __init__(
        self,
        found: Sequence[Found],
        new_ids: Sequence[str],
        known: Sequence[Known],
        day: date,
        fits: Fits,
        settings: IdentitySettings,
    ) -> None:
        self._found, self._new_ids, self._known = found, new_ids, known
        self._fits, self._settings = fits, settings
        self._days_ago = np.array([(day - one.last_day).days for one in known], np.int64)
        self._at_large = np.array([one.merged_into is None for one in known], np.bool_)
        able = self._at_large & (self._days_ago <= settings.retire_days)
        given = _assignment(np.where(fits.same(settings) & able, fits.score, 0.0))
        self._rows_of: dict[int, list[int]] = {int(k): [row] for row, k in enumerate(given) if k >= 0}
        decided = {row: self._found_again(row, int(k)) for row, k in enumerate(given) if k >= 0}
        best = fits.score.max(axis=1, initial=0.0)
        for row in sorted(np.flatnonzero(given < 0).tolist(), key=lambda row: (-best[row], row)):
            decided[row] = self._left_over(row)
        self.identities = [decided[row] for row in range(len(found))]

    def merged(self) -> list[tuple[str, Identity]]:
        """Known campaigns of the last days whose wording another campaign sends today, and nobody for them."""
        gone = [
            column
            for column in np.flatnonzero(
                self._at_large & (self._days_ago <= self._settings.dormant_days)
            ).tolist()
            if column not in self._rows_of
        ]
        result = []
        for column in gone:
            row = int(np.argmax(self._fits.nearest[:, column])) if self._found else -1
            if row >= 0 and self._fits.nearest[row, column] >= self._settings.same_wording:
                into = self.identities[row].campaign_id
                result.append(
                    (self._known[column].campaign_id, self._identity(row, column, into, Event.MERGED))
                )
        return result

    def _found_again(self, row: int, column: int) -> Identity:
        event = Event.KEPT if self._days_ago[column] <= self._settings.dormant_days else Event.REAWAKENED
        return self._identity(row, column, self._known[column].campaign_id, event)

    def _left_over(self, row: int) -> Identity:
        """The campaign that it fits best is another's today, or it fits none."""
        fits = self._fits
        held = [k for k in self._rows_of if fits.nearest[row, k] >= self._settings.same_wording]
        if held:
            column = max(held, key=lambda k: (fits.score[row, k], -k))
            if not self._parted(row, column):
                self._rows_of[column].append(row)
                return self._identity(row, column, self._known[column].campaign_id, Event.KEPT)
            return self._back_again(row, column) or self._identity(
                row, column, self._new_ids[row], Event.SPLIT
            )
        free = [k for k in np.flatnonzero(self._at_large).tolist() if k not in self._rows_of]
        asked = [k for k in free if fits.related(self._settings)[row, k]]
        if asked:
            column = max(asked, key=lambda k: (fits.score[row, k], np.nan_to_num(fits.cosine[row, k]), -k))
            return self._identity(row, column, self._new_ids[row], Event.POSSIBLY_CONTINUES)
        if not len(self._known):
            return Identity(self._new_ids[row], Event.MINTED, 0.0)
        nearest = self._identity(row, int(np.argmax(fits.nearest[row])), self._new_ids[row], Event.MINTED)
        return replace(nearest, other_id=None)  # how near it is tells something, which it is does not

    def _back_again(self, row: int, column: int) -> Identity | None:
        """The campaign that `column` had taken in, if its wording is what parts from it."""
        taken_in = [
            k
            for k, one in enumerate(self._known)
            if one.merged_into == self._known[column].campaign_id
            and k not in self._rows_of
            and self._fits.nearest[row, k] >= self._settings.same_wording
        ]
        if not taken_in:
            return None
        again = max(taken_in, key=lambda k: (self._fits.score[row, k], -k))
        self._rows_of[again] = [row]
        return self._identity(row, again, self._known[again].campaign_id, Event.REAWAKENED)

    def _parted(self, row: int, column: int) -> bool:
        """Whether the accounts of `row` have nothing to do any longer with those that send the rest of it."""
        others = [self._found[other] for other in self._rows_of[column]]
        return parted(self._found[row], others)

    def _identity(self, row: int, column: int, campaign_id: str, event: Event) -> Identity:
        fits = self._fits
        cosine = float(fits.cosine[row, column])
        return Identity(
            campaign_id,
            event,
            round(float(fits.nearest[row, column]), 6),
            None if self._known[column].campaign_id == campaign_id else self._known[column].campaign_id,
            int(fits.shared[row, column]),
            round(float(fits.expected[row, column]), 6),
            None if np.isnan(cosine) else round(cosine, 6),
        )


def parted(one: Found, others: Sequence[Found]) -> bool:
    """Whether a pool that sent both wordings has split: next to no account sends both, where many would.

    If each account's prompts fell on the two sides as all prompts do, an account with n of them would be on both with
    probability 1 - p^n - (1 - p)^n. An account with one prompt tells nothing.
    """
    accounts = np.concatenate([one.accounts, *(other.accounts for other in others)])
    sent = np.concatenate([one.sent, *(other.sent for other in others)])
    names, at = np.unique(accounts, return_inverse=True)
    in_all = np.bincount(at, sent, len(names))
    in_one = np.bincount(at[: len(one.accounts)], one.sent, len(names))
    part = in_one.sum() / in_all.sum()
    expected = float((1 - part**in_all - (1 - part) ** in_all).sum())
    both = int(((in_one > 0) & (in_one < in_all)).sum())
    return both <= 1 and float(poisson.cdf(both, max(expected, 1e-12))) <= PARTED


def mint(day: date, found: Found) -> str:
    """An id such as `c-7k2m...`: 80 bits of BLAKE2b over the day and the features of its wordings, in base 32."""
    digest = hashlib.blake2b(day.isoformat().encode(), digest_size=_ID_BYTES)
    features = np.unique(
        np.concatenate([np.empty(0, np.uint64), *(one.core.features for one in found.wordings)])
    )
    digest.update(np.ascontiguousarray(features, "<u8").tobytes())
    return "c-" + base64.b32encode(digest.digest()).decode().lower()


def variants(wordings: Sequence[Wording], known: Sequence[KnownWording], first_free: int) -> list[int]:
    """The lasting number of each wording: that of the known one it overlaps most, each given once, or a new one.

    New numbers go to the larger wording first, then by content; `first_free` was never given.
    """
    overlaps = overlap_matrix([one.core for one in wordings], [one.core for one in known])
    given = _assignment(overlaps)
    result = {row: known[k].variant for row, k in enumerate(given.tolist()) if k >= 0}
    fresh = sorted(
        (row for row in range(len(wordings)) if row not in result),
        key=lambda row: (-wordings[row].n_prompts, wordings[row].core.features.tobytes()),
    )
    result |= {row: first_free + n for n, row in enumerate(fresh)}
    return [result[row] for row in range(len(wordings))]


def _best_of(pairs: NDArray[np.float64], column_of: NDArray[np.int64], n: int) -> NDArray[np.float64]:
    """float64 (rows, n): of the columns of each campaign, the largest; 0 where it has none."""
    best = np.zeros((n, len(pairs)))
    np.maximum.at(best, column_of, pairs.T)
    return best.T


def _cosines(
    today: Sequence[Wording],
    before: Sequence[KnownWording],
    row_of: NDArray[np.int64],
    column_of: NDArray[np.int64],
    shape: tuple[int, ...],
) -> NDArray[np.float64]:
    """float64 `shape`: the largest cosine of two wordings, NaN where no pair has vectors of one length."""
    result = np.full(shape, -np.inf)
    left = {i: one.medoid for i, one in enumerate(today) if one.medoid is not None}
    right = {j: one.medoid for j, one in enumerate(before) if one.medoid is not None}
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


def _assignment(fits: NDArray[np.float64]) -> NDArray[np.int64]:
    """The column given to each row, -1 for none: pairs by falling fit, ties by row, then column; 0 fits not at all."""
    given = np.full(len(fits), -1, np.int64)
    rows, columns = np.nonzero(fits)
    free = np.ones(fits.shape[1], np.bool_)
    for i in np.lexsort((columns, rows, -fits[rows, columns])):
        if given[rows[i]] < 0 and free[columns[i]]:
            given[rows[i]] = columns[i]
            free[columns[i]] = False
    return given
