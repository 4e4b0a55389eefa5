"""Weighted longest common subsequence that favours unbroken runs.

Matching a token is worth its weight, and more if the token before it, in both texts, was matched too. So
a template's words hold together and are not traded for a few more stray matches in a slot.
"""

from __future__ import annotations

import numpy as np
from numba import njit

RUN_BONUS = 1.0
_BACK_OFF = 8


@njit(cache=True, nogil=True)
def align_all(shapes, positions, weights, indptr, others, other_positions):  # type: ignore[no-untyped-def]
    """Where every token of a pivot is found in each of some texts.

    Args:
        shapes: uint64 (m,), the pivot's tokens; positions: int64 (m,), their places in its whole text;
            weights: float64 (m,), what a match of each is worth.
        others, other_positions: likewise of n texts end to end, bounded by indptr: int64 (n + 1,).

    Returns:
        int64 (n, m): positions in the texts, -1 where the alignment leaves the token out.
    """
    n, m = len(indptr) - 1, len(shapes)
    longest = 0
    for i in range(n):
        longest = max(longest, indptr[i + 1] - indptr[i])
    out = np.full((n, m), -1, np.int64)
    steps = np.empty((m + 1, longest + 1), np.uint8)
    for i in range(n):
        a, b = indptr[i], indptr[i + 1]
        _align_one(shapes, positions, weights, others[a:b], other_positions[a:b], out[i], steps)
    return out


@njit(cache=True, nogil=True)
def _align_one(a, a_at, weights, b, b_at, out, steps):  # type: ignore[no-untyped-def]
    """Weighted longest common subsequence with a bonus for unbroken runs; Gotoh's two states (1982).

    `best[j]` is the best score of the prefixes, `ends[j]` that of alignments whose last pair is (i, j).
    Equal beginnings and ends are matched outright, less a few tokens that the alignment may want back.
    """
    m, n = len(a), len(b)
    head = 0
    while head < m and head < n and a[head] == b[head] and a_at[head] - a_at[0] == b_at[head] - b_at[0]:
        head += 1
    if head < m or head < n:
        head = max(0, head - _BACK_OFF)
    tail = 0
    while (
        tail < m - head
        and tail < n - head
        and a[m - 1 - tail] == b[n - 1 - tail]
        and a_at[m - 1] - a_at[m - 1 - tail] == b_at[n - 1] - b_at[n - 1 - tail]
    ):
        tail += 1
    tail = max(0, tail - _BACK_OFF)
    for k in range(head):
        out[k] = b_at[k]
    for k in range(tail):
        out[m - 1 - k] = b_at[n - 1 - k]
    rows, columns = m - head - tail, n - head - tail
    best = np.zeros(columns + 1)
    ends = np.full(columns + 1, -1.0)
    for i in range(1, rows + 1):
        x = head + i - 1
        diagonal_best, diagonal_ends = 0.0, -1.0
        for j in range(1, columns + 1):
            y = head + j - 1
            above_best, above_ends = best[j], ends[j]
            step = np.uint8(0)  # 0 up, 1 left, 2 pair; +4 where the pair continues a run
            score, choice = above_best, np.uint8(0)
            if best[j - 1] > score:
                score, choice = best[j - 1], np.uint8(1)
            ends[j] = -1.0
            if a[x] == b[y]:
                pair = diagonal_best
                unbroken = diagonal_ends >= 0.0 and a_at[x] - a_at[x - 1] == 1 and b_at[y] - b_at[y - 1] == 1
                if unbroken and diagonal_ends + RUN_BONUS >= pair:
                    pair = diagonal_ends + RUN_BONUS
                    step = np.uint8(4)
                pair += weights[x]
                ends[j] = pair
                if pair >= score:
                    score, choice = pair, np.uint8(2)
            best[j] = score
            steps[i, j] = step | choice
            diagonal_best, diagonal_ends = above_best, above_ends
    i, j = rows, columns
    in_run = False
    while i > 0 and j > 0:
        step = steps[i, j]
        if in_run or step & 3 == 2:
            out[head + i - 1] = b_at[head + j - 1]
            in_run = step >= 4
            i -= 1
            j -= 1
        elif step & 3 == 1:
            j -= 1
        else:
            i -= 1
