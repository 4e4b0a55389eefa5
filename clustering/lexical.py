"""The lexical channel: four readings of the same texts, each for what the ones before leave open.

1. Word pairs survive rewording, insertion and noise.
2. Edges, how prompts begin and end, see a short template round a long passage, where its pairs drown.
3. Word pairs read widely see a small family whose template quotes a phrase of a large one.
4. Window words see, by growth (`clustering.growth`), families of which every request is reworded.

A text that begins and ends as a known family does joins it, however little of the pairs it carries.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from campaigns.settings import FamilySettings
from clustering.cores import coverage, find_cores
from clustering.families import best_core, find_families, own_cores, stand_alone
from clustering.groups import FeatureSets
from clustering.growth import grow_families
from clustering.senders import Pairs


@dataclass(frozen=True, slots=True)
class Readings:
    """Four feature sets over the same texts, in the order they are used."""

    pairs: FeatureSets
    edges: FeatureSets
    wide_pairs: FeatureSets
    windows: FeatureSets

    def __len__(self) -> int:
        return len(self.pairs)


@dataclass(frozen=True, slots=True)
class LexicalGroups:
    """Groups of all readings under one numbering.

    Attributes:
        labels: int32 (n_texts,), -1 for none.
        strengths: float32 (n_texts,), part of the group's core weight the text carries; of grown families, its evidence
            by twice the margin.
        accepted: bool (n_groups,), the groups that are families.
        ordinary: float32 (n_texts,), how much like anybody's the senders of a text and of its nearest texts are, of
            texts that were open when the last reading began; otherwise 1.
    """

    labels: NDArray[np.int32]
    strengths: NDArray[np.float32]
    accepted: NDArray[np.bool_]
    ordinary: NDArray[np.float32]

    @classmethod
    def none(cls, n_texts: int) -> LexicalGroups:
        nothing = np.zeros(n_texts, np.float32)
        return cls(np.full(n_texts, -1, np.int32), nothing, np.empty(0, np.bool_), nothing + 1)

    @property
    def families(self) -> NDArray[np.int32]:
        """Labels with every group that is no family set to -1."""
        result: NDArray[np.int32] = np.where(np.append(self.accepted, False)[self.labels], self.labels, -1)
        return result.astype(np.int32)

    @property
    def taken(self) -> NDArray[np.bool_]:
        result: NDArray[np.bool_] = self.families >= 0
        return result


def lexical_groups(
    readings: Readings, pairs: Pairs, keys: NDArray[np.bytes_], settings: FamilySettings
) -> LexicalGroups:
    """Groups of the texts, the rows of all readings; `keys` are distinct and break ties."""
    edge_settings = settings.model_copy(update={"family_strength": settings.edge_strength})
    found = LexicalGroups.none(len(readings))
    found = _extended(found, readings.pairs, pairs, keys, settings, fewest_texts=1)
    found = _adopting(found, readings.edges, pairs, settings)
    found = _extended(found, readings.edges, pairs, keys, edge_settings, fewest_texts=settings.edge_texts)
    found = _extended(found, readings.wide_pairs, pairs, keys, settings, fewest_texts=settings.edge_texts)
    return _with_grown(found, readings.windows, pairs, keys, settings)


def _extended(
    found: LexicalGroups,
    sets: FeatureSets,
    pairs: Pairs,
    keys: NDArray[np.bytes_],
    settings: FamilySettings,
    *,
    fewest_texts: int,
) -> LexicalGroups:
    """Add the groups that texts in no family form under this reading.

    A group that is no family is only kept for texts that had no group at all.
    """
    open_texts = ~found.taken
    new = find_families(sets, pairs, keys, settings, among=open_texts)
    labels = np.where(open_texts, new.labels, -1).astype(np.int32)
    n_texts = np.bincount(labels[labels >= 0], minlength=len(new.accepted))
    accepted = new.accepted & (n_texts >= fewest_texts)
    accepted &= stand_alone(sets, pairs, labels, len(accepted), settings)
    joins = (labels >= 0) & (np.append(accepted, False)[labels] | (found.labels < 0))
    return LexicalGroups(
        np.where(joins, labels + len(found.accepted), found.labels).astype(np.int32),
        np.where(joins, new.strengths, found.strengths),
        np.concatenate([found.accepted, accepted]),
        found.ordinary,
    )


def _with_grown(
    found: LexicalGroups, sets: FeatureSets, pairs: Pairs, keys: NDArray[np.bytes_], settings: FamilySettings
) -> LexicalGroups:
    """Add the families that grow from seeds of texts in no family."""
    growth = grow_families(sets, pairs, keys, ~found.taken, settings)
    joins = growth.labels >= 0
    return LexicalGroups(
        np.where(joins, growth.labels + len(found.accepted), found.labels).astype(np.int32),
        np.where(joins, growth.strengths, found.strengths),
        np.concatenate([found.accepted, np.ones(int(growth.labels.max(initial=-1)) + 1, np.bool_)]),
        growth.ordinary,
    )


def _adopting(
    found: LexicalGroups, sets: FeatureSets, pairs: Pairs, settings: FamilySettings
) -> LexicalGroups:
    """Let open texts join the family whose strong core, measured under this reading, they carry by half."""
    families = found.families
    cores = find_cores(sets, families, pairs, settings)
    carried = coverage(sets, cores)
    best, strengths = best_core(carried, cores.strong(settings), own_cores(families, cores), settings)
    joins = (families < 0) & (best >= 0)
    return replace(
        found,
        labels=np.where(joins, np.append(cores.groups, -1)[best], found.labels).astype(np.int32),
        strengths=np.where(joins, strengths, found.strengths),
    )
