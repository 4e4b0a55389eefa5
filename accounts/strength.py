"""Strength: does this account belong to the pool, or did it send a similar prompt for reasons of its own?

A mixture of two kinds of accounts (McLachlan and Peel 2000): ordinary ones, whose habits are those of the accounts
outside any family, and the pool's, whose habits are learned from the campaign itself by expectation and maximisation.
What an account shows is a handful of facts, each in few classes and taken as independent: what it sends besides, how
often it sent the template, how many of the others were made with it, use its addresses, network, card or client, how
old it is, whether an organization stands behind it, whether it is in other suspected campaigns, whether it sent this
one's template on a day before.

An account is named on its own facts. The prior is that of a passer-by, so where a campaign's accounts show nothing that
ordinary ones do not, none of them is named, however sure it is that there is a campaign.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from accounts.case import Case
from accounts.controls import age_class
from accounts.population import Population
from accounts.signals.volume import percentile_besides

PRIOR, WARY_PRIOR = 0.15, 0.05
"""Of belonging to the pool, before an account's own facts; the lower where nothing but the text and little other
traffic speaks against the campaign as a whole."""
ROUNDS = 30
ONCE_OR_TWICE = (0.72, 0.2, 0.06, 0.02)
"""How often a passer-by sends a template it met: once, twice, three or four times, more often."""
IN_NO_OTHER = (0.97, 0.025, 0.005)
"""In how many other suspected campaigns a passer-by is: none, one, more."""
NOT_BEFORE = (0.9, 0.1)
"""Whether a passer-by sent the template on a day before."""
_SMOOTHING = 8.0
"""Ordinary accounts that are added to the pool's habits. With one, a handful of ordinary accounts that chance made
alike passed for a pool of their own: of forty 13 % were named at `PRIOR`, with eight 2 %."""
_FIFTHS = (0.2, 0.4, 0.6, 0.8)
_LIFTS = (1.5, 4.0, 12.0)
CORE_STRENGTH = 0.5
"""Strength from which an account is named."""

FACTS = (
    "other traffic",
    "prompts",
    "made together",
    "address range",
    "payment card",
    "network",
    "client",
    "age",
    "organization",
    "other campaigns",
    "days before",
)


def strengths(
    case: Case, prior: float, met: NDArray[np.int64] | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Probability that each account of the case belongs to its pool, float64 (m,), and what each of `FACTS` adds to its
    log odds, float64 (m, n_facts).

    Args:
        met: int64 (m, 2), for each account the other suspected campaigns it is in, and whether it sent this one's
            template on a day before; None: nothing is known.
    """
    own, ordinary = _facts(case, np.zeros((len(case.accounts), 2), np.int64) if met is None else met)
    widths = [len(row) for row in ordinary]
    reached = np.full(len(own), 0.9)
    odds = np.zeros((len(own), len(widths)))
    for _ in range(ROUNDS):
        for fact, usual in enumerate(ordinary):
            counted = np.bincount(own[:, fact], weights=reached, minlength=widths[fact])
            # Each account is judged by the others: what it alone shows does not speak for it.
            others = counted[own[:, fact]] - reached
            pool = (others + _SMOOTHING * usual[own[:, fact]]) / (reached.sum() - reached + _SMOOTHING)
            odds[:, fact] = np.log(np.maximum(pool, 1e-6) / np.maximum(usual[own[:, fact]], 1e-6))
        total = np.log(prior / (1 - prior)) + odds.sum(axis=1)
        reached = 1 / (1 + np.exp(-np.clip(total, -30, 30)))
    return np.round(reached, 6), odds


def _facts(case: Case, met: NDArray[np.int64]) -> tuple[NDArray[np.int64], list[NDArray[np.float64]]]:
    """Classes of each account's facts, int64 (m, n_facts), and how often ordinary accounts show each class."""
    population, rows, outside = case.members.population, case.accounts, case.members.outside
    activity = population.n_prompts
    besides = percentile_besides(case.besides, activity)
    besides_outside = percentile_besides(activity[outside] - 1, activity)
    columns: list[tuple[NDArray[np.int64], NDArray[np.float64]]] = [
        _classed(np.digitize(besides, _FIFTHS), np.digitize(besides_outside, _FIFTHS), 5),
        (np.digitize(case.counts, (2, 3, 5)), np.array(ONCE_OR_TWICE)),
        _made(population, rows, outside),
        _met(population.networks[:, 1], rows, outside),
        _met(population.networks[:, 2], rows, outside),
        _common(population.networks[:, 0], rows, outside),
        _common(population.networks[:, 3], rows, outside),
        _classed(age_class(population.age[rows]), age_class(population.age[outside]), 5),
        _classed(
            (population.organization[rows] >= 0).astype(np.int64),
            (population.organization[outside] >= 0).astype(np.int64),
            2,
        ),
        (np.minimum(met[:, 0], 2), np.array(IN_NO_OTHER)),
        (np.minimum(met[:, 1], 1), np.array(NOT_BEFORE)),
    ]
    return np.column_stack([own for own, _ in columns]).astype(np.int64), [usual for _, usual in columns]


def _classed(
    own: NDArray[np.int64], others: NDArray[np.int64], n: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    counts = np.bincount(others, minlength=n) + 0.5
    return own, counts / counts.sum()


def _made(
    population: Population, rows: NDArray[np.int64], outside: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """How many of the case's other accounts were made within a day: none, one, two to four, more; 4 unknown."""
    created = population.created
    times = np.sort(created[rows][~np.isnan(created[rows])])

    def near(some: NDArray[np.int64], itself: int) -> NDArray[np.int64]:
        at = created[some]
        count = np.searchsorted(times, at + 1, "right") - np.searchsorted(times, at - 1, "left") - itself
        return np.where(np.isnan(at), 4, np.digitize(count, (1, 2, 5)))

    return _classed(near(rows, 1), near(outside, 0), 5)


def _met(
    codes: NDArray[np.int32], rows: NDArray[np.int64], outside: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """How many of the case's other accounts have its value: none, one, more; 3 unknown."""
    counts = _counts(codes, rows)

    def met(some: NDArray[np.int64], itself: int) -> NDArray[np.int64]:
        return np.where(codes[some] < 0, 3, np.minimum(counts[codes[some]] - itself, 2)).astype(np.int64)

    return _classed(met(rows, 1), met(outside, 0), 4)


def _common(
    codes: NDArray[np.int32], rows: NDArray[np.int64], outside: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """How much commoner its value is among the case's other accounts than outside; 4 unknown."""
    inside, others = _counts(codes, rows), _counts(codes, outside)

    def lift(some: NDArray[np.int64], itself: int) -> NDArray[np.int64]:
        code = codes[some]
        mine = np.maximum(inside[code] - itself, 0) / max(len(rows) - itself, 1)
        usual = (others[code] + 1) / (len(outside) + 1)
        return np.where(code < 0, 4, np.digitize(mine / usual, _LIFTS)).astype(np.int64)

    return _classed(lift(rows, 1), lift(outside, 0), 5)


def _counts(codes: NDArray[np.int32], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Accounts with each value; one place more, so that -1 reads 0."""
    known = codes[rows]
    return np.append(np.bincount(known[known >= 0], minlength=int(codes.max(initial=-1)) + 1), 0).astype(
        np.int64
    )
