"""Edge n-grams: how prompts begin and end, word for word.

A short template round a long passage ("... Write a summary of the text above:") leaves a handful of pairs among
hundreds that belong to the passage. But a template mostly sits at an edge of the prompt, and there its exact wording
recurs. An edge feature is a run of `width` tokens in the first or last `depth` positions; positions before the text are
marks, so that "begins with" and "ends with" are part of the feature. Numbers compare equal.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from campaigns.tokens import Kind, Tokens, mix
from embeddings.scaffold import Features, distinct

MARKS = 3
"""Positions outside the text that a run may reach over."""

_NUMBER = int(Kind.NUMBER)


def edge_features(tokens: Tokens, width: int, depth: int) -> Features:
    """Distinct edge features of each text: at most `2 * depth`."""
    indptr, values = _edges(tokens.indptr, tokens.codes, tokens.kinds, width, depth)
    return Features(indptr, values)


@njit(cache=True, nogil=True)
def edge_feature(codes, kinds, start, stop, side, first, width):  # type: ignore[no-untyped-def]
    """The run of `width` positions from `first` on, counted from the end that `side` names; below 0 are marks."""
    feature = np.uint64(side + 1)
    for position in range(first, first + width):
        if position < 0:
            feature = mix(feature ^ np.uint64(0x2545F4914F6CDD1D))
            continue
        token = start + position if side == 0 else stop - 1 - position
        code = np.uint64(1) if kinds[token] == _NUMBER else codes[token]
        feature = mix(feature * np.uint64(0x9E3779B97F4A7C15) ^ code)
    return feature


@njit(cache=True, nogil=True)
def _edges(indptr, codes, kinds, width, depth):  # type: ignore[no-untyped-def]
    n_texts = len(indptr) - 1
    out_indptr = np.zeros(n_texts + 1, np.int64)
    out = np.empty(n_texts * 2 * depth, np.uint64)
    count = 0
    for text in range(n_texts):
        start, stop = indptr[text], indptr[text + 1]
        first = count
        for side in range(2):
            for window in range(depth):
                if window - MARKS + width <= stop - start:
                    out[count] = edge_feature(codes, kinds, start, stop, side, window - MARKS, width)
                    count += 1
        count = distinct(out, first, count)
        out_indptr[text + 1] = count
    return out_indptr, out[:count].copy()
