"""The one tokenizer: texts to tokens that compare equal however they are dressed up.

A token is a word, a number, one character of a script written without spaces (Chinese, Japanese, Korean, Thai, Lao,
Khmer, Burmese), or one punctuation mark or symbol. Case, compatibility forms, Latin accents, invisible
characters and look-alike letters are folded away (`campaigns.unicode`); offsets lead back to the text as given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from campaigns import unicode as u

_MAX_WORD = 64
"""Letters of a word that are compared; a longer run counts as its first letters plus its length."""

LETTER_SET_FROM = 5
"""Words of this many letters or more have a shape that forgets order and repetition, which absorbs typos."""


class Kind(IntEnum):
    WORD = 0
    NUMBER = 1
    IDEOGRAPH = 2
    PUNCT = 3


# Compiled code takes plain integers.
_WORD, _NUMBER, _IDEOGRAPH, _PUNCT = (int(kind) for kind in Kind)


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens of many texts in flat arrays; those of text i are `[indptr[i], indptr[i + 1])`.

    Attributes:
        indptr: int64 (n_texts + 1,).
        codes: uint64 (n_tokens,), hash of the folded token: equal codes are the same word.
        shapes: uint64 (n_tokens,), like `codes`, but words of five letters or more by their letter set.
        kinds: uint8 (n_tokens,), see `Kind`.
        lengths: uint8 (n_tokens,), folded letters, at most 255.
        starts, ends: int64 (n_tokens,), half-open byte offsets into the UTF-8 of the text.
        marks: int32 (n_texts,), evasion marks: invisible characters in words, look-alike or disguised letters, stray
            combining marks.
    """

    indptr: NDArray[np.int64]
    codes: NDArray[np.uint64]
    shapes: NDArray[np.uint64]
    kinds: NDArray[np.uint8]
    lengths: NDArray[np.uint8]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    marks: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.indptr) - 1


def tokenize(texts: pa.Array | pa.ChunkedArray | Sequence[str]) -> Tokens:
    """Tokens of `texts` (no nulls). Linear in their bytes."""
    array = texts if isinstance(texts, pa.Array | pa.ChunkedArray) else pa.array(texts, pa.large_string())
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    array = array.cast(pa.large_string())
    _, offsets_buffer, data_buffer = array.buffers()
    offsets = np.zeros(1, np.int64)
    if len(array):
        offsets = np.frombuffer(offsets_buffer, np.int64)[array.offset : array.offset + len(array) + 1]
    data = np.frombuffer(data_buffer, np.uint8) if data_buffer is not None else np.empty(0, np.uint8)
    t = u.tables()
    indptr, codes, shapes, kinds, lengths, starts, ends, marks = _scan(
        data, offsets, t.classes, t.scripts, t.starts, t.values, t.lookalike, t.disguised
    )
    return Tokens(indptr, codes, shapes, kinds, lengths, starts, ends, marks)


def word_codes(words: Sequence[str]) -> NDArray[np.uint64]:
    """Sorted codes of single words (or characters); for look-up lists."""
    return np.unique(tokenize(list(words)).codes)


