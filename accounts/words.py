"""The words of texts as a matrix, for asking what texts have in common."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray
from scipy import sparse

from campaigns.tokens import Kind, mix, tokenize


def words_of(texts: pa.Array) -> tuple[sparse.csr_matrix, NDArray[np.uint64]]:
    """Which text holds which word, 0/1 float32 CSR (n_texts, n_words), and the words' hashes, ascending.

    Of unspaced scripts pairs of neighbours count as words.
    """
    tokens = tokenize(texts)
    rows = np.repeat(np.arange(len(tokens)), np.diff(tokens.indptr))
    is_word = (tokens.kinds == Kind.WORD) | (tokens.kinds == Kind.NUMBER)
    is_sign = tokens.kinds == Kind.IDEOGRAPH
    follows = is_sign[:-1] & is_sign[1:] & (rows[:-1] == rows[1:])
    pairs = _pairs(tokens.codes[:-1][follows], tokens.codes[1:][follows])
    names = np.concatenate([tokens.codes[is_word], pairs])
    at = np.concatenate([rows[is_word], rows[:-1][follows]])
    hashes, columns = np.unique(names, return_inverse=True)
    matrix = sparse.csr_matrix(
        (np.ones(len(at), np.float32), (at, columns)), shape=(len(tokens), int(columns.max(initial=-1)) + 1)
    )
    matrix.sum_duplicates()
    matrix.data[:] = 1.0
    return matrix, hashes


@njit(cache=True, nogil=True)
def _pairs(left, right):  # type: ignore[no-untyped-def]
    found = np.empty(len(left), np.uint64)
    for i in range(len(left)):
        found[i] = mix(left[i] * np.uint64(3) + right[i])
    return found
