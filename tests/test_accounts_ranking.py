"""The ranker of the review queue: on decisions whose probabilities are known, and on too few of them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.special import expit
from threadpoolctl import threadpool_limits

from accounts.ranking import (
    MOST,
    Bin,
    Ranker,
    _folds,
    feature_table,
    reliability,
    rerank,
    tally,
    train,
)
from campaigns.records import Tier

NAMES = ("synchrony", "age burst", "slot partition", "noise", "accounts", "prompts")
TRUE_SLOPES = np.array([1.2, 0.5, 0.9, 0.0, 0.0, 0.0])
TRUE_BIAS = -3.0

Floats = NDArray[np.float64]
Decisions = tuple[Floats, NDArray[np.bool_], list[str], Floats]


def decisions(n: int, seed: int, *, campaigns: int | None = None) -> Decisions:
    """(features, labels, groups, probabilities). Evidence past `KNEE` counts no more; a tenth was not tested."""
    rng = np.random.default_rng(seed)
    features = np.clip(rng.gamma(1.0, 1.8, (n, len(NAMES))), 0, MOST)
    features[:, :4][rng.random((n, 4)) < 0.1] = np.nan
    probabilities = expit(np.minimum(np.nan_to_num(features), 2) @ TRUE_SLOPES + TRUE_BIAS)
    groups = [f"c{i % (campaigns or n)}" for i in range(n)]
    return features, rng.random(n) < probabilities, groups, probabilities


@cache
def trained(n: int = 200, seed: int = 1) -> Ranker:
    features, labels, groups, _ = decisions(n, seed)
    ranker = train(features, labels, groups, NAMES, seed=7)
    assert ranker is not None
    return ranker


# -- features ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["campaign_id", "family"])
def test_features_are_factors_of_ten(key: str) -> None:
    first, second = ("c1", "c2") if key == "campaign_id" else (0, 1)
    evidence = pl.DataFrame(
        {
            key: [first, first, first, second, second],
            "signal": ["a", "b", "of no interest", "a", "b"],
            "p_value": [0.01, 0.0, 0.5, None, float("nan")],
        }
    )
    campaigns = pl.DataFrame({key: [second, first], "n_accounts": [10, 100], "n_prompts": [1_000, 100]})
    ids, features = feature_table(evidence, campaigns, ["a", "b", "never tested"], key=key)
    assert ids == [first, second]
    np.testing.assert_allclose(features, [[2, 6, np.nan, 2, 2], [np.nan, np.nan, np.nan, 1, 3]])


def test_a_run_without_campaigns_has_no_features() -> None:
    evidence = pl.DataFrame(schema={"campaign_id": pl.String, "signal": pl.String, "p_value": pl.Float64})
    campaigns = pl.DataFrame(schema={"campaign_id": pl.String, "n_accounts": pl.Int64, "n_prompts": pl.Int64})
    ids, features = feature_table(evidence, campaigns, ["a"])
    assert ids == []
    assert features.shape == (0, 3)
    assert trained().rank(np.empty((0, len(NAMES)))).shape == (0,)


# -- too few -------------------------------------------------------------------------------------------


def of_each(confirmed: int, dismissed: int, campaigns: int = 1_000) -> Decisions:
    features, _, _, probabilities = decisions(confirmed + dismissed, 1)
    labels = np.arange(confirmed + dismissed) < confirmed
    groups = [f"c{i % campaigns}" for i in range(confirmed)]
    return features, labels, groups + [f"d{i % campaigns}" for i in range(dismissed)], probabilities


@pytest.mark.parametrize(
    ("confirmed", "dismissed", "campaigns", "enough"),
    [
        (20, 19, 1_000, False),
        (20, 20, 1_000, True),
        (9, 60, 1_000, False),
        (60, 9, 1_000, False),
        (10, 30, 1_000, True),
        (60, 60, 9, False),
        (60, 60, 10, True),
        (0, 0, 1_000, False),
    ],
)
def test_too_few_decisions_teach_nothing(
    confirmed: int, dismissed: int, campaigns: int, enough: bool
) -> None:
    features, labels, groups, _ = of_each(confirmed, dismissed, campaigns)
    assert tally(labels, groups).enough is enough
    assert (train(features, labels, groups, NAMES, seed=7) is not None) is enough


def test_without_a_ranker_scores_stay_as_they_are() -> None:
    scores = np.array([0.3, 0.9, 0.0])
    tiers = [Tier.REVIEW, Tier.ACTIONABLE, Tier.BENIGN]
    assert rerank(scores, tiers, None, np.empty((3, 0))) is scores


# -- what a rank may depend on -------------------------------------------------------------------------

ROWS = arrays(np.float64, len(NAMES), elements=st.one_of(st.floats(0, MOST), st.just(np.nan)))
COLUMNS = st.integers(0, len(NAMES) - 1)


@given(row=ROWS, column=COLUMNS, more=st.floats(0, MOST))
def test_more_evidence_never_lowers_a_rank(row: Floats, column: int, more: float) -> None:
    raised = row.copy()
    raised[column] = min(MOST, np.nan_to_num(row[column]) + more)
    before, after = trained().rank(np.stack([row, raised]))
    assert 0 < before <= after < 1


@given(row=ROWS, column=COLUMNS, tested=st.floats(0, MOST))
def test_what_was_not_tested_never_ranks_above_what_was(row: Floats, column: int, tested: float) -> None:
    absent, present, nothing = np.stack([row] * 3)
    absent[column], present[column], nothing[column] = np.nan, tested, 0.0
    ranks = trained().rank(np.stack([absent, present, nothing]))
    assert ranks[0] <= ranks[1]
    assert ranks[0] == ranks[2]


def test_a_rank_needs_the_columns_it_was_trained_on() -> None:
    with pytest.raises(ValueError, match=r"\(2, 5\) is not \(m, 6\)"):
        trained().rank(np.zeros((2, 5)))


def test_it_learns_which_signals_matter() -> None:
    features, labels, groups, _ = decisions(4_000, 3)
    ranker = train(features, labels, groups, NAMES, seed=7)
    assert ranker is not None
    assert list(ranker.weights)[:3] == ["synchrony", "slot partition", "age burst"]
    # The truth stops at the knee: 2 x 1.2, 2 x 0.9 and 2 x 0.5.
    np.testing.assert_allclose(list(ranker.weights.values())[:3], [2.4, 1.8, 1.0], atol=0.4)
    assert all(ranker.weights[name] < 0.4 for name in ("noise", "accounts", "prompts"))
    assert ranker.signals == NAMES[:4]


def test_evidence_that_analysts_hold_to_be_innocent_weighs_nothing() -> None:
    features, _, groups, probabilities = decisions(300, 5)
    labels = probabilities < np.median(probabilities)
    ranker = train(features, labels, groups, NAMES, seed=7)
    assert ranker is not None
    assert max(ranker.weights[name] for name in NAMES[:3]) < 0.1
    assert not ranker.reliability.helps
    scores = np.array([0.25, 0.5])
    assert rerank(scores, [Tier.REVIEW, Tier.REVIEW], ranker, features[:2]) is scores


# -- calibration ---------------------------------------------------------------------------------------


def test_ranks_are_the_probabilities_that_made_the_decisions() -> None:
    features, labels, groups, _ = decisions(4_000, 3)
    ranker = train(features, labels, groups, NAMES, seed=7)
    assert ranker is not None
    fresh, decided, _, probabilities = decisions(20_000, 4)
    ranks = ranker.rank(fresh)
    assert np.abs(ranks - probabilities).mean() < 0.02
    told = reliability(ranks, decided)
    assert told.calibration_error < 0.02
    # What was said of held-out decisions is what fresh ones show.
    assert ranker.reliability.calibration_error < 0.03
    assert ranker.reliability.brier == pytest.approx(told.brier, abs=0.01)
    assert ranker.reliability.auc == pytest.approx(told.auc, abs=0.01)
    assert ranker.reliability.brier == pytest.approx(
        (probabilities * (1 - probabilities)).mean(), abs=0.01
    )  # the least that is possible


def test_few_decisions_never_make_it_certain() -> None:
    """Evidence that separates the verdicts without a mistake, forty times."""
    features, labels, groups, _ = of_each(20, 20)
    features[:] = 0
    features[labels, 0] = MOST
    ranker = train(features, labels, groups, NAMES, seed=7)
    assert ranker is not None
    none, most = ranker.rank(features[[-1, 0]])
    assert 0.02 < none < 0.1
    assert 0.9 < most < 0.98


def test_reliability_of_predictions_by_hand() -> None:
    predicted = np.repeat([0.2, 0.7], 10)
    labels = np.zeros(20, np.bool_)
    labels[[0, 10, 11, 12, 13, 14, 15]] = True  # one in ten, six in ten
    told = reliability(predicted, labels)
    assert told.bins == (
        Bin(pytest.approx(0.2), pytest.approx(0.1), 10),
        Bin(pytest.approx(0.7), pytest.approx(0.6), 10),
    )
    assert told.calibration_error == pytest.approx(0.1)
    assert told.brier == pytest.approx((0.64 + 9 * 0.04 + 6 * 0.09 + 4 * 0.49) / 20)
    assert told.brier_of_mean == pytest.approx(0.35 * 0.65)
    # 7 x 13 pairs: 6 x 9 won, 1 x 4 lost, 1 x 9 + 6 x 4 tied.
    assert told.auc == pytest.approx((54 + 33 / 2) / 91)
    assert told.helps


def test_equal_predictions_are_one_bin() -> None:
    labels = np.arange(60) % 3 == 0
    told = reliability(np.full(60, 0.5), labels)
    assert told.bins == (Bin(0.5, pytest.approx(1 / 3), 60),)
    assert told.auc == 0.5
    assert not told.helps


# -- the same whatever the order -----------------------------------------------------------------------


def test_the_order_of_decisions_and_the_threads_leave_no_trace() -> None:
    features, labels, groups, _ = decisions(150, 2, campaigns=70)
    rng = np.random.default_rng(0)
    digests = set()
    for threads in (1, 2):
        for _ in range(3):
            order = rng.permutation(len(labels))
            with threadpool_limits(threads):
                ranker = train(features[order], labels[order], [groups[i] for i in order], NAMES, seed=7)
            assert ranker is not None
            digests.add((ranker.digest, ranker.reliability))
    assert len(digests) == 1


def test_a_digest_names_the_ranker() -> None:
    ranker = trained()
    assert ranker.digest == replace(ranker).digest
    assert ranker.digest != replace(ranker, bias=ranker.bias + 1e-9).digest
    assert ranker.digest != replace(ranker, slopes=ranker.slopes * 2).digest
    assert ranker.digest != replace(ranker, names=(*NAMES[:-1], "other")).digest


@given(
    confirmed=st.integers(10, 40),
    dismissed=st.integers(10, 40),
    mixed=st.integers(0, 20),
    size=st.integers(1, 9),
    seed=st.integers(0, 99),
)
def test_groups_are_held_out_whole_and_no_fold_lacks_a_verdict(
    confirmed: int, dismissed: int, mixed: int, size: int, seed: int
) -> None:
    """One group is as large as `size` times all the others; some hold both verdicts."""
    kinds = [(True,)] * confirmed + [(False,)] * dismissed + [(True, False)] * mixed
    rows = [(label, group) for group, kind in enumerate(kinds) for label in kind]
    rows += [rows[0]] * (size * len(rows))
    labels = np.array([label for label, _ in rows])
    owners = np.array([group for _, group in rows])
    folds = _folds(labels, owners, seed)
    assert np.array_equal(np.sum(folds, axis=0), np.ones(len(rows)))
    for held in folds:
        assert not set(owners[held]) & set(owners[~held])
        assert set(labels[held]) == {True, False}
        for inner in _folds(labels[~held], owners[~held], seed):
            assert set(labels[~held][inner]) == {True, False}


# -- the queue -----------------------------------------------------------------------------------------


def test_only_scores_in_review_are_replaced() -> None:
    features = decisions(4, 9)[0]
    scores = np.array([0.1, 0.2, 0.3, 0.4])
    tiers = [Tier.REVIEW, Tier.ACTIONABLE, Tier.BENIGN, Tier.REVIEW]
    made = rerank(scores, tiers, trained(), features)
    ranks = trained().rank(features)
    assert made.tolist() == [ranks[0], 0.2, 0.3, ranks[3]]
    assert scores.tolist() == [0.1, 0.2, 0.3, 0.4]


def test_on_few_decisions_boosted_trees_rank_no_better() -> None:
    """Why the model is so plain: monotone gradient boosting on sixty decisions. AUC does not ask for calibration."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    fresh, decided, _, _ = decisions(4_000, 77)
    plain, boosted = [], []
    for seed in range(8):
        features, labels, groups, _ = decisions(60, 100 + seed)
        ranker = train(features, labels, groups, NAMES, seed=7)
        assert ranker is not None
        plain.append(reliability(ranker.rank(fresh), decided).auc)
        trees = HistGradientBoostingClassifier(
            monotonic_cst=[1] * len(NAMES), min_samples_leaf=5, max_leaf_nodes=4, max_iter=60, random_state=0
        )
        trees.fit(np.nan_to_num(features), labels)
        boosted.append(reliability(trees.predict_proba(np.nan_to_num(fresh))[:, 1], decided).auc)
    assert np.mean(plain) > np.mean(boosted)
