"""Volume: are the prompts dealt evenly, and do the senders send little else?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import norm

from accounts.controls import DRAWS, p_lower, p_upper
from accounts.signals.reading import Group, Reading, quantiles

if TYPE_CHECKING:
    from accounts.case import Case

MOST_ACCOUNTS = 2_000
HEAVY = 2.0
"""Dispersion from which volumes are heavy-tailed, as people's are; a pool that is uneven on purpose stays near 1."""


def read_volume(case: Case, rng: np.random.Generator) -> tuple[list[Reading], bool]:
    """Readings of `dispersion` and `percentile_besides`, and whether volumes are heavy-tailed."""
    counts = case.counts
    if len(counts) > MOST_ACCOUNTS:
        counts = rng.choice(counts, MOST_ACCOUNTS, replace=False)
    heavy = False
    if counts.sum() == len(counts):
        evenness = Reading.untested("evenness", Group.EVENNESS, "every account sent one prompt")
    else:
        drawn = dealt_at_random(counts, DRAWS, rng)
        value = float(dispersion(counts))
        heavy = value > HEAVY and p_upper(value, drawn) <= 0.01
        evenness = Reading(
            "evenness",
            Group.EVENNESS,
            value,
            quantiles(drawn),
            p_lower(value, drawn),
            f"prompts per account have a variance of {value:.2f} times their mean; dealt at random it would be "
            f"{np.median(drawn):.2f}, people lie above 1",
        )
    besides = percentile_besides(case.besides, case.members.population.n_prompts, len(case.besides))
    value = float(besides.mean())
    spread = 1 / np.sqrt(12 * len(besides))  # of the mean of as many uniform values
    devotion = Reading(
        "other traffic",
        Group.VOLUME,
        value,
        norm.ppf(np.linspace(0.0005, 0.9995, 21), 0.5, spread).clip(0, 1),
        float(norm.cdf((value - 0.5) / spread)),
        f"the accounts send less besides than {1 - value:.0%} of the senders of any prompt do; the users of a common "
        f"phrase would lie at 50%",
    )
    return [evenness, devotion], heavy


def dispersion(counts: NDArray[np.int64], axis: int = -1) -> NDArray[np.float64]:
    """Variance over mean of the prompts per account; Poisson is 1, round-robin near 0, people far above."""
    found: NDArray[np.float64] = counts.var(axis=axis) / counts.mean(axis=axis)
    return found


def dealt_at_random(counts: NDArray[np.int64], n_draws: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Dispersion where each account sends one prompt and the others fall on accounts at random, float64 (n_draws,).

    People vary more than this; only a scheduler varies less.
    """
    n = len(counts)
    dealt = 1 + rng.multinomial(int(counts.sum()) - n, np.full(n, 1 / n), size=n_draws)
    return dispersion(dealt)


def percentile_besides(
    besides: NDArray[np.int64], activity: NDArray[np.int64], n_senders: int = 1
) -> NDArray[np.float64]:
    """Part of all prompts whose sender sends fewer others, ties by half; float64 like `besides`.

    A phrase that anybody may use turns up with anybody's prompts, most often with those who send most: its senders
    lie at one half on average. The accounts of a pool without much cover lie far below.

    Args:
        besides: what each account of a family sends besides families.
        activity: int64, prompts of each account of the population.
        n_senders: accounts that sent the phrase. Whoever sends much may send it several times and still is one sender:
            the more senders there are, the more of them are small.
    """
    activities, accounts = np.unique(np.maximum(activity, 1), return_counts=True)
    rate = _rate(activities, accounts, n_senders)
    sends = -np.expm1(-activities * rate)
    # Of the phrase itself a sender of so many prompts sends this many on average, at least one.
    others, at = np.unique(np.rint(activities * (1 - rate / sends)).clip(min=0), return_inverse=True)
    weights = np.bincount(at, weights=accounts * sends)
    below = np.concatenate([[0.0], np.cumsum(weights) / weights.sum()])
    low, high = np.searchsorted(others, besides, "left"), np.searchsorted(others, besides, "right")
    found: NDArray[np.float64] = (below[low] + below[high]) / 2
    return found


def _rate(activities: NDArray[np.int64], accounts: NDArray[np.int64], n_senders: int) -> float:
    """Part of all prompts that a phrase makes up which so many accounts are expected to send, as Poisson counts."""
    expected = min(float(n_senders), 0.9 * float(accounts.sum()))

    def missing(rate: float) -> float:
        return float((accounts * -np.expm1(-activities * rate)).sum()) - expected

    return float(brentq(missing, 1e-3 * expected / float(activities @ accounts), 10.0))