@njit(cache=True, nogil=True, inline="always")
def mix(value: np.uint64) -> np.uint64:
    """Finaliser of splitmix64 (Steele, Lea, Flood 2014): every input bit reaches every output bit."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@njit(cache=True, nogil=True)
def _decode(data, at, end):  # type: ignore[no-untyped-def]
    """Code point at byte `at` and its width; Arrow strings are valid UTF-8."""
    first = data[at]
    if first < 0x80:
        return np.int64(first), 1
    if first < 0xE0 and at + 1 < end:
        return (np.int64(first & 0x1F) << 6) | np.int64(data[at + 1] & 0x3F), 2
    if first < 0xF0 and at + 2 < end:
        return (np.int64(first & 0x0F) << 12) | (np.int64(data[at + 1] & 0x3F) << 6) | np.int64(
            data[at + 2] & 0x3F
        ), 3
    if at + 3 < end:
        high = (np.int64(first & 0x07) << 18) | (np.int64(data[at + 1] & 0x3F) << 12)
        return high | (np.int64(data[at + 2] & 0x3F) << 6) | np.int64(data[at + 3] & 0x3F), 4
    return np.int64(0xFFFD), 1


@njit(cache=True, nogil=True)
def _class_beyond(code):  # type: ignore[no-untyped-def]
    """Class of a code point above the tables."""
    if code < 0x40000:
        return u.IDEOGRAPH
    if 0xE0000 <= code < 0xE1000:
        return u.IGNORABLE
    return u.SYMBOL


@njit(cache=True, nogil=True)
def _finish_word(letters, cousins, n, total, has_latin, has_letter):  # type: ignore[no-untyped-def]
    """(code, shape, look-alikes folded) of the word in `letters[:n]`; `cousins` holds what each passes for, or 0."""
    folded = 0
    code = np.uint64(total)
    mask = np.uint64(0)
    for i in range(n):
        letter = letters[i]
        if has_latin and cousins[i] != 0:
            letter = cousins[i]
            folded += 1
        code = mix(code ^ (np.uint64(letter) * np.uint64(0x9E3779B97F4A7C15)))
        if 97 <= letter < 123:
            mask |= np.uint64(1) << np.uint64(letter - 97)
        else:
            mask |= np.uint64(1) << np.uint64(26 + letter % 38)
    shape = code
    if has_letter and total >= LETTER_SET_FROM:
        shape = mix(mask ^ np.uint64(0xD1B54A32D192ED03))
    return code, shape, folded


@njit(cache=True, nogil=True)
def _scan(data, offsets, classes, scripts, fold_starts, fold_values, lookalike, disguised):  # type: ignore[no-untyped-def]
    n_texts = len(offsets) - 1
    capacity = max(np.int64(16), np.int64((offsets[-1] - offsets[0]) // 3))
    codes = np.empty(capacity, np.uint64)
    shapes = np.empty(capacity, np.uint64)
    kinds = np.empty(capacity, np.uint8)
    lengths = np.empty(capacity, np.uint8)
    starts = np.empty(capacity, np.int64)
    ends = np.empty(capacity, np.int64)
    indptr = np.zeros(n_texts + 1, np.int64)
    marks = np.zeros(n_texts, np.int32)
    letters = np.empty(_MAX_WORD, np.int64)
    cousins = np.empty(_MAX_WORD, np.int64)
    count = 0
    for text in range(n_texts):
        begin, end = offsets[text], offsets[text + 1]
        # A byte gives at most one token. Arrays grow here and not in the loop over bytes, where the mere
        # possibility of a new array makes every access slow.
        if count + (end - begin) + 1 > capacity:
            capacity = 2 * capacity + (end - begin) + 1
            codes = _grown(codes, capacity)
            shapes = _grown(shapes, capacity)
            kinds = _grown(kinds, capacity)
            lengths = _grown(lengths, capacity)
            starts = _grown(starts, capacity)
            ends = _grown(ends, capacity)
        at = begin
        n = 0  # letters kept of the open word
        total = 0  # letters of the open word
        has_latin = False
        has_letter = False
        word_start = np.int64(0)
        word_end = np.int64(0)
        hidden = 0  # invisible characters since the open word's last letter
        while at <= end:
            if at < end:
                code, width = _decode(data, at, end)
                kind = classes[code] if code < u.TABLE_SIZE else _class_beyond(code)
            else:
                code, width, kind = np.int64(0), 1, u.SPACE  # the end closes the open word
            if kind == u.IGNORABLE:
                if total > 0:
                    hidden += 1
                at += width
                continue
            if kind == u.JOINER and total > 0 and has_letter and at + width < end:
                following, _ = _decode(data, at + width, end)
                if following < u.TABLE_SIZE and classes[following] == u.LETTER:
                    at += width
                    continue
            if kind == u.MARK:
                if total > 0:
                    if scripts[letters[n - 1] if letters[n - 1] < u.TABLE_SIZE else 0] == u.OTHER:
                        total += 1
                        if n < _MAX_WORD:
                            letters[n] = code
                            cousins[n] = 0
                            n += 1
                    else:
                        marks[text] += 1
                    word_end = at + width
                at += width
                continue
            if kind == u.LETTER or kind == u.DIGIT:
                if total == 0:
                    word_start = at
                    hidden = 0
                marks[text] += hidden
                hidden = 0
                if code < u.TABLE_SIZE:
                    if scripts[code] == u.LATIN:
                        has_latin = True
                    if disguised[code]:
                        marks[text] += 1
                    for j in range(fold_starts[code], fold_starts[code + 1]):
                        total += 1
                        if n < _MAX_WORD:
                            letters[n] = fold_values[j]
                            cousins[n] = lookalike[code]
                            n += 1
                else:
                    total += 1
                    if n < _MAX_WORD:
                        letters[n] = code
                        cousins[n] = 0
                        n += 1
                if kind == u.LETTER:
                    has_letter = True
                word_end = at + width
                at += width
                continue
            if total > 0:
                code_hash, shape_hash, folded = _finish_word(
                    letters, cousins, n, total, has_latin, has_letter
                )
                codes[count] = code_hash
                shapes[count] = shape_hash
                kinds[count] = _WORD if has_letter else _NUMBER
                lengths[count] = min(total, 255)
                starts[count] = word_start - begin
                ends[count] = word_end - begin
                count += 1
                marks[text] += folded
                n = 0
                total = 0
                has_latin = False
                has_letter = False
                hidden = 0
            if at < end and kind != u.SPACE:
                folded_code = code
                if code < u.TABLE_SIZE and fold_starts[code + 1] > fold_starts[code]:
                    folded_code = np.int64(fold_values[fold_starts[code]])
                codes[count] = mix(np.uint64(folded_code) ^ np.uint64(0xA0761D6478BD642F))
                shapes[count] = codes[count]
                kinds[count] = _IDEOGRAPH if kind == u.IDEOGRAPH else _PUNCT
                lengths[count] = 1
                starts[count] = at - begin
                ends[count] = at + width - begin
                count += 1
            at += width
        indptr[text + 1] = count
    return (
        indptr,
        codes[:count].copy(),
        shapes[:count].copy(),
        kinds[:count].copy(),
        lengths[:count].copy(),
        starts[:count].copy(),
        ends[:count].copy(),
        marks,
    )


@njit(cache=True, nogil=True)
def _grown(array, capacity):  # type: ignore[no-untyped-def]
    larger = np.empty(capacity, array.dtype)
    larger[: len(array)] = array
    return larger
