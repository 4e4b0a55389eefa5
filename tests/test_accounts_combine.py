"""p-values put together: against the formulas, against scipy, and under dependence."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control, norm

from accounts.combine import benjamini_hochberg, cauchy

P_VALUES = st.lists(st.floats(1e-12, 1.0), min_size=1, max_size=30)


@given(st.lists(st.floats(1e-6, 0.5), min_size=1, max_size=10))
def test_cauchy_is_the_formula(p_values: list[float]) -> None:
    mean = np.mean([np.tan((0.5 - p) * np.pi) for p in p_values])
    assert cauchy(np.array(p_values)) == pytest.approx(0.5 - np.arctan(mean) / np.pi, rel=1e-6)


@pytest.mark.parametrize("p_value", [1e-15, 1e-9, 0.01, 0.3, 0.5])
def test_one_p_value_stays_what_it_is(p_value: float) -> None:
    assert cauchy(np.array([p_value, np.nan])) == pytest.approx(p_value, rel=1e-9)


def test_a_test_that_saw_nothing_does_not_drown_another() -> None:
    assert cauchy(np.array([0.001, 1.0, 1.0])) == pytest.approx(0.003, rel=0.01)
    assert cauchy(np.array([1.0, 1.0])) == 0.5
    assert 0 < cauchy(np.array([0.0, 0.0])) <= 1e-14


def test_what_was_not_tested_does_not_count() -> None:
    table = np.array([[0.01, np.nan], [np.nan, np.nan]])
    assert cauchy(table) == pytest.approx([0.01, np.nan], nan_ok=True)
    assert cauchy(table, axis=0) == pytest.approx([0.01, np.nan], nan_ok=True)
    assert np.isnan(cauchy(np.empty(0)))


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.7, 0.95])
def test_cauchy_holds_its_level_under_any_correlation(correlation: float) -> None:
    """The truncation costs a little where tests are independent. Fisher's sum rejects 10 times too often at 0.95."""
    rng = np.random.default_rng(5)
    common, own = rng.normal(size=(60_000, 1)), rng.normal(size=(60_000, 5))
    p_values = norm.sf(np.sqrt(correlation) * common + np.sqrt(1 - correlation) * own)
    combined = cauchy(p_values)
    for level, most in ((0.01, 1.2), (0.05, 1.25)):
        assert 0.5 * level < (combined <= level).mean() < most * level


@given(P_VALUES)
def test_benjamini_hochberg_is_scipys(p_values: list[float]) -> None:
    found = benjamini_hochberg(np.array(p_values))
    assert found == pytest.approx(false_discovery_control(p_values))


@given(P_VALUES)
def test_q_values_do_not_depend_on_the_order(p_values: list[float]) -> None:
    order = np.random.default_rng(len(p_values)).permutation(len(p_values))
    values = np.array(p_values)
    assert benjamini_hochberg(values[order]) == pytest.approx(benjamini_hochberg(values)[order])


def test_q_values_of_what_was_not_tested() -> None:
    found = benjamini_hochberg(np.array([np.nan, 0.01, 0.02, np.nan, 0.9]))
    assert found == pytest.approx([np.nan, 0.03, 0.03, np.nan, 0.9], nan_ok=True)
    assert np.isnan(benjamini_hochberg(np.full(3, np.nan))).all()
    assert len(benjamini_hochberg(np.empty(0))) == 0


def test_false_discoveries_among_a_days_campaigns_stay_at_the_level() -> None:
    """200 days of 40 innocent campaigns and 10 pools."""
    rng = np.random.default_rng(2)
    shares = []
    for _ in range(200):
        q_values = benjamini_hochberg(np.append(rng.random(40), norm.sf(rng.normal(4, 1, 10))))
        shares.append((q_values[:40] <= 0.1).sum() / max((q_values <= 0.1).sum(), 1))
    assert 0.05 < np.mean(shares) < 0.1
