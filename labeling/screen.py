"""Many matchers over the same texts at once.

Every matcher has a key: the rarest short run of tokens among its literals. One walk over the tokens looks each run up
in a hash table, and only a matcher whose key occurs is tried on the text. The key decides what is tried, never what
is found: results are those of every matcher alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from campaigns.tokens import Tokens, mix
from labeling.matcher import Matcher, find_one

_LONGEST = 3
"""Tokens of a key, fewer where a literal has fewer."""

_SAMPLED_TOKENS = 200_000
"""Tokens in which runs are counted to tell the rarest."""


@dataclass(frozen=True, slots=True)
class Hits:
    """Which texts match which matchers; one entry per pair, ordered by text and then matcher.

    Attributes:
        texts, matchers: int64 (n_hits,).
        whole: bool (n_hits,), the text matches from end to end; otherwise only when other text may stand
            before and after.
        tried: pairs of text and matcher that were looked at.
    """

    texts: NDArray[np.int64]
    matchers: NDArray[np.int64]
    whole: NDArray[np.bool_]
    tried: int


@dataclass(frozen=True, slots=True)
class Screen:
    """Matchers laid end to end.

    Attributes:
        literals, failure: those of all matchers; `pointers` bounds the literals: matcher m has
            `pointers[first[m]:first[m + 1]]`, its own end included.
        first: int64 (n_matchers + 1,).
        open_ends: bool (n_matchers, 2), text may stand before, after.
        runs: uint64 (n_runs,), hashes of the runs of tokens in the literals; matcher m has those from
            `of_matcher[m]` to `of_matcher[m + 1]`.
    """

    literals: NDArray[np.uint64]
    failure: NDArray[np.int64]
    pointers: NDArray[np.int64]
    first: NDArray[np.int64]
    open_ends: NDArray[np.bool_]
    runs: NDArray[np.uint64]
    of_matcher: NDArray[np.int64]

    @classmethod
    def of(cls, matchers: Sequence[Matcher]) -> Screen:
        runs = [_runs_of(matcher.literals, matcher.indptr) for matcher in matchers]
        bases = np.cumsum([0, *(len(matcher.literals) for matcher in matchers)])
        return cls(
            np.concatenate([np.empty(0, np.uint64), *(matcher.literals for matcher in matchers)]),
            np.concatenate([np.empty(0, np.int64), *(matcher.failure for matcher in matchers)]),
            np.concatenate(
                [np.empty(0, np.int64), *(m.indptr + base for m, base in zip(matchers, bases, strict=False))]
            ),
            np.cumsum([0, *(len(matcher.indptr) for matcher in matchers)]).astype(np.int64),
            np.array([[m.leading, m.trailing] for m in matchers], np.bool_).reshape(-1, 2),
            np.concatenate([np.empty(0, np.uint64), *runs]),
            np.cumsum([0, *(len(part) for part in runs)]).astype(np.int64),
        )

    def __len__(self) -> int:
        return len(self.first) - 1

    def hits(self, tokens: Tokens) -> Hits:
        """Every pair of a text and a matcher that accepts it, or a part of it."""
        keys, users = self._keys(tokens)
        kinds, number = np.unique(keys, return_inverse=True)
        order = np.argsort(number, kind="stable")
        bounds = np.searchsorted(number[order], np.arange(len(kinds) + 1)).astype(np.int64)
        texts, matchers, whole, tried = _hits(
            tokens.indptr,
            tokens.shapes,
            *_table(kinds),
            bounds,
            users[order],
            self.literals,
            self.failure,
            self.pointers,
            self.first,
            self.open_ends,
        )
        ordered = np.lexsort((matchers, texts))
        return Hits(texts[ordered], matchers[ordered], whole[ordered], tried)

    def _keys(self, tokens: Tokens) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        """The key of every matcher that has a literal, and those matchers."""
        kinds, number = np.unique(self.runs, return_inverse=True)
        step = max(1, len(tokens.shapes) // _SAMPLED_TOKENS)
        counts = _count(tokens.indptr, tokens.shapes, step, *_table(kinds), len(kinds))[number]
        users = np.flatnonzero(np.diff(self.of_matcher))
        spans = zip(self.of_matcher[users].tolist(), self.of_matcher[users + 1].tolist(), strict=True)
        rarest = [a + int(np.argmin(counts[a:b])) for a, b in spans]
        return self.runs[rarest], users


@njit(cache=True, nogil=True, inline="always")
def _extended(run, shape):  # type: ignore[no-untyped-def]
    return mix((run * np.uint64(0x9E3779B97F4A7C15)) ^ shape) | np.uint64(1)  # 0 marks an empty cell


@njit(cache=True, nogil=True)
def _runs_of(literals, indptr):  # type: ignore[no-untyped-def]
    """Hashes of all runs of `_LONGEST` tokens; a shorter literal is a run itself."""
    out = np.empty(len(literals), np.uint64)
    count = 0
    for k in range(len(indptr) - 1):
        a, b = indptr[k], indptr[k + 1]
        size = min(_LONGEST, b - a)
        for at in range(a, b - size + 1):
            run = np.uint64(0)
            for i in range(at, at + size):
                run = _extended(run, literals[i])
            out[count] = run
            count += 1
    return out[:count].copy()


@njit(cache=True, nogil=True)
def _table(keys):  # type: ignore[no-untyped-def]
    """Open addressing: cells with the key (0: empty) and its number."""
    size = 64
    while size < 8 * len(keys):
        size *= 2
    cells = np.zeros(size, np.uint64)
    numbers = np.zeros(size, np.int64)
    for n in range(len(keys)):
        at = keys[n] & np.uint64(size - 1)
        while cells[at] != 0:
            at = (at + np.uint64(1)) & np.uint64(size - 1)
        cells[at] = keys[n]
        numbers[at] = n
    return cells, numbers


@njit(cache=True, nogil=True, inline="always")
def _number(run, cells, numbers):  # type: ignore[no-untyped-def]
    last = np.uint64(len(cells) - 1)
    at = run & last
    while cells[at] != 0:
        if cells[at] == run:
            return numbers[at]
        at = (at + np.uint64(1)) & last
    return -1


@njit(cache=True, nogil=True)
def _count(indptr, shapes, step, cells, numbers, n_runs):  # type: ignore[no-untyped-def]
    """How often each run occurs in every `step`-th text."""
    counts = np.zeros(n_runs, np.int64)
    for text in range(0, len(indptr) - 1, step):
        end = indptr[text + 1]
        for at in range(indptr[text], end):
            run = np.uint64(0)
            for i in range(at, min(at + _LONGEST, end)):
                run = _extended(run, shapes[i])
                number = _number(run, cells, numbers)
                if number >= 0:
                    counts[number] += 1
    return counts


@njit(cache=True, nogil=True)
def _hits(  # type: ignore[no-untyped-def]
    indptr, shapes, cells, numbers, bounds, users, literals, failure, pointers, first, open_ends
):
    capacity = 1024
    texts = np.empty(capacity, np.int64)
    matchers = np.empty(capacity, np.int64)
    whole = np.empty(capacity, np.bool_)
    count = 0
    tried = 0
    n_matchers = len(first) - 1
    last_text = np.full(n_matchers, -1, np.int64)
    longest = 1
    for m in range(n_matchers):
        longest = max(longest, first[m + 1] - first[m])
    found = np.empty(longest, np.int64)
    for text in range(len(indptr) - 1):
        words = shapes[indptr[text] : indptr[text + 1]]
        if count + n_matchers > capacity:
            capacity = 2 * capacity + n_matchers
            texts = _grown(texts, count, capacity)
            matchers = _grown(matchers, count, capacity)
            whole = _grown(whole, count, capacity)
        for at in range(len(words)):
            run = np.uint64(0)
            for i in range(at, min(at + _LONGEST, len(words))):
                run = _extended(run, words[i])
                number = _number(run, cells, numbers)
                if number < 0:
                    continue
                for u in range(bounds[number], bounds[number + 1]):
                    m = users[u]
                    if last_text[m] == text:
                        continue
                    last_text[m] = text
                    tried += 1
                    pieces = pointers[first[m] : first[m + 1]]
                    find_one(words, literals, pieces, failure, True, True, found)
                    if found[0] < 0:
                        continue
                    leading, trailing = open_ends[m, 0], open_ends[m, 1]
                    if not (leading and trailing):
                        find_one(words, literals, pieces, failure, leading, trailing, found)
                    texts[count] = text
                    matchers[count] = m
                    whole[count] = found[0] >= 0
                    count += 1
    return texts[:count].copy(), matchers[:count].copy(), whole[:count].copy(), tried


@njit(cache=True, nogil=True)
def _grown(array, count, capacity):  # type: ignore[no-untyped-def]
    larger = np.empty(capacity, array.dtype)
    larger[:count] = array[:count]
    return larger
