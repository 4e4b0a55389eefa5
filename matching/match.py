"""Which texts are prompts of which known campaigns, how surely, and what stands in the slots."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from campaigns.tokens import Tokens
from labeling.cover_screen import CoverHits
from labeling.matcher import Texts
from labeling.screen import Hits
from labeling.sought import words_of
from matching.known import KnownCampaigns

SLICE_BYTES: Final = 1 << 18
"""Text that is tokenised at a time. Its tokens take ten times its room, or forty where every byte is one; larger arrays
leave the cache and come from the system as new pages each time, which made texts of punctuation thrice as costly."""


MOST_CAMPAIGNS: Final = 16
"""Campaigns that one text is said to belong to, the strongest. A text of more was made to match them all, and each
match tells what stands in its slots again: without a bound, n bytes of input could cost n * n of output."""

BY_WORDS: Final = 0.95
"""Most strength of a match that was found by its words: a template that is there as a whole says more."""

SLOT_BYTES: Final = 1_000
"""Of what stands in a slot; longer values are cut."""


@dataclass(frozen=True, slots=True)
class Matches:
    """One entry per text and campaign that it belongs to, by its strongest wording; at most `MOST_CAMPAIGNS` of a text.

    A template goes before words: what both find counts as found by the template. Ordered by text; of one text campaigns
    before seeds, the strongest first, then the one with more constant text, then as the wordings were given. However
    many seeds a partner makes up, they push no campaign out.

    Attributes:
        texts: int64 (n,), place among the texts.
        owners: int32 (n,), place in `KnownCampaigns.owners`.
        whole: bool (n,), the text is the template from end to end, each of its words in place.
        strength: float64 (n,), 1 for a whole match; else the part of the template's words that were found, and where
            other text stands before or after, times the part of the text's words that they are. Somebody who quotes or
            discusses a template writes more around it, and the less likely the text is one of the campaign's prompts.
            By words alone: the part of the evidence that half of the wording's own prompts carry, at most `BY_WORDS`.
        slot_from: int64 (n + 1,), the slots of entry k are `slots[slot_from[k]:slot_from[k + 1]]`, in order and as
            many as the template has; none by words alone.
        slots: int64 (n_slots, 2), half-open byte range of each in the UTF-8 of its text, outer spaces left out;
            (0, 0) where nothing stands.
    """

    texts: NDArray[np.int64]
    owners: NDArray[np.int32]
    whole: NDArray[np.bool_]
    strength: NDArray[np.float64]
    slot_from: NDArray[np.int64]
    slots: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.texts)


def match(texts: Texts, known: KnownCampaigns, *, slice_bytes: int = SLICE_BYTES) -> Matches:
    """Every known campaign in every text (no nulls). Linear in the bytes of the texts, whatever they say."""
    array = large_strings(texts)
    found = [
        _matched(array.slice(start, end - start), start, known) for start, end in cuts(array, slice_bytes)
    ]
    if len(found) == 1:
        return found[0]
    sizes = np.concatenate([np.empty(0, np.int64), *(np.diff(one.slot_from) for one in found)])
    return Matches(
        np.concatenate([np.empty(0, np.int64), *(one.texts for one in found)]),
        np.concatenate([np.empty(0, np.int32), *(one.owners for one in found)]),
        np.concatenate([np.empty(0, np.bool_), *(one.whole for one in found)]),
        np.concatenate([np.empty(0, np.float64), *(one.strength for one in found)]),
        np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        np.concatenate([np.empty((0, 2), np.int64), *(one.slots for one in found)]),
    )


def slot_values(texts: Texts, matches: Matches) -> pa.ListArray:
    """What stands in the slots, list<string> with one entry per match; at most `SLOT_BYTES` of each value."""
    array = large_strings(texts)
    offsets, data = _buffers(array)
    per_slot = np.repeat(matches.texts, np.diff(matches.slot_from))
    starts = offsets[per_slot] + matches.slots[:, 0]
    sizes = _cut_sizes(data, starts, matches.slots[:, 1] - matches.slots[:, 0], SLOT_BYTES)
    bounds = np.concatenate([[0], np.cumsum(sizes)])
    values = pa.LargeStringArray.from_buffers(
        len(starts), pa.py_buffer(bounds.astype(np.int64)), pa.py_buffer(_copied(data, starts, bounds))
    )
    return pa.ListArray.from_arrays(pa.array(matches.slot_from, pa.int32()), values.cast(pa.string()))


def large_strings(texts: Texts) -> pa.Array:
    array = texts if isinstance(texts, pa.Array | pa.ChunkedArray) else pa.array(texts, pa.large_string())
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    return array.cast(pa.large_string())


def _buffers(array: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Offsets int64 (n + 1,) and the bytes of a large_string array."""
    if not len(array):
        return np.zeros(1, np.int64), np.empty(0, np.uint8)
    _, offsets, data = array.buffers()
    bounds = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
    return bounds, np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8)


