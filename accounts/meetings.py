"""Which campaigns share accounts beyond chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.stats import poisson

from accounts.case import Case
from accounts.chance import Chance
from accounts.ordinary import FEWEST
from accounts.signals.graph import FAIR_PART, Meeting
from accounts.wordings import Join


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two campaigns by their place in the day's list, and what they share."""

    left: int
    right: int
    shared: int
    expected: float
    log_p: float


def overlaps(cases: Sequence[Case]) -> list[Overlap]:
    """Every pair of campaigns that shares an account, in order of place."""
    if not cases:
        return []
    members = cases[0].members
    activity = members.population.n_prompts
    chance = Chance(activity)
    rates = [chance.rate(len(case.accounts)) for case in cases]
    rows = np.repeat(np.arange(len(cases)), [len(case.accounts) for case in cases])
    columns = np.concatenate([case.accounts for case in cases])
    sends = sparse.csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(len(cases), len(activity)))
    shared = sparse.triu(sends @ sends.T, k=1).tocoo()
    found = []
    for i, j, count in sorted(
        zip(shared.row.tolist(), shared.col.tolist(), shared.data.tolist(), strict=True)
    ):
        expected = max(chance.shared(activity[cases[a].accounts], rates[b]) for a, b in ((i, j), (j, i)))
        found.append(Overlap(i, j, int(count), expected, float(poisson.logsf(count - 1, expected))))
    return found


def meetings(cases: Sequence[Case], found: Sequence[Overlap], joins: Sequence[Join]) -> list[list[Meeting]]:
    """For each campaign what it shares with others, if a fair part, and what its wordings shared when joined."""
    result: list[list[Meeting]] = [[] for _ in cases]
    for one in found:
        for place in (one.left, one.right):
            if one.shared < FAIR_PART * len(cases[place].accounts):
                continue
            result[place].append(Meeting(one.shared, one.expected, one.log_p, len(cases[place].accounts)))
    place_of = {family: place for place, case in enumerate(cases) for family in case.families.tolist()}
    for join in joins:
        place = place_of[join.left]
        result[place].append(Meeting(join.shared, join.expected, join.log_p, len(cases[place].accounts)))
    return result


def without_others(
    cases: Sequence[Case], found: Sequence[Overlap], suspected: Sequence[bool]
) -> dict[int, Case]:
    """By place, suspected cases of which a minor part of the accounts is in other suspected ones, without these.

    Where most accounts are shared the campaigns are of one pool, and nobody is left out; nor where too few would be
    left to compare.
    """
    others: dict[int, list[NDArray[np.int64]]] = {}
    for pair in found:
        if suspected[pair.left] and suspected[pair.right]:
            both = np.intersect1d(cases[pair.left].accounts, cases[pair.right].accounts, assume_unique=True)
            others.setdefault(pair.left, []).append(both)
            others.setdefault(pair.right, []).append(both)
    reduced = {}
    for place, accounts in sorted(others.items()):
        case, shared = cases[place], np.unique(np.concatenate(accounts))
        if 2 * len(shared) < len(case.accounts):
            own = ~np.isin(case.members.accounts[case.rows], shared)
            rest = Case(case.members, case.lead, case.families, case.rows[own])
            if len(rest.customers) >= FEWEST:
                reduced[place] = rest
    return reduced
