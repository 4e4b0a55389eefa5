"""Timing: one clock for all, or accounts that move together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit
from numpy.typing import NDArray

from accounts.controls import p_upper
from accounts.signals.infrastructure import PLACED, known_part
from accounts.signals.reading import Group, Reading, quantiles

if TYPE_CHECKING:
    from accounts.case import Case
    from accounts.ordinary import Compared

WINDOW_MINUTES = 10.0
SHIFT_MINUTES = 60.0
DAY_MINUTES = 1440.0
SHIFTS = 499
SIGNALS = ("shared clock", "synchrony")
MOST_PROMPTS = 2_000
"""Prompts of a campaign whose windows are counted."""


def read_timing(
    case: Case, hours: NDArray[np.float32], compared: Compared, rng: np.random.Generator
) -> list[Reading]:
    """Readings of `clock_distance` and `together`."""
    clock = _clock(hours, compared)
    if known_part(case.members.population.country, compared.rows[0]) < PLACED:
        clock = Reading.untested("shared clock", Group.TIMING, "the countries of too few accounts are known")
    rows = (
        case.rows
        if len(case.rows) <= MOST_PROMPTS
        else np.sort(rng.choice(case.rows, MOST_PROMPTS, replace=False))
    )
    _, senders = np.unique(case.members.accounts[rows], return_inverse=True)
    pairs, shifted = together(senders.astype(np.int64), case.members.minutes[rows], SHIFTS, rng)
    synchrony = Reading(
        "synchrony",
        Group.TIMING,
        pairs,
        quantiles(shifted),
        p_upper(pairs, shifted),
        f"{pairs:,.0f} times two accounts were active within the same ten minutes; with the accounts' days shifted "
        f"against each other {np.median(shifted):,.0f} times",
    )
    return [clock, synchrony]


def _clock(hours: NDArray[np.float32], compared: Compared) -> Reading:
    drawn_often = np.bincount(compared.by_place.ravel(), minlength=len(hours))
    usual = drawn_often @ hours.astype(np.float64) / drawn_often.sum()
    quiet = np.argsort(usual, kind="stable")[:6]
    away = float(clock_distance(hours, compared.rows, usual)[0])
    drawn = clock_distance(hours, compared.by_place, usual)
    return Reading(
        "shared clock",
        Group.TIMING,
        away,
        quantiles(drawn),
        p_upper(away, drawn),
        f"{hours[compared.rows[0]].mean(axis=0)[quiet].sum():.0%} of the activity falls into the six hours that are "
        f"quietest for accounts of the same countries and volumes; {usual[quiet].sum():.0%} of theirs does",
    )


def clock_distance(
    hours: NDArray[np.float32], rows: NDArray[np.int64], usual: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Watson's U-squared between the mean hourly profile of each group and the usual one, float64 (n_groups,).

    U^2 = sum over hours of (D - mean D)^2 with D the difference of the cumulated profiles (Watson 1961, for data on a
    circle): where the day begins does not matter. A pool that works round the clock lacks a night; one script's cron
    hour stands out.

    Args:
        hours: float32 (n_population, 24), share of each account's prompts per hour.
        rows: int64 (n_groups, n_accounts).
        usual: float64 (24,), a profile that sums to 1.
    """
    found: NDArray[np.float64] = _clock_distance(hours, rows, np.cumsum(usual))
    return found


@njit(cache=True, nogil=True)
def _clock_distance(hours, rows, usual):  # type: ignore[no-untyped-def]
    n_groups, n = rows.shape
    found = np.empty(n_groups)
    profile = np.empty(24)
    for g in range(n_groups):
        profile[:] = 0.0
        for i in range(n):
            for hour in range(24):
                profile[hour] += hours[rows[g, i], hour]
        total, mean = 0.0, 0.0
        for hour in range(24):
            total += profile[hour] / n
            profile[hour] = total - usual[hour]
            mean += profile[hour] / 24
        squares = 0.0
        for hour in range(24):
            squares += (profile[hour] - mean) ** 2
        found[g] = squares
    return found


def together(
    accounts: NDArray[np.int64], minutes: NDArray[np.float64], n_draws: int, rng: np.random.Generator
) -> tuple[float, NDArray[np.float64]]:
    """Pairs of accounts active within the same ten minutes, as they are and with each account's day shifted.

    An account's prompts are moved together by up to an hour, so that its rate and its daytime stay what they are.
    Moving blurs the common day a little, and a blurred day has fewer pairs: with many prompts of one country that alone
    would be beyond any chance. The loss grows with the square of the shift, so it is read off from days moved by up to
    two hours (Richardson extrapolation) and given back.

    Args:
        accounts: int64 (n,), 0..m-1, the sender of each prompt.
        minutes: float64 (n,), since midnight.

    Returns:
        (observed, float64 (n_draws,) of the shifted).
    """
    m = int(accounts.max(initial=-1)) + 1
    shifts = rng.uniform(-SHIFT_MINUTES, SHIFT_MINUTES, (1 + 2 * n_draws, m))
    shifts[0] = 0.0
    shifts[1 + n_draws :] *= 2
    pairs = _together(
        accounts, minutes, shifts, int(DAY_MINUTES / WINDOW_MINUTES), WINDOW_MINUTES, DAY_MINUTES
    )
    near, far = pairs[1 : 1 + n_draws].astype(np.float64), pairs[1 + n_draws :]
    return float(pairs[0]), near + max(float(near.mean() - far.mean()) / 3, 0.0)


@njit(cache=True, nogil=True)
def _together(accounts, minutes, shifts, n_windows, width, day):  # type: ignore[no-untyped-def]
    n_draws, m = shifts.shape
    found = np.zeros(n_draws, np.int64)
    counts = np.zeros(n_windows, np.int64)
    last = np.empty((m, n_windows), np.int32)
    last[:] = -1
    for draw in range(n_draws):
        counts[:] = 0
        for i in range(len(accounts)):
            at = (minutes[i] + shifts[draw, accounts[i]]) % day
            window = min(int(at / width), n_windows - 1)
            if last[accounts[i], window] != draw:
                last[accounts[i], window] = draw
                found[draw] += counts[window]
                counts[window] += 1
    return found
