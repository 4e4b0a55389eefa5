"""What is common in a language is no mark of a group that writes it."""

from __future__ import annotations

import numpy as np
import pytest

from campaigns.settings import FamilySettings
from clustering.cores import DIALECT_PRIOR, feature_accounts, find_cores
from clustering.dialects import with_dialects
from clustering.groups import FeatureSets
from clustering.senders import Pairs

SETTINGS = FamilySettings()
GROUP, REST, OTHERS = 20, 80, 1_000
"""A group of a rarer language, the rest of that language, and everybody else; one text and account each."""


def planted(common: float) -> tuple[FeatureSets, Pairs, np.ndarray, np.ndarray]:
    """Feature 7 marks the group; feature 8 is in all of it and in a part of the rest of its language."""
    rows = [[7, 8]] * GROUP
    rows += [[8, 100 + i] if i < common * REST else [100 + i] for i in range(REST)]
    rows += [[1_000 + i] for i in range(OTHERS)]
    indptr = np.concatenate(([0], np.cumsum([len(row) for row in rows]))).astype(np.int64)
    sets = FeatureSets.of(indptr, np.array([v for row in rows for v in row], np.uint64))
    n = len(rows)
    pairs = Pairs(np.arange(n, dtype=np.int64), np.arange(n, dtype=np.int64), np.ones(n, np.int64))
    languages = np.array([1] * (GROUP + REST) + [0] * OTHERS, np.int8)
    groups = np.array([0] * GROUP + [-1] * (n - GROUP), np.int32)
    return sets, pairs, languages, groups


def test_totals_are_those_of_the_texts_of_each_language() -> None:
    sets, pairs, languages, _ = planted(0.5)
    dialects = with_dialects(sets, pairs, languages).dialects
    assert dialects is not None
    assert dialects.everyone.tolist() == [OTHERS, GROUP + REST, 0]
    assert dialects.totals.sum(axis=0).tolist() == feature_accounts(sets, pairs).tolist()
    assert dialects.totals[1, 1] == GROUP + REST / 2


def test_a_common_word_of_a_rare_language_marks_nothing() -> None:
    sets, pairs, languages, groups = planted(0.5)
    blind = find_cores(sets, groups, pairs, SETTINGS)
    seeing = find_cores(with_dialects(sets, pairs, languages), groups, pairs, SETTINGS)
    assert set(sets.features[blind.weights.indices].tolist()) == {7, 8}
    assert set(sets.features[seeing.weights.indices].tolist()) == {7}


def test_the_weight_by_hand() -> None:
    sets, pairs, languages, groups = planted(0.05)
    core = find_cores(with_dialects(sets, pairs, languages), groups, pairs, SETTINGS)
    today = (REST * 0.05 + 0.5) / (REST + OTHERS + 1)
    expected = (REST * 0.05 + DIALECT_PRIOR * today) / (REST + DIALECT_PRIOR)
    weight = dict(zip(sets.features[core.weights.indices].tolist(), core.weights.data.tolist(), strict=True))[
        8
    ]
    assert weight == pytest.approx(np.log(1 / expected), rel=1e-5)


def test_a_language_with_nobody_else_says_nothing() -> None:
    sets, pairs, languages, groups = planted(0.0)
    alone = np.where(np.arange(len(languages)) < GROUP, -1, 0).astype(np.int8)
    blind = find_cores(sets, groups, pairs, SETTINGS)
    seeing = find_cores(with_dialects(sets, pairs, alone), groups, pairs, SETTINGS)
    assert seeing.strengths.tolist() == pytest.approx(blind.strengths.tolist())
