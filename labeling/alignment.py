"""Which words of a family are the template: a multiple alignment against one member.

The pivot is the member that holds most of what is shared. Every other member is aligned to it by a weighted
longest common subsequence that favours unbroken runs; a pivot token that enough members align to is a
constant. Runs that chance alone would put into the slots (a lone "the") are dropped again. All functions work
on token shapes, so case, look-alike letters and most typos are already folded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.special import gammainc

from labeling.lcs import align_all

HEAD_TOKENS, TAIL_TOKENS = 600, 200
"""What of a long member takes part: templates stand at the ends, and work stays bounded."""

MAX_CELLS = 20_000_000
"""Cells of all alignments of one pass; a sample beyond it is thinned evenly."""

GAP_SHARE = 0.1
"""Two constants with something between them in this part of the members have a slot between them."""

CHANCE_MARGIN = (0.1, 0.5)
"""A run must be held by a + b / sqrt(members) more of the members than chance alone would give."""

_LONGEST_DOUBTFUL = 8
_ROUNDS = 6


@dataclass(frozen=True, slots=True)
class Clipped:
    """Head and tail tokens of some members, end to end.

    Attributes:
        indptr: int64 (n + 1,).
        shapes: uint64 (n_tokens,).
        positions: int64 (n_tokens,), each token's place in its whole text.
        lengths: int64 (n,), tokens of the whole texts.
    """

    indptr: NDArray[np.int64]
    shapes: NDArray[np.uint64]
    positions: NDArray[np.int64]
    lengths: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def owners(self) -> NDArray[np.int64]:
        """int64 (n_tokens,), the member that each token belongs to."""
        return np.repeat(np.arange(len(self), dtype=np.int64), np.diff(self.indptr))

    def keep(self, mask: NDArray[np.bool_]) -> Clipped:
        """The tokens under `mask` (n_tokens,); members stay, maybe empty."""
        counts = np.bincount(self.owners[mask], minlength=len(self))
        return Clipped(_pointers(counts), self.shapes[mask], self.positions[mask], self.lengths)

    def take(self, members: NDArray[np.int64]) -> Clipped:
        """Some members, in the order given."""
        spans = [np.arange(self.indptr[i], self.indptr[i + 1]) for i in members]
        rows = np.concatenate(spans) if spans else np.empty(0, np.int64)
        counts = np.diff(self.indptr)[members]
        return Clipped(_pointers(counts), self.shapes[rows], self.positions[rows], self.lengths[members])


@dataclass(frozen=True, slots=True)
class Alignment:
    """Constants of a family, in order.

    Attributes:
        shapes: uint64 (n_constants,).
        run: int64 (n_constants,), rises by one where a slot separates a constant from the one before.
        leading, trailing: whether text may stand before the first and after the last constant.
        pivot: the member (row of the `Clipped`) that the constants were read from.
        positions: int64 (n_constants,), where they stand in the pivot's whole text.
    """

    shapes: NDArray[np.uint64]
    run: NDArray[np.int64]
    leading: bool
    trailing: bool
    pivot: int
    positions: NDArray[np.int64]


def clip(indptr: NDArray[np.int64], shapes: NDArray[np.uint64]) -> Clipped:
    """Head and tail of every member of a token table."""
    lengths = np.diff(indptr)
    positions = np.arange(indptr[-1]) - np.repeat(indptr[:-1], lengths)
    from_end = np.repeat(lengths, lengths) - positions
    kept = (positions < HEAD_TOKENS) | (from_end <= TAIL_TOKENS)
    return Clipped(indptr, shapes, positions, lengths).keep(kept)


def wording(sample: Clipped) -> NDArray[np.int64]:
    """Members of the commonest wording: those that hold half of what its centre shares with anybody.

    The centre is the member whose word pairs are the most widely held (sum of squared shares). A family of
    one wording comes back whole.
    """
    member, grams, held_by = _grams(sample)
    share = held_by[grams] / max(len(sample), 1)
    centre = _best(np.bincount(member, weights=share**2, minlength=len(sample)), sample.lengths)
    shared = grams[(member == centre) & (held_by[grams] >= max(2, 0.05 * len(sample)))]
    if not len(shared):
        return np.array([centre], np.int64)
    weight = np.zeros(len(held_by))
    weight[shared] = held_by[shared]
    covered = np.bincount(member, weights=weight[grams], minlength=len(sample))
    return np.flatnonzero(covered >= 0.5 * weight.sum())


def constants(members: Clipped, support: float) -> Alignment:
    """The constants that at least the part `support` of the members hold in order.

    Members must come in an order that follows from their content: ties fall to the earlier one.
    """
    n = len(members)
    kinds, inverse = np.unique(members.shapes, return_inverse=True)
    owners = members.owners
    holders = np.bincount(np.unique(owners * len(kinds) + inverse) % max(len(kinds), 1), minlength=len(kinds))
    needed = max(1, int(np.ceil(support * n - 1e-9)))
    common = members.keep((holders >= needed)[inverse])
    pivot = _pivot(common, needed)
    rarity = (holders / np.maximum(np.bincount(inverse, minlength=len(kinds)), 1)).astype(np.float64)

    span = slice(common.indptr[pivot], common.indptr[pivot + 1])
    shapes, positions = common.shapes[span], common.positions[span]
    common, rows = _affordable(common, len(shapes))
    needed = max(1, int(np.ceil(support * len(common) - 1e-9)))
    for _ in range(_ROUNDS):
        weights = rarity[np.searchsorted(kinds, shapes)]
        places = align_all(shapes, positions, weights, common.indptr, common.shapes, common.positions)
        kept = (places >= 0).sum(axis=0) >= needed
        shapes, positions, places = shapes[kept], positions[kept], places[:, kept]
        if kept.all():
            break
    sample = members.take(rows)
    run = _runs(places)
    for _ in range(_ROUNDS):
        kept = _beyond_chance(shapes, run, places, sample)
        shapes, positions, places = shapes[kept], positions[kept], places[:, kept]
        run = _runs(places)
        if kept.all():
            break
    leading, trailing = _open_ends(places, sample.lengths)
    return Alignment(shapes, run, leading, trailing, pivot, positions)


def _pointers(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def _best(score: NDArray[Any], lengths: NDArray[np.int64]) -> int:
    """Highest score; among equals the shortest text, then the first."""
    return int(np.lexsort((np.arange(len(score)), lengths, -np.round(score, 9)))[0])


def _grams(sample: Clipped) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Distinct pairs of neighbours: their member, their number, and how many members hold each number."""
    owners = sample.owners
    first = np.flatnonzero((owners[1:] == owners[:-1]) & (np.diff(sample.positions) == 1))
    pair = sample.shapes[first] * np.uint64(0x9E3779B97F4A7C15) ^ (sample.shapes[first + 1] >> np.uint64(1))
    kinds, number = np.unique(pair, return_inverse=True)
    distinct = np.unique(owners[first] * max(len(kinds), 1) + number)
    member, grams = np.divmod(distinct, max(len(kinds), 1))
    return member, grams, np.bincount(grams, minlength=len(kinds))