def cuts(array: pa.Array, slice_bytes: int) -> Iterator[tuple[int, int]]:
    """Runs of texts of about `slice_bytes` each, of a large_string array."""
    offsets, _ = _buffers(array)
    part = (offsets[:-1] - offsets[0]) // slice_bytes
    return pairwise([0, *(np.flatnonzero(np.diff(part)) + 1).tolist(), len(array)] if len(array) else [])


def _matched(array: pa.Array, first: int, known: KnownCampaigns) -> Matches:
    tokens = words_of(array)
    found = _Found.of_templates(known.screen.hits(tokens), tokens, known)
    if len(known.covers):
        found = found.joined(_Found.of_covers(known.covers.hits(tokens), known), known)
    kept = _strongest(found, known)
    by_template = found.owners[kept] < len(known.screen)
    on = kept[by_template]
    slot_from, slots = _slots(
        found.texts[on],
        found.owners[on],
        found.at[on],
        found.bounds,
        (tokens.indptr, tokens.starts, tokens.ends),
        (known.screen.first, known.screen.open_ends),
    )
    sizes = np.zeros(len(kept) + 1, np.int64)
    sizes[1:][by_template] = np.diff(slot_from)
    return Matches(
        found.texts[kept] + first,
        found.owners[kept].astype(np.int32),
        found.whole[kept],
        found.strength[kept],
        np.cumsum(sizes),
        slots,
    )


@dataclass(frozen=True, slots=True)
class _Found:
    """What counts of the hits of both screens.

    Attributes:
        texts, owners, whole, strength: see `Matches`.
        constants: int64 (n,), words of constant text.
        at, bounds: see `labeling.screen.Hits`.
    """

    texts: NDArray[np.int64]
    owners: NDArray[np.int64]
    whole: NDArray[np.bool_]
    strength: NDArray[np.float64]
    constants: NDArray[np.int64]
    at: NDArray[np.int64]
    bounds: NDArray[np.int32]

    @classmethod
    def of_templates(cls, hits: Hits, tokens: Tokens, known: KnownCampaigns) -> _Found:
        of_template = hits.covered / known.constants[hits.matchers]
        of_text = np.where(hits.fits, 1.0, hits.covered / np.maximum(np.diff(tokens.indptr)[hits.texts], 1))
        strength = np.where(hits.whole, 1.0, of_template * of_text)
        on = np.flatnonzero(hits.whole | known.anywhere[hits.matchers])
        owners = hits.matchers[on]
        return cls(
            hits.texts[on],
            owners,
            hits.whole[on],
            strength[on],
            known.constants[owners],
            hits.at[on],
            hits.bounds,
        )

    @classmethod
    def of_covers(cls, hits: CoverHits, known: KnownCampaigns) -> _Found:
        nothing = np.zeros(len(hits.texts), np.int64)
        part = hits.evidence / np.maximum(known.typical[hits.covers], 1)
        return cls(
            hits.texts,
            hits.covers + len(known.screen),
            nothing.astype(np.bool_),
            np.minimum(part, 1.0) * BY_WORDS,
            nothing,
            nothing,
            np.empty(0, np.int32),
        )

    def joined(self, by_words: _Found, known: KnownCampaigns) -> _Found:
        """With what was found by words alone: nothing that a template of the same campaign has found."""
        base = len(known.owners)
        pairs = self.texts * base + known.campaign[self.owners]
        new = np.flatnonzero(~np.isin(by_words.texts * base + known.campaign[by_words.owners], pairs))
        return _Found(
            np.concatenate([self.texts, by_words.texts[new]]),
            np.concatenate([self.owners, by_words.owners[new]]),
            np.concatenate([self.whole, by_words.whole[new]]),
            np.concatenate([self.strength, by_words.strength[new]]),
            np.concatenate([self.constants, by_words.constants[new]]),
            np.concatenate([self.at, by_words.at[new]]),
            self.bounds,
        )


