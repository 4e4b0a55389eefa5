"""Cores: the features that mark a group, weighted by how much commoner they are inside than outside.

For a feature with account-weighted frequency p inside the group and q in the rest of the traffic (the group itself
left out, or a large family would explain itself away), the weight is p ln(p / q): the feature's part of the
Kullback-Leibler divergence between group and rest. A core's strength is the sum of its weights, in nats. What was
common on trailing days (`clustering.background`), or in the language of the group (`clustering.dialects`), is common
in the rest of the traffic, whatever today says.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import sparse

from campaigns.settings import FamilySettings
from clustering.groups import FeatureSets
from clustering.senders import Pairs, evidence

DIALECT_PRIOR = 20.0
"""Accounts of a language below which it says little about what is common in it."""


@dataclass(frozen=True, slots=True)
class Cores:
    """Cores of groups.

    Attributes:
        groups: int32 (n_cores,), the group of each core, ascending.
        weights: float32 CSR (n_cores, n_features).
        common: the features that most members carry, whether they mark the group or not; 0/1 CSR of the same shape.
        strengths: float64 (n_cores,), sum of weights.
        n_accounts: int64 (n_cores,), distinct accounts of the group.
        n_prompts: int64 (n_cores,).
        evidence: float64 (n_cores,), strength and senders together (`clustering.senders`), in nats.
    """

    groups: NDArray[np.int32]
    weights: sparse.csr_matrix
    common: sparse.csr_matrix
    strengths: NDArray[np.float64]
    n_accounts: NDArray[np.int64]
    n_prompts: NDArray[np.int64]
    evidence: NDArray[np.float64]

    def strong(self, settings: FamilySettings) -> NDArray[np.bool_]:
        result: NDArray[np.bool_] = self.strengths >= settings.core_strength
        return result

    def families(self, settings: FamilySettings) -> NDArray[np.bool_]:
        """Cores strong enough, for their number of accounts, to be a template and no idiom or topic."""
        result: NDArray[np.bool_] = self.strong(settings) & (self.evidence >= settings.family_strength)
        return result


def find_cores(sets: FeatureSets, groups: NDArray[np.int32], pairs: Pairs, settings: FamilySettings) -> Cores:
    """Cores of all groups with enough prompts and accounts.

    Args:
        groups: int32 (n_sets,), -1 for none.
    """
    inside = groups[pairs.texts] >= 0
    pair_group = groups[pairs.texts[inside]].astype(np.int64)
    pair_account, pair_prompts = pairs.accounts[inside], pairs.prompts[inside]
    n_groups = int(groups.max(initial=-1)) + 1
    n_prompts = np.bincount(pair_group, weights=pair_prompts, minlength=n_groups).astype(np.int64)
    base = int(pairs.accounts.max(initial=0)) + 1
    members, member = np.unique(pair_group * base + pair_account, return_inverse=True)
    group_of_member = members // base
    n_accounts = np.bincount(group_of_member, minlength=n_groups)
    sent = np.bincount(member, weights=pair_prompts).astype(np.int64)
    ordinary = np.bincount(
        group_of_member, weights=pairs.ordinary(members % base, sent), minlength=n_groups
    ) / np.maximum(n_accounts, 1)
    ordinary = np.round(ordinary, 9)  # accounts are numbered by partition, and sums differ in the last bit
    chosen = np.flatnonzero((n_prompts >= settings.min_prompts) & (n_accounts >= settings.min_accounts))
    totals = feature_accounts(sets, pairs)
    core_of = np.full(n_groups, -1, np.int64)
    core_of[chosen] = np.arange(len(chosen))
    keep = core_of[pair_group] >= 0
    mass, carriers = _mass_and_carriers(
        sets, core_of[pair_group[keep]], pair_account[keep], pairs.texts[inside][keep], len(chosen)
    )
    row, column = mass.nonzero()
    size = n_accounts[chosen][row]
    # Sums of thirds in another order differ in the last bit; a feature of exactly one half must not.
    p = np.round(mass.data, 9) / size
    core_of_text = np.where(groups >= 0, np.append(core_of, -1)[groups], -1).astype(np.int32)
    language = (
        sets.dialects.majority(core_of_text, len(chosen))
        if sets.dialects
        else np.zeros(len(chosen), np.int64)
    )
    q = frequency_outside(sets, column, totals[column], carriers.data, pairs.everyone, size, language[row])
    is_common = p >= settings.core_presence
    is_core = is_common & (p >= settings.core_lift * q)
    shape = (len(chosen), len(sets.features))
    weight = (p * np.log(p / q))[is_core].astype(np.float32)
    weights = sparse.csr_matrix((weight, (row[is_core], column[is_core])), shape=shape)
    weights.sort_indices()
    common = sparse.csr_matrix(
        (np.ones(is_common.sum(), np.float32), (row[is_common], column[is_common])), shape=shape
    )
    strengths = np.asarray(weights.sum(axis=1, dtype=np.float64)).ravel()
    return Cores(
        groups=chosen.astype(np.int32),
        weights=weights,
        common=common,
        strengths=strengths,
        n_accounts=n_accounts[chosen],
        n_prompts=n_prompts[chosen],
        evidence=evidence(strengths, n_accounts[chosen], ordinary[chosen], pairs.n_prompts),
    )


def feature_accounts(sets: FeatureSets, pairs: Pairs) -> NDArray[np.float64]:
    """Distinct accounts of each feature, float64 (n_features,)."""
    order = np.argsort(pairs.accounts, kind="stable")
    args = pairs.accounts[order], pairs.texts[order], sets.indptr, sets.columns, len(sets.features)
    totals: NDArray[np.float64] = _distinct_accounts(*args)
    return totals


def frequency_outside(
    sets: FeatureSets,
    columns: NDArray[np.integer],
    totals: NDArray[np.float64],
    inside: NDArray[np.float64],
    everyone: int,
    size: NDArray[np.int64] | int,
    language: NDArray[np.int64] | int,
) -> NDArray[np.float64]:
    """q of some features, float64 (n,): how common each is among the accounts outside of a group.

    That of today, with half a carrier added; or of trailing days; or among those who write the language of the
    group, where today's q counts as `DIALECT_PRIOR` accounts more: whichever is most.

    Args:
        columns: the features' numbers, (n,).
        totals: accounts that sent each of them, float64 (n,).
        inside: those of the group, float64 (n,).
        everyone: all accounts.
        size: accounts of the group, one number or (n,).
        language: its place in `sets.dialects`, one number or (n,).
    """
    q: NDArray[np.float64] = (totals - inside + 0.5) / (everyone - size + 1.0)
    if sets.usual is not None:
        q = np.maximum(q, sets.usual[columns])
    if sets.dialects is not None:
        outside = np.maximum(sets.dialects.totals[language, columns] - inside, 0.0)
        others = np.maximum(sets.dialects.everyone[language] - size, outside)
        q = np.maximum(q, (outside + DIALECT_PRIOR * q) / (others + DIALECT_PRIOR))
    return q


def coverage(sets: FeatureSets, cores: Cores) -> sparse.csr_matrix:
    """Part of each core's weight that each set carries, float32 CSR (n_sets, n_cores)."""
    matrix = sets.matrix(np.float32)
    scaled = sparse.diags((1.0 / np.maximum(cores.strengths, 1e-9)).astype(np.float32)) @ cores.weights
    return (matrix @ scaled.T).tocsr()


