"""What marks a reworded wording, and what a prompt must carry of it: by hand, by oracle, by planted tails."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from campaigns.covers import UNIT
from labeling.covers import LEAST, TAIL, Held, Traffic, learn, tail_level, threshold

N_OWN, N_OTHERS, N_WORDS = 40, 400, 60
MARKS = range(24)
"""Words that two in three prompts of the family hold, and one in fifty of the others."""


def traffic(seed: int = 3, order: Sequence[int] | None = None) -> Traffic:
    """One family of a pool of twenty, two prompts each, among others who send one each."""
    rng = np.random.default_rng(seed)
    family = np.array([0] * N_OWN + [-1] * N_OTHERS, np.int32)
    chance = np.full((len(family), N_WORDS), 0.1)
    chance[:, MARKS] = np.where(family == 0, 2 / 3, 0.02)[:, None]
    holds = rng.random(chance.shape) < chance
    account = np.array([k // 2 for k in range(N_OWN)] + [100 + k for k in range(N_OTHERS)])
    places = np.arange(len(family)) if order is None else np.asarray(order)
    holds, family, account = holds[places], family[places], account[places]
    rows = np.lexsort((np.arange(len(family)), account))
    return Traffic(
        np.concatenate([[0], np.cumsum(holds.sum(axis=1))]).astype(np.int64),
        np.nonzero(holds)[1].astype(np.int32),
        np.arange(1, N_WORDS + 1).astype(np.uint64),
        family,
        np.ones(len(family), np.int64),
        account[rows].astype(np.int64),
        rows.astype(np.int64),
    )


def held_set(traffic: Traffic) -> NDArray[np.bool_]:
    out = np.zeros((len(traffic), len(traffic.words)), np.bool_)
    for row in range(len(traffic)):
        out[row, traffic.columns[traffic.indptr[row] : traffic.indptr[row + 1]]] = True
    return out


def weight(holds: NDArray[np.bool_], account: NDArray[np.int64], own: NDArray[np.bool_], word: int) -> int:
    """The oracle: ln(p / q) of one word, by its definition; 0 if it does not mark the family."""
    senders = np.unique(account[own])
    p = float(np.mean([holds[own & (account == one), word].mean() for one in senders]))
    others = np.unique(account[~own])
    carriers = sum(bool(holds[~own & (account == one), word].any()) for one in others)
    q = (carriers + 0.5) / (len(others) + 1)
    within = sum(bool(holds[own & (account == one), word].any()) for one in senders)
    return round(UNIT * float(np.log(p / q))) if p >= 0.15 and within >= 2 and p >= 5 * q else 0


def test_weights_are_what_the_definition_says() -> None:
    day = traffic()
    [found] = learn(day, [0])
    account = np.empty(len(day), np.int64)
    account[day.rows] = day.accounts
    expected = [weight(held_set(day), account, day.family == 0, word) for word in range(N_WORDS)]
    assert found.columns.tolist() == [word for word, told in enumerate(expected) if told]
    assert found.weights.tolist() == [told for told in expected if told]
    assert set(MARKS) <= set(found.columns.tolist())


def test_a_prompt_is_held_out_from_what_it_is_measured_by() -> None:
    """The oracle: each half of the senders learnt by itself and tried on the other."""
    day = traffic()
    halves = day.halves()
    account = np.empty(len(day), np.int64)
    account[day.rows] = day.accounts
    for one in np.unique(account):
        assert len(np.unique(halves[account == one])) == 1
    assert abs(int(halves[day.family == 0].sum()) - N_OWN // 2) <= 2
    holds = held_set(day)
    told = np.zeros(len(day), np.int64)
    for half in (0, 1):
        on = halves == half
        weights = np.array(
            [weight(holds[on], account[on], day.family[on] == 0, word) for word in range(N_WORDS)]
        )
        told[~on] = holds[~on] @ weights
    [found] = learn(day, [0])
    assert found.held.own.tolist() == sorted(told[day.family == 0].tolist())
    assert (
        found.held.organic.tolist() == sorted(told[day.family < 0].tolist())[::-1][: len(found.held.organic)]
    )
    assert len(found.held.organic) > TAIL
    assert found.held.n_organic == N_OTHERS


def test_the_family_is_told_from_the_others() -> None:
    [found] = learn(traffic(), [0])
    least = threshold(found.held, 1e-3)
    assert found.held.organic[0] < least
    assert (found.held.own >= least).mean() >= 0.9


def test_the_order_of_rows_does_not_matter() -> None:
    [straight] = learn(traffic(), [0])
    [shuffled] = learn(traffic(order=np.random.default_rng(8).permutation(N_OWN + N_OTHERS).tolist()), [0])
    assert straight.columns.tolist() == shuffled.columns.tolist()
    assert straight.weights.tolist() == shuffled.weights.tolist()


def test_texts_of_other_families_are_told_apart() -> None:
    day = traffic()
    two = day.family.copy()
    two[N_OWN : N_OWN + 5] = 1
    named = Traffic(day.indptr, day.columns, day.words, two, day.prompts, day.accounts, day.rows)
    found, _ = learn(named, [0, 1])
    assert set(found.held.others[0].tolist()) <= {1}
    assert found.held.n_organic == N_OTHERS - 5


@pytest.mark.parametrize("rate", [1e-4, 1e-6])
def test_a_planted_tail_is_found_again(rate: float) -> None:
    """Sums of an exponential tail of 2 nats: the level that one in 1 / rate reaches is known."""
    scale, n = 2_000.0, 20_000
    levels = []
    for seed in range(40):
        drawn = np.sort(np.random.default_rng(seed).exponential(scale, n))[::-1].astype(np.int64)
        levels.append(tail_level(drawn[: TAIL + 1], n, rate))
    assert np.median(levels) == pytest.approx(scale * np.log(1 / rate), rel=0.1)


def test_a_few_copies_among_strangers_do_not_move_the_threshold() -> None:
    drawn = np.sort(np.random.default_rng(1).exponential(2_000, 20_000))[::-1].astype(np.int64)
    own = np.full(50, 90_000, np.int64)
    nobody = (np.empty(0, np.int32), np.empty(0, np.int64))

    def asked(organic: NDArray[np.int64]) -> int:
        return threshold(Held(own, organic, 20_000, nobody), 1e-8)

    clean = asked(drawn[: TAIL + 1])
    copied = np.concatenate([[90_000] * 3, drawn])
    assert asked(copied[: TAIL + 1].astype(np.int64)) == pytest.approx(clean, rel=0.1)
    assert clean < 60_000


def test_a_prompt_must_always_reach_the_least() -> None:
    nobody = (np.empty(0, np.int32), np.empty(0, np.int64))
    held = Held(np.full(30, 20_000, np.int64), np.zeros(TAIL + 1, np.int64), 20_000, nobody)
    assert threshold(held, 1e-3) == LEAST
