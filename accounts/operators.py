"""Operators: campaigns that are run together.

Firm ties merge (connected components). A softer tie makes a campaign a member of the other's operator without merging
the two: pools are rented to several customers at once. Bridges are shown and merge nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import networkx as nx
import polars as pl
import pyarrow as pa

from accounts.case import Case
from accounts.history import History
from accounts.meetings import Overlap
from accounts.ties import SAME, Link, find_ties
from campaigns.records import BRIDGES, OPERATORS


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
    ties, bridges = find_ties(ids, cases, found, suspected, history)
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