@njit(cache=True, nogil=True)
def _distinct_accounts(accounts, texts, indptr, columns, n_features):  # type: ignore[no-untyped-def]
    totals = np.zeros(n_features, np.float64)
    last = np.full(n_features, -1, np.int64)
    for pair in range(len(accounts)):
        for i in range(indptr[texts[pair]], indptr[texts[pair] + 1]):
            if last[columns[i]] != accounts[pair]:
                last[columns[i]] = accounts[pair]
                totals[columns[i]] += 1.0
    return totals


def _mass_and_carriers(
    sets: FeatureSets,
    rows: NDArray[np.int64],
    accounts: NDArray[np.int64],
    texts: NDArray[np.int64],
    n_rows: int,
) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    """Two CSR matrices (n_rows, n_features) of one pattern, from entries (row, account, text) that are distinct.

    Mass: each account of a row gives mass 1, spread evenly over its texts there. Carriers: the accounts of a row
    that sent the feature at all.
    """
    members, member = np.unique(np.column_stack([rows, accounts]), axis=0, return_inverse=True)
    member = member.ravel()
    share = 1.0 / np.bincount(member)[member] if len(member) else np.empty(0)
    sent = sparse.csr_matrix((share, (member, texts)), shape=(len(members), len(sets)))
    per_member = sent @ sets.matrix(np.float64)
    belongs = sparse.csr_matrix(
        (np.ones(len(members)), (members[:, 0], np.arange(len(members)))), shape=(n_rows, len(members))
    )
    mass = belongs @ per_member
    per_member.data = np.ones_like(per_member.data)
    carriers = belongs @ per_member
    mass.sort_indices()
    carriers.sort_indices()
    return mass, carriers
