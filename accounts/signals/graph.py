"""Graph: do the accounts meet in other families too, today or on the days before?

Two families of the day share accounts by chance, the more the more these accounts send (`accounts.chance`, Poisson
tail); the best of several families counts once (Bonferroni). On the days before only suspected campaigns count, and the
null is that of matched ordinary accounts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import sparse

from accounts.controls import p_upper
from accounts.signals.reading import Group, Reading, quantiles

if TYPE_CHECKING:
    from accounts.ordinary import Compared


FAIR_PART = 0.1
"""Part of the accounts that must meet elsewhere; fewer are a bridge and say nothing about the others."""


@dataclass(frozen=True, slots=True)
class Meeting:
    """Accounts that a campaign shares with another one, or two of its wordings with each other."""

    shared: int
    expected: float
    log_p: float
    n_accounts: int


def read_graph(meetings: Sequence[Meeting], tried: int) -> Reading:
    """
    Args:
        meetings: what was found, one per pair of families or campaigns.
        tried: pairs that were looked at.
    """
    if tried < 1:
        return Reading.untested("shared accounts", Group.GRAPH, "the day has no other family")
    best = min(meetings, key=lambda one: (one.log_p, -one.shared), default=None)
    if best is None:
        return Reading(
            "shared accounts",
            Group.GRAPH,
            0.0,
            np.empty(0),
            1.0,
            "no other family shares any of the accounts",
        )
    p_value = float(min(1.0, np.exp(best.log_p) * tried))
    sentence = (
        f"{best.shared} of {best.n_accounts} accounts are also in another family or wording; by chance "
        f"{best.expected:.1f} would be"
    )
    return Reading("shared accounts", Group.GRAPH, float(best.shared), np.empty(0), p_value, sentence)


def read_before(worked: sparse.csr_matrix, compared: Compared) -> Reading:
    """Accounts that worked together for another suspected campaign on the days before.

    Args:
        worked: 0/1 CSR (n_population, n_campaigns), who worked for which.
    """
    if not worked.shape[1]:
        return Reading.untested(
            "met before", Group.GRAPH, "no suspected campaign of the days before is known"
        )
    value = float(most_together(worked, compared.rows)[0])
    drawn = most_together(worked, compared.by_place)
    sentence = (
        f"{value:.0f} of {compared.rows.shape[1]} accounts worked for one other suspected campaign on the days before; "
        f"of as many ordinary accounts of the same countries and volumes {np.median(drawn):.0f}"
    )
    # A few accounts that met elsewhere are a bridge, whatever chance says.
    p_value = p_upper(value, drawn) if value >= FAIR_PART * compared.rows.shape[1] else 1.0
    return Reading("met before", Group.GRAPH, value, quantiles(drawn), p_value, sentence)


def most_together(worked: sparse.csr_matrix, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """For each group of accounts, how many worked for the campaign that most of them worked for; float64 (n_groups,).

    Args:
        rows: int64 (n_groups, n_accounts).
    """
    found: NDArray[np.float64] = _most_together(
        worked.indptr.astype(np.int64), worked.indices.astype(np.int64), rows, worked.shape[1]
    )
    return found


@njit(cache=True, nogil=True)
def _most_together(indptr, indices, rows, n_campaigns):  # type: ignore[no-untyped-def]
    n_groups, n = rows.shape
    counts = np.zeros(n_campaigns, np.int64)
    found = np.zeros(n_groups)
    for g in range(n_groups):
        for i in range(n):
            for at in range(indptr[rows[g, i]], indptr[rows[g, i] + 1]):
                counts[indices[at]] += 1
                found[g] = max(found[g], counts[indices[at]])
        for i in range(n):
            for at in range(indptr[rows[g, i]], indptr[rows[g, i] + 1]):
                counts[indices[at]] = 0
    return found
