"""Identity: which of today's campaigns is which of the known ones.

Two sides tell. The *template* side compares the scaffold of each wording with every known wording (Ruzicka overlap),
so it does not matter how many of its wordings an operator sends on a day. The *account* side counts the accounts that
worked for the known campaign, against what their activity explains. Either may change overnight: a template found
again is enough by itself; accounts found again are enough where the template is still related, or asks for the same
in other words. Both changed at once is a new campaign that possibly continues the old one, and a person says so.

What people said goes before both: where a campaign was split, whatever is nearer to one part is none of the others.

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
from clustering.fits import Fits, Found, Known, Remembered, Wording, compare
from clustering.overlap import overlap_matrix

PARTED = 0.001
"""A pool has parted if chance would leave as few accounts on both sides less often than this."""

_ID_BYTES = 10


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
class Recognised:
    """
    Attributes:
        identities: of today's campaigns, in order; two may be parts of one known campaign.
        merged: known campaigns that another one of today has taken in: id, and that identity.
    """

    identities: Sequence[Identity]
    merged: Sequence[tuple[str, Identity]] = field(default=())


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
        self._same, self._wording, self._related = (
            fits.same(settings), fits.wording(settings), fits.related(settings)
        )  # fmt: skip
        self._days_ago = np.array([(day - one.last_day).days for one in known], np.int64)
        self._at_large = np.array([one.merged_into is None for one in known], np.bool_)
        self._has_days = np.array([one.split_from is None for one in known], np.bool_)
        able = self._at_large & (self._days_ago <= settings.retire_days)
        given = _assignment(np.where(self._same & able, fits.score + self._seniority(), 0.0))
        self._rows_of: dict[int, list[int]] = {int(k): [row] for row, k in enumerate(given) if k >= 0}
        decided = {row: self._found_again(row, int(k)) for row, k in enumerate(given) if k >= 0}
        best = fits.score.max(axis=1, initial=0.0)
        for row in sorted(np.flatnonzero(given < 0).tolist(), key=lambda row: (-best[row], row)):
            decided[row] = self._left_over(row)
        self.identities = [decided[row] for row in range(len(found))]

    def _seniority(self) -> NDArray[np.float64]:
        """More than any fit, for a campaign of the first pass that is older than today and surely in the row.

        Where a second pass joins it with what the first took for a new campaign, the older id is the one to last.
        """
        of_first_pass = (self._days_ago == 0) & np.array(
            [not one.born_today for one in self._known], np.bool_
        )
        return np.where(self._wording & of_first_pass, 2.0, 0.0)

    def merged(self) -> list[tuple[str, Identity]]:
        """Known campaigns of the last days whose wording another campaign sends today, and nobody for them."""
        gone = [
            column
            for column in np.flatnonzero(
                self._at_large & self._has_days & (self._days_ago <= self._settings.dormant_days)
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
        return self._known_as(row, column, event)

    def _known_as(self, row: int, column: int, event: Event) -> Identity:
        """The id of `column`, and for the first time if a person made it."""
        one = self._known[column]
        if one.split_from is None:
            return self._identity(row, column, one.campaign_id, event)
        return replace(self._identity(row, column, one.campaign_id, Event.SPLIT), other_id=one.split_from)

    def _left_over(self, row: int) -> Identity:
        """The campaign that it fits best is another's today, or it fits none."""
        fits = self._fits
        held = [k for k in self._rows_of if self._part_of(row, k)]
        if held:
            column = max(held, key=lambda k: (fits.score[row, k], -k))
            if not self._parted(row, column):
                self._rows_of[column].append(row)
                return self._known_as(row, column, Event.KEPT)
            return self._back_again(row, column) or self._identity(
                row, column, self._new_ids[row], Event.SPLIT
            )
        free = [k for k in np.flatnonzero(self._at_large & self._has_days).tolist() if k not in self._rows_of]
        asked = [k for k in free if self._related[row, k]]
        vanished = [k for k in free if self._vanished(row, k)]
        if asked or vanished:
            column = (
                max(asked, key=lambda k: (fits.score[row, k], np.nan_to_num(fits.cosine[row, k]), -k))
                if asked
                else min(vanished, key=lambda k: (self._days_ago[k], -fits.cosine[row, k], k))
            )
            return self._identity(row, column, self._new_ids[row], Event.POSSIBLY_CONTINUES)
        if not len(self._known):
            return Identity(self._new_ids[row], Event.MINTED, 0.0)
        nearest = self._identity(row, int(np.argmax(fits.nearest[row])), self._new_ids[row], Event.MINTED)
        return replace(nearest, other_id=None)  # how near it is tells something, which it is does not

    def _part_of(self, row: int, column: int) -> bool:
        """Whether `row` sends a wording of `column`, or fits it while all that it is now is put in other words."""
        rewritten = not self._wording[self._rows_of[column], column].any()
        fits = self._fits.tied[row, column] and self._same[row, column]
        return bool(self._wording[row, column] or (rewritten and fits))

    def _vanished(self, row: int, column: int) -> bool:
        """Whether `column` asked for the same until it was gone: its operator may have changed words and accounts."""
        lately = self._days_ago[column] <= self._settings.dormant_days
        return bool(lately and self._fits.cosine[row, column] >= self._settings.alike_cosine)

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


def variants(wordings: Sequence[Wording], known: Sequence[Remembered], first_free: int) -> list[int]:
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
