"""Lifetimes: do the accounts come, rest and go together?

Over the trailing days an account has a pattern of days on which it was there. Ordinary accounts have many patterns,
those of a pool that was opened on one day, or is sent to rest at once, have few. Accounts that are banned are replaced:
those of yesterday do not come back, and new ones, never seen before, do their work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numba import njit
from numpy.typing import NDArray
from scipy.stats import binom

from accounts.controls import p_upper
from accounts.signals.reading import Group, Reading, quantiles

if TYPE_CHECKING:
    from accounts.case import Case
    from accounts.history import History
    from accounts.ordinary import Compared

SIGNALS = ("active days", "hand-over")


def read_lifetimes(case: Case, campaign_id: str, compared: Compared, history: History) -> list[Reading]:
    """Readings of `sameness` and of accounts replaced."""
    if not history.n_days:
        return [Reading.untested(name, Group.TIMING, "no day before is known") for name in SIGNALS]
    patterns = history.active @ (1 << np.arange(history.n_days))
    value = float(sameness(patterns, compared.rows)[0])
    drawn = sameness(patterns, compared.by_age)
    fresh: NDArray[np.bool_] = np.logical_not(history.active.any(axis=1))
    together = Reading(
        "active days",
        Group.TIMING,
        value,
        quantiles(drawn),
        p_upper(value, drawn),
        f"{value:.0%} of the pairs of accounts were there on exactly the same of the last {history.n_days} days; among "
        f"as many accounts of the same ages {np.median(drawn):.0%}",
    )
    return [together, _handed_over(case, campaign_id, compared, history, fresh)]


def sameness(patterns: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Probability that two accounts of a group have the same pattern, float64 (n_groups,).

    Args:
        patterns: int64 (n_population,).
        rows: int64 (n_groups, n_accounts).
    """
    _, codes = np.unique(patterns, return_inverse=True)
    found: NDArray[np.float64] = _sameness(codes.astype(np.int64), rows, int(codes.max(initial=0)) + 1)
    return found


@njit(cache=True, nogil=True)
def _sameness(codes, rows, n_codes):  # type: ignore[no-untyped-def]
    n_groups, n = rows.shape
    counts = np.zeros(n_codes, np.int64)
    found = np.zeros(n_groups)
    for g in range(n_groups):
        pairs = 0
        for i in range(n):
            pairs += counts[codes[rows[g, i]]]
            counts[codes[rows[g, i]]] += 1
        for i in range(n):
            counts[codes[rows[g, i]]] = 0
        found[g] = 2 * pairs / max(n * (n - 1), 1)
    return found


def _handed_over(
    case: Case, campaign_id: str, compared: Compared, history: History, fresh: NDArray[np.bool_]
) -> Reading:
    """Both at once: fewer of the last day's accounts came back, and more of today's are new, than of ordinary ones."""
    worked = history.worked_for(campaign_id)
    if worked.is_empty():
        return Reading.untested("hand-over", Group.TIMING, "the campaign was not seen before")
    last = worked.filter(pl.col("day") == worked["day"].max())["account_id"].unique()
    ids = case.members.population.ids
    back = int(last.is_in(ids.gather(case.accounts).implode()).sum())
    day = int(worked["day"].max())  # type: ignore[arg-type]
    everyone = history.seen_on(day)
    ordinary = everyone.filter(~everyone.is_in(history.worked["account_id"].implode()))
    returns = int(ordinary.is_in(ids.implode()).sum()) / max(len(ordinary), 1)
    new = int(fresh[compared.rows[0]].sum())
    drawn = fresh[compared.by_age].sum(axis=1).astype(np.float64)
    p_gone = float(binom.cdf(back, len(last), returns))
    p_new = p_upper(float(new), drawn)
    sentence = (
        f"{back} of the {len(last)} accounts of its last day worked for it again, where {returns:.0%} of ordinary "
        f"accounts came back; {new} of {compared.rows.shape[1]} were never seen before, of as many ordinary ones "
        f"{np.median(drawn):.0f}"
    )
    # Both must hold: the larger p-value is one of the intersection (Berger 1982).
    return Reading("hand-over", Group.TIMING, float(new), quantiles(drawn), max(p_gone, p_new), sentence)
