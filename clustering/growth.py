"""Growth: families whose every request is reworded, so that no two members share much, grown from a small seed.

Such a family has no core: each of its features is in a third of its members. But a text that carries a dozen of them at
once is no accident. From each small group a profile is taken (features that at least `grow_presence` of its
accounts carry, weight ln(p / q)); texts whose summed weight, a log likelihood ratio in nats, reaches `grow_margin`
are its members; the profile is taken again, until nothing changes. This is expectation maximisation with hard
assignment (Celeux & Govaert 1992) for one component against the rest of the traffic.

Genres of ordinary prompts grow as well. What tells a pool from them is that its accounts send the same thing again: a
grown family needs `grow_repeats` prompts per account, and may be weaker for it than a family with a core.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from campaigns.settings import FamilySettings
from clustering.cores import feature_accounts
from clustering.families import Pairs
from clustering.groups import FeatureSets, group_by_anchor

SEED_TEXTS = 3
FEWEST_ACCOUNTS = 8
CARRIERS = 2
"""Accounts of the family that must carry a feature of its profile."""
_ROUNDS = 8


@dataclass(frozen=True, slots=True)
class Profile:
    """What members of one family carry more often than others.

    Attributes:
        features: int64, columns of the feature sets.
        weights: float64, ln(p / q) of each.
        strength: sum of p ln(p / q), in nats, as of any other core.
        n_accounts: distinct accounts of the members.
    """

    features: NDArray[np.int64]
    weights: NDArray[np.float64]
    strength: float
    n_accounts: int


class Grower:
    """The traffic as matrices, made once for all seeds."""

    def __init__(self, sets: FeatureSets, pairs: Pairs, settings: FamilySettings) -> None:
        self.settings = settings
        self.by_row = sets.matrix(np.float64)
        self.by_column = self.by_row.tocsc()
        shape = (int(pairs.accounts.max(initial=-1)) + 1, len(sets))
        ones = np.ones(len(pairs.accounts))
        self.senders = sparse.csc_matrix((ones, (pairs.accounts, pairs.texts)), shape=shape)
        self.prompts = pairs.prompts_per_text(len(sets))
        self.totals = feature_accounts(sets, pairs.accounts, pairs.texts)
        self.everyone = len(np.unique(pairs.accounts))

    def profile(self, members: NDArray[np.int64]) -> Profile:
        sent = self.senders[:, members].tocsr()
        per_account = np.asarray(sent.sum(axis=1)).ravel()
        sent = sent[per_account > 0]
        shares = sparse.diags(1.0 / per_account[per_account > 0]) @ sent
        carried = shares @ self.by_row[members]
        n_accounts = sent.shape[0]
        p = np.round(np.asarray(carried.sum(axis=0)).ravel(), 9) / n_accounts
        carriers = np.asarray((carried > 0).sum(axis=0)).ravel()
        q = (self.totals - carriers + 0.5) / (self.everyone - n_accounts + 1.0)
        marks = (
            (p >= self.settings.grow_presence) & (carriers >= CARRIERS) & (p >= self.settings.core_lift * q)
        )
        features = np.flatnonzero(marks)
        weights = np.log(p[features] / q[features])
        return Profile(features, weights, float(p[features] @ weights), n_accounts)

    def evidence(self, profile: Profile) -> NDArray[np.float64]:
        """Summed weight of the profile's features in each text, float64 (n_texts,), in nats."""
        summed: NDArray[np.float64] = self.by_column[:, profile.features] @ profile.weights
        return np.round(summed, 6)

    def grown(
        self, seed: NDArray[np.int64], open_texts: NDArray[np.bool_]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64], Profile]:
        """(members, evidence of every text, profile) when membership no longer changes, or after `_ROUNDS`."""
        members = seed
        for _ in range(_ROUNDS):
            profile = self.profile(members)
            evidence = self.evidence(profile)
            joined = np.flatnonzero(open_texts & (evidence >= self.settings.grow_margin))
            if not len(joined) or np.array_equal(joined, members):
                return joined, evidence, profile
            members = joined
        return members, evidence, profile

    def is_family(self, members: NDArray[np.int64], profile: Profile) -> bool:
        n_prompts = int(self.prompts[members].sum())
        return (
            profile.n_accounts >= FEWEST_ACCOUNTS
            and n_prompts >= self.settings.grow_repeats * profile.n_accounts
            and profile.strength >= self.settings.core_strength
            and profile.strength * np.sqrt(profile.n_accounts / 10.0) >= self.settings.grow_strength
        )


def grow_families(
    sets: FeatureSets,
    pairs: Pairs,
    keys: NDArray[np.bytes_],
    open_texts: NDArray[np.bool_],
    settings: FamilySettings,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """(family of each text or -1, strength 0.5..1) among the open texts; seeds are taken by falling size.

    Args:
        keys: fixed-size bytes (n_texts,), distinct: the content that breaks ties.
    """
    labels = np.full(len(sets), -1, np.int32)
    strengths = np.zeros(len(sets), np.float32)
    groups = group_by_anchor(
        sets.only(open_texts), pairs.prompts_per_text(len(sets)), keys, settings.anchor_overlap
    )
    by_group = np.argsort(groups, kind="stable")
    bounds = np.searchsorted(groups[by_group], np.arange(int(groups.max(initial=-1)) + 2))
    sizes = np.diff(bounds)
    grower = Grower(sets, pairs, settings)
    still_open = open_texts & (sets.sizes > 0)
    for group in np.lexsort((np.arange(len(sizes)), -sizes)):
        seed = by_group[bounds[group] : bounds[group + 1]]
        seed = seed[still_open[seed]]
        if len(seed) < SEED_TEXTS:
            continue
        members, evidence, profile = grower.grown(seed, still_open)
        if len(members) and grower.is_family(members, profile):
            labels[members] = labels.max(initial=-1) + 1
            strengths[members] = np.clip(evidence[members] / (2 * settings.grow_margin), 0.5, 1.0)
            still_open[members] = False
    return labels, strengths
