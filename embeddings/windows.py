"""Window words: which words stand near the beginning and near the end of a prompt, in whatever order.

A request that is reworded each time keeps no phrase, but it keeps its place: the instruction stands before or after
the slot, and most of its words come from the same few dozen. So a word of the first or last `depth` positions is a
feature, tagged with its side. Words are taken by shape, numbers compare equal, and of unspaced scripts two
characters in a row make a word.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from campaigns.tokens import Kind, Tokens, mix
from embeddings.scaffold import Features, distinct

_NUMBER = int(Kind.NUMBER)
_IDEOGRAPH = int(Kind.IDEOGRAPH)


def window_features(tokens: Tokens, depth: int) -> Features:
    """Distinct window words of each text: at most `2 * depth`."""
    indptr, values = _windows(tokens.indptr, tokens.shapes, tokens.kinds, depth)
    return Features(indptr, values)


@njit(cache=True, nogil=True)
def window_word(shapes, kinds, token, stop, side):  # type: ignore[no-untyped-def]
    """(feature, last token of the word) of the word that begins at `token`, in a text that ends before `stop`."""
    last = token
    word = np.uint64(1) if kinds[token] == _NUMBER else shapes[token]
    if kinds[token] == _IDEOGRAPH and token + 1 < stop and kinds[token + 1] == _IDEOGRAPH:
        word = mix(word) ^ shapes[token + 1]
        last = token + 1
    return mix(word * np.uint64(0x9E3779B97F4A7C15) ^ np.uint64(0x51ED + side)), last


@njit(cache=True, nogil=True)
def _windows(indptr, shapes, kinds, depth):  # type: ignore[no-untyped-def]
    n_texts = len(indptr) - 1
    out_indptr = np.zeros(n_texts + 1, np.int64)
    out = np.empty(n_texts * 2 * depth, np.uint64)
    count = 0
    for text in range(n_texts):
        start, stop = indptr[text], indptr[text + 1]
        first = count
        for side in range(2):
            for step in range(min(depth, stop - start)):
                token = start + step if side == 0 else stop - 1 - step
                out[count], _ = window_word(shapes, kinds, token, stop, side)
                count += 1
        count = distinct(out, first, count)
        out_indptr[text + 1] = count
    return out_indptr, out[:count].copy()
