"""Ranking the review queue by what analysts decided before, once they have decided enough.

The model is a logistic regression whose weights cannot be negative: more evidence never lowers a rank, and a signal
that was not tested counts like one that found nothing. Each feature has two slopes, up to `KNEE` and beyond it,
because past some point unlikelier is not guiltier. Up to some 150 decisions it ranks better than boosted trees with the
same constraint, beyond that hardly worse, and it can be read. Probabilities are calibrated on out-of-fold scores by a
sigmoid (Platt, "Probabilistic outputs for support vector machines", 1999); isotonic steps would need far more points.

Every feature is counted in factors of ten: -log10 of a signal's p-value, log10 of accounts and of prompts.

A ranker sorts what is in review. It never makes or unmakes a tier.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from campaigns.records import Tier

SIZES: Final = ("accounts", "prompts")
"""The features after those of the signals."""
MOST: Final = 6.0
"""A p-value of 1e-6 or less speaks as loudly as evidence may."""
KNEE: Final = 2.0
"""From here on, p below 0.01, a feature has a slope of its own."""
NEEDED: Final = 40
NEEDED_EACH: Final = 10
"""Decisions at least; of each verdict at least so many, about as many groups."""

_FOLDS: Final = 5
_PENALTY: Final = 10.0
_BIN: Final = 10
_MOST_BINS: Final = 10
_EDGE: Final = 1e-6

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Tally:
    """How many decisions there are, and about how many groups: campaigns, those of one operator counted once."""

    decisions: int
    confirmed: int
    dismissed: int
    groups_confirmed: int
    groups_dismissed: int

    @property
    def enough(self) -> bool:
        each = (self.confirmed, self.dismissed, self.groups_confirmed, self.groups_dismissed)
        return self.decisions >= NEEDED and min(each) >= NEEDED_EACH


@dataclass(frozen=True, slots=True)
class Bin:
    """Held-out decisions of like probability: the mean that was predicted, the share that was confirmed."""

    predicted: float
    observed: float
    count: int


@dataclass(frozen=True, slots=True)
class Reliability:
    """How well probabilities foretold decisions that the model had not seen.

    Attributes:
        bins: from the lowest prediction up, about equally many decisions in each.
        brier: mean squared error; `brier_of_mean` is that of always saying the share confirmed.
        calibration_error: mean distance of predicted and observed over the bins, weighted by count (ECE: Naeini,
            Cooper and Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning", 2015).
        auc: how often a confirmed decision ranks above a dismissed one.
    """

    bins: tuple[Bin, ...]
    brier: float
    brier_of_mean: float
    calibration_error: float
    auc: float

    @property
    def helps(self) -> bool:
        """Whether the model knows more than how often analysts confirm."""
        return self.brier < self.brier_of_mean


@dataclass(frozen=True, slots=True, eq=False)
class Ranker:
    """A calibrated model of what analysts confirm.

    Attributes:
        names: the d features: signals, then `SIZES`.
        slopes: float64 (2, d), log-odds per factor of ten below and above `KNEE`; none is negative.
        bias: log-odds without any evidence.
        reliability: on decisions held out by group, each told by a model that saw none of its group.
    """

    names: tuple[str, ...]
    slopes: Floats
    bias: float
    reliability: Reliability

    @property
    def signals(self) -> tuple[str, ...]:
        """What `feature_table` has to be asked for."""
        return self.names[: -len(SIZES)]

    @property
    def weights(self) -> dict[str, float]:
        """The log-odds that a feature adds at its most (p of 1e-6 or less, a million accounts), largest first."""
        most = KNEE * self.slopes[0] + (MOST - KNEE) * self.slopes[1]
        order = np.lexsort((self.names, -most))
        return {self.names[i]: float(most[i]) for i in order}

    @property
    def digest(self) -> str:
        """SHA-256, in hex, of all that a rank depends on."""
        said = "\0".join([*self.names, repr(self.bias), str(self.reliability.helps)])
        return hashlib.sha256(said.encode() + self.slopes.tobytes()).hexdigest()

    def rank(self, features: Floats) -> Floats:
        """The probability that an analyst would confirm: float64 (m,) in (0, 1), to six digits.

        Args:
            features: float64 (m, d), columns as in `names`; NaN where a signal was not tested.

        Raises:
            ValueError: the columns are not d.
        """
        if features.ndim != 2 or features.shape[1] != len(self.names):
            raise ValueError(f"{features.shape} is not (m, {len(self.names)})")
        return _probability(_bent(features), self.slopes.ravel(), self.bias).round(6)


def tally(labels: NDArray[np.bool_], groups: Sequence[str]) -> Tally:
    """`labels`: bool (n,), whether confirmed; `groups`: the n groups."""
    owners = np.asarray(groups, dtype=np.str_)
    return Tally(
        len(labels),
        int(labels.sum()),
        int((~labels).sum()),
        len(np.unique(owners[labels])),
        len(np.unique(owners[~labels])),
    )


def feature_table(
    evidence: pl.DataFrame, campaigns: pl.DataFrame, signals: Sequence[str], *, key: str = "campaign_id"
) -> tuple[list[Any], Floats]:
    """One row of features per campaign of a run, by rising key.

    Args:
        evidence: key, signal, p_value, at most one row per key and signal; other signals are passed over.
        campaigns: key, n_accounts, n_prompts.
        key: the column that tells campaigns apart; `family` before they have ids.

    Returns:
        (the m keys, float64 (m, len(signals) + 2)): `min(-log10 p, MOST)` per signal, NaN where it was not tested,
        then log10 of accounts and prompts.
    """
    rows = campaigns.select(key, "n_accounts", "n_prompts").sort(key).with_row_index("row")
    columns = pl.DataFrame({"signal": list(signals)}, schema={"signal": pl.String}).with_row_index("column")
    tested = (
        evidence.select(key, "signal", "p_value")
        .filter(pl.col("p_value").is_not_nan())  # which a null is not either
        .join(rows, on=key)
        .join(columns, on="signal")
    )
    features = np.full((rows.height, len(signals) + len(SIZES)), np.nan)
    least = tested["p_value"].to_numpy().clip(10**-MOST, 1.0)
    features[tested["row"].to_numpy(), tested["column"].to_numpy()] = np.abs(np.log10(least))
    features[:, len(signals) :] = np.log10(rows.select("n_accounts", "n_prompts").to_numpy().clip(1))
    return rows[key].to_list(), features


def train(
    features: Floats, labels: NDArray[np.bool_], groups: Sequence[str], names: Sequence[str], seed: int
) -> Ranker | None:
    """A ranker from n decisions; None while there are too few (see `Tally`).

    The order of the decisions does not matter.

    Args:
        features: float64 (n, d), as from `feature_table`.
        labels: bool (n,), whether the campaign was confirmed.
        groups: decisions of one group hang together and are held out together.
        names: the d columns.
        seed: deals groups into folds.
    """
    if not tally(labels, groups).enough:
        return None
    columns = _bent(features)
    owners = np.unique(np.asarray(groups, dtype=np.str_), return_inverse=True)[1]
    order = np.lexsort((*columns.T, labels, owners))
    columns, labels, owners = columns[order], labels[order], owners[order]
    held_out = np.empty(len(labels))
    for held in _folds(labels, owners, seed):
        model = _calibrated(columns[~held], labels[~held], owners[~held], seed)
        held_out[held] = _probability(columns[held], *model)
    weights, bias = _calibrated(columns, labels, owners, seed)
    return Ranker(tuple(names), weights.reshape(2, -1), bias, reliability(held_out, labels))


def rerank(scores: Floats, tiers: Sequence[str], ranker: Ranker | None, features: Floats) -> Floats:
    """`scores` (m,) with those of tier `review` replaced by the ranker's; all others, and all tiers, stay.

    A ranker that knows no more than how often analysts confirm replaces nothing, nor does None.
    """
    if ranker is None or not ranker.reliability.helps:
        return scores
    in_review = np.array([tier == Tier.REVIEW for tier in tiers], dtype=np.bool_)
    return np.where(in_review, ranker.rank(features), scores)


def reliability(predicted: Floats, labels: NDArray[np.bool_]) -> Reliability:
    """Compare probabilities (n,) with what was decided (n,); both verdicts must be among them.

    Equal predictions share a bin.
    """
    from sklearn.metrics import brier_score_loss, roc_auc_score

    n_bins = min(_MOST_BINS, max(1, len(labels) // _BIN))
    inner = np.quantile(predicted, np.linspace(0, 1, n_bins + 1)[1:-1])
    place = np.searchsorted(inner, predicted, side="right")
    bins = tuple(
        Bin(float(predicted[place == i].mean()), float(labels[place == i].mean()), int((place == i).sum()))
        for i in np.unique(place)
    )
    distance = sum(abs(one.predicted - one.observed) * one.count for one in bins) / len(labels)
    share = labels.mean()
    return Reliability(
        bins,
        float(brier_score_loss(labels, predicted)),
        float(share * (1 - share)),
        float(distance),
        float(roc_auc_score(labels, predicted)),
    )


# -- the model -----------------------------------------------------------------------------------------


def _bent(features: Floats) -> Floats:
    """(n, d) to (n, 2 d): what lies below `KNEE`, then what lies beyond. Not tested is nothing found."""
    known = np.nan_to_num(features, nan=0.0)
    return np.hstack([np.minimum(known, KNEE), np.maximum(known - KNEE, 0.0)])


def _folds(labels: NDArray[np.bool_], owners: NDArray[np.intp], seed: int) -> list[NDArray[np.bool_]]:
    """Masks of what each fold holds out. Groups are dealt in turn, sorted by their share of confirmed decisions.

    So the groups that hold a verdict lie side by side, and ten of them reach all five folds, and all folds of what
    is left when one fold is held out.
    """
    names, place = np.unique(owners, return_inverse=True)
    share = np.bincount(place, labels) / np.bincount(place)
    turn = np.lexsort((np.random.default_rng(seed).random(len(names)), share))
    fold = np.empty(len(names), np.intp)
    fold[turn] = np.arange(len(names)) % _FOLDS
    return [fold[place] == number for number in range(_FOLDS)]


def _calibrated(
    columns: Floats, labels: NDArray[np.bool_], owners: NDArray[np.intp], seed: int
) -> tuple[Floats, float]:
    """Weights (2 d,) and bias whose probabilities are calibrated on out-of-fold scores.

    Platt's targets keep short of 0 and 1, so that few decisions never make the sigmoid a step.
    """
    score = np.empty(len(labels))
    for held in _folds(labels, owners, seed):
        weights, bias = _logistic(columns[~held], labels[~held].astype(np.float64), _PENALTY)
        score[held] = _score(columns[held], weights, bias)
    confirmed = labels.sum()
    targets = np.where(labels, (confirmed + 1) / (confirmed + 2), 1 / (len(labels) - confirmed + 2))
    (slope,), shift = _logistic(score[:, None], targets, 0.0)
    weights, bias = _logistic(columns, labels.astype(np.float64), _PENALTY)
    return weights * slope, float(bias * slope + shift)


def _logistic(columns: Floats, targets: Floats, penalty: float) -> tuple[Floats, float]:
    """Weights, none negative, and bias of least log loss with a ridge on weights per standard deviation.

    L-BFGS-B on a convex loss (Byrd, Lu, Nocedal and Zhu, 1995): one minimum, whatever the order of the rows.
    """
    from scipy.optimize import minimize
    from scipy.special import expit

    spread = columns.std(axis=0)
    scale = np.where(spread > 0, spread, 1.0)
    scaled = columns / scale
    d = columns.shape[1]

    def loss(parameters: Floats) -> tuple[float, Floats]:
        weights, bias = parameters[:d], float(parameters[d])
        z = _score(scaled, weights, bias)
        off = expit(z) - targets
        gradient = np.append(np.einsum("ij,i->j", scaled, off) + penalty * weights, off.sum())
        fit = (np.logaddexp(0.0, z) - targets * z).sum()
        return float(fit + penalty / 2 * np.square(weights).sum()), gradient

    bounds = [*[(0.0, None)] * d, (None, None)]
    found = minimize(loss, np.zeros(d + 1), jac=True, method="L-BFGS-B", bounds=bounds).x
    return found[:d] / scale, float(found[d])


def _score(columns: Floats, weights: Floats, bias: float) -> Floats:
    """Log-odds. Not the matrix product: its sums depend on the threads of the library behind it."""
    scores: Floats = np.einsum("ij,j->i", columns, weights) + bias
    return scores


def _probability(columns: Floats, weights: Floats, bias: float) -> Floats:
    from scipy.special import expit

    probabilities: Floats = np.clip(expit(_score(columns, weights, bias)), _EDGE, 1 - _EDGE)
    return probabilities
