"""Ties: what says that two campaigns of a day are run together.

They share accounts far beyond chance and a fair part of them; accounts move from one to the other from day to day; they
pay with the same cards; most of either are in the same rare address ranges. A few accounts that connect two campaigns
are a bridge: shown, and no tie.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import binom

from accounts.case import Case
from accounts.history import History
from accounts.meetings import Overlap

BEYOND_CHANCE = 1e-3
"""p-value of the shared accounts, corrected for the pairs of campaigns of the day."""
LEAST_SHARED = 3
SAME = 0.3
"""Part of the smaller campaign's accounts that makes two campaigns one operator's."""
SOFT = 0.1
"""Part from which it belongs to the other's operator without merging the two."""
SAME_RANGES = 0.5
"""Part of either campaign's accounts that must be in address ranges of the other's to make them one operator's."""
ADDRESS_RANGE, PAYMENT = 1, 2
"""Columns of `Population.networks`."""


@dataclass(frozen=True, slots=True)
class Link:
    """Two campaigns, the part of the smaller one that ties them, and the reason in words."""

    left: str
    right: str
    weight: float
    reason: str


def find_ties(
    ids: Sequence[str],
    cases: Sequence[Case],
    found: Sequence[Overlap],
    suspected: Sequence[bool],
    history: History,
) -> tuple[list[Link], list[dict[str, object]]]:
    """Ties of the suspected campaigns, and rows of schema BRIDGES.

    Args:
        ids: campaign id of each case.
        found: which cases share accounts, by place.
    """
    ties, bridges = _shared(ids, cases, found, suspected)
    ties += _cards(ids, cases, suspected)
    ties += _ranges(ids, cases, suspected)
    ties += _moved(ids, cases, suspected, history)
    return ties, bridges


