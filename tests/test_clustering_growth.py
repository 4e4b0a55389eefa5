"""Families of which every request is reworded: planted ones grow whole, and nothing else does."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from campaigns.settings import FamilySettings
from clustering.families import find_families
from clustering.groups import FeatureSets
from clustering.growth import CARRIERS, Grower, grow_families
from clustering.senders import Pairs

SETTINGS = FamilySettings()
N_POOL, N_ORGANIC = 80, 800


def reworded(seed: int = 1, accounts: int = 20) -> tuple[FeatureSets, Pairs, NDArray[np.bytes_]]:
    """80 texts with 20 of the 60 features of one task each; organic texts with 25 of 3,000 each."""
    rng = np.random.default_rng(seed)
    rows = [
        [*rng.choice(60, 20, replace=False).tolist(), *rng.integers(1_000, 4_000, 6).tolist()]
        for _ in range(N_POOL)
    ]
    rows += [rng.integers(1_000, 4_000, 25).tolist() for _ in range(N_ORGANIC)]
    senders = [i % accounts for i in range(N_POOL)] + [1_000 + i for i in range(N_ORGANIC)]
    n = N_POOL + N_ORGANIC
    indptr = np.concatenate(([0], np.cumsum([len(set(row)) for row in rows]))).astype(np.int64)
    sets = FeatureSets.of(indptr, np.array([v for row in rows for v in sorted(set(row))], np.uint64))
    pairs = Pairs(np.array(senders, np.int64), np.arange(n, dtype=np.int64), np.ones(n, np.int64))
    return sets, pairs, np.array([f"{i:05}".encode() for i in range(n)], "S5")


def grow(sets: FeatureSets, pairs: Pairs, keys: NDArray[np.bytes_]) -> NDArray[np.int32]:
    return grow_families(sets, pairs, keys, np.ones(len(sets), np.bool_), SETTINGS).labels


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_family_without_a_core_grows_whole(seed: int) -> None:
    sets, pairs, keys = reworded(seed)
    assert (find_families(sets, pairs, keys, SETTINGS).final[:N_POOL] == -1).mean() > 0.5
    found = grow_families(sets, pairs, keys, np.ones(len(sets), np.bool_), SETTINGS)
    labels, strengths = found.labels, found.strengths
    assert set(labels[:N_POOL].tolist()) == {0}
    assert set(labels[N_POOL:].tolist()) == {-1}
    assert strengths[:N_POOL].min() >= 0.5
    assert strengths.max() <= 1.0


def test_a_pool_of_few_accounts_is_too_little_to_tell() -> None:
    fewest = SETTINGS.grow_accounts
    assert set(grow(*reworded(accounts=fewest - 1)).tolist()) == {-1}
    assert set(grow(*reworded(accounts=fewest))[:N_POOL].tolist()) == {0}


def with_shore(size: int, words: int) -> tuple[FeatureSets, NDArray[np.bytes_]]:
    """The texts of `reworded`, and some that carry a part of what the members carry: the same words, thinned out."""
    sets, _, _ = reworded()
    rng = np.random.default_rng(5)
    rows = [
        sets.features[sets.columns[sets.indptr[i] : sets.indptr[i + 1]]].tolist() for i in range(len(sets))
    ]
    rows += [sorted(rng.choice(60, words, replace=False).tolist()) for _ in range(size)]
    indptr = np.concatenate(([0], np.cumsum([len(row) for row in rows]))).astype(np.int64)
    wider = FeatureSets.of(indptr, np.array([v for row in rows for v in row], np.uint64))
    return wider, np.array([f"{i:05}".encode() for i in range(len(rows))], "S5")


def sent(accounts: list[int], prompts: list[int]) -> Pairs:
    """Text i was sent by account accounts[i], prompts[i] times."""
    return Pairs(np.array(accounts), np.arange(len(accounts), dtype=np.int64), np.array(prompts))


def test_a_genre_has_a_shore_and_a_family_is_an_island() -> None:
    sets, keys = with_shore(N_POOL, 9)
    accounts = [i % 20 for i in range(N_POOL)] + [1_000 + i for i in range(N_ORGANIC + N_POOL)]
    assert set(grow(*reworded())[:N_POOL].tolist()) == {0}
    assert set(grow(sets, sent(accounts, [1] * len(accounts)), keys).tolist()) == {-1}


def test_senders_who_send_as_much_else_as_anybody_are_no_pool_unless_the_island_is_clear() -> None:
    """Everybody writes one request. A short shore makes it a genre, but not if everybody else writes ten."""
    clear, _, clear_keys = reworded()
    n = len(clear)
    assert set(grow(clear, sent(list(range(n)), [1] * n), clear_keys)[:N_POOL].tolist()) == {0}
    sets, keys = with_shore(16, 6)
    n = len(sets)
    assert set(grow(sets, sent(list(range(n)), [1] * n), keys).tolist()) == {-1}
    busy = sent(list(range(n)), [1] * N_POOL + [10] * (n - N_POOL))
    assert set(grow(sets, busy, keys)[:N_POOL].tolist()) == {0}


def test_prompts_in_families_do_not_count_as_sent_besides() -> None:
    """The same accounts send two reworded families; each explains what the senders of the other sent besides."""
    rng = np.random.default_rng(3)
    rows = [sorted(rng.choice(60, 20, replace=False).tolist()) for _ in range(N_POOL)]
    rows += [sorted((500 + rng.choice(60, 20, replace=False)).tolist()) for _ in range(N_POOL)]
    rows += [sorted(set(rng.integers(1_000, 4_000, 25).tolist())) for _ in range(N_ORGANIC)]
    indptr = np.concatenate(([0], np.cumsum([len(row) for row in rows]))).astype(np.int64)
    sets = FeatureSets.of(indptr, np.array([v for row in rows for v in row], np.uint64))
    n = len(rows)
    accounts = np.array([i % 20 for i in range(2 * N_POOL)] + [1_000 + i for i in range(N_ORGANIC)])
    pairs = Pairs(accounts, np.arange(n, dtype=np.int64), np.ones(n, np.int64))
    labels = grow(sets, pairs, np.array([f"{i:05}".encode() for i in range(n)], "S5"))
    assert len(set(labels[:N_POOL].tolist())) == len(set(labels[N_POOL : 2 * N_POOL].tolist())) == 1
    assert sorted({labels[0], labels[N_POOL]}) == [0, 1]
    assert (labels[2 * N_POOL :] == -1).all()


def test_evidence_is_that_of_a_plain_sum() -> None:
    sets, pairs, _ = reworded()
    grower = Grower(sets, pairs, SETTINGS)
    profile = grower.profile(np.arange(0, 40, 2, dtype=np.int64))
    weight_of = dict(zip(profile.features.tolist(), profile.weights.tolist(), strict=True))
    expected = [
        sum(weight_of.get(c, 0.0) for c in sets.columns[sets.indptr[i] : sets.indptr[i + 1]].tolist())
        for i in range(len(sets))
    ]
    for least in (5.0, 15.0, 30.0):
        rows, told = grower.told(profile, least)
        assert told.tolist() == pytest.approx([expected[row] for row in rows], abs=1e-5)
        assert {row for row, value in enumerate(expected) if value >= least} <= set(rows.tolist())


def test_texts_that_are_not_open_stay_out() -> None:
    sets, pairs, keys = reworded()
    open_texts = np.ones(len(sets), np.bool_)
    open_texts[:10] = False
    labels = grow_families(sets, pairs, keys, open_texts, SETTINGS).labels
    assert set(labels[:10].tolist()) == {-1}
    assert set(labels[10:N_POOL].tolist()) == {0}


def test_permuted_rows_give_the_same_families() -> None:
    sets, pairs, keys = reworded()
    order = np.random.default_rng(2).permutation(len(sets))
    sizes = sets.sizes[order]
    columns = np.concatenate([sets.columns[sets.indptr[i] : sets.indptr[i + 1]] for i in order])
    shuffled = FeatureSets(np.concatenate(([0], np.cumsum(sizes))), columns, sets.features)
    others = Pairs(pairs.accounts[order], np.arange(len(sets), dtype=np.int64), pairs.prompts[order])
    assert np.array_equal(grow(shuffled, others, keys[order]), grow(sets, pairs, keys)[order])


def test_the_profile_is_that_of_the_formula() -> None:
    sets, pairs, _ = reworded()
    members = np.arange(40, dtype=np.int64)
    profile = Grower(sets, pairs, SETTINGS).profile(members)
    rows = [set(sets.columns[sets.indptr[i] : sets.indptr[i + 1]].tolist()) for i in range(len(sets))]
    everyone = len(set(pairs.accounts.tolist()))
    expected = {}
    for feature in set().union(*rows[:40]):
        by_account: dict[int, list[bool]] = {}
        for i in members:
            by_account.setdefault(int(pairs.accounts[i]), []).append(feature in rows[i])
        p = sum(sum(carried) / len(carried) for carried in by_account.values()) / len(by_account)
        carriers = sum(any(carried) for carried in by_account.values())
        total = len({int(a) for a, t in zip(pairs.accounts, pairs.texts, strict=True) if feature in rows[t]})
        q = (total - carriers + 0.5) / (everyone - len(by_account) + 1)
        if p >= SETTINGS.grow_presence and carriers >= CARRIERS and p >= SETTINGS.core_lift * q:
            expected[feature] = math.log(p / q)
    assert dict(zip(profile.features.tolist(), profile.weights.tolist(), strict=True)) == pytest.approx(
        expected
    )
    assert len(profile.accounts) == 20


def test_nothing_to_grow_from() -> None:
    empty = FeatureSets.of(np.zeros(3, np.int64), np.empty(0, np.uint64))
    pairs = Pairs(np.array([0, 1]), np.array([0, 1]), np.array([1, 1]))
    assert grow(empty, pairs, np.array([b"a", b"b"], "S1")).tolist() == [-1, -1]
