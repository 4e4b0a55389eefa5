"""Many matchers over the same texts at once.

One walk over the tokens notes where each pattern of any matcher ends (`labeling.automaton`). Every matcher has keys,
some of its patterns; only a matcher with a key in the text is looked at further, and its patterns are placed from left
to right among the places noted, each by binary search. Keys decide what is looked at, never what is found.

Patterns are the literals of a matcher and, where a `quorum` below 1 is asked for, *pieces* of them as well. A template
whose words drift, or whose constants took in a word of the slots of one day, then still matches by most of its pieces
in their order. Keys are chosen so that no text can hold the quorum and none of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from campaigns.tokens import Tokens
from labeling.automaton import Automaton, step
from labeling.matcher import Matcher

PIECE: Final = 4
"""Tokens of a piece, one more or less: enough to be rare, few enough that a new word leaves most pieces whole."""


@dataclass(frozen=True, slots=True)
class Hits:
    """Which texts match which matchers; one entry per pair, ordered by text and then matcher.

    Attributes:
        texts, matchers: int64 (n_hits,).
        whole: bool (n_hits,), the text matches from end to end; otherwise only when other text may stand
            before and after.
        tried: pairs of text and matcher that were looked at.
        covered: int32 (n_hits,), tokens of the literals that were found: all, or in pieces at least the quorum.
        fits: bool (n_hits,), no more text stands before the first and after the last that was found than may; in place
            of tokens that are missing up to twice as many.
        bounds: int32, for all hits end to end the half-open token range of each literal, two numbers per literal; of
            one in pieces from its first piece to its last, and empty where it has none.
        at: int64 (n_hits,), where those of each hit begin in `bounds`.
    """

    texts: NDArray[np.int64]
    matchers: NDArray[np.int64]
    whole: NDArray[np.bool_]
    tried: int
    covered: NDArray[np.int32]
    fits: NDArray[np.bool_]
    bounds: NDArray[np.int32]
    at: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Screen:
    """Matchers over one automaton.

    Attributes:
        automaton: of the distinct patterns of all matchers.
        literals: int32, the literals of all matchers in order; matcher m has `literals[first[m]:first[m + 1]]`.
        first: int64 (n_matchers + 1,).
        pieces: int32, likewise its pieces, `pieces[first_piece[m]:first_piece[m + 1]]`; none if a quorum is all.
        first_piece: int64 (n_matchers + 1,).
        of_literal: int32, like `pieces`: which literal of its matcher a piece belongs to.
        least: int64 (n_matchers,), tokens that make the quorum.
        open_ends: bool (n_matchers, 2), text may stand before, after.
        keyed, keyed_from: int64, matchers by key; pattern k is a key of
            `keyed[keyed_from[k]:keyed_from[k + 1]]`.
    """

    automaton: Automaton
    literals: NDArray[np.int32]
    first: NDArray[np.int64]
    pieces: NDArray[np.int32]
    first_piece: NDArray[np.int64]
    of_literal: NDArray[np.int32]
    least: NDArray[np.int64]
    open_ends: NDArray[np.bool_]
    keyed: NDArray[np.int64]
    keyed_from: NDArray[np.int64]

    @classmethod
    def of(cls, matchers: Sequence[Matcher], quorum: float = 1.0) -> Screen:
        """
        Args:
            quorum: part of the tokens of its literals that a match must hold, in pieces; 1: every literal as it is.
        """
        numbers: dict[bytes, int] = {}
        patterns: list[NDArray[np.uint64]] = []

        def number(pattern: NDArray[np.uint64]) -> int:
            found = numbers.setdefault(pattern.tobytes(), len(numbers))
            if found == len(patterns):
                patterns.append(pattern)
            return found

        literals: list[list[int]] = []
        pieces: list[list[int]] = []
        of_literal: list[int] = []
        for matcher in matchers:
            bounds = matcher.indptr.tolist()
            own = [matcher.literals[a:b] for a, b in pairwise(bounds)]
            literals.append([number(literal) for literal in own])
            cut = [_cut(literal) if quorum < 1 else [] for literal in own]
            pieces.append([number(piece) for parts in cut for piece in parts])
            of_literal += [k for k, parts in enumerate(cut) for _ in parts]
        sizes = [len(pattern) for pattern in patterns]
        least = [-int(-quorum * len(matcher.literals) // 1) for matcher in matchers]
        matcher_of, key = _keys(literals, pieces, least, sizes)
        order = np.argsort(key, kind="stable")
        return cls(
            Automaton.of(patterns),
            np.array([pattern for own in literals for pattern in own], np.int32),
            np.cumsum([0, *map(len, literals)]).astype(np.int64),
            np.array([pattern for own in pieces for pattern in own], np.int32),
            np.cumsum([0, *map(len, pieces)]).astype(np.int64),
            np.array(of_literal, np.int32),
            np.array(least, np.int64),
            np.array([[m.leading, m.trailing] for m in matchers], np.bool_).reshape(-1, 2),
            matcher_of[order],
            np.searchsorted(key[order], np.arange(len(patterns) + 1)).astype(np.int64),
        )

    def __len__(self) -> int:
        return len(self.first) - 1

    def hits(self, tokens: Tokens) -> Hits:
        """Every pair of a text and a matcher that accepts it, or a part of it."""
        a = self.automaton
        texts, matchers, whole, tried, covered, fits, bounds, at = _hits(
            tokens.indptr,
            tokens.shapes,
            (a.cells, a.children, a.fallback, a.literal, a.shorter, a.sizes),
            a.nested,
            (self.keyed, self.keyed_from),
            (self.literals, self.first),
            (self.pieces, self.first_piece, self.of_literal, self.least),
            self.open_ends,
        )
        order = np.lexsort((matchers, texts))
        return Hits(
            texts[order], matchers[order], whole[order], tried, covered[order], fits[order], bounds, at[order]
        )


def _cut(literal: NDArray[np.uint64]) -> list[NDArray[np.uint64]]:
    """Pieces of about `PIECE` tokens, as even as can be; one or two tokens are no piece, since anybody says them."""
    return np.array_split(literal, (len(literal) + 2) // PIECE) if len(literal) > PIECE // 2 else []


def _keys(
    literals: Sequence[Sequence[int]],
    pieces: Sequence[Sequence[int]],
    least: Sequence[int],
    sizes: Sequence[int],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(matcher, key) pairs: of each matcher the pieces that fewest others have, of those the longest.

    As many as it takes for the rest to be less than `least` tokens; where all pieces are less, one literal. So matchers
    that share phrases are told apart by what is their own.
    """
    users = Counter(number for of in (literals, pieces) for own in of for number in set(own))
    pairs: list[tuple[int, int]] = []
    for matcher, needed in enumerate(least):
        rest = sum(sizes[k] for k in pieces[matcher])
        times = Counter(pieces[matcher] if rest >= needed else literals[matcher])
        for k in sorted(times, key=lambda k: (users[k], -sizes[k], k)):
            pairs.append((matcher, k))
            rest -= times[k] * sizes[k]
            if rest < needed:
                break
    made = np.array(pairs, np.int64).reshape(-1, 2)
    return made[:, 0], made[:, 1]


