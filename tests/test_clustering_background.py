"""What was usual on trailing days: an oracle for the figures, and an idiom planted beside a campaign."""

from __future__ import annotations

import math
from dataclasses import replace
from random import Random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from campaigns.records import BACKGROUND
from campaigns.settings import FamilySettings
from clustering.background import FEWEST_ACCOUNTS, background_of, usual_of, with_usual
from clustering.cores import find_cores
from clustering.groups import FeatureSets
from clustering.growth import Grower
from clustering.lexical import Readings, lexical_groups
from clustering.senders import Pairs

SETTINGS = FamilySettings()
IDIOM, TEMPLATE = range(1_000, 1_020), range(2_000, 2_020)
N_EACH, N_OTHERS = 40, 600

Rows = list[list[int]]


def sets_of(rows: Rows) -> FeatureSets:
    indptr = np.cumsum([0, *(len(set(row)) for row in rows)]).astype(np.int64)
    return FeatureSets.of(indptr, np.array([one for row in rows for one in sorted(set(row))], np.uint64))


def readings_of(rows: Rows) -> Readings:
    nothing = sets_of([[] for _ in rows])
    return Readings(pairs=sets_of(rows), edges=nothing, wide_pairs=nothing, windows=nothing)


def pairs_of(accounts: list[int]) -> Pairs:
    n = len(accounts)
    return Pairs(np.array(accounts, np.int64), np.arange(n), np.ones(n, np.int64))


def table_of(rows: list[tuple[str, int, float]]) -> pa.Table:
    names, features, shares = zip(*rows, strict=True)
    return pa.table({"reading": names, "feature": pa.array(features, pa.uint64()), "share": shares}).cast(
        BACKGROUND
    )


def keys_of(n: int) -> NDArray[np.bytes_]:
    return np.array([f"{i:04}".encode() for i in range(n)], "S4")


# -- an idiom and a campaign ---------------------------------------------------------------------------


