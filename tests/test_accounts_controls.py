"""Matched controls: of the same classes, without repetition, whatever the order; exact where they are few."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from accounts.controls import age_class, draw_controls, p_lower, p_upper, volume_class

Classes = list[NDArray[np.int64]]


def classes_of(n: int, seed: int = 0) -> Classes:
    """Two attributes, the first with six values or none (-1), the second with four."""
    rng = np.random.default_rng(seed)
    return [rng.integers(-1, 6, n).astype(np.int64), rng.integers(0, 4, n).astype(np.int64)]


def split(n: int, m: int, seed: int = 0) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    inside = np.sort(np.random.default_rng(seed).choice(n, m, replace=False)).astype(np.int64)
    return inside, np.setdiff1d(np.arange(n), inside)


def drawn_for(
    accounts: NDArray[np.int64], outside: NDArray[np.int64], classes: Classes, n_draws: int = 200
) -> NDArray[np.int64]:
    return draw_controls(accounts, outside, classes, np.random.default_rng(1), n_draws)


def test_volume_and_age_classes() -> None:
    assert volume_class(np.array([1, 2, 3, 4, 8, 9, 5_000])).tolist() == [0, 1, 1, 2, 2, 3, 3]
    assert age_class(np.array([0.0, 13.9, 14, 90, 365, 4_000, np.nan])).tolist() == [0, 0, 1, 2, 3, 3, 4]


def test_every_control_has_the_classes_of_its_account() -> None:
    classes = classes_of(5_000)
    accounts, outside = split(5_000, 60)
    drawn = drawn_for(accounts, outside, classes)
    for one in classes:
        assert (one[drawn] == one[accounts]).all()


def test_no_account_is_drawn_twice_into_a_group() -> None:
    """Also where accounts of rare classes draw from wider ones, which hold the narrow ones."""
    for n, m in ((5_000, 60), (200, 60), (120, 60), (9, 4)):
        accounts, outside = split(n, m)
        drawn = drawn_for(accounts, outside, classes_of(n))
        assert all(len(np.unique(group)) == m for group in drawn)


def test_the_least_important_attribute_is_let_go_first() -> None:
    country = np.array([0] * 40 + [1] * 40)
    volume = np.array([0] * 38 + [3] * 2 + [0] * 40)
    drawn = drawn_for(np.array([38, 39]), np.r_[0:38, 40:80], [country, volume])
    assert (country[drawn] == 0).all()
    assert (volume[drawn] == 0).any()


def test_a_country_of_its_own_is_compared_with_all() -> None:
    country = np.array([7, 7, 7] + [0] * 50 + [1] * 50)
    drawn = drawn_for(np.arange(3), np.arange(3, 103), [country, np.zeros(103, np.int64)])
    assert set(country[drawn].ravel().tolist()) == {0, 1, 7}


def test_a_familys_own_accounts_are_drawn_as_often_as_others_of_their_class() -> None:
    """A permutation test: five own accounts among 25 of their class are a fifth of each group on average."""
    classes = [np.zeros(25, np.int64), np.zeros(25, np.int64)]
    drawn = drawn_for(np.arange(5), np.arange(5, 25), classes, 20_000)
    often = np.bincount(drawn.ravel(), minlength=25) / len(drawn)
    assert often == pytest.approx(np.full(25, 0.2), abs=0.015)


def test_the_order_of_a_familys_accounts_changes_nothing() -> None:
    classes = classes_of(600)
    accounts, outside = split(600, 40)
    shuffled = np.random.default_rng(3).permutation(accounts)
    first, second = (drawn_for(some, outside, classes) for some in (accounts, shuffled))
    assert (np.sort(first, axis=1) == np.sort(second, axis=1)).all()


def test_the_same_seed_draws_the_same() -> None:
    classes, (accounts, outside) = classes_of(600), split(600, 40)
    assert (drawn_for(accounts, outside, classes) == drawn_for(accounts, outside, classes)).all()


def test_the_observed_group_counts_as_one_draw() -> None:
    drawn = np.array([1.0, 2.0, 3.0, 4.0])
    assert p_upper(3.0, drawn) == 3 / 5
    assert p_lower(3.0, drawn) == 4 / 5
    assert p_upper(9.0, drawn) == p_lower(0.0, drawn) == 1 / 5
    assert p_upper(0.0, drawn) == 1.0


def test_equal_up_to_rounding_is_equal() -> None:
    assert p_upper(0.1 + 0.2, np.array([0.3])) == p_lower(0.3, np.array([0.1 + 0.2])) == 1.0


@pytest.mark.parametrize("n", [60, 90, 150, 1_000])
def test_the_mean_of_any_habit_is_uniform_however_few_the_others(n: int) -> None:
    """Thirty accounts of a population of `n`. With the others alone 15 % would be beyond the 1 % point at n = 90."""
    rng = np.random.default_rng(n)
    p_values = []
    for seed in range(500):
        habit = rng.normal(size=n)
        accounts, outside = split(n, 30, seed)
        drawn = draw_controls(accounts, outside, [np.zeros(n, np.int64)] * 2, rng, 99)
        middle = habit[drawn].mean()
        p_values.append(
            p_upper(abs(habit[accounts].mean() - middle), abs(habit[drawn].mean(axis=1) - middle))
        )
    for level in (0.01, 0.05, 0.1, 0.25, 0.5):
        spread = np.sqrt(level * (1 - level) / 500)
        assert np.mean(np.array(p_values) <= level) == pytest.approx(level, abs=3.5 * spread)
