"""From a sample to all traffic: prompts, tokens, shares and accounts, with what the sample leaves open.

A day's input may hold only a part of all prompts, drawn at a known rate r. A count n then stands for n / r (Horvitz and
Thompson). How far off that may be follows from how the sample was drawn: where whole accounts were drawn, an account of
100 prompts is there or is not, and the 100 prompts say as little as one.

The variance is taken from *random groups*. What was drawn, accounts or prompts, is dealt at random into `REPLICATES`
groups; for units drawn independently at the rate r

    V = (1 - r) / r^2 * G / (G - 1) * sum over groups g of (y_g - mean y)^2

has the expectation (1 - r) / r^2 * sum over units of y^2, which is the unbiased estimator of the variance of a
Horvitz-Thompson total (C. E. Saerndal, B. Swensson, J. Wretman, Model Assisted Survey Sampling, 1992, sections 3.2, 3.5
and 11.3; K. M. Wolter, Introduction to Variance Estimation, 2007, chapter 2). A group holds all prompts of an account,
in every campaign, model and country and on every day, so any sum of cells and days has its clustered variance without
a list of accounts.

Where accounts are the groups' units and prompts were drawn one by one, V is on average too large, by the factor
1 + r (m - 1), m the prompts that the account of a random prompt sent: intervals are then too wide, never too narrow.

With r = 1 nothing is left open, and every interval is its value.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import bdtr, bdtrc, expit, logit, stdtr, stdtrit

REPLICATES: Final = 64
"""Random groups; a variance from 64 is off by about 18 %, which Student's t with 63 degrees allows for."""
_TAIL: Final = 0.025
_NORMAL: Final = 1.959964


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure for all traffic and its 95 % interval. `high` is infinite where the sample sets no upper end."""

    value: float
    low: float
    high: float

    @property
    def exact(self) -> bool:
        return self.low == self.high


@dataclass(frozen=True, slots=True)
class AccountBounds:
    """How many accounts there are, as far as a sample tells.

    Attributes:
        seen: accounts of the sample.
        at_least: the lower bound of Chao and Lin; `surely` is the lower end of its 95 % interval.
        at_most: what `seen` would stand for if whole accounts had been drawn.
    """

    seen: int
    surely: float
    at_least: float
    at_most: float


def total(counts: ArrayLike, rates: ArrayLike) -> Estimate:
    """All prompts, or tokens, of which `counts` were seen.

    The interval is symmetric in the logarithm, for totals over accounts are skewed; its lower end is at least what was
    seen. Days of one account are taken to be drawn together, which they are where accounts are drawn by a hash.

    Args:
        counts: (days, REPLICATES), what was seen.
        rates: (days,), r of each day, 0 < r <= 1.
    """
    seen, rate = _table(counts), np.asarray(rates, np.float64)
    value = float((seen.sum(axis=1) / rate).sum())
    if bool((rate == 1).all()):
        return Estimate(value, value, value)
    groups = int((seen.sum(axis=0) > 0).sum())
    least = float(seen.sum())
    if groups < 2:
        return Estimate(value, least, math.inf)
    spread = math.sqrt(_between((seen * _noise(rate)).sum(axis=0)))
    factor = math.exp(min(float(stdtrit(groups - 1, 1 - _TAIL)) * spread / value, 700.0))
    return Estimate(value, max(value / factor, least), value * factor)


def share(part: ArrayLike, whole: ArrayLike, rates: ArrayLike) -> Estimate:
    """The share of `part` in `whole`: the ratio of two Horvitz-Thompson totals.

    Its variance is that of the residuals part - share * whole (Saerndal et al. 1992, section 5.6), its interval is
    symmetric in the logit. A share of 0 or 1 has no residuals; its other end is the exact binomial bound for as many
    equal accounts as would make `whole` vary as it does. The value is NaN where there is nothing.

    Args:
        part, whole: (days, REPLICATES), what was seen; `part` is nowhere larger.
        rates: (days,).
    """
    some, every, rate = _table(part), _table(whole), np.asarray(rates, np.float64)
    weight = 1 / rate[:, None]
    size = float((every * weight).sum())
    if size == 0:
        return Estimate(math.nan, 0.0, 1.0)
    value = min(float((some * weight).sum()) / size, 1.0)
    if bool((rate == 1).all()):
        return Estimate(value, value, value)
    groups = int((every.sum(axis=0) > 0).sum())
    if groups < 2:
        return Estimate(value, 0.0, 1.0)
    noise = _noise(rate)
    if value in (0.0, 1.0):
        units = size**2 / _between((every * weight).sum(axis=0))
        open_end = 1 - _TAIL ** (1 / max(units, 1.0))
        return Estimate(value, 0.0, open_end) if value == 0 else Estimate(value, 1 - open_end, 1.0)
    spread = math.sqrt(_between(((some - value * every) * noise).sum(axis=0))) / size
    reach = float(stdtrit(groups - 1, 1 - _TAIL)) * spread / (value * (1 - value))
    middle = float(logit(value))
    return Estimate(value, float(expit(middle - reach)), float(expit(middle + reach)))


def accounts(once: int, twice: int, more: int, rate: float) -> AccountBounds:
    """How many accounts sent the prompts of which a sample was drawn.

    Of accounts that send little most are never seen, and how many those are cannot be estimated from counts alone: any
    number of them fits. What can be had is a lower bound. A. Chao (1987) gave once^2 / (2 twice) unseen ones at least;
    for a sample drawn without replacement at a known rate it is

        once^2 / (2 twice + once * r / (1 - r))

    (A. Chao, C. W. Lin, Biometrics 68, 2012), and holds for any sizes of accounts. Its interval is log-normal, as in
    Chao 1987. The upper bound is seen / r: a prompt's account is never seen less often than the prompt.

    Args:
        once, twice, more: accounts of which one prompt, two, more are in the sample.
    """
    seen = once + twice + more
    if rate == 1 or once == 0:
        return AccountBounds(seen, seen, seen, seen if rate == 1 else seen / rate)
    odds = rate / (1 - rate)
    divisor = 2 * twice + once * odds
    unseen = once**2 / divisor
    by_once = 1 + (2 * once * divisor - once**2 * odds) / divisor**2
    by_twice = 1 - 2 * once**2 / divisor**2
    # By the delta method, with all accounts, seen or not, falling into these classes: once, twice, more, never.
    variance = by_once**2 * once + by_twice**2 * twice + more - (seen + unseen)
    factor = math.exp(_NORMAL * math.sqrt(math.log1p(max(variance, 0.0) / unseen**2)))
    return AccountBounds(seen, seen + unseen / factor, seen + unseen, seen / rate)


def count_change(before: ArrayLike, after: ArrayLike, exposure: ArrayLike) -> NDArray[np.float64]:
    """p-values, float64 (n,), that two Poisson counts differ only by counting noise.

    Given their sum, `after` is binomial; the smaller tail is doubled (J. Przyborowski, H. Wilenski, Biometrika 31,
    1940).

    Args:
        before, after: int (n,), what was seen on two days.
        exposure: rate of the day after over that of the day before.
    """
    first, second = np.asarray(before, np.int64), np.asarray(after, np.int64)
    chance = np.asarray(exposure, np.float64) / (1 + np.asarray(exposure, np.float64))
    both = first + second
    fewer = bdtr(second, both, chance)
    many = np.where(second > 0, bdtrc(np.maximum(second - 1, 0), both, chance), 1.0)
    doubled: NDArray[np.float64] = np.minimum(1.0, 2 * np.minimum(fewer, many))
    return doubled


def share_change(
    part_before: ArrayLike, before: ArrayLike, part_after: ArrayLike, after: ArrayLike
) -> tuple[float, float]:
    """(change of a share, p-value that accounts choosing as before would show as much).

    A score test with accounts as clusters: residuals are taken from the pooled share, so that a change from nothing to
    everything has a variance too (D. D. Boos, American Statistician 46, 1992). The sample's rate plays no part: it is
    not asked what the sample left out, but whether the accounts changed.

    Args:
        part_before, before, part_after, after: (REPLICATES,), what was seen.
    """
    y0, x0, y1, x1 = (np.asarray(given, np.float64) for given in (part_before, before, part_after, after))
    groups = int(min((x0 > 0).sum(), (x1 > 0).sum()))
    if groups < 2:
        return math.nan, 1.0
    change = float(y1.sum() / x1.sum() - y0.sum() / x0.sum())
    pooled = float((y0.sum() + y1.sum()) / (x0.sum() + x1.sum()))
    residuals = (y1 - pooled * x1) / x1.sum() - (y0 - pooled * x0) / x0.sum()
    spread = math.sqrt(_between(residuals))
    if spread == 0:
        return change, 1.0
    return change, float(2 * stdtr(groups - 1, -abs(change) / spread))


def discoveries(p_values: ArrayLike, rate: float) -> NDArray[np.bool_]:
    """Which of the p-values (n,) stand at a false discovery rate (Y. Benjamini, Y. Hochberg, 1995)."""
    p = np.asarray(p_values, np.float64)
    order = np.sort(p)
    passed = np.flatnonzero(order <= rate * np.arange(1, len(p) + 1) / max(len(p), 1))
    found: NDArray[np.bool_] = p <= (order[passed[-1]] if len(passed) else -1.0)
    return found


def _table(counts: ArrayLike) -> NDArray[np.float64]:
    return np.atleast_2d(np.asarray(counts, np.float64))


def _noise(rates: NDArray[np.float64]) -> NDArray[np.float64]:
    """(days, 1): what a unit of the sample adds to the standard deviation of a total."""
    return (np.sqrt(1 - rates) / rates)[:, None]


def _between(groups: NDArray[np.float64]) -> float:
    """G / (G - 1) times the squared distances of the groups (G,) from their mean."""
    n = len(groups)
    return n / (n - 1) * float(((groups - groups.mean()) ** 2).sum())
