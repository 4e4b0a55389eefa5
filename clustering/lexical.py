"""The lexical channel: families by word pairs, then, among what they leave open, families by how prompts begin or end.

Pairs survive rewording, insertion and noise, but drown when a short template surrounds a long passage. Edges
see exactly those. A text that begins and ends as a known family does joins it, however little of the pairs it carries.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from campaigns.settings import FamilySettings
from clustering.cores import coverage, find_cores
from clustering.families import Families, Pairs, best_core, find_families, own_cores, settle
from clustering.groups import FeatureSets, group_by_anchor


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
    labels, strengths = by_pairs.labels.copy(), by_pairs.strengths.copy()
    final = by_pairs.final
    adopted, carried = _adopted(edge_sets, pairs, final, settings)
    joins = (final < 0) & (adopted >= 0)
    labels[joins], strengths[joins] = adopted[joins], carried[joins]

    taken = (final >= 0) | joins
    by_edges = _edge_families(edge_sets, pairs, keys, taken, settings)
    covering = np.where(taken, -1, by_edges.final)
    n_texts = np.bincount(covering[covering >= 0], minlength=len(by_edges.accepted))
    accepted = by_edges.accepted & (n_texts >= settings.edge_texts)
    new = np.append(accepted, False)[covering]
    labels[new] = covering[new] + len(by_pairs.accepted)
    strengths[new] = by_edges.strengths[new]
    return LexicalGroups(labels, strengths, np.concatenate([by_pairs.accepted, accepted]))


def _adopted(
    sets: FeatureSets, pairs: Pairs, families: NDArray[np.int32], settings: FamilySettings
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The family whose way to begin and end each text shares (-1: none), and how much of it, 0..1."""
    cores = find_cores(sets, families, pairs.accounts, pairs.texts, pairs.prompts, settings)
    strong = cores.strengths >= settings.core_strength
    labels, carried = best_core(coverage(sets, cores), strong, own_cores(families, cores), settings)
    return np.where(labels >= 0, np.append(cores.groups, -1)[labels], -1).astype(np.int32), carried


def _edge_families(
    sets: FeatureSets,
    pairs: Pairs,
    keys: NDArray[np.bytes_],
    taken: NDArray[np.bool_],
    settings: FamilySettings,
) -> Families:
    """Families proposed by the texts not `taken`; what marks them is measured against all texts."""
    weights = pairs.prompts_per_text(len(sets))
    groups = group_by_anchor(sets.only(~taken), weights, keys, settings.anchor_overlap)
    return settle(
        sets, pairs, groups, settings.model_copy(update={"family_strength": settings.edge_strength})
    )
