"""Scaffold: the word pairs of a prompt that recur across accounts. What does not recur is slot.

A feature is an unordered pair of content words that stand at most a few content words apart, each word taken by its
shape (`campaigns.tokens`), so that typing errors, inserted words and changed order leave most features in
place. In unspaced scripts two characters in a row make a word, and only those an even number of characters apart
are paired, or the characters of one compound noun would look like a template. Features are counted by *distinct
accounts*: one busy account cannot make a scaffold.

Counting is exact and its memory is bounded. A first pass adds every (account, feature) to a count-min sketch (Cormode
& Muthukrishnan 2005), which never counts too low; a second pass counts exactly those features whose sketch
reaches the minimum. An account lives in one partition, so sketches and counts of partitions simply add up, and the
result depends neither on the partitioning nor on the order of rows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from campaigns.function_words import function_word_codes
from campaigns.settings import ScaffoldSettings
from campaigns.tokens import Kind, Tokens, mix

SKETCH_BITS = 24
"""Each of the two rows of the sketch has 2**24 cells of 4 bytes: 128 MB for any volume."""

_IDEOGRAPH = int(Kind.IDEOGRAPH)
_WORD = int(Kind.WORD)


@dataclass(frozen=True, slots=True)
class Features:
    """Distinct features per text: those of text i are `values[indptr[i]:indptr[i + 1]]`, ascending, uint64."""

    indptr: NDArray[np.int64]
    values: NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def between(self, start: int, stop: int) -> Features:
        """Those of texts start..stop-1, without copying their values."""
        first, last = self.indptr[start], self.indptr[stop]
        return Features(self.indptr[start : stop + 1] - first, self.values[first:last])

    @classmethod
    def joined(cls, parts: Sequence[Features]) -> Features:
        """Texts of several parts one after the other."""
        sizes = np.concatenate([np.zeros(1, np.int64), *(np.diff(part.indptr) for part in parts)])
        values = np.concatenate([np.empty(0, np.uint64), *(part.values for part in parts)])
        return cls(np.cumsum(sizes), values)


@dataclass(frozen=True, slots=True)
class Postings:
    """Which account sent which text: pairs sorted by account; int64 arrays of equal length."""

    accounts: NDArray[np.int64]
    texts: NDArray[np.int64]


def minimum_accounts(settings: ScaffoldSettings, n_prompts: int) -> int:
    """Accounts that must share a feature. Chance repeats grow with the volume, so the minimum does, as its root."""
    scale = math.sqrt(n_prompts / settings.reference_prompts)
    return max(3, round(settings.min_accounts * scale))


def text_features(tokens: Tokens, distance: int) -> Features:
    """Pair features of each text, before any counting."""
    content = content_tokens(tokens)
    unspaced = tokens.kinds == _IDEOGRAPH
    indptr, values = _pairs(tokens.indptr, pair_words(tokens), content, unspaced, distance)
    return Features(indptr, values)


def pair_words(tokens: Tokens) -> NDArray[np.uint64]:
    """uint64 (n_tokens,): what stands for each token in a pair, its shape or, in unspaced scripts, that of two."""
    words = tokens.shapes.copy()
    _join_characters(tokens.indptr, tokens.shapes, tokens.kinds == _IDEOGRAPH, words)
    return words


def content_tokens(tokens: Tokens) -> NDArray[np.bool_]:
    """bool (n_tokens,): words of two letters or more and ideographs that are no function words."""
    lettered = (tokens.kinds == _IDEOGRAPH) | ((tokens.kinds == _WORD) & (tokens.lengths > 1))
    stop = function_word_codes()
    at = np.minimum(np.searchsorted(stop, tokens.codes), len(stop) - 1)
    content: NDArray[np.bool_] = lettered & (stop[at] != tokens.codes)
    return content


def new_sketch() -> NDArray[np.uint32]:
    return np.zeros((2, 1 << SKETCH_BITS), np.uint32)


def add_to_sketch(sketch: NDArray[np.uint32], features: Features, postings: Postings) -> None:
    """Count every distinct (account, feature) once, in place."""
    _sketch_accounts(sketch, features.indptr, features.values, postings.accounts, postings.texts)


def count_exactly(
    sketch: NDArray[np.uint32], minimum: int, features: Features, postings: Postings
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """(features ascending, distinct accounts each) of one partition, for features whose sketch reaches `minimum`."""
    survivors = _surviving(
        sketch, minimum, features.indptr, features.values, postings.accounts, postings.texts
    )
    values, counts = np.unique(survivors, return_counts=True)
    return values, counts


def add_counts(
    parts: list[tuple[NDArray[np.uint64], NDArray[np.int64]]], minimum: int
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Sum the counts of partitions and keep the features that reach `minimum`."""
    values = np.concatenate([part[0] for part in parts]) if parts else np.empty(0, np.uint64)
    counts = np.concatenate([part[1] for part in parts]) if parts else np.empty(0, np.int64)
    distinct, inverse = np.unique(values, return_inverse=True)
    summed = np.bincount(inverse, weights=counts, minlength=len(distinct)).astype(np.int64)
    kept = summed >= minimum
    return distinct[kept], summed[kept]


