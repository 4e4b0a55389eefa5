"""Many covers over the same texts at once: each word leads to the wordings that it tells for.

A word that many wordings share leads to many, and somebody could fill a prompt with such words. So the commonest words
of a cover, as many as together stay below what it asks for, are silent: they lead nowhere, since no prompt can reach it
by them alone. They are counted where one of the others has named the wording and they can still decide. This is the
MaxScore way of Turtle and Flood (1995); it finds what the plain sums find.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from campaigns.covers import Cover
from campaigns.tokens import Tokens, mix
from labeling.cover_words import DEPTH, ends_of, word_at


@dataclass(frozen=True, slots=True)
class CoverHits:
    """Which texts reach which covers, ordered by text and then cover.

    Attributes:
        texts, covers: int64 (n_hits,).
        evidence: int64 (n_hits,), in thousandths of a nat.
        added: weights that were added up for all texts together, the measure of what they cost.
    """

    texts: NDArray[np.int64]
    covers: NDArray[np.int64]
    evidence: NDArray[np.int64]
    added: int


@dataclass(frozen=True, slots=True)
class CoverScreen:
    """Covers by their words.

    Attributes:
        cells, numbers: uint64 and int32, open addressing: word and its number, 0 where empty; a power of two of them.
        telling_from, telling, telling_weights: int64 (n_words + 1,), int32, int32: of word w the covers that it leads
            to, `telling[telling_from[w]:telling_from[w + 1]]`.
        silent_from, silent, silent_weights: int64 (n_covers + 1,), int32, int32: the silent words of each cover, the
            heaviest first.
        silent_total, least: int64 (n_covers,), evidence of all silent words, and what is asked for.
    """

    cells: NDArray[np.uint64]
    numbers: NDArray[np.int32]
    telling_from: NDArray[np.int64]
    telling: NDArray[np.int32]
    telling_weights: NDArray[np.int32]
    silent_from: NDArray[np.int64]
    silent: NDArray[np.int32]
    silent_weights: NDArray[np.int32]
    silent_total: NDArray[np.int64]
    least: NDArray[np.int64]

    @classmethod
    def of(cls, covers: Sequence[Cover]) -> CoverScreen:
        sizes = np.array([len(cover.words) for cover in covers], np.int64)
        flat = [np.array(cover.words, np.uint64) for cover in covers]
        words, word = np.unique(np.concatenate([np.empty(0, np.uint64), *flat]), return_inverse=True)
        weight = np.array([weight for cover in covers for weight in cover.weights], np.int32)
        cover = np.repeat(np.arange(len(covers)), sizes)
        least = np.array([cover.least for cover in covers], np.int64)
        common = np.bincount(word, minlength=len(words))[word]
        by_cover = np.lexsort((word, -common, cover))
        running = np.cumsum(weight[by_cover], dtype=np.int64)
        begins = np.concatenate([[0], np.cumsum(sizes)])
        before = np.concatenate([[0], running])[begins[:-1]]
        is_silent = np.zeros(len(word), np.bool_)
        is_silent[by_cover] = running - before[cover[by_cover]] < least[cover[by_cover]]
        told = np.flatnonzero(~is_silent)
        told = told[np.lexsort((cover[told], word[told]))]
        quiet = np.flatnonzero(is_silent)
        quiet = quiet[np.lexsort((word[quiet], -weight[quiet], cover[quiet]))]
        cells, numbers = _table(words)
        return cls(
            cells,
            numbers,
            np.searchsorted(word[told], np.arange(len(words) + 1)).astype(np.int64),
            cover[told].astype(np.int32),
            weight[told],
            np.searchsorted(cover[quiet], np.arange(len(covers) + 1)).astype(np.int64),
            word[quiet].astype(np.int32),
            weight[quiet],
            np.bincount(cover[quiet], weights=weight[quiet], minlength=len(covers)).astype(np.int64),
            least,
        )

    def __len__(self) -> int:
        return len(self.least)

    def hits(self, tokens: Tokens) -> CoverHits:
        """Every pair of a text and a cover that it reaches; `tokens` of `labeling.sought.words_of`."""
        if not len(self):
            nothing = np.empty(0, np.int64)
            return CoverHits(nothing, nothing, nothing, 0)
        texts, covers, evidence, added = _hits(
            tokens.indptr,
            tokens.shapes,
            tokens.kinds,
            (self.cells, self.numbers),
            (self.telling_from, self.telling, self.telling_weights),
            (self.silent_from, self.silent, self.silent_weights),
            (self.silent_total, self.least),
        )
        order = np.lexsort((covers, texts))
        return CoverHits(texts[order], covers[order], evidence[order], added)


@njit(cache=True, nogil=True)
def _table(words):  # type: ignore[no-untyped-def]
    size = 64
    while size < 4 * len(words):
        size *= 2
    cells = np.zeros(size, np.uint64)
    numbers = np.zeros(size, np.int32)
    last = np.uint64(size - 1)
    for k in range(len(words)):
        at = mix(words[k]) & last
        while cells[at] != 0:
            at = (at + np.uint64(1)) & last
        cells[at] = words[k]
        numbers[at] = k
    return cells, numbers


@njit(cache=True, nogil=True, inline="always")
def _number(word, cells, numbers):  # type: ignore[no-untyped-def]
    """The number of a word, or -1."""
    last = np.uint64(len(cells) - 1)
    at = mix(word) & last
    while cells[at] != 0:
        if cells[at] == word:
            return numbers[at]
        at = (at + np.uint64(1)) & last
    return np.int32(-1)


@njit(cache=True, nogil=True)
def _hits(indptr, shapes, kinds, table, telling, silent, asked):  # type: ignore[no-untyped-def]
    cells, numbers = table
    telling_from, telling_covers, telling_weights = telling
    silent_from, silent_words, silent_weights = silent
    silent_total, least = asked
    n_words, n_covers = len(telling_from) - 1, len(least)
    seen_in = np.full(n_words, -1, np.int64)  # the last text that a word was seen in
    named_in = np.full(n_covers, -1, np.int64)  # and that a cover was named in
    told = np.zeros(n_covers, np.int64)
    present = np.empty(2 * DEPTH, np.int32)
    named = np.empty(n_covers, np.int32)
    capacity = 256
    texts = np.empty(capacity, np.int64)
    covers = np.empty(capacity, np.int64)
    evidence = np.empty(capacity, np.int64)
    count = 0
    added = 0
    for text in range(len(indptr) - 1):
        start, stop = indptr[text], indptr[text + 1]
        head, tail = ends_of(start, stop)
        n_present = 0
        token = start
        while token < stop:
            if token == head:
                token = tail
            number = _number(word_at(shapes, kinds, token, stop), cells, numbers)
            if number >= 0 and seen_in[number] != text:
                seen_in[number] = text
                present[n_present] = number
                n_present += 1
            token += 1
        n_named = 0
        for i in range(n_present):
            number = present[i]
            added += telling_from[number + 1] - telling_from[number]
            for k in range(telling_from[number], telling_from[number + 1]):
                cover = telling_covers[k]
                if named_in[cover] != text:
                    named_in[cover] = text
                    told[cover] = 0
                    named[n_named] = cover
                    n_named += 1
                told[cover] += telling_weights[k]
        for i in range(n_named):
            cover = named[i]
            total = told[cover]
            possible = total + silent_total[cover]
            if possible < least[cover]:
                continue
            for k in range(silent_from[cover], silent_from[cover + 1]):
                added += 1
                if seen_in[silent_words[k]] == text:
                    total += silent_weights[k]
                else:
                    possible -= silent_weights[k]
                    if possible < least[cover]:
                        break
            if total < least[cover]:
                continue
            if count == capacity:
                capacity *= 2
                texts = _grown(texts, capacity)
                covers = _grown(covers, capacity)
                evidence = _grown(evidence, capacity)
            texts[count] = text
            covers[count] = cover
            evidence[count] = total
            count += 1
    return texts[:count].copy(), covers[:count].copy(), evidence[:count].copy(), added


@njit(cache=True, nogil=True)
def _grown(array, capacity):  # type: ignore[no-untyped-def]
    larger = np.empty(capacity, array.dtype)
    larger[: len(array)] = array
    return larger
