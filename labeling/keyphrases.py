"""Keyphrases by c-TF-IDF: what one family says and the others do not.

All texts of a family count as one document. A phrase t of family c weighs tf(t, c) log(1 + A / f(t)), with
f(t) its count over all families and A the mean number of phrases of a family (Grootendorst, BERTopic, 2022).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from campaigns.display import plain_text
from campaigns.function_words import function_word_codes
from campaigns.tokens import Kind, tokenize

CONSTANT_WEIGHT = 4.0
"""How much more a phrase counts in a constant than in all members of the family together."""

MAX_WORDS, MIN_CHARACTERS, MAX_CHARACTERS = 3, 2, 6
"""Words of a phrase, or characters of an unspaced script."""

SHARED_BY = 0.4
"""Part of the members that must hold a phrase which no constant holds: what fewer say is in a slot by chance."""

CUT_WEIGHT = 0.5
"""Weight of a phrase for each of its ends that is always followed by the same word: it is part of a longer one."""

_FREE_NEIGHBOURS = 3
"""Distinct neighbours from which the end of a phrase is where a phrase ends."""

_SHORTEST_WORD = 3
_PHRASE_CHARACTERS = 60
_SPELLINGS = 20
_PER_FAMILY = 60
"""Candidates of a family, by weight, that are looked at for overlap."""


@dataclass(frozen=True, slots=True)
class _Phrases:
    """Occurrences of candidate phrases: family (-1 background), code, byte span in a text, tokens, weight, and the
    words before and after (0: a function word, punctuation, or an end of the text)."""

    family: NDArray[np.int64]
    code: NDArray[np.uint64]
    text: NDArray[np.int64]
    first: NDArray[np.int64]
    size: NDArray[np.int64]
    weight: NDArray[np.float64]
    before: NDArray[np.uint64]
    after: NDArray[np.uint64]


def keyphrases(
    constants: Sequence[Sequence[str]],
    members: Sequence[Sequence[str]],
    count: int,
    background: Sequence[str] = (),
) -> list[tuple[str, ...]]:
    """The `count` phrases that mark each family, the heaviest first.

    Args:
        constants: per family the constants of its template; their phrases count as if every member held them.
        members: per family some of its members (a sample is enough).
        background: texts outside all families; they make common phrases cheap.

    Returns:
        Per family up to `count` phrases of one to three words, or of two to six characters of an unspaced
        script, without punctuation or function words at their ends. Equal weights are ordered by the text.
    """
    if not constants:
        return []
    texts: list[str] = []
    owners: list[int] = []
    weights: list[float] = []
    for family, (fixed, free) in enumerate(zip(constants, members, strict=True)):
        texts += [*fixed, *free]
        owners += [family] * (len(fixed) + len(free))
        weights += [CONSTANT_WEIGHT * max(len(free), 1)] * len(fixed) + [1.0] * len(free)
    texts += background
    owners += [-1] * len(background)
    weights += [1.0] * len(background)

    raw = [text.encode() for text in texts]
    tokens = tokenize(texts)
    found = _phrases(
        tokens.indptr, tokens.codes, tokens.kinds, tokens.lengths, tokens.starts, tokens.ends, owners, weights
    )
    kinds, column = np.unique(found.code, return_inverse=True)
    rows = np.where(found.family < 0, len(constants), found.family)
    counts = sparse.coo_array((found.weight, (rows, column)), shape=(len(constants) + 1, len(kinds))).tocsr()
    totals = np.asarray(counts.sum(axis=0)).ravel()
    per_family = np.asarray(counts.sum(axis=1)).ravel()
    whole = CUT_WEIGHT ** (_cut(column, found.before, len(kinds)) + _cut(column, found.after, len(kinds)))
    fixed_texts = np.concatenate(
        [np.array([len(f), len(m)]) for f, m in zip(constants, members, strict=True)]
    )
    is_fixed = np.repeat(np.arange(len(fixed_texts)) % 2 == 0, fixed_texts)
    shared = _shared(
        found, column, np.append(is_fixed, np.zeros(len(background), np.bool_)), members, len(kinds)
    )
    rarity = np.log1p(per_family[: len(constants)].mean() / np.maximum(totals, 1e-12))
    size_of = np.zeros(len(kinds), np.int64)
    size_of[column] = found.size

    out = []
    order = np.lexsort((np.arange(len(column)), column, rows))
    for family in range(len(constants)):
        span = slice(counts.indptr[family], counts.indptr[family + 1])
        columns = counts.indices[span]
        score = (
            counts.data[span] / max(per_family[family], 1e-12) * rarity[columns] * np.sqrt(size_of[columns])
        )
        score *= whole[columns]
        kept = np.isin(family * len(kinds) + columns, shared)
        if kept.any():
            columns, score = columns[kept], score[kept]
        best = columns[np.lexsort((kinds[columns], -np.round(score, 12)))[:_PER_FAMILY]]
        scores = dict(zip(columns.tolist(), np.round(score, 12).tolist(), strict=True))
        mine = order[np.searchsorted(rows[order], family) : np.searchsorted(rows[order], family + 1)]
        candidates = []
        for c in best.tolist():
            at = mine[np.searchsorted(column[mine], c) : np.searchsorted(column[mine], c + 1)]
            candidates.append(
                (
                    -scores[c],
                    _surface(at, found, raw, tokens.starts, tokens.ends),
                    _words(at, found, tokens.codes),
                )
            )
        out.append(_choose(sorted(candidates, key=lambda item: item[:2]), count))
    return out


def _phrases(
    indptr: NDArray[np.int64],
    codes: NDArray[np.uint64],
    kinds: NDArray[np.uint8],
    lengths: NDArray[np.uint8],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    owners: Sequence[int],
    weights: Sequence[float],
) -> _Phrases:
    n = len(codes)
    text = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
    idle = np.isin(codes, function_word_codes())
    edge = {
        Kind.WORD: (kinds == Kind.WORD) & ~idle & (lengths >= _SHORTEST_WORD),
        Kind.IDEOGRAPH: (kinds == Kind.IDEOGRAPH) & ~idle,
    }
    joined = np.zeros(n, np.bool_)  # token i and i + 1 are of one text and one kind
    joined[:-1] = (text[1:] == text[:-1]) & (kinds[1:] == kinds[:-1])
    touching = np.zeros(n, np.bool_)
    touching[:-1] = ends[:-1] == starts[1:]

    firsts, sizes, hashes = [], [], []
    for kind, smallest, largest in (
        (Kind.WORD, 1, MAX_WORDS),
        (Kind.IDEOGRAPH, MIN_CHARACTERS, MAX_CHARACTERS),
    ):
        together = joined
        if kind is Kind.IDEOGRAPH:  # words of one or two characters: a function word inside parts two phrases
            together = joined & touching & ~idle & np.append(~idle[1:], True)
        alive = np.flatnonzero(edge[kind])
        value = codes[alive]
        for size in range(1, largest + 1):
            if size > 1:
                fits = (alive + size - 1 < n) & together[np.minimum(alive + size - 2, n - 1)]
                alive, value = alive[fits], value[fits]
                with np.errstate(over="ignore"):
                    value = value * np.uint64(0x9E3779B97F4A7C15) + codes[alive + size - 1]
            if size >= smallest:
                closed = edge[kind][alive + size - 1]
                firsts.append(alive[closed])
                sizes.append(np.full(int(closed.sum()), size))
                hashes.append(value[closed])
    first = np.concatenate(firsts)
    spans = np.concatenate(sizes)
    where = text[first]
    bound = np.append(~idle & (kinds != Kind.PUNCT), False)
    bound_codes = np.append(codes, np.uint64(0))
    next_to = np.append(joined, False)
    before = np.where(next_to[first - 1] & bound[first - 1], bound_codes[first - 1], np.uint64(0))
    last = first + spans - 1
    after = np.where(next_to[last] & bound[last + 1], bound_codes[last + 1], np.uint64(0))
    return _Phrases(
        np.asarray(owners, np.int64)[where],
        np.concatenate(hashes),
        where,
        first,
        spans,
        np.asarray(weights, np.float64)[where],
        before,
        after,
    )


def _cut(column: NDArray[np.int64], beside: NDArray[np.uint64], n: int) -> NDArray[np.int64]:
    """int64 (n,): 1 for each phrase that seldom stands at a boundary and has few distinct words on this side."""
    open_ended = np.bincount(column, beside == 0, n) >= 0.5 * np.bincount(column, minlength=n)
    pairs = np.unique(np.stack([column.astype(np.uint64), beside]), axis=1)
    neighbours = np.bincount(pairs[0].astype(np.int64), minlength=n)
    return (~open_ended & (neighbours < _FREE_NEIGHBOURS)).astype(np.int64)


def _shared(
    found: _Phrases,
    column: NDArray[np.int64],
    is_fixed: NDArray[np.bool_],
    members: Sequence[Sequence[str]],
    n: int,
) -> NDArray[np.int64]:
    """Sorted family * n + column of the phrases that a constant or enough members of the family hold."""
    inside = found.family >= 0
    fixed = is_fixed[found.text] & inside
    key = found.family * n + column
    free = inside & ~fixed
    held = np.unique(np.stack([key[free], found.text[free]]), axis=1)[0]
    keys, holders = np.unique(held, return_counts=True)
    sizes = np.array([len(texts) for texts in members], np.int64)
    enough = holders >= np.maximum(SHARED_BY * sizes, np.minimum(2, sizes))[keys // max(n, 1)]
    return np.union1d(key[fixed], keys[enough])


def _surface(
    at: NDArray[np.int64],
    found: _Phrases,
    raw: Sequence[bytes],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
) -> str:
    """The commonest spelling among the first occurrences."""
    votes: Counter[str] = Counter()
    for i in at[:_SPELLINGS].tolist():
        first = int(found.first[i])
        spelled = raw[found.text[i]][starts[first] : ends[first + int(found.size[i]) - 1]]
        words = plain_text(spelled.decode(), _PHRASE_CHARACTERS)
        votes[words] += int(found.weight[i])
    return min(votes, key=lambda words: (-votes[words], words))


def _words(at: NDArray[np.int64], found: _Phrases, codes: NDArray[np.uint64]) -> frozenset[int]:
    first = int(found.first[at[0]])
    return frozenset(codes[first : first + int(found.size[at[0]])].tolist())


def _choose(candidates: list[tuple[float, str, frozenset[int]]], count: int) -> tuple[str, ...]:
    """The heaviest, less those that mostly repeat a heavier one."""
    chosen: list[str] = []
    seen: list[frozenset[int]] = []
    for _, surface, words in candidates:
        if not surface or any(2 * len(words & other) > min(len(words), len(other)) for other in seen):
            continue
        chosen.append(surface)
        seen.append(words)
        if len(chosen) == count:
            break
    return tuple(chosen)
