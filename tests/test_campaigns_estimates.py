"""Estimates for all traffic: what intervals cover, drawn again and again from traffic that is known."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binomtest

from campaigns.estimates import (
    REPLICATES,
    Estimate,
    accounts,
    count_change,
    discoveries,
    share,
    share_change,
    total,
)

DRAWS = 500
Counts = NDArray[np.int64]


class Traffic(NamedTuple):
    """Prompts (accounts,) of each account, in campaigns and in all, and the random group of each account."""

    inside: Counts
    all: Counts
    group: Counts


@pytest.fixture(scope="module")
def traffic() -> Traffic:
    """4,000 ordinary accounts with a long tail, 400 of a pool that sends evenly, and half of them something else."""
    rng = np.random.default_rng(20260105)
    ordinary = np.minimum(rng.geometric(0.2, 4_000) * rng.integers(1, 4, 4_000), 60)
    pool = rng.poisson(12, 400) + 1
    cover = np.where(rng.random(400) < 0.5, rng.geometric(0.3, 400), 0)
    passers_by = np.where(rng.random(4_000) < 0.02, 1, 0)
    inside = np.concatenate([passers_by, pool])
    return Traffic(
        inside, np.concatenate([ordinary + passers_by, pool + cover]), rng.integers(0, REPLICATES, 4_400)
    )


def grouped(counts: Counts, group: Counts) -> NDArray[np.float64]:
    return np.bincount(group, counts, REPLICATES)


def drawn_accounts(traffic: Traffic, rate: float, rng: np.random.Generator) -> tuple[Counts, Counts]:
    kept = rng.random(len(traffic.all)) < rate
    return traffic.inside * kept, traffic.all * kept


def drawn_prompts(traffic: Traffic, rate: float, rng: np.random.Generator) -> tuple[Counts, Counts]:
    inside = rng.binomial(traffic.inside, rate)
    return inside, inside + rng.binomial(traffic.all - traffic.inside, rate)


def covers(estimate: Estimate, truth: float) -> bool:
    return estimate.low <= truth <= estimate.high


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_intervals_of_drawn_accounts_cover_what_they_promise(traffic: Traffic, rate: float) -> None:
    rng = np.random.default_rng(7)
    prompts, shares = [], []
    for _ in range(DRAWS):
        inside, every = (grouped(c, traffic.group) for c in drawn_accounts(traffic, rate, rng))
        prompts.append(total(inside, [rate]))
        shares.append(share(inside, every, [rate]))
    truth, part = traffic.inside.sum(), traffic.inside.sum() / traffic.all.sum()
    assert 0.92 <= np.mean([covers(e, truth) for e in prompts]) <= 0.98
    assert 0.92 <= np.mean([covers(e, part) for e in shares]) <= 0.98
    assert np.mean([e.value for e in prompts]) == pytest.approx(truth, rel=0.01)
    assert np.mean([e.value for e in shares]) == pytest.approx(part, rel=0.01)


@pytest.mark.parametrize("rate", [0.02, 0.3])
def test_intervals_of_drawn_prompts_cover_what_they_promise(traffic: Traffic, rate: float) -> None:
    """Prompts are units of their own here: each falls into a group of its own."""
    rng = np.random.default_rng(8)
    uniform = np.full(REPLICATES, 1 / REPLICATES)
    prompts, shares = [], []
    for _ in range(DRAWS):
        kept_inside, kept = (int(c.sum()) for c in drawn_prompts(traffic, rate, rng))
        inside = rng.multinomial(kept_inside, uniform)
        every = inside + rng.multinomial(kept - kept_inside, uniform)
        prompts.append(total(inside, [rate]))
        shares.append(share(inside, every, [rate]))
    truth, part = traffic.inside.sum(), traffic.inside.sum() / traffic.all.sum()
    assert 0.92 <= np.mean([covers(e, truth) for e in prompts]) <= 0.98
    assert 0.92 <= np.mean([covers(e, part) for e in shares]) <= 0.98
    assert np.mean([e.value for e in prompts]) == pytest.approx(truth, rel=0.01)
    assert np.mean([e.value for e in shares]) == pytest.approx(part, rel=0.01)


@pytest.mark.parametrize("rate", [0.02, 0.3])
def test_groups_of_accounts_are_never_too_narrow_for_drawn_prompts(traffic: Traffic, rate: float) -> None:
    rng = np.random.default_rng(9)
    found = []
    for _ in range(DRAWS):
        inside, _ = drawn_prompts(traffic, rate, rng)
        found.append(covers(total(grouped(inside, traffic.group), [rate]), traffic.inside.sum()))
    assert np.mean(found) >= 0.93


def test_days_of_the_same_accounts_are_not_taken_for_so_many_draws(traffic: Traffic) -> None:
    """Accounts drawn by a hash are there on every day or on none."""
    rng = np.random.default_rng(10)
    found = []
    for _ in range(DRAWS):
        inside, _ = drawn_accounts(traffic, 0.2, rng)
        week = np.tile(grouped(inside, traffic.group), (7, 1))
        found.append(covers(total(week, [0.2] * 7), 7 * traffic.inside.sum()))
    assert 0.92 <= np.mean(found) <= 0.98


def test_days_of_different_rates_add_up() -> None:
    counts = np.ones((2, REPLICATES))
    assert total(counts, [0.5, 0.1]).value == pytest.approx(REPLICATES * 12)
    assert share(counts * [[1], [0]], counts, [0.5, 0.1]).value == pytest.approx(2 / 12)


def test_the_variance_is_that_of_the_formula_over_accounts(traffic: Traffic) -> None:
    """Dealt at random, the groups give sum of y^2 on average: the oracle goes over accounts."""
    rng = np.random.default_rng(11)
    y = traffic.inside[traffic.inside > 0]
    widths = [
        np.log(e.high / e.value) ** 2
        for e in (total(grouped(y, rng.integers(0, REPLICATES, len(y))), [0.5]) for _ in range(200))
    ]
    exact = (y**2).sum() * (1 - 0.5) / 0.5**2 / (y.sum() / 0.5) ** 2 * 1.9983**2
    assert np.mean(widths) == pytest.approx(exact, rel=0.05)


def test_with_all_prompts_read_nothing_is_left_open() -> None:
    counts = np.arange(REPLICATES)
    assert total(counts, [1.0]) == Estimate(2016, 2016, 2016)
    assert share(counts, counts * 4, [1.0]) == Estimate(0.25, 0.25, 0.25)
    assert share(counts, counts * 4, [1.0]).exact
    bounds = accounts(5, 3, 2, 1.0)
    assert (bounds.seen, bounds.surely, bounds.at_least, bounds.at_most) == (10, 10, 10, 10)


def test_one_account_says_nothing_of_the_others() -> None:
    counts = np.zeros(REPLICATES)
    counts[3] = 40
    assert total(counts, [0.5]) == Estimate(80, 40, math.inf)
    assert share(counts / 2, counts, [0.5]) == Estimate(0.5, 0.0, 1.0)
    assert total(counts * 0, [0.5]) == Estimate(0, 0, math.inf)
    assert math.isnan(share(counts * 0, counts * 0, [0.5]).value)


def test_a_share_of_nothing_has_an_upper_end() -> None:
    """Of 64 accounts of one prompt none: the exact binomial bound for 64, less what groups scatter."""
    many = np.full(REPLICATES, 100) + np.tile([-10, 10], REPLICATES // 2)
    none = share(many * 0, many, [0.5])
    assert (none.value, none.low) == (0, 0)
    units = REPLICATES**2 * 100**2 / (REPLICATES * 100 * REPLICATES / (REPLICATES - 1))
    assert none.high == pytest.approx(1 - 0.025 ** (1 / units))
    everything = share(many, many, [0.5])
    assert (everything.low, everything.high) == (pytest.approx(1 - none.high), 1)


@given(
    st.lists(st.integers(0, 50), min_size=REPLICATES, max_size=REPLICATES),
    st.lists(st.integers(0, 50), min_size=REPLICATES, max_size=REPLICATES),
    st.floats(0.001, 1),
)
def test_an_interval_holds_its_value(inside: list[int], outside: list[int], rate: float) -> None:
    part, whole = np.array(inside), np.array(inside) + np.array(outside)
    found = total(part, [rate])
    assert part.sum() <= found.low * (1 + 1e-12) <= found.value * (1 + 1e-9) <= found.high * (1 + 2e-9)
    ratio = share(part, whole, [rate])
    if whole.sum():
        assert 0 <= ratio.low <= ratio.value * (1 + 1e-9) <= ratio.high * (1 + 2e-9) <= 1 + 3e-9


# -- accounts ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [0.05, 0.3])
@pytest.mark.parametrize("sizes", [np.full(3_000, 1), np.repeat([1, 2, 3, 8, 40], 600)], ids=["one", "mixed"])
def test_the_bounds_of_accounts_hold_between_them_what_is_true(sizes: Counts, rate: float) -> None:
    rng = np.random.default_rng(12)
    found = []
    for _ in range(DRAWS):
        seen = rng.binomial(sizes, rate)
        found.append(accounts(int((seen == 1).sum()), int((seen == 2).sum()), int((seen > 2).sum()), rate))
    truth = len(sizes)
    assert np.mean([b.at_least for b in found]) <= truth * 1.01
    assert np.mean([b.at_most for b in found]) >= truth * 0.99
    assert np.mean([b.surely <= truth for b in found]) >= 0.95
    assert all(b.seen <= b.surely <= b.at_least <= b.at_most * (1 + 1e-12) for b in found)


def test_accounts_of_one_prompt_each_are_counted_exactly() -> None:
    """The classical bound, 200^2 / 0 and no rate, would have no end here."""
    bounds = accounts(200, 0, 0, 0.1)
    assert bounds.at_least == pytest.approx(2_000)
    assert bounds.at_most == pytest.approx(2_000)


def test_at_a_small_rate_the_bound_is_that_of_chao() -> None:
    assert accounts(100, 50, 20, 1e-9).at_least == pytest.approx(170 + 100**2 / (2 * 50))


# -- comparisons ---------------------------------------------------------------------------------------


@given(st.integers(0, 300), st.integers(0, 300), st.floats(0.05, 20))
def test_counts_are_compared_by_the_exact_binomial(before: int, after: int, exposure: float) -> None:
    p = count_change([before], [after], exposure)[0]
    if before + after == 0:
        assert p == 1
        return
    chance = exposure / (1 + exposure)
    tails = [
        binomtest(after, before + after, chance, alternative=side).pvalue for side in ("less", "greater")
    ]
    assert p == pytest.approx(min(1.0, 2 * min(tails)), rel=1e-6, abs=1e-300)


def test_counting_noise_is_called_a_change_no_oftener_than_promised() -> None:
    rng = np.random.default_rng(13)
    p = count_change(rng.poisson(40, 20_000), rng.poisson(80, 20_000), 2.0)
    assert (p <= 0.05).mean() <= 0.05


def test_accounts_that_change_together_are_few_witnesses() -> None:
    """One account of 900 prompts that moves is not 900 prompts that moved."""
    rng = np.random.default_rng(14)
    x = rng.poisson(10, REPLICATES) + 1
    change, p = share_change(x * 0.2, x, x * 0.7, x)
    assert change == pytest.approx(0.5)
    assert p < 1e-6
    loud = x.copy()
    loud[0] = 900
    moved = np.zeros(REPLICATES)
    moved[0] = 900
    change, p = share_change(moved * 0, loud, moved, loud)
    assert change > 0.5
    assert p > 0.05
    assert share_change(x * 0, x, x * 0, x) == (0, 1)


def test_no_change_is_called_one_no_oftener_than_promised() -> None:
    rng = np.random.default_rng(15)
    found = []
    for _ in range(1_000):
        sizes = rng.poisson(8, (2, REPLICATES)) + 1
        taste = rng.beta(1, 2, (2, REPLICATES))  # each account has a model of its own choice
        y = rng.binomial(sizes, taste)
        found.append(share_change(y[0], sizes[0], y[1], sizes[1])[1])
    assert np.mean(np.array(found) <= 0.05) <= 0.07


def test_discoveries_are_those_of_benjamini_and_hochberg() -> None:
    p = [0.001, 0.2, 0.012, 0.04, 0.9]
    assert discoveries(p, 0.05).tolist() == [True, False, True, False, False]
    assert discoveries([], 0.05).tolist() == []
