"""Many matchers over the same texts at once.

One walk over the tokens notes where each literal of any matcher ends (`labeling.automaton`). Every matcher has a key,
one of its literals; only a matcher whose key occurs is looked at further, and its literals are placed from left to
right among the places noted, each by binary search. The key decides what is looked at, never what is found: results
are those of every matcher alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from campaigns.tokens import Tokens
from labeling.automaton import Automaton, step
from labeling.matcher import Matcher


@dataclass(frozen=True, slots=True)
class Hits:
    """Which texts match which matchers; one entry per pair, ordered by text and then matcher.

    Attributes:
        texts, matchers: int64 (n_hits,).
        whole: bool (n_hits,), the text matches from end to end; otherwise only when other text may stand
            before and after.
        tried: pairs of text and matcher that were looked at.
        ends: int64, the tokens of the text after which its literals end, for all hits end to end.
        at: int64 (n_hits,), where those of each hit begin in `ends`; there are as many as its matcher has literals.
    """

    texts: NDArray[np.int64]
    matchers: NDArray[np.int64]
    whole: NDArray[np.bool_]
    tried: int
    ends: NDArray[np.int64]
    at: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Screen:
    """Matchers over one automaton.

    Attributes:
        automaton: of the distinct literals of all matchers.
        pieces: int32, the literals of all matchers in order; matcher m has `pieces[first[m]:first[m + 1]]`.
        first: int64 (n_matchers + 1,).
        open_ends: bool (n_matchers, 2), text may stand before, after.
        keyed, keyed_from: int64, matchers by key; literal k is the key of
            `keyed[keyed_from[k]:keyed_from[k + 1]]`.
    """

    automaton: Automaton
    pieces: NDArray[np.int32]
    first: NDArray[np.int64]
    open_ends: NDArray[np.bool_]
    keyed: NDArray[np.int64]
    keyed_from: NDArray[np.int64]

    @classmethod
    def of(cls, matchers: Sequence[Matcher]) -> Screen:
        numbers: dict[bytes, int] = {}
        literals: list[NDArray[np.uint64]] = []
        pieces: list[list[int]] = []
        for matcher in matchers:
            own = []
            for a, b in zip(matcher.indptr[:-1].tolist(), matcher.indptr[1:].tolist(), strict=True):
                literal = matcher.literals[a:b]
                number = numbers.setdefault(literal.tobytes(), len(numbers))
                if number == len(literals):
                    literals.append(literal)
                own.append(number)
            pieces.append(own)
        keys = _keys(pieces, literals)
        order = np.argsort(keys, kind="stable").astype(np.int64)
        order = order[keys[order] >= 0]
        return cls(
            Automaton.of(literals),
            np.array([number for own in pieces for number in own], np.int32),
            np.cumsum([0, *map(len, pieces)]).astype(np.int64),
            np.array([[m.leading, m.trailing] for m in matchers], np.bool_).reshape(-1, 2),
            order,
            np.searchsorted(keys[order], np.arange(len(literals) + 1)).astype(np.int64),
        )

    def __len__(self) -> int:
        return len(self.first) - 1

    def hits(self, tokens: Tokens) -> Hits:
        """Every pair of a text and a matcher that accepts it, or a part of it."""
        a = self.automaton
        texts, matchers, whole, tried, ends, at = _hits(
            tokens.indptr,
            tokens.shapes,
            (a.cells, a.children, a.fallback, a.literal, a.shorter, a.sizes),
            a.nested,
            self.keyed,
            self.keyed_from,
            self.pieces,
            self.first,
            self.open_ends,
        )
        ordered = np.lexsort((matchers, texts))
        return Hits(texts[ordered], matchers[ordered], whole[ordered], tried, ends, at[ordered])


def _keys(pieces: Sequence[Sequence[int]], literals: Sequence[NDArray[np.uint64]]) -> NDArray[np.int64]:
    """int64 (n_matchers,): the literal that fewest matchers have, of those the longest; -1 without a literal.

    So matchers that share phrases are told apart by what is their own.
    """
    users = Counter(number for own in pieces for number in set(own))
    return np.array(
        [min(own, key=lambda k: (users[k], -len(literals[k]), k), default=-1) for own in pieces], np.int64
    )


@njit(cache=True, nogil=True)
def _hits(indptr, shapes, automaton, nested, keyed, keyed_from, pieces, first, open_ends):  # type: ignore[no-untyped-def]
    cells, children, fallback, literal, shorter, sizes = automaton
    n_literals, n_matchers = len(sizes), len(first) - 1
    longest = 0
    for text in range(len(indptr) - 1):
        longest = max(longest, indptr[text + 1] - indptr[text])
    noted = np.empty(longest * nested, np.int32)  # literals in the order in which they end
    ends = np.empty(longest * nested, np.int64)
    places = np.empty(longest * nested, np.int64)  # the ends again, literal by literal
    seen = np.empty(n_literals, np.int32)  # literals of the text
    counts = np.zeros(n_literals, np.int64)  # and how often; all zero between texts
    starts = np.zeros(n_literals, np.int64)  # where their ends begin in `places`
    capacity = 1024
    texts = np.empty(capacity, np.int64)
    matchers = np.empty(capacity, np.int64)
    whole = np.empty(capacity, np.bool_)
    at = np.empty(capacity, np.int64)
    most = 0
    for m in range(n_matchers):
        most = max(most, first[m + 1] - first[m])
    inside = np.empty(most, np.int64)  # where the literals of a matcher end, wherever it stands
    across = np.empty(most, np.int64)  # and where it is the whole text
    placed = np.empty(capacity, np.int64)  # the same of all hits
    n_placed = 0
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
        if count + n_matchers > capacity:
            capacity = 2 * capacity + n_matchers
            texts = _grown(texts, count, capacity)
            matchers = _grown(matchers, count, capacity)
            whole = _grown(whole, count, capacity)
            at = _grown(at, count, capacity)
        for i in range(n_seen):
            for k in range(keyed_from[seen[i]], keyed_from[seen[i] + 1]):
                m = keyed[k]
                tried += 1
                own = pieces[first[m] : first[m + 1]]
                if not _placed(own, sizes, places, starts, counts, len(words), True, True, inside):
                    continue
                texts[count] = text
                matchers[count] = m
                whole[count] = _placed(
                    own, sizes, places, starts, counts, len(words), open_ends[m, 0], open_ends[m, 1], across
                )
                at[count] = n_placed
                if n_placed + len(own) > len(placed):
                    placed = _grown(placed, n_placed, 2 * len(placed) + len(own))
                chosen = across if whole[count] else inside
                placed[n_placed : n_placed + len(own)] = chosen[: len(own)]
                n_placed += len(own)
                count += 1
        for i in range(n_seen):
            counts[seen[i]] = 0
    return (
        texts[:count].copy(),
        matchers[:count].copy(),
        whole[:count].copy(),
        tried,
        placed[:n_placed].copy(),
        at[:count].copy(),
    )


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
            least = at + size
            stop = high
            while low < stop:
                middle = (low + stop) // 2
                if places[middle] < least:
                    low = middle + 1
                else:
                    stop = middle
            if low == high:
                return False
            end = places[low]
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