def keep_scaffold(
    features: Features,
    known: NDArray[np.uint64],
    counts: NDArray[np.int64],
    settings: ScaffoldSettings,
    *,
    wide: bool = False,
) -> Features:
    """Per text, the features that are scaffold there.

    A feature must be among `known`, and its count at least `relative_share` of a reference: pairs of a template
    are shared by nearly the whole family, pairs of a recurring slot passage by few. The reference is the
    `relative_rank`-th largest count of the text. That finds a short template in a long text, but loses a small
    family whose template quotes a popular phrase. The `wide` reading therefore ranks lower, by a part of the
    text's known features.
    """
    indptr, values = _relative_filter(
        features.indptr,
        features.values,
        known,
        counts,
        settings.relative_rank,
        settings.wide_part if wide else 0.0,
        settings.relative_share,
    )
    return Features(indptr, values)


def keep_known(features: Features, known: NDArray[np.uint64]) -> Features:
    """Per text, the features that are among `known`, ascending."""
    if not len(known):
        return Features(np.zeros_like(features.indptr), np.empty(0, np.uint64))
    at = np.minimum(np.searchsorted(known, features.values), len(known) - 1)
    kept = known[at] == features.values
    ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(kept)])
    return Features(ends[features.indptr], features.values[kept])


@njit(cache=True, nogil=True)
def distinct(values, first, last):  # type: ignore[no-untyped-def]
    """Sort `values[first:last]` in place and drop repetitions; return the new end."""
    ordered = np.sort(values[first:last])
    end = first
    for i in range(len(ordered)):
        if i == 0 or ordered[i] != ordered[i - 1]:
            values[end] = ordered[i]
            end += 1
    return end


@njit(cache=True, nogil=True)
def pair_feature(one, other):  # type: ignore[no-untyped-def]
    """The feature of two words, whichever comes first."""
    low, high = min(one, other), max(one, other)
    return mix(low * np.uint64(0x9E3779B97F4A7C15) ^ mix(high))


@njit(cache=True, nogil=True)
def within_reach(back, unspaced, distance):  # type: ignore[no-untyped-def]
    """Whether content tokens `back` places apart make a pair; characters of unspaced scripts count half."""
    if unspaced:
        return back % 2 == 0 and back <= 2 * distance
    return back <= distance


@njit(cache=True, nogil=True)
def _join_characters(indptr, shapes, unspaced, words):  # type: ignore[no-untyped-def]
    for text in range(len(indptr) - 1):
        for token in range(indptr[text], indptr[text + 1] - 1):
            if unspaced[token] and unspaced[token + 1]:
                words[token] = mix(shapes[token]) ^ shapes[token + 1]


