"""Strength: members of a pool are named, passers-by are not, and nobody where nothing was leaked."""

from __future__ import annotations

import numpy as np
import pytest
from accounts_cases import Family, dealt, leaking, members_of, nothing_known, only_case, population
from numpy.typing import NDArray

from accounts.case import Case
from accounts.strength import CORE_STRENGTH, FACTS, PRIOR, WARY_PRIOR, strengths


def mixture(
    seed: int, n_pool: int = 40, n_passers: int = 4, **leaked: object
) -> tuple[Case, NDArray[np.bool_]]:
    """A pool that deals three prompts to each account, and ordinary accounts that sent the template once."""
    rng = np.random.default_rng(seed)
    people = population(2_000, seed)
    chosen = rng.choice(2_000, n_pool + n_passers, replace=False)
    pool, passers = chosen[:n_pool], chosen[n_pool:]
    if leaked:
        people = leaking(people, pool, seed=seed, **leaked)  # type: ignore[arg-type]
    case = only_case(members_of(people, [dealt(pool, 3, rng), dealt(passers, 1, rng)]))
    return case, np.isin(case.accounts, pool)


@pytest.mark.parametrize(
    "leaked",
    [
        {"made_within": 2.0, "n_prompts": 4},
        {"accounts_per_card": 8, "n_prompts": 4},
        {"accounts_per_range": 6, "n_prompts": 10},
        {"made_within": 5.0, "accounts_per_card": 5, "n_prompts": 30},
    ],
    ids=["made together", "cards", "ranges", "much cover"],
)
def test_members_are_named_and_passers_by_are_not(leaked: dict[str, object]) -> None:
    """Ten of a hundred accounts are passers-by, over twenty campaigns of each kind."""
    named, wrongly = [], []
    for seed in range(20):
        case, member = mixture(seed, **leaked)
        strength, _ = strengths(case, PRIOR)
        named.append((strength[member] >= CORE_STRENGTH).mean())
        wrongly.append((strength[~member] >= CORE_STRENGTH).mean())
    assert np.mean(named) > 0.97
    assert np.mean(wrongly) <= 0.03


@pytest.mark.parametrize(("prior", "most"), [(PRIOR, 0.04), (WARY_PRIOR, 0.02)])
def test_ordinary_accounts_that_sent_a_template_are_not_named(prior: float, most: float) -> None:
    """Measured: 0.017 and 0.000."""
    wrongly = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        rows = np.sort(rng.choice(2_000, 40, replace=False))
        times = rng.choice([1, 2, 3], 40, p=[0.75, 0.2, 0.05])
        senders = np.repeat(rows, times)
        texts = [f"text {i}" for i in range(len(senders))]
        case = only_case(members_of(population(2_000, seed), [Family(senders, texts)]))
        wrongly.append((strengths(case, prior)[0] >= CORE_STRENGTH).mean())
    assert np.mean(wrongly) <= most


def test_log_odds_and_prior_make_the_strength() -> None:
    case, _ = mixture(1, made_within=2.0, n_prompts=4)
    strength, odds = strengths(case, PRIOR)
    assert odds.shape == (44, len(FACTS))
    total = np.log(PRIOR / (1 - PRIOR)) + odds.sum(axis=1)
    assert strength == pytest.approx(1 / (1 + np.exp(-total)), abs=1e-5)


def test_what_speaks_for_a_member_is_what_was_leaked() -> None:
    case, member = mixture(2, accounts_per_card=8, n_prompts=4)
    odds = strengths(case, PRIOR)[1].mean(axis=0, where=member[:, None])
    assert FACTS[int(odds.argmax())] == "payment card"
    assert abs(odds[FACTS.index("client")]) < 0.5


def test_a_lower_prior_names_fewer() -> None:
    case, _ = mixture(3, made_within=20.0)
    low, high = (strengths(case, prior)[0] for prior in (WARY_PRIOR, PRIOR))
    assert (low <= high + 1e-6).all()


def test_one_account_is_what_the_prior_says() -> None:
    rng = np.random.default_rng(0)
    case = only_case(members_of(population(50), [dealt(np.array([3]), 4, rng)]))
    assert strengths(case, PRIOR)[0] == pytest.approx([PRIOR])


@pytest.mark.parametrize("m", [1, 2, 30, 300], ids=str)
def test_every_number_is_finite_where_nothing_is_known(m: int) -> None:
    rng = np.random.default_rng(0)
    case = only_case(members_of(nothing_known(population(300)), [dealt(np.arange(m), 2, rng)]))
    strength, odds = strengths(case, PRIOR)
    assert np.isfinite(strength).all()
    assert np.isfinite(odds).all()
    assert ((strength >= 0) & (strength <= 1)).all()


def test_a_pool_that_leaks_nothing_is_named_by_where_else_its_accounts_are_and_were() -> None:
    """Members are in a second campaign and were here before; passers-by are and were not."""
    case, member = mixture(3, n_prompts=6)
    met = np.column_stack([member, member]).astype(np.int64)
    strength, odds = strengths(case, PRIOR, met)
    assert (strength[member] >= CORE_STRENGTH).mean() > 0.95
    assert (strength[~member] < CORE_STRENGTH).all()
    for fact in ("other campaigns", "days before"):
        column = odds[:, FACTS.index(fact)]
        assert column[member].min() > 0 > column[~member].max()


def test_a_first_day_without_other_campaigns_says_nothing_either_way() -> None:
    case, _ = mixture(3, n_prompts=6)
    nothing = np.zeros((len(case.accounts), 2), np.int64)
    assert strengths(case, PRIOR, nothing)[0].tolist() == strengths(case, PRIOR)[0].tolist()
    assert (
        np.abs(
            strengths(case, PRIOR)[1][:, [FACTS.index("other campaigns"), FACTS.index("days before")]]
        ).max()
        < 0.1
    )
