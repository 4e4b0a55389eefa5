"""The words that a prompt begins and ends with: what a reworded request is known by.

The instruction stands before or after what it is about, so the words of both ends hold it, and what is in between need
not be read. Words are taken by shape, so typing errors do not matter; numbers compare equal; of scripts written without
spaces two characters in a row make a word. In which order they stand plays no part: that is what rewording changes.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from campaigns.tokens import Kind, Tokens, mix

DEPTH: Final = 48
"""Words from each end. With 24 many reworded instructions are cut, and members come near to strangers; 100 told no more
than 48."""

_NUMBER = int(Kind.NUMBER)
_IDEOGRAPH = int(Kind.IDEOGRAPH)


def cover_words(tokens: Tokens) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """(indptr (n_texts + 1,), words): of text i the distinct words `words[indptr[i]:indptr[i + 1]]`, ascending.

    Args:
        tokens: of `labeling.sought.words_of`.
    """
    found: tuple[NDArray[np.int64], NDArray[np.uint64]] = _words(tokens.indptr, tokens.shapes, tokens.kinds)
    return found


@njit(cache=True, nogil=True, inline="always")
def word_at(shapes, kinds, token, stop):  # type: ignore[no-untyped-def]
    """The word that begins at `token` of a text that ends before `stop`; never 0."""
    word = shapes[token]
    if kinds[token] == _NUMBER:
        word = np.uint64(1)
    elif kinds[token] == _IDEOGRAPH and token + 1 < stop and kinds[token + 1] == _IDEOGRAPH:
        word = mix(word) ^ shapes[token + 1]
    return word if word != 0 else np.uint64(2)


@njit(cache=True, nogil=True, inline="always")
def ends_of(start, stop):  # type: ignore[no-untyped-def]
    """(end of the first part, start of the last part) of a text; together they hold no token twice."""
    head = min(start + DEPTH, stop)
    return head, max(head, stop - DEPTH)


@njit(cache=True, nogil=True)
def _words(indptr, shapes, kinds):  # type: ignore[no-untyped-def]
    n_texts = len(indptr) - 1
    size = 0
    for text in range(n_texts):
        size += min(2 * DEPTH, indptr[text + 1] - indptr[text])
    out_indptr = np.zeros(n_texts + 1, np.int64)
    out = np.empty(size, np.uint64)
    count = 0
    for text in range(n_texts):
        start, stop = indptr[text], indptr[text + 1]
        head, tail = ends_of(start, stop)
        first = count
        token = start
        while token < stop:
            if token == head:
                token = tail
            out[count] = word_at(shapes, kinds, token, stop)
            count += 1
            token += 1
        own = np.unique(out[first:count])
        out[first : first + len(own)] = own
        count = first + len(own)
        out_indptr[text + 1] = count
    return out_indptr, out[:count].copy()