def _pivot(common: Clipped, needed: int) -> int:
    """The member that holds most of what is common: neighbour pairs first, then single tokens."""
    member, grams, held_by = _grams(common)
    wide = held_by[grams] >= needed
    pairs = np.bincount(member[wide], minlength=len(common))
    kinds, number = np.unique(common.shapes, return_inverse=True)
    singles = np.bincount(
        np.unique(common.owners * max(len(kinds), 1) + number) // max(len(kinds), 1), minlength=len(common)
    )
    return _best((4 * pairs + singles).astype(np.float64), common.lengths)


def _affordable(common: Clipped, pivot_tokens: int) -> tuple[Clipped, NDArray[np.int64]]:
    """An even selection whose alignments stay below `MAX_CELLS`, and its rows."""
    cells = pivot_tokens * len(common.shapes)
    rows = np.arange(len(common), dtype=np.int64)
    if cells > MAX_CELLS:
        count = max(32, int(len(common) * MAX_CELLS / cells))
        rows = np.unique(np.linspace(0, len(common) - 1, count).round().astype(np.int64))
    return common.take(rows), rows


def _runs(places: NDArray[np.int64]) -> NDArray[np.int64]:
    """The run that each constant belongs to; `places` is (n_members, n_constants), -1 where missing."""
    if places.shape[1] == 0:
        return np.empty(0, np.int64)
    both = (places[:, 1:] >= 0) & (places[:, :-1] >= 0)
    apart = both & (np.diff(places, axis=1) > 1)
    split = apart.sum(axis=0) > GAP_SHARE * np.maximum(both.sum(axis=0), 1)
    return np.concatenate([[0], np.cumsum(split)]).astype(np.int64)


