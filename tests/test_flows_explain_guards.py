"""The guard of a group, on traffic made by hand: ten texts that share some features, among 800 others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from campaigns.settings import FamilySettings
from clustering.groups import FeatureSets
from clustering.lexical import Readings
from clustering.senders import Pairs
from clustering.stage import TextTable
from flows.explain.guards import group_sentence, judge_group
from flows.explain.records import Guard
from flows.explain.sharing import Sharing, accounts_of, carriers

SETTINGS = FamilySettings()
OTHERS = 800


def day(shared: int, *, texts: int = 10, accounts: int = 10, others_each: int = 0) -> TextTable:
    """`texts` texts with `shared` features in common and one of their own, sent by `accounts` accounts.

    `others_each` of the other texts were sent by each of these accounts; the rest by accounts that sent four each.
    """
    rows = [[*range(1, shared + 1), 1_000 + i] for i in range(texts)] + [[5_000 + i] for i in range(OTHERS)]
    indptr = np.cumsum([0, *map(len, rows)]).astype(np.int64)
    sets = FeatureSets.of(indptr, np.array([one for row in rows for one in row], np.uint64))
    empty = FeatureSets.of(np.zeros(len(rows) + 1, np.int64), np.empty(0, np.uint64))
    senders = [i % accounts for i in range(texts)]
    senders += [i // others_each if i < others_each * accounts else 1_000 + i // 4 for i in range(OTHERS)]
    numbers = np.unique(senders, return_inverse=True)[1].astype(np.int64)
    pairs = Pairs(numbers, np.arange(len(rows)), np.ones(len(rows), np.int64))
    keys = pl.Series("text_key", [row.to_bytes(16, "big") for row in range(len(rows))])
    readings = Readings(pairs=sets, edges=empty, wide_pairs=sets, windows=empty)
    return TextTable(keys, readings, pairs, np.zeros(len(rows), np.int8))


@pytest.mark.parametrize(
    ("made", "guard"),
    [
        ({"shared": 12, "texts": 4, "accounts": 4}, Guard.TOO_FEW_PROMPTS),
        ({"shared": 12, "texts": 10, "accounts": 1}, Guard.TOO_FEW_ACCOUNTS),
        ({"shared": 2}, Guard.WEAK_CORE),
        ({"shared": 16, "texts": 10, "accounts": 2}, Guard.LOW_EVIDENCE),
        ({"shared": 12, "others_each": 30}, Guard.ORDINARY_SENDERS),
        ({"shared": 60}, Guard.REGROUPED),
    ],
)
def test_the_guard_is_the_first_test_that_a_group_fails(made: dict[str, int], guard: Guard) -> None:
    settings = SETTINGS.model_copy(update={"family_strength": 140.0, "core_strength": 30.0})
    members = np.arange(made.get("texts", 10))
    view, weights = judge_group(day(**made), 7, members, settings)
    assert view.guard is guard
    assert (view.group, view.n_texts, view.n_prompts) == (7, len(members), len(members))
    assert view.n_accounts == made.get("accounts", 10)
    core = set(range(1, made["shared"] + 1))
    assert set(weights) == (set() if view.strength is None else core)
    if view.strength is not None:
        assert sum(weights.values()) == pytest.approx(view.strength, rel=1e-5)
    assert f"{len(members)} prompts of {view.n_accounts} account" in group_sentence(view, settings)


@pytest.mark.parametrize(
    ("share", "guard"), [(0.05, Guard.REGROUPED), (0.09, Guard.USUAL), (0.5, Guard.USUAL)]
)
def test_words_that_were_usual_before_are_told_apart_from_a_weak_core(share: float, guard: Guard) -> None:
    texts = day(18)
    sets = texts.readings.pairs
    known = replace(sets, usual=np.where(sets.features <= 18, share, 0.0))
    view, _ = judge_group(
        replace(texts, readings=replace(texts.readings, pairs=known, wide_pairs=known)),
        0,
        np.arange(10),
        SETTINGS,
    )
    assert view.guard is guard
    weak, _ = judge_group(day(2), 0, np.arange(10), SETTINGS)
    assert weak.guard is Guard.WEAK_CORE
    assert ("by today alone it would pass" in group_sentence(view, SETTINGS)) == (guard is Guard.USUAL)


def test_busy_senders_lower_the_evidence_and_nothing_else() -> None:
    members = np.arange(10)
    dedicated, _ = judge_group(day(12), 0, members, SETTINGS)
    ordinary, _ = judge_group(day(12, others_each=30), 0, members, SETTINGS)
    assert dedicated.evidence == dedicated.evidence_if_dedicated
    assert ordinary.evidence is not None
    assert ordinary.evidence_if_dedicated is not None
    assert ordinary.evidence < ordinary.evidence_if_dedicated


def test_sharing_counts_features_and_weighs_them_by_how_rare_their_accounts_are() -> None:
    texts = day(3, accounts=5)
    sharing = Sharing.of(texts, 0)
    assert sharing.features.tolist() == [1, 2, 3, 1_000]
    assert sharing.accounts.tolist() == [5, 5, 5, 1]
    assert sharing.shared[:11].tolist() == [4, *[3] * 9, 0]
    everyone = 5 + OTHERS // 4
    assert sharing.nats[1] == pytest.approx(3 * np.log(everyone / 5), abs=1e-5)
    assert sharing.nats[0] == pytest.approx(3 * np.log(everyone / 5) + np.log(everyone), abs=1e-5)
    among = np.ones(len(texts), np.bool_)
    among[0] = False
    assert sharing.nearest(among, 3).tolist() == [1, 2, 3]
    assert len(sharing.nearest(among, 50)) == 9


def test_accounts_and_carriers_of_features() -> None:
    texts = day(3, accounts=5)
    assert accounts_of(texts, np.array([2, 1_003, 77], np.uint64)) == {2: 5, 1_003: 1}
    every = np.ones(len(texts), np.bool_)
    assert carriers(texts, 2, every).tolist() == list(range(10))
    every[:8] = False
    assert carriers(texts, 2, every).tolist() == [8, 9]
    assert carriers(texts, 77, every).tolist() == []