def day(seed: int) -> tuple[Readings, Pairs]:
    """40 texts of 20 accounts that share 20 features, twice: a new idiom and a campaign; then 600 other texts."""
    rng = np.random.default_rng(seed)
    rows = [
        [*phrase, *rng.integers(10_000, 30_000, 10).tolist()]
        for phrase in (IDIOM, TEMPLATE)
        for _ in range(N_EACH)
    ]
    rows += [rng.integers(10_000, 30_000, 20).tolist() for _ in range(N_OTHERS)]
    accounts = [100 * (i // N_EACH) + i % 20 for i in range(2 * N_EACH)] + [
        1_000 + i for i in range(N_OTHERS)
    ]
    return readings_of(rows), pairs_of(accounts)


def earlier_day(seed: int) -> tuple[Readings, Pairs]:
    """The campaign again; of the other texts each carries half of the idiom: people say it among other things."""
    rng = np.random.default_rng(seed)
    rows = [[*TEMPLATE, *rng.integers(10_000, 30_000, 10).tolist()] for _ in range(N_EACH)]
    rows += [
        [*rng.choice(list(IDIOM), 10, replace=False).tolist(), *rng.integers(10_000, 30_000, 20).tolist()]
        for _ in range(N_OTHERS)
    ]
    return readings_of(rows), pairs_of([i % 20 for i in range(N_EACH)] + [1_000 + i for i in range(N_OTHERS)])


def found_on(readings: Readings, pairs: Pairs) -> tuple[bool, bool]:
    """Whether the idiom and the campaign of `day` are families, each whole; nothing else may be one."""
    families = lexical_groups(readings, pairs, keys_of(len(readings)), SETTINGS).families
    assert (families[2 * N_EACH :] == -1).all()
    halves = families[:N_EACH], families[N_EACH : 2 * N_EACH]
    assert all(len(set(half.tolist())) == 1 for half in halves)
    return bool(halves[0][0] >= 0), bool(halves[1][0] >= 0)


def test_what_people_said_on_the_days_before_is_an_idiom_and_no_family() -> None:
    readings, pairs = day(1)
    assert found_on(readings, pairs) == (True, True)
    before, sent = earlier_day(2)
    in_family = np.arange(len(before)) < N_EACH
    backgrounds = [background_of(before, sent, in_family)]
    assert found_on(with_usual(readings, usual_of(readings, backgrounds)), pairs) == (False, True)


def test_a_campaign_found_on_each_day_stays_one() -> None:
    backgrounds: list[pa.Table] = []
    for seed in (1, 2, 3):
        readings, pairs = day(seed)
        known = with_usual(readings, usual_of(readings, backgrounds))
        families = lexical_groups(known, pairs, keys_of(len(known)), SETTINGS).families
        assert found_on(known, pairs) == (True, True)
        backgrounds.append(background_of(known, pairs, families >= 0))
        assert not np.isin([*IDIOM, *TEMPLATE], backgrounds[-1]["feature"].to_numpy()).any()


def test_a_campaign_that_was_overlooked_makes_itself_usual() -> None:
    """The price of asking the days before: twenty accounts of 640 in no family weigh on the same words later."""
    readings, pairs = day(1)
    overlooked = background_of(readings, pairs, np.zeros(len(readings), np.bool_))
    groups = np.repeat(np.array([0, 1, -1], np.int32), [N_EACH, N_EACH, N_OTHERS])
    fresh = find_cores(readings.pairs, groups, pairs, SETTINGS)
    late = find_cores(with_usual(readings, usual_of(readings, [overlooked])).pairs, groups, pairs, SETTINGS)
    assert late.strengths == pytest.approx(20 * math.log(640 / 20), rel=1e-5)
    assert fresh.strengths == pytest.approx(20 * math.log(621 / 0.5), rel=1e-5)


# -- the figures ---------------------------------------------------------------------------------------

texts = st.lists(
    st.tuples(st.sets(st.integers(0, 6), max_size=5), st.integers(0, 7), st.booleans()),
    min_size=1,
    max_size=30,
)


@settings(max_examples=100, deadline=None)
@given(texts, st.randoms(use_true_random=False))
def test_shares_are_those_of_a_count_in_any_order(
    rows: list[tuple[set[int], int, bool]], draw: Random
) -> None:
    everyone = len({account for _, account, _ in rows})
    expected = []
    for feature in range(7):
        carriers = {account for row, account, inside in rows if feature in row and not inside}
        if len(carriers) >= FEWEST_ACCOUNTS:
            expected.append({"reading": "pairs", "feature": feature, "share": len(carriers) / everyone})
    for _ in range(2):
        readings, pairs = readings_of([list(row) for row, _, _ in rows]), pairs_of([a for _, a, _ in rows])
        inside = np.array([inside for _, _, inside in rows])
        found = background_of(readings, pairs, inside)
        assert found.schema == BACKGROUND
        assert found.to_pylist() == expected
        draw.shuffle(rows)


def test_every_reading_has_its_own_shares_in_order() -> None:
    one, other = sets_of([[9, 5]] * 4), sets_of([[5]] * 3 + [[]])
    found = background_of(Readings(one, other, one, other), pairs_of([1, 2, 3, 4]), np.zeros(4, np.bool_))
    assert [tuple(row.values()) for row in found.to_pylist()] == [
        ("edges", 5, 0.75), ("pairs", 5, 1.0), ("pairs", 9, 1.0), ("wide_pairs", 5, 1.0), ("wide_pairs", 9, 1.0),
        ("windows", 5, 0.75),
    ]  # fmt: skip


def test_usual_is_the_mean_of_the_days_for_features_of_today() -> None:
    days = [
        table_of([("edges", 3, 0.9), ("pairs", 3, 0.5), ("pairs", 4, 0.25), ("pairs", 8, 0.5)]),
        table_of([("pairs", 3, 0.25)]),
    ]
    readings = readings_of([[3, 4, 5]])
    usual = usual_of(readings, days)
    assert [tuple(row.values()) for row in usual.to_pylist()] == [("pairs", 3, 0.375), ("pairs", 4, 0.125)]
    known = with_usual(readings, usual)
    assert known.pairs.usual is not None
    assert known.pairs.usual.tolist() == [0.375, 0.125, 0.0]
    assert known.pairs.only(np.array([False])).usual is known.pairs.usual


def test_sets_side_by_side_keep_what_was_usual() -> None:
    left = replace(sets_of([[7, 1], [7]]), usual=np.array([0.1, 0.7]))
    right = replace(sets_of([[4], [9, 4]]), usual=np.array([0.4, 0.9]))
    both = left.united(right)
    assert both.features.tolist() == [1, 4, 7, 9]
    assert both.usual is not None
    assert both.usual.tolist() == [0.1, 0.4, 0.7, 0.9]
    assert both.features[both.columns].tolist() == [1, 4, 7, 4, 7, 9]
    assert both.indptr.tolist() == [0, 3, 6]
    assert left.united(replace(right, usual=None)).usual is None


def test_without_days_before_nothing_changes() -> None:
    readings, pairs = day(1)
    known = with_usual(readings, usual_of(readings, []))
    found = [lexical_groups(one, pairs, keys_of(len(one)), SETTINGS) for one in (readings, known)]
    assert np.array_equal(found[0].labels, found[1].labels)
    assert np.array_equal(found[0].strengths, found[1].strengths)


def test_cores_and_grown_families_ask_what_is_usual_alike() -> None:
    """Twenty members of twenty accounts carry every feature; 80 more accounts carry none."""
    members = np.arange(20)
    sets = replace(sets_of([[1, 2, 3]] * 20 + [[4]] * 80), usual=np.array([0.0, 0.1, 0.5, 0.0]))
    pairs = pairs_of(list(range(100)))
    groups = np.where(np.arange(100) < 20, 0, -1).astype(np.int32)
    weights = find_cores(sets, groups, pairs, SETTINGS).weights
    profile = Grower(sets, pairs, SETTINGS).profile(members)
    expected = {0: math.log(81 / 0.5), 1: math.log(10)}  # the third is half as common on other days: no mark
    assert dict(zip(weights.indices.tolist(), weights.data.tolist(), strict=True)) == pytest.approx(
        expected, rel=1e-6
    )
    assert dict(zip(profile.features.tolist(), profile.weights.tolist(), strict=True)) == pytest.approx(
        expected
    )