def _open_ends(places: NDArray[np.int64], lengths: NDArray[np.int64]) -> tuple[bool, bool]:
    if places.shape[1] == 0:
        return False, False
    first, last = places[:, 0], places[:, -1]
    before = (first > 0).sum() > GAP_SHARE * max((first >= 0).sum(), 1)
    after = ((last >= 0) & (last < lengths - 1)).sum() > GAP_SHARE * max((last >= 0).sum(), 1)
    return bool(before), bool(after)


def _beyond_chance(
    shapes: NDArray[np.uint64], run: NDArray[np.int64], places: NDArray[np.int64], sample: Clipped
) -> NDArray[np.bool_]:
    """(n_constants,) False for runs that the slots' own words explain.

    The room of a run reaches to the nearest runs that carry more information. If the run, standing there m
    times as a constant, occurs at rate p per token of such rooms, chance gives m or more of it to a room of L
    tokens with the upper tail of Poisson(L p). The share of members that hold the run must exceed that by
    `CHANCE_MARGIN`.
    """
    kept = np.ones(len(shapes), np.bool_)
    if len(shapes) == 0 or run[-1] == 0:
        return kept
    starts = np.flatnonzero(np.diff(run, prepend=-1))
    ends = np.append(starts[1:], len(shapes))
    leading, trailing = _open_ends(places, sample.lengths)
    bits = _slot_bits(shapes, places, sample)
    margin = CHANCE_MARGIN[0] + CHANCE_MARGIN[1] / np.sqrt(len(sample))
    strength = np.add.reduceat(bits, starts)
    texts = [shapes[a:b].tobytes() for a, b in zip(starts, ends, strict=True)]
    for r, (a, b) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        pinned = (r == 0 and not leading) or (r == len(starts) - 1 and not trailing)
        if pinned or b - a > _LONGEST_DOUBTFUL:
            continue
        stronger = np.flatnonzero(strength > strength[r] + 1e-9)
        left = stronger[stronger < r].max(initial=-1)
        right = stronger[stronger > r].min(initial=len(starts))
        times = sum(texts[k] == texts[r] for k in range(left + 1, right))
        low = places[:, ends[left] - 1] if left >= 0 else np.full(len(sample), -1)
        high = places[:, starts[right]] if right < len(starts) else np.full(len(sample), -1)
        high = np.where(high < 0, sample.lengths, high)
        room, count = _occurrences(shapes[a:b], low, high, sample.indptr, sample.shapes, sample.positions)
        rate = count.sum() / max(room.sum(), 1)
        by_chance = float(gammainc(times, room * rate).mean())
        held = float((places[:, a:b] >= 0).all(axis=1).mean())
        kept[a:b] = held - by_chance >= margin
    return kept


def _slot_bits(shapes: NDArray[np.uint64], places: NDArray[np.int64], sample: Clipped) -> NDArray[np.float64]:
    """Information of each constant under the order-0 model of the words that are no constant."""
    kinds, inverse = np.unique(sample.shapes, return_inverse=True)
    counts = np.bincount(inverse, minlength=len(kinds)).astype(np.float64)
    at = np.searchsorted(kinds, shapes)
    np.subtract.at(counts, at, (places >= 0).sum(axis=0))
    total = max(counts.sum(), 1.0)
    bits: NDArray[np.float64] = -np.log2((np.maximum(counts[at], 0) + 0.5) / (total + 1.0))
    return bits


@njit(cache=True, nogil=True)
def _occurrences(run, low, high, indptr, shapes, positions):  # type: ignore[no-untyped-def]
    """Tokens strictly between `low` and `high` of every member, and how often `run` stands among them."""
    n = len(low)
    room = np.zeros(n, np.int64)
    count = np.zeros(n, np.int64)
    size = len(run)
    for i in range(n):
        j = indptr[i]
        while j < indptr[i + 1]:
            if low[i] < positions[j] < high[i]:
                room[i] += 1
                if j + size <= indptr[i + 1] and positions[j + size - 1] < high[i]:
                    k = 0
                    while k < size and shapes[j + k] == run[k]:
                        k += 1
                    if k == size:
                        count[i] += 1
            j += 1
    return room, count