def _shared(
    ids: Sequence[str], cases: Sequence[Case], found: Sequence[Overlap], suspected: Sequence[bool]
) -> tuple[list[Link], list[dict[str, object]]]:
    """Ties by shared accounts; pairs that share some without being tied."""
    tried = max(sum(suspected) * (sum(suspected) - 1) // 2, 1)
    ties, bridges = [], []
    for pair in found:
        if not (suspected[pair.left] and suspected[pair.right]):
            continue
        left, right = cases[pair.left], cases[pair.right]
        weight = pair.shared / min(len(left.accounts), len(right.accounts))
        beyond = pair.shared >= LEAST_SHARED and np.exp(pair.log_p) * tried <= BEYOND_CHANCE
        first, second = sorted((ids[pair.left], ids[pair.right]))
        if beyond and weight >= SOFT:
            reason = (
                f"{pair.shared} accounts work for {first} and {second}; by chance {pair.expected:.1f} would"
            )
            ties.append(Link(first, second, float(weight), reason))
        else:
            both = np.intersect1d(left.accounts, right.accounts)
            bridges.append(
                {
                    "campaign_id": first,
                    "other_id": second,
                    "n_shared": pair.shared,
                    "expected": round(pair.expected, 6),
                    "account_ids": left.members.population.ids.gather(both).to_list(),
                }
            )
    return ties, bridges


def _cards(ids: Sequence[str], cases: Sequence[Case], suspected: Sequence[bool]) -> list[Link]:
    """Campaigns that pay with the same cards, each of them on two accounts or more of both."""
    ties = []
    for common in _in_common(cases, suspected, PAYMENT):
        weight = max(common.parts)
        if weight < SOFT:
            continue
        first, second = sorted((ids[common.left], ids[common.right]))
        cards_pay = "1 payment card pays" if common.n_values == 1 else f"{common.n_values} payment cards pay"
        ties.append(Link(first, second, weight, f"{cards_pay} for accounts of both {first} and {second}"))
    return ties


def _ranges(ids: Sequence[str], cases: Sequence[Case], suspected: Sequence[bool]) -> list[Link]:
    """Campaigns most of whose accounts, on either side, are in the same address ranges, where others hardly ever are.

    A part does not tie: operators rent from the same vendors.
    """
    tried = max(sum(suspected) * (sum(suspected) - 1) // 2, 1)
    ties = []
    for common in _in_common(cases, suspected, ADDRESS_RANGE):
        weight = min(common.parts)
        sizes = [len(cases[place].accounts) for place in (common.left, common.right)]
        chance = max(
            float(binom.sf(having - 1, size, common.ordinary))
            for having, size in zip(common.having, sizes, strict=True)
        )
        if weight < SAME_RANGES or chance * tried > BEYOND_CHANCE:
            continue
        (first, many), (second, others) = sorted(
            (ids[place], f"{having} of {size}")
            for place, having, size in zip((common.left, common.right), common.having, sizes, strict=True)
        )
        reason = (
            f"{many} accounts of {first} and {others} of {second} are in the same address ranges; "
            f"of ordinary accounts {common.ordinary:.1%} are"
        )
        ties.append(Link(first, second, weight, reason))
    return ties


@dataclass(frozen=True, slots=True)
class _Common:
    """Values that two accounts or more of each of two campaigns have.

    Attributes:
        left, right: places of the campaigns.
        having: accounts of either that have one of them; `parts` of all.
        ordinary: part of the accounts outside any family that have one, counted with one more.
    """

    left: int
    right: int
    n_values: int
    having: tuple[int, int]
    parts: tuple[float, float]
    ordinary: float


def _in_common(cases: Sequence[Case], suspected: Sequence[bool], column: int) -> list[_Common]:
    """What pairs of suspected campaigns have in common by one column of `Population.networks`."""
    if not cases:
        return []
    members = cases[0].members
    codes, outside = members.population.networks[:, column], members.outside
    width = int(codes.max(initial=-1)) + 1
    usual = np.bincount(codes[outside][codes[outside] >= 0], minlength=width)
    used = [
        _several(codes[case.accounts]) if is_suspected else {}
        for case, is_suspected in zip(cases, suspected, strict=True)
    ]
    found = []
    for left, right in combinations([place for place, values in enumerate(used) if values], 2):
        both = sorted(used[left].keys() & used[right].keys())
        if both:
            having = (sum(used[left][value] for value in both), sum(used[right][value] for value in both))
            parts = (having[0] / len(cases[left].accounts), having[1] / len(cases[right].accounts))
            ordinary = float((usual[both].sum() + 1) / (len(outside) + 1))
            found.append(_Common(left, right, len(both), having, parts, ordinary))
    return found


def _several(codes: NDArray[np.int32]) -> dict[int, int]:
    """The values that two or more have, and how many."""
    values, counts = np.unique(codes[codes >= 0], return_counts=True)
    several = counts >= 2
    return dict(zip(values[several].tolist(), counts[several].tolist(), strict=True))


def _moved(
    ids: Sequence[str], cases: Sequence[Case], suspected: Sequence[bool], history: History
) -> list[Link]:
    """Campaigns of the day whose accounts worked for another one of them on the days before."""
    places = {name: place for place, name in enumerate(ids) if suspected[place]}
    before = history.worked.filter(pl.col("campaign_id").is_in(list(places))).unique(
        ["campaign_id", "account_id"]
    )
    ties = []
    for name, place in sorted(places.items()):
        accounts = cases[place].members.population.ids.gather(cases[place].accounts)
        moved = before.filter(
            (pl.col("campaign_id") != name) & pl.col("account_id").is_in(accounts.implode())
        )
        for other, count in moved.group_by("campaign_id").len().sort("campaign_id").iter_rows():
            weight = count / min(len(accounts), len(cases[places[other]].accounts))
            if count >= LEAST_SHARED and weight >= SAME:
                reason = f"{count} accounts of {name} worked for {other} on the days before"
                ties.append(Link(min(name, other), max(name, other), min(float(weight), 1.0), reason))
    return ties