def _strongest(found: _Found, known: KnownCampaigns) -> NDArray[np.int64]:
    """Places of what counts, one per text and campaign, in the order of `Matches`."""
    texts, campaign = found.texts, known.campaign[found.owners]
    ranked = (found.owners, -found.constants, -found.strength)
    order = np.lexsort((*ranked, campaign, texts))
    same = np.zeros(len(texts), np.bool_)
    same[1:] = (np.diff(texts[order]) == 0) & (np.diff(campaign[order]) == 0)
    best = np.zeros(len(texts), np.bool_)
    best[order[~same]] = True
    order = np.lexsort((*ranked, known.seed[found.owners], texts))
    order = order[best[order]]
    ranks = np.arange(len(order)) - np.searchsorted(texts[order], texts[order])
    kept: NDArray[np.int64] = order[ranks < MOST_CAMPAIGNS]
    return kept


@njit(cache=True, nogil=True)
def _slots(texts, matchers, at, bounds, tokens, screen):  # type: ignore[no-untyped-def]
    """(slot_from, slots) of hits, see `Matches`; the literals of hit k lie in `bounds` from `at[k]` on.

    A literal that was not found leaves nothing in the slot before it; its words are in the slot after it.
    """
    indptr, starts, ends = tokens
    first, open_ends = screen
    slot_from = np.zeros(len(texts) + 1, np.int64)
    for hit in range(len(texts)):
        m = matchers[hit]
        between = first[m + 1] - first[m] - 1
        slot_from[hit + 1] = slot_from[hit] + between + open_ends[m, 0] + open_ends[m, 1]
    slots = np.zeros((slot_from[-1], 2), np.int64)
    for hit in range(len(texts)):
        m = matchers[hit]
        base = indptr[texts[hit]]
        n_literals = first[m + 1] - first[m]
        slot = slot_from[hit]
        low = 0  # the word after the literal before
        for k in range(n_literals + 1):
            high = indptr[texts[hit] + 1] - base
            found = True
            if k < n_literals:
                high = bounds[at[hit] + 2 * k]
                found = bounds[at[hit] + 2 * k + 1] > 0
            outer = (k == 0 and not open_ends[m, 0]) or (k == n_literals and not open_ends[m, 1])
            if not outer:
                if found and high > low:
                    slots[slot, 0] = starts[base + low]
                    slots[slot, 1] = ends[base + high - 1]
                slot += 1
            if k < n_literals and found:
                low = bounds[at[hit] + 2 * k + 1]
    return slot_from, slots


@njit(cache=True, nogil=True)
def _cut_sizes(data, starts, sizes, most):  # type: ignore[no-untyped-def]
    """`sizes`, those above `most` cut before a character that would not fit."""
    out = sizes.copy()
    for k in range(len(starts)):
        if sizes[k] > most:
            size = most
            while size > 0 and data[starts[k] + size] & 0xC0 == 0x80:  # a byte within a character
                size -= 1
            out[k] = size
    return out


@njit(cache=True, nogil=True)
def _copied(data, starts, bounds):  # type: ignore[no-untyped-def]
    out = np.empty(bounds[-1], np.uint8)
    for k in range(len(starts)):
        size = bounds[k + 1] - bounds[k]
        out[bounds[k] : bounds[k + 1]] = data[starts[k] : starts[k] + size]
    return out
