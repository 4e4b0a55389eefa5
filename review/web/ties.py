"""A picture of an operator: campaigns as nodes on a circle, accounts that they share as lines, bridges as dashed ones.

Places are in the units of the drawing's `viewBox`. Nothing is decided by it, and the tables beside it say all of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from string import ascii_lowercase
from typing import Final

import numpy as np

from review.heads import Head
from review.membership import membership
from review.operator import Operator
from review.run_tables import RunTables

MOST_NODES: Final = 24
"""Campaigns of the operator that are drawn, the firmest members."""
MOST_OUTSIDE: Final = 8
_RADIUS, _OUTER = 130.0, 205.0
_SMALLEST, _LARGEST, _OUTSIDE = 13.0, 30.0, 13.0
_WIDEST: Final = 7.0
_MARGIN: Final = 8.0


@dataclass(frozen=True, slots=True)
class Node:
    """`mark` names it in the picture and in the tables: a number inside the operator, a letter outside."""

    mark: str
    campaign: Head
    x: float
    y: float
    radius: float
    outside: bool


@dataclass(frozen=True, slots=True)
class Line:
    """Accounts that two campaigns share; `bridge`: not enough to make them one operator's."""

    x1: float
    y1: float
    x2: float
    y2: float
    width: float
    n_shared: int
    bridge: bool

    @property
    def middle(self) -> tuple[float, float]:
        return round((self.x1 + self.x2) / 2, 1), round((self.y1 + self.y2) / 2, 1)


@dataclass(frozen=True, slots=True)
class Ties:
    """`left_out`: campaigns of the operator for which there is no room."""

    nodes: tuple[Node, ...]
    lines: tuple[Line, ...]
    box: tuple[float, float, float, float]
    left_out: int

    @property
    def marks(self) -> dict[str, str]:
        """By campaign."""
        return {node.campaign.campaign_id: node.mark for node in self.nodes}


def ties(tables: RunTables, operator: Operator) -> Ties:
    """
    Args:
        tables: of the run that the operator was read from.
    """
    own = [member.campaign for member in operator.members[:MOST_NODES]]
    inside = _circle(own)
    bridges = [one for one in operator.bridges if one.inside.campaign_id in inside]
    outside = _outside(inside, [(one.inside, one.outside) for one in bridges])
    nodes = inside | outside
    pairs = [(left.campaign_id, right.campaign_id, n, False) for left, right, n in _shared(tables, own)]
    pairs += [
        (one.inside.campaign_id, one.outside.campaign_id, one.n_shared, True)
        for one in bridges
        if one.outside.campaign_id in outside
    ]
    most = max((n for *_, n, _ in pairs), default=1)
    lines = tuple(
        Line(
            nodes[left].x,
            nodes[left].y,
            nodes[right].x,
            nodes[right].y,
            round(max(_WIDEST * n / most, 1.0), 1),
            n,
            bridge,
        )
        for left, right, n, bridge in pairs
    )
    found = tuple(nodes.values())
    return Ties(found, lines, _box(found), len(operator.members) - len(own))


def _circle(campaigns: list[Head]) -> dict[str, Node]:
    most = max(one.n_prompts for one in campaigns)
    n = len(campaigns)
    radius = _RADIUS if n > 1 else 0.0
    found = {}
    for place, one in enumerate(campaigns):
        angle = math.pi + 2 * math.pi * place / n
        size = _SMALLEST + (_LARGEST - _SMALLEST) * math.sqrt(one.n_prompts / max(most, 1))
        found[one.campaign_id] = Node(
            str(place + 1),
            one,
            round(radius * math.cos(angle), 1),
            round(radius * math.sin(angle), 1),
            round(size, 1),
            False,
        )
    return found


def _outside(inside: dict[str, Node], bridges: list[tuple[Head, Head]]) -> dict[str, Node]:
    """Each further out than the campaign of the operator that it is bridged to, one beside the other."""
    by_node: dict[str, list[Head]] = {}
    placed: set[str] = set(inside)
    for near, far in bridges:
        if far.campaign_id not in placed and len(placed) < len(inside) + MOST_OUTSIDE:
            placed.add(far.campaign_id)
            by_node.setdefault(near.campaign_id, []).append(far)
    found: dict[str, Node] = {}
    for name, others in by_node.items():
        centre = math.atan2(inside[name].y, inside[name].x) if len(inside) > 1 else math.pi
        for place, far in enumerate(others):
            angle = centre + 0.35 * (place - (len(others) - 1) / 2)
            found[far.campaign_id] = Node(
                ascii_lowercase[len(found)],
                far,
                round(_OUTER * math.cos(angle), 1),
                round(_OUTER * math.sin(angle), 1),
                _OUTSIDE,
                True,
            )
    return found


def _shared(tables: RunTables, campaigns: list[Head]) -> list[tuple[Head, Head, int]]:
    """Pairs of campaigns with the number of accounts that work for both, where any do."""
    known = membership(tables)
    members = {one.campaign_id: np.unique(known.members(one.campaign_id)) for one in campaigns}
    found = []
    for left, right in combinations(campaigns, 2):
        both = np.intersect1d(members[left.campaign_id], members[right.campaign_id], assume_unique=True)
        if len(both):
            found.append((left, right, len(both)))
    return found


def _box(nodes: tuple[Node, ...]) -> tuple[float, float, float, float]:
    """x, y, width, height of what holds all nodes."""
    left = min(node.x - node.radius for node in nodes) - _MARGIN
    top = min(node.y - node.radius for node in nodes) - _MARGIN
    right = max(node.x + node.radius for node in nodes) + _MARGIN
    bottom = max(node.y + node.radius for node in nodes) + _MARGIN
    return round(left, 1), round(top, 1), round(right - left, 1), round(bottom - top, 1)
