"""What else the senders of a group sent: percentiles by hand, and how evidence uses them."""

from __future__ import annotations

import numpy as np
import pytest

from clustering.senders import DOUBT, TOLERATED, Pairs, evidence


def pairs_of(activity: list[int]) -> Pairs:
    """Account i sent `activity[i]` copies of text i."""
    n = len(activity)
    return Pairs(np.arange(n, dtype=np.int64), np.arange(n, dtype=np.int64), np.array(activity, np.int64))


def test_the_percentile_is_that_of_a_random_prompts_sender() -> None:
    # Ten prompts: the senders of 1, 1, 2, 2 and of 6 prompts sent 0, 0, 1, 1 and 5 others.
    pairs = pairs_of([1, 1, 2, 6])
    assert pairs.percentile(np.array([0, 1, 5])).tolist() == pytest.approx([0.1, 0.3, 0.7])
    assert pairs.percentile(np.array([3, 9])).tolist() == pytest.approx([0.4, 1.0])


def test_a_random_group_is_ordinary_and_a_pool_is_not() -> None:
    rng = np.random.default_rng(4)
    activity = rng.geometric(0.15, 3_000).tolist()
    pairs = pairs_of(activity)
    senders = rng.choice(3_000, 400, p=pairs.activity / pairs.n_prompts)
    assert pairs.ordinary(
        np.unique(senders), np.ones(len(np.unique(senders)), np.int64)
    ).mean() == pytest.approx(0.5, abs=0.06)
    pool = pairs_of([*activity, *[3] * 50])
    members = np.arange(3_000, 3_050)
    assert pool.ordinary(members, np.full(50, 3)).mean() < 0.05
    assert pool.ordinary(members, np.full(50, 2)).mean() < 0.1


def test_evidence_by_hand() -> None:
    strength, accounts = np.array([50.0, 50.0, 50.0]), np.array([10, 40, 10])
    ordinary = np.array([0.0, TOLERATED, 2 * TOLERATED])
    assert evidence(strength, accounts, ordinary, 20_000).tolist() == pytest.approx(
        [50.0, 100.0, 50.0 / (1 + DOUBT)]
    )


def test_four_times_the_traffic_asks_for_twice_the_accounts() -> None:
    one = np.array([80.0])
    small = evidence(one, np.array([12]), np.zeros(1), 20_000)
    assert evidence(one, np.array([24]), np.zeros(1), 80_000) == pytest.approx(small)
