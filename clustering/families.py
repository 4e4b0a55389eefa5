"""Families: groups whose core is strong enough to be a template, with every member checked against that core.

One refinement, no closure: a group that carries most of an older strong core joins it, each text then goes to the core
it covers best, and cores are measured again on the result. A text that covers no core by half belongs nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import sparse

from campaigns.settings import FamilySettings
from clustering.cores import Cores, coverage, find_cores
from clustering.groups import FeatureSets, group_by_anchor
from clustering.senders import Pairs

OWN_GROUP_BONUS = 1.0
"""A text leaves its own group only if it does not cover that group's core by half."""


@dataclass(frozen=True, slots=True)
class Families:
    """Texts and the core each belongs to.

    Attributes:
        labels: int32 (n_texts,), number of the family, -1 for none; numbered by content.
        strengths: float32 (n_texts,), part of the family's core weight that the text carries, 0..1.
        cores: the cores, one row per family number.
        accepted: bool (n_cores,), which cores are families; the others are idiom, topic or too little to tell.
    """

    labels: NDArray[np.int32]
    strengths: NDArray[np.float32]
    cores: Cores
    accepted: NDArray[np.bool_]

    @property
    def final(self) -> NDArray[np.int32]:
        """Labels with everything that is no family set to -1."""
        padded = np.append(self.accepted, False)
        result: NDArray[np.int32] = np.where(padded[self.labels], self.labels, -1).astype(np.int32)
        return result


def find_families(
    sets: FeatureSets,
    pairs: Pairs,
    keys: NDArray[np.bytes_],
    settings: FamilySettings,
    among: NDArray[np.bool_] | None = None,
) -> Families:
    """Families that texts form under one reading; what marks them is measured against all texts.

    Args:
        keys: fixed-size bytes (n_texts,), distinct: the content that breaks ties.
        among: bool (n_texts,), the texts that may propose groups; default all. Others may still join them.
    """
    weights = pairs.prompts_per_text(len(sets))
    proposing = sets if among is None else sets.only(among)
    groups = group_by_anchor(proposing, weights, keys, settings.anchor_overlap)
    return settle(sets, pairs, groups, settings)


def settle(sets: FeatureSets, pairs: Pairs, groups: NDArray[np.int32], settings: FamilySettings) -> Families:
    """Proposed groups to families: measure cores, refine once, measure again, verify every member."""
    cores = find_cores(sets, groups, pairs, settings)
    merged = _merge_fragments(cores, settings)
    whole = merged == np.arange(len(merged))
    own = np.append(merged, np.int32(-1))[own_cores(groups, cores)]
    labels, _ = best_core(coverage(sets, cores), whole, own, settings)
    cores = find_cores(sets, labels, pairs, settings)
    anyone = np.ones(len(cores.groups), np.bool_)
    labels, strengths = best_core(coverage(sets, cores), anyone, own_cores(labels, cores), settings)
    return Families(labels, strengths, cores, cores.families(settings))


def stand_alone(
    sets: FeatureSets, pairs: Pairs, labels: NDArray[np.int32], n_labels: int, settings: FamilySettings
) -> NDArray[np.bool_]:
    """bool (n_labels,): which labels are families by the texts that bear them, nobody else's.

    A core may have become strong by texts that were then given to another family. What is left must pass on its own,
    or a few texts that quote a large template would be accused on its evidence.
    """
    cores = find_cores(sets, labels, pairs, settings)
    result = np.zeros(n_labels, np.bool_)
    result[cores.groups[cores.families(settings)]] = True
    return result


def _merge_fragments(cores: Cores, settings: FamilySettings) -> NDArray[np.int32]:
    """int32 (n_cores,): the stronger core each core is a fragment of, itself if none.

    What counts is what the members have in common, not what marks them: two fragments of one template take each
    other's marks away, since each finds the template outside itself too.
    """
    normal = sparse.diags((1.0 / np.maximum(cores.strengths, 1e-9)).astype(np.float32)) @ cores.weights
    carried = (cores.common @ normal.T).tocsr()
    order = np.lexsort((cores.groups, -cores.strengths)).astype(np.int64)
    merged: NDArray[np.int32] = _fragment_of(
        carried.indptr.astype(np.int64),
        carried.indices,
        carried.data,
        order,
        cores.strong(settings),
        settings.merge_share,
    )
    return merged


def own_cores(groups: NDArray[np.int32], cores: Cores) -> NDArray[np.int32]:
    """The core of each text's own group, int32 (n_texts,), -1 if that group has none."""
    core_of_group = np.full(int(groups.max(initial=-1)) + 2, -1, np.int32)
    core_of_group[cores.groups] = np.arange(len(cores.groups), dtype=np.int32)
    return core_of_group[groups]  # group -1 reads the last entry, which is -1


def best_core(
    carried: sparse.csr_matrix, eligible: NDArray[np.bool_], own: NDArray[np.int32], settings: FamilySettings
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """(core of each text or -1, its coverage): the eligible core covered best, the own one preferred.

    Args:
        carried: coverage, CSR (n_texts, n_cores).
        eligible: bool (n_cores,).
        own: int32 (n_texts,), -1 for none.
    """
    carried.sort_indices()
    indptr = carried.indptr.astype(np.int64)
    labels, strengths = _best_core(
        indptr, carried.indices, carried.data, own, eligible, settings.member_share, OWN_GROUP_BONUS
    )
    return labels, strengths


@njit(cache=True, nogil=True)
def _fragment_of(indptr, indices, carried, order, strong, share):  # type: ignore[no-untyped-def]
    n = len(indptr) - 1
    merged = np.arange(n).astype(np.int32)
    is_whole = np.zeros(n, np.bool_)  # strong, passed already, and no fragment itself
    for core in order:
        best, best_share = np.int32(-1), 0.0
        for i in range(indptr[core], indptr[core + 1]):
            other = indices[i]
            if not is_whole[other] or carried[i] < share:
                continue
            if carried[i] > best_share or (carried[i] == best_share and other < best):
                best, best_share = other, carried[i]
        is_whole[core] = strong[core] and best < 0
        if best >= 0:
            merged[core] = best
    return merged


@njit(cache=True, nogil=True)
def _best_core(indptr, indices, carried, own, eligible, share, bonus):  # type: ignore[no-untyped-def]
    n_texts = len(indptr) - 1
    labels = np.full(n_texts, -1, np.int32)
    strengths = np.zeros(n_texts, np.float32)
    for text in range(n_texts):
        best = 0.0
        for i in range(indptr[text], indptr[text + 1]):
            core = indices[i]
            if not eligible[core] or carried[i] < share:
                continue
            rank = carried[i] + (bonus if core == own[text] else 0.0)
            if rank > best:
                best = rank
                labels[text] = core
                strengths[text] = min(carried[i], np.float32(1.0))
    return labels, strengths
