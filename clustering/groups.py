"""Lexical groups: texts gathered round anchors by the overlap of their scaffold features.

Anchors, not closures: a text joins the anchor it overlaps most, never a neighbour of a neighbour, so that a chain of
bridging texts cannot glue two families together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import sparse


@dataclass(frozen=True, slots=True)
class Dialects:
    """What is common in each language; row -1, the last one, is of the texts whose language is unknown.

    Attributes:
        languages: int8 (n_sets,), the language of each set, -1 for unknown.
        totals: float32 (n_languages + 1, n_features), accounts that sent each feature in texts of each language.
        everyone: int64 (n_languages + 1,), accounts that sent any.
    """

    languages: NDArray[np.int8]
    totals: NDArray[np.float32]
    everyone: NDArray[np.int64]

    def of(self, rows: NDArray[np.int64]) -> int:
        """The language of most of some sets, the lower of equals."""
        spoken = self.languages[rows].astype(np.int64) % len(self.everyone)
        return int(np.bincount(spoken).argmax())

    def majority(self, groups: NDArray[np.int32], n_groups: int) -> NDArray[np.int64]:
        """The language of most sets of each group, the lower of equals, int64 (n_groups,); groups: -1 for none."""
        counts = np.zeros((n_groups, len(self.everyone)), np.int64)
        inside = groups >= 0
        np.add.at(counts, (groups[inside], self.languages[inside]), 1)
        most: NDArray[np.int64] = counts.argmax(axis=1)
        return most


@dataclass(frozen=True, slots=True)
class FeatureSets:
    """Sets of features as rows of a sparse 0/1 matrix.

    Attributes:
        indptr: int64 (n_sets + 1,).
        columns: int32, feature numbers 0..n_features-1, ascending within a set.
        features: uint64 (n_features,), ascending, what the numbers stand for.
        usual: float64 (n_features,), part of all accounts that sent each feature on trailing days, in texts of no
            family; None: no day is known.
        dialects: what is common in each language; None: languages play no part.
    """

    indptr: NDArray[np.int64]
    columns: NDArray[np.int32]
    features: NDArray[np.uint64]
    usual: NDArray[np.float64] | None = None
    dialects: Dialects | None = None

    @classmethod
    def of(cls, indptr: NDArray[np.int64], values: NDArray[np.uint64]) -> FeatureSets:
        features, columns = np.unique(values, return_inverse=True)
        return cls(indptr, columns.astype(np.int32), features)

    def __len__(self) -> int:
        return len(self.indptr) - 1

    @property
    def sizes(self) -> NDArray[np.int64]:
        return np.diff(self.indptr)

    def matrix(self, dtype: type[np.floating]) -> sparse.csr_matrix:
        """0/1 CSR (n_sets, n_features)."""
        ones = np.ones(len(self.columns), dtype)
        return sparse.csr_matrix((ones, self.columns, self.indptr), shape=(len(self), len(self.features)))

    def only(self, chosen: NDArray[np.bool_]) -> FeatureSets:
        """The same rows, those not `chosen` emptied."""
        sizes = np.where(chosen, self.sizes, 0)
        indptr = np.concatenate(([0], np.cumsum(sizes))).astype(np.int64)
        return replace(self, indptr=indptr, columns=self.columns[np.repeat(chosen, self.sizes)])

    def united(self, other: FeatureSets) -> FeatureSets:
        """Rows of both side by side, for sets of features that do not overlap."""
        rows = np.concatenate(
            [np.repeat(np.arange(len(self)), self.sizes), np.repeat(np.arange(len(other)), other.sizes)]
        )
        values = np.concatenate([self.features[self.columns], other.features[other.columns]])
        order = np.lexsort((values, rows))
        indptr = np.concatenate(([0], np.cumsum(self.sizes + other.sizes))).astype(np.int64)
        features = np.concatenate([self.features, other.features])
        ascending = np.argsort(features)
        columns = np.searchsorted(features, values[order], sorter=ascending).astype(np.int32)
        usual = None
        if self.usual is not None and other.usual is not None:
            usual = np.concatenate([self.usual, other.usual])[ascending]
        dialects = None
        if self.dialects is not None and other.dialects is not None:
            totals = np.concatenate([self.dialects.totals, other.dialects.totals], axis=1)[:, ascending]
            dialects = replace(self.dialects, totals=totals)
        return FeatureSets(indptr, columns, features[ascending], usual, dialects)


def group_by_anchor(
    sets: FeatureSets, weights: NDArray[np.int64], keys: NDArray[np.bytes_], overlap: float
) -> NDArray[np.int32]:
    """Group number of each set, int32 (n_sets,); -1 for empty sets.

    Sets are taken by falling weight, then size, then key: all content, so that the order of input rows cannot
    matter. A set joins the anchor with the largest Jaccard overlap if that is at least `overlap` (ties: the older
    anchor); otherwise it is an anchor itself. Groups are numbered in the order of their anchors.

    Args:
        weights: int64 (n_sets,), prompts of each set.
        keys: fixed-size bytes (n_sets,), distinct.
    """
    sizes = sets.sizes
    order = np.lexsort((keys, -sizes, -weights)).astype(np.int64)
    order = order[sizes[order] > 0]
    groups: NDArray[np.int32] = _anchor_groups(sets.indptr, sets.columns, len(sets.features), order, overlap)
    return groups


@njit(cache=True, nogil=True)
def _anchor_groups(indptr, columns, n_features, order, overlap):  # type: ignore[no-untyped-def]
    n_sets = len(indptr) - 1
    groups = np.full(n_sets, -1, np.int32)
    # Anchors of a feature form a linked list: head[feature] -> entry -> entry ...
    head = np.full(n_features, -1, np.int64)
    entry_next = np.empty(1024, np.int64)
    entry_group = np.empty(1024, np.int32)
    n_entries = 0
    anchor_size = np.empty(1024, np.int64)
    n_groups = 0
    shared = np.zeros(1024, np.int32)
    touched = np.empty(1024, np.int32)
    for position in range(len(order)):
        row = order[position]
        first, last = indptr[row], indptr[row + 1]
        n_touched = 0
        for i in range(first, last):
            entry = head[columns[i]]
            while entry >= 0:
                group = entry_group[entry]
                if shared[group] == 0:
                    touched[n_touched] = group
                    n_touched += 1
                shared[group] += 1
                entry = entry_next[entry]
        best, best_overlap = np.int32(-1), 0.0
        for i in range(n_touched):
            group = touched[i]
            jaccard = shared[group] / (anchor_size[group] + (last - first) - shared[group])
            if jaccard > best_overlap or (jaccard == best_overlap and group < best):
                best, best_overlap = group, jaccard
            shared[group] = 0
        if best >= 0 and best_overlap >= overlap:
            groups[row] = best
            continue
        if n_groups + 1 > len(anchor_size):
            anchor_size = _longer(anchor_size)
            touched = _longer(touched)
            shared = np.zeros(2 * len(shared), np.int32)
        if n_entries + (last - first) > len(entry_next):
            while n_entries + (last - first) > len(entry_next):
                entry_next = _longer(entry_next)
                entry_group = _longer(entry_group)
        anchor_size[n_groups] = last - first
        for i in range(first, last):
            entry_group[n_entries] = n_groups
            entry_next[n_entries] = head[columns[i]]
            head[columns[i]] = n_entries
            n_entries += 1
        groups[row] = n_groups
        n_groups += 1
    return groups


@njit(cache=True, nogil=True)
def _longer(array):  # type: ignore[no-untyped-def]
    longer = np.empty(2 * len(array), array.dtype)
    longer[: len(array)] = array
    return longer
