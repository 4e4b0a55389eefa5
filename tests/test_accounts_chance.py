"""Shared accounts by chance: known answers, and a simulation of the null."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import poisson

from accounts.chance import Chance


def test_where_all_send_alike_the_rate_has_a_formula() -> None:
    """Of 100 accounts with 4 prompts each, 20 are met at 1 - exp(-4 r) = 0.2."""
    chance = Chance(np.full(100, 4))
    assert chance.rate(20) == pytest.approx(-np.log(0.8) / 4)


def test_the_rate_gives_as_many_accounts_as_asked_for() -> None:
    activity = np.random.default_rng(1).geometric(0.2, 5_000) ** 2
    chance = Chance(activity)
    for n_accounts in (1, 7, 300, 4_999):
        assert (1 - np.exp(-activity * chance.rate(n_accounts))).sum() == pytest.approx(n_accounts)


def test_a_family_of_everybody_has_a_rate_and_everybody_is_expected_in_it() -> None:
    activity = np.arange(1, 51)
    chance = Chance(activity)
    assert np.isfinite(chance.rate(50))
    assert chance.shared(activity + 1, chance.rate(50)) == pytest.approx(49.5)


@pytest.mark.parametrize("sent_by_each", [1, 4])
def test_under_the_null_families_share_what_is_expected_and_no_more(sent_by_each: int) -> None:
    """Accounts take up tasks as often as their habits have it, and send some prompts for each."""
    rng = np.random.default_rng(2)
    n_trials, seen, expected, p_values = 800, 0, 0.0, []
    for _ in range(n_trials):
        tasks = rng.multinomial(rng.geometric(0.15, 2_000), [0.01, 0.01, 0.98])
        left, right = (np.flatnonzero(tasks[:, family]) for family in (0, 1))
        activity = tasks[:, 2] + sent_by_each * (np.minimum(tasks[:, 0], 1) + np.minimum(tasks[:, 1], 1))
        active = np.flatnonzero(activity)
        chance = Chance(activity[active])
        shared = len(np.intersect1d(left, right))
        mean = max(
            chance.shared(activity[one], chance.rate(len(other)))
            for one, other in ((left, right), (right, left))
        )
        seen += shared
        expected += mean
        p_values.append(float(poisson.sf(shared - 1, mean)))
    assert seen <= 1.05 * expected
    assert sent_by_each > 1 or expected <= 1.3 * seen
    for level in (0.2, 0.05, 0.01):
        assert np.mean(np.array(p_values) <= level) <= level + 3 * np.sqrt(level / n_trials)
