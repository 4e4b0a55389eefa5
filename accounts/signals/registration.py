"""Registration: were the accounts made together?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numba import njit
from numpy.typing import NDArray

from accounts.controls import p_upper
from accounts.signals.reading import Group, Reading, quantiles

if TYPE_CHECKING:
    from accounts.ordinary import Compared

WINDOW_DAYS = 1.0
SIGNALS = ("made together", "times of making")


def most_in_window(created: NDArray[np.float64], rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Largest part of each group's accounts made within any 24 hours, float64 (n_groups,).

    Args:
        created: float64 (n_population,), days; NaN unknown: such accounts do not count, a group of them is NaN.
        rows: int64 (n_groups, n_accounts).
    """
    found: NDArray[np.float64] = _most_in_window(np.sort(created[rows], axis=1), WINDOW_DAYS)
    return found


def spread(
    created: NDArray[np.float64], rows: NDArray[np.int64], usual: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Kolmogorov-Smirnov distance between each group's times of making and the usual ones, float64 (n_groups,).

    Args:
        usual: float64, ascending, times of making of ordinary accounts.
    """

    def ranks(side: Literal["left", "right"]) -> NDArray[np.float64]:
        part = np.searchsorted(usual, created, side) / max(len(usual), 1)
        return np.sort(np.where(np.isnan(created), np.nan, part)[rows], axis=1)

    found: NDArray[np.float64] = _distance(ranks("left"), ranks("right"))
    return found


def read_registration(
    created: NDArray[np.float64], compared: Compared, usual: NDArray[np.float64]
) -> list[Reading]:
    """Readings of `most_in_window`, against controls of the same ages, and of `spread`.

    Args:
        created: float64 (n_population,), days; NaN unknown.
        usual: as in `spread`.
    """
    own = created[compared.rows[0]]
    own = own[~np.isnan(own)]
    known = len(own)
    if known < 3 or not len(usual):
        why = f"the making of {known} of the accounts is known"
        return [Reading.untested(name, Group.REGISTRATION, why) for name in SIGNALS]
    together = float(most_in_window(created, compared.rows)[0])
    drawn = np.nan_to_num(most_in_window(created, compared.by_age))
    # The controls are among the usual accounts. So must be the family, or beside few others any family stands out.
    usual = np.sort(np.append(usual, own))
    away = float(spread(created, compared.rows, usual)[0])
    others = np.nan_to_num(spread(created, compared.by_place, usual))
    return [
        Reading(
            "made together",
            Group.REGISTRATION,
            together,
            quantiles(drawn),
            p_upper(together, drawn),
            f"{round(together * known)} of {known} accounts were made within 24 hours; in {len(drawn):,} draws of as "
            f"many accounts of the same ages the most ever seen was {round(float(drawn.max()) * known)}",
        ),
        Reading(
            "times of making",
            Group.REGISTRATION,
            away,
            quantiles(others),
            p_upper(away, others),
            f"the accounts' times of making lie {away:.2f} from those of ordinary accounts (Kolmogorov-Smirnov); "
            f"as many others lie {np.median(others):.2f} away",
        ),
    ]


@njit(cache=True, nogil=True)
def _most_in_window(times, width):  # type: ignore[no-untyped-def]
    """Rows of `times` ascend, NaN last."""
    n_groups, n = times.shape
    found = np.empty(n_groups)
    for g in range(n_groups):
        first, most, known = 0, 0, 0
        for i in range(n):
            if np.isnan(times[g, i]):
                break
            known += 1
            while times[g, i] - times[g, first] > width:
                first += 1
            most = max(most, i - first + 1)
        found[g] = most / known if known else np.nan
    return found


@njit(cache=True, nogil=True)
def _distance(below, upto):  # type: ignore[no-untyped-def]
    """From parts of the usual times before each time of a group, and up to it: a date is a step of both."""
    n_groups, n = below.shape
    found = np.empty(n_groups)
    for g in range(n_groups):
        known = 0
        while known < n and not np.isnan(below[g, known]):
            known += 1
        largest = 0.0
        for i in range(known):
            largest = max(largest, below[g, i] - i / known, (i + 1) / known - upto[g, i])
        found[g] = largest if known else np.nan
    return found
