"""Skeleton: a prompt with its slots blanked, so that a sentence vector follows the template and not the slot."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from campaigns.tokens import Kind, Tokens
from embeddings.scaffold import Features, pair_feature, pair_words, within_reach

SLOT = "[SLOT]"
_IDEOGRAPH = int(Kind.IDEOGRAPH)
_BRIDGE = 3
"""Function words and punctuation between two scaffold words belong to the template, up to this many."""


def scaffold_tokens(
    tokens: Tokens, content: NDArray[np.bool_], kept: Features, distance: int
) -> NDArray[np.bool_]:
    """bool (n_tokens,): tokens of kept pairs, and the short runs of small words between them."""
    unspaced = tokens.kinds == _IDEOGRAPH
    mask: NDArray[np.bool_] = _mark(
        tokens.indptr, pair_words(tokens), content, unspaced, kept.indptr, kept.values, distance, _BRIDGE
    )
    return mask


def skeletons(texts: pa.Array, tokens: Tokens, mask: NDArray[np.bool_], limit_words: int = 120) -> list[str]:
    """One string per text: scaffold tokens in their own spelling, each run of others as one `[SLOT]`.

    A text without scaffold has the empty skeleton. At most `limit_words` scaffold tokens are kept.
    """
    run_indptr, run_starts, run_ends = _runs(tokens.indptr, tokens.starts, tokens.ends, mask, limit_words)
    result = []
    for i, text in enumerate(texts.to_pylist()):
        first, last = run_indptr[i], run_indptr[i + 1]
        if first == last:
            result.append("")
            continue
        data = text.encode()
        pieces = [data[run_starts[r] : run_ends[r]].decode() for r in range(first, last)]
        head = [SLOT] if run_starts[first] > tokens.starts[tokens.indptr[i]] else []
        tail = [SLOT] if run_ends[last - 1] < tokens.ends[tokens.indptr[i + 1] - 1] else []
        result.append(" ".join([*head, f" {SLOT} ".join(pieces), *tail]))
    return result


@njit(cache=True, nogil=True)
def _mark(  # type: ignore[no-untyped-def]
    indptr, words, content, unspaced, kept_indptr, kept, distance, bridge
):
    mask = np.zeros(len(words), np.bool_)
    reach = 2 * distance
    window = np.zeros(reach, np.int64)
    for text in range(len(indptr) - 1):
        features = kept[kept_indptr[text] : kept_indptr[text + 1]]
        if len(features) == 0:
            continue
        seen = 0
        for token in range(indptr[text], indptr[text + 1]):
            if not content[token]:
                continue
            for back in range(1, min(seen, reach) + 1):
                earlier = window[(seen - back) % reach]
                if not within_reach(back, unspaced[earlier] and unspaced[token], distance):
                    continue
                feature = pair_feature(words[earlier], words[token])
                at = np.searchsorted(features, feature)
                if at < len(features) and features[at] == feature:
                    for place in (earlier, token):
                        mask[place] = True
                        if unspaced[place] and place + 1 < indptr[text + 1] and unspaced[place + 1]:
                            mask[place + 1] = True
            window[seen % reach] = token
            seen += 1
        previous = -1
        for token in range(indptr[text], indptr[text + 1]):
            if not mask[token]:
                continue
            if previous >= 0 and token - previous <= bridge + 1:
                small = True
                for between in range(previous + 1, token):
                    if content[between]:
                        small = False
                if small:
                    mask[previous + 1 : token] = True
            previous = token
    return mask


@njit(cache=True, nogil=True)
def _runs(indptr, starts, ends, mask, limit):  # type: ignore[no-untyped-def]
    n_texts = len(indptr) - 1
    run_indptr = np.zeros(n_texts + 1, np.int64)
    run_starts = np.empty(len(mask), np.int64)
    run_ends = np.empty(len(mask), np.int64)
    count = 0
    for text in range(n_texts):
        kept = 0
        open_run = False
        for token in range(indptr[text], indptr[text + 1]):
            if not mask[token] or kept >= limit:
                open_run = False
                continue
            if not open_run:
                run_starts[count] = starts[token]
                count += 1
                open_run = True
            run_ends[count - 1] = ends[token]
            kept += 1
        run_indptr[text + 1] = count
    return run_indptr, run_starts[:count].copy(), run_ends[:count].copy()
