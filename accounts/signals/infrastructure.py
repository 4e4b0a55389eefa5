"""Infrastructure: do the accounts share networks, addresses or cards that others do not?

For a value that c of a family's m accounts have and a part q of all others, the concentration grows by the part of the
triples of accounts that meet there times what the meeting says, ln(1 / q): a common value (an access network, a large
cloud) weighs next to nothing. Triples, because two accounts on one address are a couple or a person with two accounts.
The null is that of as many accounts of the same countries and volumes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit
from numpy.typing import NDArray

from accounts.controls import p_upper
from accounts.signals.reading import Group, Reading, quantiles

if TYPE_CHECKING:
    from accounts.ordinary import Compared
    from accounts.population import Population

SIGNALS = (
    ("networks", Group.INFRASTRUCTURE, "one network (ASN)"),
    ("address ranges", Group.INFRASTRUCTURE, "one address range"),
    ("payment cards", Group.INFRASTRUCTURE, "one payment card"),
    ("client software", Group.CLIENT, "one client version"),
)
"""By column of `Population.networks`: the signal, its group, and what is shared. A client comes with the tool that
sends the template: it is no second fact beside it."""


def rarity(codes: NDArray[np.int32], outside: NDArray[np.int64]) -> NDArray[np.float64]:
    """ln(1 / part of the outside accounts with each value), float64 (n_values,); a value unseen outside counts as one.

    Args:
        codes: int32 (n_population,), -1 for none.
        outside: rows of the accounts outside any family.
    """
    known = codes[outside]
    known = known[known >= 0]
    seen = np.bincount(known, minlength=int(codes.max(initial=-1)) + 1)
    weights: NDArray[np.float64] = np.log((len(known) + 1) / np.maximum(seen, 1))
    return weights


def concentration(
    codes: NDArray[np.int32], rows: NDArray[np.int64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Sum over values of c (c - 1) (c - 2) / (m (m - 1) (m - 2)) times the weight, float64 (n_groups,).

    m is the number of accounts that have a value at all; NaN where m < 3.

    Args:
        codes: int32 (n_population,), -1 for none.
        rows: int64 (n_groups, n_accounts), rows of the population.
        weights: float64 (n_values,).
    """
    found: NDArray[np.float64] = _concentration(codes, rows, weights)
    return found


def most_shared(codes: NDArray[np.int32], rows: NDArray[np.int64]) -> tuple[int, int]:
    """(accounts with the commonest value, accounts with any value)."""
    known = codes[rows]
    known = known[known >= 0]
    return int(np.bincount(known, minlength=1).max()), len(known)


def most_per_group(
    codes: NDArray[np.int32], rows: NDArray[np.int64], n_groups: int = 99
) -> NDArray[np.int64]:
    """Accounts with the commonest value, for the first `n_groups` groups; for words, not for tests."""
    return np.array([most_shared(codes, group)[0] for group in rows[:n_groups]])


PLACED = 0.8
"""Part of the accounts whose country must be known where a signal depends on it."""


def known_part(codes: NDArray[np.int32], rows: NDArray[np.int64]) -> float:
    """Part of some accounts that have a value."""
    return float((codes[rows] >= 0).mean())


def read_infrastructure(
    population: Population, compared: Compared, rarities: list[NDArray[np.float64]]
) -> list[Reading]:
    """A reading per column of `Population.networks`.

    Accounts of one country share its networks. Where countries are not known, controls cannot be of the same ones.
    """
    if known_part(population.country, compared.rows[0]) < PLACED:
        signal, group, _ = SIGNALS[0]
        first = Reading.untested(signal, group, "the countries of too few accounts are known")
    else:
        first = _read(population.networks[:, 0], compared, rarities[0], *SIGNALS[0])
    others = [
        _read(population.networks[:, column], compared, rarities[column], *SIGNALS[column])
        for column in range(1, len(SIGNALS))
    ]
    return [first, *others]


def _read(
    codes: NDArray[np.int32],
    compared: Compared,
    weights: NDArray[np.float64],
    signal: str,
    group: Group,
    shared: str,
) -> Reading:
    most, known = most_shared(codes, compared.rows[0])
    if known < 3:
        return Reading.untested(signal, group, f"{known} of the accounts say which they use")
    value = float(concentration(codes, compared.rows, weights)[0])
    drawn = np.nan_to_num(concentration(codes, compared.by_place, weights))
    control = int(np.median(most_per_group(codes, compared.by_place)))
    said = (
        f"{most} of {known} accounts share {shared}"
        if most > 1
        else f"no two of {known} accounts share {shared}"
    )
    others = control if control > 1 else "none"
    sentence = f"{said}; among as many accounts of the same countries and volumes {others} do"
    return Reading(signal, group, value, quantiles(drawn), p_upper(value, drawn), sentence)


@njit(cache=True, nogil=True)
def _concentration(codes, rows, weights):  # type: ignore[no-untyped-def]
    n_groups, n = rows.shape
    counts = np.zeros(len(weights), np.int64)
    found = np.empty(n_groups)
    for g in range(n_groups):
        known, total = 0, 0.0
        for i in range(n):
            code = codes[rows[g, i]]
            if code >= 0:
                total += 3 * counts[code] * (counts[code] - 1) * weights[code]
                counts[code] += 1
                known += 1
        for i in range(n):
            code = codes[rows[g, i]]
            if code >= 0:
                counts[code] = 0
        found[g] = total / (known * (known - 1.0) * (known - 2.0)) if known > 2 else np.nan
    return found
