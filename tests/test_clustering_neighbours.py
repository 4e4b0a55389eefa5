"""Nearest texts of other accounts: a brute-force oracle, and what an account repeats."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from clustering.cores import feature_accounts
from clustering.groups import FeatureSets
from clustering.neighbours import Neighbours, nearest_of_others
from clustering.senders import Pairs

K = 3


def found(rows: list[set[int]], accounts: list[int], among: list[bool] | None = None) -> Neighbours:
    indptr = np.concatenate(([0], np.cumsum([len(row) for row in rows]))).astype(np.int64)
    sets = FeatureSets.of(indptr, np.array([v for row in rows for v in sorted(row)], np.uint64))
    n = len(rows)
    pairs = Pairs(np.array(accounts, np.int64), np.arange(n, dtype=np.int64), np.ones(n, np.int64))
    chosen = np.ones(n, np.bool_) if among is None else np.array(among)
    return nearest_of_others(sets, pairs, feature_accounts(sets, pairs), chosen, K, 0.3)


def cosines(rows: list[set[int]], accounts: list[int]) -> list[list[float]]:
    everyone = len(set(accounts))
    carriers = {
        v: len({a for row, a in zip(rows, accounts, strict=True) if v in row}) for v in set().union(*rows)
    }
    weight = {v: math.log(everyone / n) ** 2 for v, n in carriers.items()}
    length = [math.sqrt(sum(weight[v] for v in row)) + 1e-9 for row in rows]
    return [
        [sum(weight[v] for v in one & other) / (length[i] * length[j]) for j, other in enumerate(rows)]
        for i, one in enumerate(rows)
    ]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.sets(st.integers(0, 15), min_size=1, max_size=7), st.integers(0, 6)),
        min_size=1,
        max_size=25,
    )
)
def test_neighbours_are_those_of_the_oracle(texts: list[tuple[set[int], int]]) -> None:
    rows, accounts = [row for row, _ in texts], [account for _, account in texts]
    near = found(rows, accounts)
    exact = cosines(rows, accounts)
    assert near.rows.tolist() == list(range(len(rows)))
    for i in range(len(rows)):
        best: dict[int, float] = {}
        for j in range(len(rows)):
            if accounts[j] != accounts[i] and exact[i][j] > 0:
                best[accounts[j]] = max(best.get(accounts[j], 0.0), exact[i][j])
        expected = sorted(best.values(), reverse=True)[:K]
        given_cosines = [c for c, j in zip(near.cosines[i], near.nearest[i], strict=True) if j >= 0]
        assert np.allclose(given_cosines, expected, atol=1e-5)
        chosen = [accounts[j] for j in near.nearest[i] if j >= 0]
        assert len(set(chosen)) == len(chosen)
        assert accounts[i] not in chosen
        same = [j for j in range(len(rows)) if j != i and accounts[j] == accounts[i]]
        assert near.repeats[i] == 1 + sum(exact[i][j] >= 0.3 for j in same)


def test_texts_that_are_not_asked_about_are_not_found() -> None:
    rows = [{1, 2, 3}, {1, 2, 3}, {1, 2, 4}, {9}]
    near = found(rows, [0, 1, 2, 3], among=[True, False, True, True])
    assert near.rows.tolist() == [0, 2, 3]
    assert near.nearest[0].tolist() == [2, -1, -1]


def test_a_text_of_several_accounts_is_nobodys_own() -> None:
    pairs = Pairs(np.array([0, 1, 1]), np.array([0, 0, 1]), np.array([1, 1, 1]))
    senders = pairs.sender_of_text(2)
    assert senders[1] == 1
    assert senders[0] not in (0, 1)
