"""Operators: campaigns that are run together.

Two campaigns are one operator's if they share accounts far beyond chance and a fair part of them, if accounts move from
one to the other from day to day, or if they pay with the same cards. A smaller part makes a campaign a soft member of
the other's operator without merging the two: pools are rented to several customers at once. A few accounts that connect
two campaigns are a bridge; bridges are shown and merge nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import networkx as nx
import numpy as np
import polars as pl
import pyarrow as pa

from accounts.case import Case
from accounts.history import History
from accounts.meetings import Overlap
from campaigns.records import BRIDGES, OPERATORS

BEYOND_CHANCE = 1e-3
"""p-value of the shared accounts, corrected for the pairs of campaigns of the day."""
LEAST_SHARED = 3
SAME = 0.3
"""Part of the smaller campaign's accounts that makes two campaigns one operator's."""
SOFT = 0.1
"""Part from which it belongs to the other's operator without merging the two."""
PAYMENT = 2


@dataclass(frozen=True, slots=True)
class Link:
    """Two campaigns, the part of the smaller one that ties them, and the reason in words."""

    left: str
    right: str
    weight: float
    reason: str


@dataclass(frozen=True, slots=True)
class Operators:
    """Tables of schemas OPERATORS and BRIDGES, and the operator that each campaign of the day most belongs to."""

    members: pl.DataFrame
    bridges: pl.DataFrame
    of_campaign: Mapping[str, str]


def find_operators(
    ids: Sequence[str],
    cases: Sequence[Case],
    found: Sequence[Overlap],
    suspected: Sequence[bool],
    history: History,
    first_days: Mapping[str, date],
    today: date,
) -> Operators:
    """
    Args:
        ids: campaign id of each case.
        found: which cases share accounts, by place.
        suspected: which are not benign; only these have operators.
        first_days: of campaigns known before.
    """
    ties, bridges = _shared(ids, cases, found, suspected)
    ties += _cards(ids, cases, suspected)
    ties += _moved(ids, cases, suspected, history)
    sizes = {name: len(case.accounts) for name, case in zip(ids, cases, strict=True)}
    memberships = _memberships(ties, sizes, _components(ties, first_days, today))
    rows = [
        {
            "operator_id": operator,
            "campaign_id": name,
            "membership": round(weight, 6),
            "reasons": list(reasons)[:5],
        }
        for (operator, name), (weight, reasons) in memberships.items()
    ]
    members = pl.DataFrame(pa.Table.from_pylist(rows, OPERATORS)).sort("operator_id", "campaign_id")
    strongest = members.sort("membership", "operator_id", descending=[True, False]).unique(
        "campaign_id", keep="first", maintain_order=True
    )
    return Operators(
        members,
        pl.DataFrame(pa.Table.from_pylist(bridges, BRIDGES)).sort("campaign_id", "other_id"),
        dict(strongest.select("campaign_id", "operator_id").iter_rows()),
    )


def _components(
    ties: Sequence[Link], first_days: Mapping[str, date], today: date
) -> dict[str, tuple[str, int]]:
    """The operator of each tied campaign and how many campaigns it holds, by firm ties alone."""
    graph = nx.Graph()
    graph.add_nodes_from(name for tie in ties for name in (tie.left, tie.right))
    graph.add_edges_from((tie.left, tie.right) for tie in ties if tie.weight >= SAME)
    found: dict[str, tuple[str, int]] = {}
    for component in nx.connected_components(graph):
        oldest = min(component, key=lambda name: (first_days.get(name, today), name))
        found |= dict.fromkeys(component, (f"o-{oldest.removeprefix('c-')}", len(component)))
    return found


def _memberships(
    ties: Sequence[Link], sizes: Mapping[str, int], operator_of: Mapping[str, tuple[str, int]]
) -> dict[tuple[str, str], tuple[float, list[str]]]:
    """(operator, campaign) to the membership and its reasons, the strongest first.

    A soft tie makes a campaign a member of an operator with several campaigns; of two that stand alone the smaller one
    belongs to the larger.
    """
    found: dict[tuple[str, str], tuple[float, list[str]]] = {}

    def add(operator: str, name: str, weight: float, reason: str) -> None:
        before, reasons = found.get((operator, name), (0.0, []))
        found[operator, name] = (max(before, weight), [*reasons, reason])

    for tie in sorted(ties, key=lambda one: (-one.weight, one.left, one.right, one.reason)):
        for name, other in ((tie.left, tie.right), (tie.right, tie.left)):
            (own, n_own), (operator, n_other) = operator_of[name], operator_of[other]
            if own == operator:
                add(operator, name, 1.0, tie.reason)
            elif n_other > 1:
                add(operator, name, tie.weight, tie.reason)
            elif n_own == 1 and (sizes[name], other) < (sizes[other], name):
                add(operator, name, tie.weight, tie.reason)
                add(operator, other, 1.0, tie.reason)
    return found


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
    if not cases:
        return []
    cards = cases[0].members.population.networks[:, PAYMENT]
    used = []
    for case in cases:
        codes, counts = np.unique(cards[case.accounts], return_counts=True)
        used.append(
            dict(
                zip(
                    codes[(codes >= 0) & (counts >= 2)].tolist(),
                    counts[(codes >= 0) & (counts >= 2)].tolist(),
                    strict=True,
                )
            )
        )
    ties = []
    for i, left in enumerate(used):
        for j in range(i + 1, len(used)):
            common = left.keys() & used[j].keys()
            if not common or not (suspected[i] and suspected[j]):
                continue
            parts = [
                sum(side[card] for card in common) / len(cases[k].accounts)
                for side, k in ((left, i), (used[j], j))
            ]
            if max(parts) < SOFT:
                continue
            first, second = sorted((ids[i], ids[j]))
            cards_pay = "1 payment card pays" if len(common) == 1 else f"{len(common)} payment cards pay"
            reason = f"{cards_pay} for accounts of both {first} and {second}"
            ties.append(Link(first, second, float(max(parts)), reason))
    return ties


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