@njit(cache=True, nogil=True)
def _hits(indptr, shapes, automaton, nested, keys, literals, pieces, open_ends):  # type: ignore[no-untyped-def]
    cells, children, fallback, literal, shorter, sizes = automaton
    keyed, keyed_from = keys
    all_literals, first = literals
    all_pieces, first_piece, of_literal, least = pieces
    n_patterns, n_matchers = len(sizes), len(first) - 1
    longest = 0
    for text in range(len(indptr) - 1):
        longest = max(longest, indptr[text + 1] - indptr[text])
    sizes_of = np.zeros(n_matchers, np.int64)
    most = 1
    for m in range(n_matchers):
        for k in range(first[m], first[m + 1]):
            sizes_of[m] += sizes[all_literals[k]]
        most = max(most, first[m + 1] - first[m], first_piece[m + 1] - first_piece[m])
    noted = np.empty(longest * nested, np.int32)  # patterns in the order in which they end
    ends = np.empty(longest * nested, np.int64)
    places = np.empty(longest * nested, np.int64)  # the ends again, pattern by pattern
    seen = np.empty(n_patterns, np.int32)  # patterns of the text
    counts = np.zeros(n_patterns, np.int64)  # and how often; all zero between texts
    starts = np.zeros(n_patterns, np.int64)  # where their ends begin in `places`
    tried_in = np.full(n_matchers, -1, np.int64)  # the last text that a matcher was tried on
    inside = np.empty(most, np.int64)  # where the patterns of a matcher end, wherever it stands
    across = np.empty(most, np.int64)  # and where it is the whole text
    capacity = 1024
    texts = np.empty(capacity, np.int64)
    matchers = np.empty(capacity, np.int64)
    whole = np.empty(capacity, np.bool_)
    covered = np.empty(capacity, np.int32)
    fits = np.empty(capacity, np.bool_)
    at = np.empty(capacity, np.int64)
    bounds = np.empty(4 * capacity, np.int32)
    n_bounds = 0
    count = 0
    tried = 0
    for text in range(len(indptr) - 1):
        words = shapes[indptr[text] : indptr[text + 1]]
        n_noted = 0
        n_seen = 0
        node = np.int32(0)
        for place in range(len(words)):
            node = step(node, words[place], cells, children, fallback)
            ending = node if literal[node] >= 0 else shorter[node]
            while ending > 0:
                found = literal[ending]
                noted[n_noted] = found
                ends[n_noted] = place + 1
                n_noted += 1
                if counts[found] == 0:
                    seen[n_seen] = found
                    n_seen += 1
                counts[found] += 1
                ending = shorter[ending]
        filled = 0
        for i in range(n_seen):
            starts[seen[i]] = filled
            filled += counts[seen[i]]
            counts[seen[i]] = 0
        for i in range(n_noted):
            found = noted[i]
            places[starts[found] + counts[found]] = ends[i]
            counts[found] += 1
        for i in range(n_seen):
            for k in range(keyed_from[seen[i]], keyed_from[seen[i] + 1]):
                m = keyed[k]
                if tried_in[m] == text:
                    continue
                tried_in[m] = text
                tried += 1
                own = all_literals[first[m] : first[m + 1]]
                parts = all_pieces[first_piece[m] : first_piece[m + 1]]
                exact = _placed(own, sizes, places, starts, counts, len(words), True, True, inside)
                held = least[m]
                if not exact:
                    if len(parts) == 0:
                        continue
                    held = _gathered(parts, sizes, places, starts, counts, inside)
                    if held < least[m]:
                        continue
                if count == capacity:
                    capacity *= 2
                    texts = _grown(texts, count, capacity)
                    matchers = _grown(matchers, count, capacity)
                    whole = _grown(whole, count, capacity)
                    covered = _grown(covered, count, capacity)
                    fits = _grown(fits, count, capacity)
                    at = _grown(at, count, capacity)
                if n_bounds + 2 * len(own) > len(bounds):
                    bounds = _grown(bounds, n_bounds, 2 * len(bounds) + 2 * len(own))
                spans = bounds[n_bounds : n_bounds + 2 * len(own)]
                whole[count] = exact and _placed(
                    own, sizes, places, starts, counts, len(words), open_ends[m, 0], open_ends[m, 1], across
                )
                if exact:
                    held = 0
                    for j in range(len(own)):
                        end = across[j] if whole[count] else inside[j]
                        spans[2 * j] = end - sizes[own[j]]
                        spans[2 * j + 1] = end
                        held += sizes[own[j]]
                else:
                    spans[:] = 0
                    for j in range(len(parts)):
                        if inside[j] >= 0:
                            of = of_literal[first_piece[m] + j]
                            if spans[2 * of + 1] == 0:
                                spans[2 * of] = inside[j] - sizes[parts[j]]
                            spans[2 * of + 1] = inside[j]
                low, high = len(words), 0
                for j in range(len(own)):
                    if spans[2 * j + 1] > 0:
                        low = min(low, spans[2 * j])
                        high = spans[2 * j + 1]
                slack = 2 * (
                    sizes_of[m] - held
                )  # words that are missing may stand there changed, with new ones
                fits[count] = (open_ends[m, 0] or low <= slack) and (
                    open_ends[m, 1] or high >= len(words) - slack
                )
                texts[count] = text
                matchers[count] = m
                covered[count] = held
                at[count] = n_bounds
                n_bounds += 2 * len(own)
                count += 1
        for i in range(n_seen):
            counts[seen[i]] = 0
    return (
        texts[:count].copy(),
        matchers[:count].copy(),
        whole[:count].copy(),
        tried,
        covered[:count].copy(),
        fits[:count].copy(),
        bounds[:n_bounds].copy(),
        at[:count].copy(),
    )


