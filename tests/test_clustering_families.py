"""Groups, cores and families: brute-force oracles, planted truth, independence of row order."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from campaigns.settings import FamilySettings
from clustering.cores import coverage, find_cores
from clustering.families import find_families
from clustering.groups import FeatureSets, group_by_anchor
from clustering.lexical import Readings, lexical_groups
from clustering.senders import Pairs

SETTINGS = FamilySettings()


def sets_of(rows: list[list[int]]) -> FeatureSets:
    indptr = np.concatenate(([0], np.cumsum([len(set(row)) for row in rows]))).astype(np.int64)
    values = np.array([value for row in rows for value in sorted(set(row))], np.uint64)
    return FeatureSets.of(indptr, values)


def keys_of(n: int) -> NDArray[np.bytes_]:
    return np.array([f"{i:04}".encode() for i in range(n)], "S4")


def pairs_of(accounts: list[int], prompts: int = 1) -> Pairs:
    """Text i was sent by account accounts[i]."""
    n = len(accounts)
    return Pairs(np.array(accounts, np.int64), np.arange(n, dtype=np.int64), np.full(n, prompts, np.int64))


def anchor_oracle(rows: list[set[int]], weights: list[int], overlap: float) -> list[int]:
    groups, anchors = [-1] * len(rows), []
    for i in sorted(range(len(rows)), key=lambda i: (-weights[i], -len(rows[i]), i)):
        if not rows[i]:
            continue
        jaccards = [len(rows[i] & rows[a]) / len(rows[i] | rows[a]) for a in anchors]
        best = max(range(len(anchors)), key=lambda g: (jaccards[g], -g), default=None)
        if best is not None and jaccards[best] >= overlap:
            groups[i] = best
        else:
            anchors.append(i)
            groups[i] = len(anchors) - 1
    return groups


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.sets(st.integers(0, 12), max_size=6), st.integers(1, 3)), max_size=20),
    st.sampled_from([0.2, 0.34, 0.5]),
)
def test_anchor_groups_are_those_of_the_oracle(rows: list[tuple[set[int], int]], overlap: float) -> None:
    sets = sets_of([list(row) for row, _ in rows])
    weights = np.array([weight for _, weight in rows], np.int64)
    found = group_by_anchor(sets, weights, keys_of(len(rows)), overlap)
    assert found.tolist() == anchor_oracle([row for row, _ in rows], weights.tolist(), overlap)


def test_thousands_of_anchors_outgrow_every_first_buffer() -> None:
    rows = [[3 * i, 3 * i + 1, 3 * i + 2] for i in range(3_000)]
    found = group_by_anchor(sets_of(rows), np.ones(3_000, np.int64), keys_of(3_000), 0.2)
    assert found.tolist() == list(range(3_000))


def test_a_chain_of_bridges_does_not_glue_two_families() -> None:
    left, right = list(range(10)), list(range(20, 30))
    bridges = [left[: 10 - i] + right[:i] for i in range(1, 10)]
    rows = [left] * 5 + [right] * 5 + bridges
    weights = np.array([5] * 10 + [1] * 9, np.int64)
    found = group_by_anchor(sets_of(rows), weights, keys_of(len(rows)), 0.2)
    assert found[0] != found[5]


def core_oracle(rows: list[set[int]], groups: list[int], accounts: list[int]) -> dict[int, dict[int, float]]:
    """Weights by the formula of the module, one feature at a time; each text has one account."""
    result: dict[int, dict[int, float]] = {}
    everyone = len(set(accounts))
    for group in sorted(set(groups) - {-1}):
        members = [i for i, g in enumerate(groups) if g == group]
        inside = {accounts[i] for i in members}
        if len(members) < SETTINGS.min_prompts or len(inside) < SETTINGS.min_accounts:
            continue
        weights: dict[int, float] = {}
        for feature in set().union(*(rows[i] for i in members)):
            mass = 0.0
            for account in inside:
                mine = [i for i in members if accounts[i] == account]
                mass += sum(feature in rows[i] for i in mine) / len(mine)
            total = len({accounts[i] for i in range(len(rows)) if feature in rows[i]})
            p = mass / len(inside)
            carriers = len({accounts[i] for i in members if feature in rows[i]})
            q = (total - carriers + 0.5) / (everyone - len(inside) + 1)
            if p >= SETTINGS.core_presence and p >= SETTINGS.core_lift * q:
                weights[feature] = p * math.log(p / q)
        result[group] = weights
    return result


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(st.sets(st.integers(0, 9), min_size=1, max_size=5), st.integers(-1, 2), st.integers(0, 30)),
        min_size=1,
        max_size=40,
    )
)
def test_cores_are_those_of_the_formula(rows: list[tuple[set[int], int, int]]) -> None:
    texts = [row for row, _, _ in rows]
    groups = [group for _, group, _ in rows]
    accounts = [account for _, _, account in rows]
    sets = sets_of([list(row) for row in texts])
    pairs = pairs_of(accounts)
    cores = find_cores(sets, np.array(groups, np.int32), pairs, SETTINGS)
    expected = core_oracle(texts, groups, accounts)
    assert cores.groups.tolist() == sorted(expected)
    for row, group in enumerate(cores.groups.tolist()):
        found = cores.weights[[row]].tocoo()
        features = sets.features[found.col].tolist()
        assert dict(zip(features, found.data.tolist(), strict=True)) == pytest.approx(
            expected[group], rel=1e-5
        )
        assert cores.strengths[row] == pytest.approx(sum(expected[group].values()), rel=1e-5)


def planted(seed: int = 7, n_organic: int = 600) -> tuple[FeatureSets, Pairs, list[int]]:
    """Two families of 40 texts with 20 template features each, 15 features of slot noise; the rest is organic."""
    rng = np.random.default_rng(seed)
    rows, accounts, truth = [], [], []
    for family in range(2):
        template = np.arange(1_000 * (family + 1), 1_000 * (family + 1) + 20)
        for i in range(40):
            kept = template[rng.random(20) < 0.9]
            rows.append([*kept.tolist(), *rng.integers(10_000, 30_000, 15).tolist()])
            accounts.append(100 * family + i % 20)
            truth.append(family)
    for i in range(n_organic):
        rows.append(rng.integers(10_000, 30_000, 20).tolist())
        accounts.append(1_000 + i)
        truth.append(-1)
    return sets_of(rows), pairs_of(accounts), truth


def test_planted_families_are_recovered_and_nothing_else() -> None:
    sets, pairs, truth = planted()
    found = find_families(sets, pairs, keys_of(len(sets)), SETTINGS)
    final = found.final
    assert sorted(set(final[final >= 0].tolist())) == sorted({final[0], final[40]})
    for family in range(2):
        rows = [i for i, t in enumerate(truth) if t == family]
        assert (final[rows] == final[rows[0]]).all()
    organic = [i for i, t in enumerate(truth) if t < 0]
    assert (final[organic] == -1).all()
    assert (found.strengths[:80] >= SETTINGS.member_share).all()


def test_permuted_rows_give_the_same_families() -> None:
    sets, pairs, _ = planted()
    n = len(sets)
    keys = keys_of(n)
    straight = find_families(sets, pairs, keys, SETTINGS)
    order = np.random.default_rng(1).permutation(n)
    rows = [sets.features[sets.columns[sets.indptr[i] : sets.indptr[i + 1]]].tolist() for i in order]
    shuffled_pairs = Pairs(pairs.accounts[order], np.arange(n, dtype=np.int64), pairs.prompts[order])
    shuffled = find_families(sets_of(rows), shuffled_pairs, keys[order], SETTINGS)
    assert np.array_equal(shuffled.final, straight.final[order])
    assert np.array_equal(shuffled.strengths, straight.strengths[order])


def test_coverage_is_the_carried_share_of_the_weight() -> None:
    sets, pairs, truth = planted()
    groups = np.array(truth, np.int32)
    cores = find_cores(sets, groups, pairs, SETTINGS)
    carried = coverage(sets, cores).toarray()
    weights = cores.weights.toarray()
    for text in (0, 41, 100):
        columns = sets.columns[sets.indptr[text] : sets.indptr[text + 1]]
        expected = weights[:, columns].sum(axis=1) / weights.sum(axis=1)
        assert carried[text] == pytest.approx(expected, abs=1e-5)


def test_one_account_is_no_family() -> None:
    sets, pairs, _ = planted(n_organic=0)
    alone = Pairs(np.zeros_like(pairs.accounts), pairs.texts, pairs.prompts)
    assert (find_families(sets, alone, keys_of(len(sets)), SETTINGS).final == -1).all()


def test_a_large_pool_does_not_explain_itself_away() -> None:
    """Every account sends four prompts that carry three quarters of the template; strength must not fall with size."""
    rng = np.random.default_rng(8)
    strengths = []
    for n_pool in (50, 500):
        rows = [np.flatnonzero(rng.random(40) < 0.75).tolist() for _ in range(4 * n_pool)]
        rows += [[1_000 + int(v)] for v in rng.integers(0, 10**6, 1_000 - n_pool)]
        accounts = np.array([i // 4 for i in range(4 * n_pool)] + [10_000 + i for i in range(1_000 - n_pool)])
        groups = np.array([0] * (4 * n_pool) + [-1] * (1_000 - n_pool), np.int32)
        cores = find_cores(sets_of(rows), groups, pairs_of(accounts.tolist()), SETTINGS)
        strengths.append(float(cores.strengths[0]))
    assert strengths[0] > 80
    assert strengths[1] > 80


def test_a_feature_of_exactly_one_half_does_not_hang_on_the_numbering_of_accounts() -> None:
    # Three accounts of three, six and two texts carry feature 7 in 1/3, 2/3 and 1/2 of them: together one half.
    carried = [(0, 1, 3), (1, 4, 6), (2, 1, 2)]
    found = set()
    for numbering in permutations(range(3)):
        rows, accounts = [], []
        for account, with_it, n in carried:
            rows += [[7, 8] if i < with_it else [8] for i in range(n)]
            accounts += [numbering[account]] * n
        pairs = pairs_of(accounts)
        groups = np.zeros(len(rows), np.int32)
        cores = find_cores(sets_of(rows), groups, pairs, SETTINGS)
        found.add((cores.common.nnz, round(float(cores.strengths[0]), 6)))
    assert found == {(2, next(iter(found))[1])}


def test_a_few_quoters_are_no_family_on_the_evidence_of_what_they_quote() -> None:
    sets, pairs, _ = planted()
    n = len(sets)
    rows = [sets.features[sets.columns[sets.indptr[i] : sets.indptr[i + 1]]].tolist() for i in range(n)]
    quote = list(range(1_000, 1_012))  # 12 of the 20 template features of the first family
    rng = np.random.default_rng(9)
    quoters = [quote + rng.integers(10_000, 30_000, 3).tolist() for _ in range(6)]
    wide = sets_of(rows + quoters)
    strict = sets_of(rows + [row[12:] for row in quoters])
    everyone = Pairs(
        np.concatenate([pairs.accounts, [7_000, 7_001] * 3]), np.arange(n + 6), np.ones(n + 6, np.int64)
    )
    nothing = sets_of([[] for _ in range(n + 6)])
    readings = Readings(strict, nothing, wide, nothing)
    found = lexical_groups(readings, everyone, keys_of(n + 6), SETTINGS).families
    assert (found[:40] == found[0]).all()
    assert found[0] >= 0
    assert (found[n:] == -1).all()


@pytest.mark.parametrize("rows", [[], [[]], [[], [1]], [[1]]])
def test_next_to_nothing_is_no_family(rows: list[list[int]]) -> None:
    sets = sets_of(rows)
    pairs = pairs_of(list(range(len(rows))))
    assert (
        lexical_groups(Readings(sets, sets, sets, sets), pairs, keys_of(len(rows)), SETTINGS).families == -1
    ).all()


def families(pair_rows: list[list[int]], edge: list[list[int]], pairs: Pairs) -> NDArray[np.int32]:
    nothing = sets_of([[] for _ in edge])
    readings = Readings(sets_of(pair_rows), sets_of(edge), nothing, nothing)
    return lexical_groups(readings, pairs, keys_of(len(edge)), SETTINGS).families


def edge_rows(n: int, family: int, n_features: int = 12) -> list[list[int]]:
    first = 50_000 + 1_000 * family
    return [list(range(first, first + n_features)) for _ in range(n)]


def test_edges_find_what_pairs_leave_open() -> None:
    rng = np.random.default_rng(3)
    n_short, n_organic = 30, 600
    pair_rows = [rng.integers(0, 30_000, 25).tolist() for _ in range(n_short + n_organic)]
    edge = edge_rows(n_short, 0) + [[int(v)] for v in rng.integers(90_000, 200_000, n_organic)]
    pairs = pairs_of([i % 15 for i in range(n_short)] + [100 + i for i in range(n_organic)])
    found = families(pair_rows, edge, pairs)
    assert len(set(found[:n_short].tolist())) == 1
    assert found[0] >= 0
    assert (found[n_short:] == -1).all()


def test_edges_bring_stragglers_home_and_do_not_split_a_family() -> None:
    sets, pairs, truth = planted()
    rng = np.random.default_rng(4)
    n = len(sets)
    straggler = [rng.integers(10_000, 30_000, 20).tolist() for _ in range(4)]
    rows = [sets.features[sets.columns[sets.indptr[i] : sets.indptr[i + 1]]].tolist() for i in range(n)]
    edge = [edge_rows(1, t)[0] if t >= 0 else [int(rng.integers(90_000, 200_000))] for t in truth]
    edge += edge_rows(4, 0)
    everyone = Pairs(
        np.concatenate([pairs.accounts, np.arange(5_000, 5_004)]),
        np.arange(n + 4, dtype=np.int64),
        np.ones(n + 4, np.int64),
    )
    found = families(rows + straggler, edge, everyone)
    assert (found[n:] == found[0]).all()
    assert len(set(found[found >= 0].tolist())) == 2


def test_two_templates_round_the_same_slot_texts_stay_apart() -> None:
    """Both pools ask about the same forty passages, each with a template of its own."""
    rng = np.random.default_rng(6)
    passages = [rng.integers(10_000, 30_000, 15).tolist() for _ in range(40)]
    rows = [list(range(1_000, 1_020)) + passage for passage in passages]
    rows += [list(range(2_000, 2_020)) + passage for passage in passages]
    rows += [rng.integers(10_000, 30_000, 20).tolist() for _ in range(600)]
    pairs = pairs_of([i % 20 for i in range(40)] + [100 + i % 20 for i in range(40)] + list(range(200, 800)))
    final = find_families(sets_of(rows), pairs, keys_of(len(rows)), SETTINGS).final
    assert len(set(final[:40].tolist())) == 1
    assert len(set(final[40:80].tolist())) == 1
    assert -1 < final[0] != final[40] > -1