@njit(cache=True, nogil=True)
def _pairs(indptr, words, content, unspaced, distance):  # type: ignore[no-untyped-def]
    n_texts = len(indptr) - 1
    out_indptr = np.zeros(n_texts + 1, np.int64)
    out = np.empty(max(np.int64(16), content.sum() * 2 * distance), np.uint64)
    count = 0
    reach = 2 * distance
    window = np.zeros(reach, np.int64)
    for text in range(n_texts):
        first = count
        seen = 0
        for token in range(indptr[text], indptr[text + 1]):
            if not content[token]:
                continue
            for back in range(1, min(seen, reach) + 1):
                earlier = window[(seen - back) % reach]
                if words[earlier] != words[token] and within_reach(
                    back, unspaced[earlier] and unspaced[token], distance
                ):
                    out[count] = pair_feature(words[earlier], words[token])
                    count += 1
            window[seen % reach] = token
            seen += 1
        count = distinct(out, first, count)
        out_indptr[text + 1] = count
    return out_indptr, out[:count].copy()


@njit(cache=True, nogil=True)
def _account_features(indptr, values, texts, first, last, buffer):  # type: ignore[no-untyped-def]
    """Distinct features of the texts in postings [first, last), sorted."""
    n = 0
    for posting in range(first, last):
        text = texts[posting]
        size = indptr[text + 1] - indptr[text]
        if n + size > len(buffer):
            larger = np.empty(2 * (n + size), np.uint64)
            larger[:n] = buffer[:n]
            buffer = larger
        buffer[n : n + size] = values[indptr[text] : indptr[text + 1]]
        n += size
    return buffer[: distinct(buffer, 0, n)], buffer


@njit(cache=True, nogil=True)
def _sketch_accounts(sketch, indptr, values, accounts, texts):  # type: ignore[no-untyped-def]
    buffer = np.empty(1024, np.uint64)
    shift = np.uint64(64 - SKETCH_BITS)
    cell_mask = np.uint64((1 << SKETCH_BITS) - 1)
    first = 0
    while first < len(accounts):
        last = first
        while last < len(accounts) and accounts[last] == accounts[first]:
            last += 1
        features, buffer = _account_features(indptr, values, texts, first, last, buffer)
        for feature in features:
            sketch[0, np.int64(feature >> shift)] += np.uint32(1)
            sketch[1, np.int64(feature & cell_mask)] += np.uint32(1)
        first = last


@njit(cache=True, nogil=True)
def _surviving(sketch, minimum, indptr, values, accounts, texts):  # type: ignore[no-untyped-def]
    buffer = np.empty(1024, np.uint64)
    shift = np.uint64(64 - SKETCH_BITS)
    cell_mask = np.uint64((1 << SKETCH_BITS) - 1)
    out = np.empty(1024, np.uint64)
    count = 0
    first = 0
    while first < len(accounts):
        last = first
        while last < len(accounts) and accounts[last] == accounts[first]:
            last += 1
        features, buffer = _account_features(indptr, values, texts, first, last, buffer)
        if count + len(features) > len(out):
            larger = np.empty(2 * (count + len(features)), np.uint64)
            larger[:count] = out[:count]
            out = larger
        for feature in features:
            if (
                sketch[0, np.int64(feature >> shift)] >= minimum
                and sketch[1, np.int64(feature & cell_mask)] >= minimum
            ):
                out[count] = feature
                count += 1
        first = last
    return out[:count].copy()


@njit(cache=True, nogil=True)
def _relative_filter(indptr, values, known, counts, rank, part, share):  # type: ignore[no-untyped-def]
    n_texts = len(indptr) - 1
    out_indptr = np.zeros(n_texts + 1, np.int64)
    out = np.empty(len(values), np.uint64)
    total = 0
    for text in range(n_texts):
        first, last = indptr[text], indptr[text + 1]
        found = np.empty(last - first, np.int64)
        where = np.empty(last - first, np.int64)
        n = 0
        if len(known) > 0:
            for i in range(first, last):
                at = np.searchsorted(known, values[i])
                if at < len(known) and known[at] == values[i]:
                    found[n] = counts[at]
                    where[n] = i
                    n += 1
        if n > 0:
            reference = np.sort(found[:n])[max(0, n - max(rank, np.int64(part * n)))]
            for i in range(n):
                if found[i] >= share * reference:
                    out[total] = values[where[i]]
                    total += 1
        out_indptr[text + 1] = total
    return out_indptr, out[:total].copy()