@njit(cache=True, nogil=True, inline="always")
def _first_from(least, places, low, high):  # type: ignore[no-untyped-def]
    """The first of `places[low:high]`, which ascend, that is `least` or more; `high` if there is none."""
    while low < high:
        middle = (low + high) // 2
        if places[middle] < least:
            low = middle + 1
        else:
            high = middle
    return low


@njit(cache=True, nogil=True)
def _gathered(parts, sizes, places, starts, counts, spots):  # type: ignore[no-untyped-def]
    """Tokens of the pieces that occur in order, each as far left as it can be; `spots` gets their ends, -1 for none.

    From left to right, a piece that is not there is passed over. Going the other way as well would find more where a
    piece that is missing from its place occurs again further on; pieces of four tokens hardly do.
    """
    at = 0
    held = 0
    for k in range(len(parts)):
        spots[k] = -1
        high = starts[parts[k]] + counts[parts[k]]
        found = _first_from(at + sizes[parts[k]], places, starts[parts[k]], high)
        if found < high:
            at = places[found]
            spots[k] = at
            held += sizes[parts[k]]
    return held


@njit(cache=True, nogil=True)
def _placed(own, sizes, places, starts, counts, n_words, leading, trailing, spots):  # type: ignore[no-untyped-def]
    """Whether the literals occur in order without overlap, each as far left as it can be; `spots` gets their ends.

    Args:
        places: where literals end, ascending; those of literal k are `places[starts[k] : starts[k] + counts[k]]`.
        leading, trailing: whether text may stand before the first and after the last.
    """
    at = 0
    for k in range(len(own)):
        literal, size = own[k], sizes[own[k]]
        low = starts[literal]
        high = low + counts[literal]
        if k == len(own) - 1 and not trailing:
            end = n_words
            if high == low or places[high - 1] != end or end - size < at:
                return False
        else:
            found = _first_from(at + size, places, low, high)
            if found == high:
                return False
            end = places[found]
        if k == 0 and not leading and end != size:
            return False
        spots[k] = end
        at = end
    return True


@njit(cache=True, nogil=True)
def _grown(array, count, capacity):  # type: ignore[no-untyped-def]
    larger = np.empty(capacity, array.dtype)
    larger[:count] = array[:count]
    return larger
