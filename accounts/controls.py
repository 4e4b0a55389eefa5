"""Matched controls: for each account of a family an ordinary one of the same kind, drawn many times.

What an account shows depends on how much it sends, how old it is and where it lives. A family is therefore compared
with groups of as many accounts of the same classes, drawn without replacement from the accounts outside any family.
Where a class is too small to draw from, the least important attribute is let go.

The family's own accounts are drawn too, each among those of its class: the null says that they might be any of these,
and so their labels are dealt anew (a permutation test within strata; Good 2005, "Permutation, Parametric and Bootstrap
Tests of Hypotheses"). Where others abound this changes nothing. Where a class offers only four others per account,
groups of these alone are closer to each other than to any newcomer: the clock of 7 % of innocent families was beyond
its 1 % point, with three others that of 33 %.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit
from numpy.typing import NDArray

DRAWS = 4999
"""Groups of controls per family; the smallest p-value is one in `DRAWS` + 1."""
MOST_ACCOUNTS = 300
"""Accounts of a family that are compared; more say nothing new."""
_CHOICE = 2
"""Others that a class must offer per account, or it is widened: accounts unlike the family's do more harm than few."""
_VOLUMES = (2, 4, 9)
_AGES = (14.0, 90.0, 365.0)


def volume_class(n_prompts: NDArray[np.int64]) -> NDArray[np.int64]:
    """1, 2-3, 4-8 or more prompts of the day, int64 0..3."""
    return np.digitize(n_prompts, _VOLUMES).astype(np.int64)


def age_class(age: NDArray[np.float64]) -> NDArray[np.int64]:
    """Two weeks, a quarter, a year or older, int64 0..3; 4 unknown."""
    return np.where(np.isnan(age), 4, np.digitize(np.nan_to_num(age), _AGES)).astype(np.int64)


def draw_controls(
    accounts: NDArray[np.int64],
    outside: NDArray[np.int64],
    classes: Sequence[NDArray[np.int64]],
    rng: np.random.Generator,
    n_draws: int = DRAWS,
) -> NDArray[np.int64]:
    """Rows of controls, int64 (n_draws, n_accounts): column i holds controls of account i, all of a row are different.

    Args:
        accounts: rows of a family's accounts.
        outside: rows of the accounts outside any family, ascending; at least as many as `accounts`.
        classes: int64 (n_population,) each, what controls are matched by, the most important first.
    """
    group = np.full(len(accounts), -1, np.int64)
    pools: list[NDArray[np.int64]] = []
    # From all attributes to none; accounts that found enough controls of their class keep them.
    for used in range(len(classes), -1, -1):
        left = np.flatnonzero(group < 0)
        names = _names(classes[:used], len(classes[0]))
        offered, own = names[outside], names[accounts]
        for name in np.unique(own[left]).tolist():
            pool, alike = outside[offered == name], left[own[left] == name]
            if used and len(pool) < _CHOICE * len(alike):
                continue
            group[alike] = len(pools)
            pools.append(np.concatenate([pool, np.sort(accounts[alike])]))
    order = np.argsort(group, kind="stable")
    starts = np.concatenate([[0], np.cumsum([len(pool) for pool in pools])]).astype(np.int64)
    drawn = np.empty((n_draws, len(accounts)), np.int64)
    picks = rng.random((n_draws, len(accounts)), np.float32)
    _draw(np.concatenate(pools), starts, group[order], order, picks, np.full(len(classes[0]), -1), drawn)
    return drawn


def p_upper(observed: float, drawn: NDArray[np.float64]) -> float:
    """Part of the draws at least as large, the observed group counted as one of them (Phipson and Smyth 2010)."""
    return float((1 + np.count_nonzero(drawn >= observed - 1e-12)) / (len(drawn) + 1))


def p_lower(observed: float, drawn: NDArray[np.float64]) -> float:
    """As `p_upper`, for small values."""
    return p_upper(-observed, -drawn)


def _names(classes: Sequence[NDArray[np.int64]], n: int) -> NDArray[np.int64]:
    """One number per combination of classes, int64 (n,)."""
    names = np.zeros(n, np.int64)
    for one in classes:
        names = names * (int(one.max(initial=0)) + 2) + one + 1
    return names


@njit(cache=True, nogil=True)
def _draw(pool, starts, group, order, picks, drawn_last, drawn):  # type: ignore[no-untyped-def]
    """Fill `drawn` by partial Fisher-Yates shuffles, each class on its own; accounts of a class stand together.

    A wide class holds the accounts of narrow ones: what one of these has given to a draw is passed over.
    """
    n_draws, n = drawn.shape
    for draw in range(n_draws):
        taken = 0
        for i in range(n):
            g = group[i]
            if i > 0 and group[i - 1] != g:
                taken = 0
            first, last = starts[g], starts[g + 1]
            while True:
                left = last - first - taken
                at = first + taken + min(np.int64(picks[draw, i] * left), left - 1)
                found = pool[at]
                pool[at], pool[first + taken] = pool[first + taken], found
                taken += 1
                if drawn_last[found] != draw:
                    break
            drawn_last[found] = draw
            drawn[draw, order[i]] = found
