"""The lexical channel: families by word pairs, then, among what they leave open, families by how prompts begin or end.

Pairs survive rewording, insertion and noise, but drown when a short template surrounds a long passage. Edges see exactly
those. Texts that only an edge core explains join an existing family when that core is plainly a part of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from campaigns.settings import FamilySettings
from clustering.families import Families, Pairs, find_families, settle
from clustering.groups import FeatureSets, group_by_anchor

_SAME_TEMPLATE = 0.8
"""An edge core belongs to a pair family when this part of the texts that cover it are in that family."""


@dataclass(frozen=True, slots=True)
class LexicalGroups:
    """Groups of both channels under one numbering: pair cores first, then edge cores.

    Attributes:
        labels: int32 (n_texts,), -1 for none.
        strengths: float32 (n_texts,), part of the group's core weight the text carries.
        accepted: bool (n_groups,), the groups that are families.
    """

    labels: NDArray[np.int32]
    strengths: NDArray[np.float32]
    accepted: NDArray[np.bool_]

    @property
    def families(self) -> NDArray[np.int32]:
        """Labels with every group that is no family set to -1."""
        result: NDArray[np.int32] = np.where(np.append(self.accepted, False)[self.labels], self.labels, -1)
        return result.astype(np.int32)


def lexical_groups(
    pair_sets: FeatureSets,
    edge_sets: FeatureSets,
    pairs: Pairs,
    keys: NDArray[np.bytes_],
    settings: FamilySettings,
) -> LexicalGroups:
    """Both channels over the same texts (rows of both feature sets)."""
    by_pairs = find_families(pair_sets, pairs, keys, settings)
    taken = by_pairs.final >= 0
    by_edges = _edge_families(edge_sets, pairs, keys, taken, settings)
    return _combine(by_pairs, by_edges, settings)


def _edge_families(
    sets: FeatureSets,
    pairs: Pairs,
    keys: NDArray[np.bytes_],
    taken: NDArray[np.bool_],
    settings: FamilySettings,
) -> Families:
    """Families proposed by the texts not `taken`; cores are verified against all texts."""
    open_sets = sets.only(~taken)
    weights = pairs.prompts_per_text(len(sets))
    groups = group_by_anchor(open_sets, weights, keys, settings.anchor_overlap)
    return settle(sets, pairs, groups, settings.model_copy(update={"family_strength": settings.edge_strength}))


def _combine(by_pairs: Families, by_edges: Families, settings: FamilySettings) -> LexicalGroups:
    n_pairs, n_edges = len(by_pairs.accepted), len(by_edges.accepted)
    families = by_pairs.final
    covering = by_edges.final
    home = _home_of_cores(families, covering, n_pairs, n_edges)
    open_texts = (families < 0) & (covering >= 0)
    n_open = np.bincount(covering[open_texts], minlength=n_edges)
    accepted = by_edges.accepted & (home < 0) & (n_open >= settings.edge_texts)
    labels, strengths = by_pairs.labels.copy(), by_pairs.strengths.copy()
    moved = open_texts & (home[covering] >= 0)
    labels[moved] = home[covering[moved]]
    new = open_texts & accepted[covering]
    labels[new] = covering[new] + n_pairs
    strengths[moved | new] = by_edges.strengths[moved | new]
    return LexicalGroups(labels, strengths, np.concatenate([by_pairs.accepted, accepted]))


def _home_of_cores(
    families: NDArray[np.int32], covering: NDArray[np.int32], n_pairs: int, n_edges: int
) -> NDArray[np.int32]:
    """For each edge core the pair family that nearly all its texts are in, int32 (n_edges,), -1 if none."""
    if n_edges == 0 or n_pairs == 0:
        return np.full(max(n_edges, 1), -1, np.int32)
    covered = covering >= 0
    table = np.zeros((n_edges, n_pairs + 1), np.int64)
    np.add.at(table, (covering[covered], families[covered]), 1)  # family -1 counts in the last column
    best = table[:, :-1].argmax(axis=1)
    share = table[np.arange(n_edges), best] / np.maximum(table.sum(axis=1), 1)
    return np.where(share >= _SAME_TEMPLATE, best, -1).astype(np.int32)
