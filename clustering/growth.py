"""Growth: families whose every request is reworded, so that no two members share much, grown from small seeds.

Such a family has no core: each of its words is in a third of its members. But a text that carries a dozen of them at
once is no accident. A seed is a text and its nearest texts of other accounts. From the seed a profile is taken
(features that at least `grow_presence` of its accounts carry, weight ln(p / q)); texts whose summed weight, a log
likelihood ratio in nats, reaches `grow_margin` are its members; the profile is taken again, until nothing
changes. This is expectation maximisation with hard assignment (Celeux & Govaert 1992) for one component against
the rest of the traffic.

Genres of ordinary prompts grow as well. Two things tell a family from them. It is an island: hardly a text carries
half of the evidence and no more, while a genre has no shore. And its senders send little else
(`clustering.senders`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from campaigns.settings import FamilySettings
from clustering.cores import feature_accounts, frequency_outside
from clustering.groups import FeatureSets
from clustering.neighbours import nearest_of_others
from clustering.senders import Pairs, evidence

SEED_NEIGHBOURS = 4
SEED_COSINE = 0.15
SEED_ORDINARY = 0.6
"""Seeds whose accounts send more else than anybody's are not worth growing."""
CLEAR = 0.05
"""Fringe per member of an island so clear that its senders may send as much else as anybody: those of a pool that
hides behind cover, or that sends many families."""
_PASSES = 2
"""The families of the first pass explain what else the accounts of others sent."""
SHORES = (0.8, 0.65)
"""Parts of the margin that are tried in turn. A high margin keeps strangers out of a young family."""
CARRIERS = 2
"""Accounts of the family that must carry a feature of its profile."""
_ROUNDS = 8


@dataclass(frozen=True, slots=True)
class Profile:
    """What members of one family carry more often than others.

    Attributes:
        features: int64, columns of the feature sets, ascending.
        weights: float64, ln(p / q) of each.
        strength: sum of p ln(p / q), in nats, as of any other core.
        accounts: int64, distinct accounts of the members.
        prompts: int64, what each sent.
    """

    features: NDArray[np.int64]
    weights: NDArray[np.float64]
    strength: float
    accounts: NDArray[np.int64]
    prompts: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Grown:
    """What a seed grew to, when its membership no longer changed or after `_ROUNDS`.

    Attributes:
        members: int64, rows, ascending; empty if the seed did not hold.
        told: float64 (n_members,), evidence of each in nats.
        n_fringe: texts, members of other families included, that carry at least half of the margin but are no
            members.
        margin: evidence in nats from which texts joined.
    """

    members: NDArray[np.int64]
    told: NDArray[np.float64]
    n_fringe: int
    profile: Profile
    margin: float


@dataclass(frozen=True, slots=True)
class Growth:
    """What grew.

    Attributes:
        labels: int32 (n_texts,), the family of each text, -1 for none.
        strengths: float32 (n_texts,), 0.5..1 for members.
        ordinary: float32 (n_texts,), how much like anybody's the other traffic of those who sent a text and its nearest
            texts is; 1 for texts that are not open or have no neighbours.
    """

    labels: NDArray[np.int32]
    strengths: NDArray[np.float32]
    ordinary: NDArray[np.float32]


class Grower:
    """The traffic as arrays, made once for all seeds.

    Attributes:
        explained: int64 per account, prompts that are in families already and no longer count as what else it sent.
    """

    def __init__(self, sets: FeatureSets, pairs: Pairs, settings: FamilySettings) -> None:
        self.sets = sets
        self.pairs = pairs
        self.settings = settings
        self.totals = feature_accounts(sets, pairs)
        columns = sets.matrix(np.float32).tocsc()
        self._postings, self._texts = columns.indptr.astype(np.int64), columns.indices.astype(np.int64)
        order = np.argsort(pairs.texts, kind="stable")
        self._senders = pairs.accounts[order], pairs.prompts[order]
        self._sent = np.searchsorted(pairs.texts[order], np.arange(len(sets) + 1))
        self.explained = np.zeros(len(pairs.activity), np.int64)
        self._weight_of = np.zeros(len(sets.features))
        self._seen = np.zeros(len(sets), np.bool_)

    def profile(self, members: NDArray[np.int64]) -> Profile:
        entries = np.concatenate([np.arange(self._sent[m], self._sent[m + 1]) for m in members])
        texts = np.repeat(members, self._sent[members + 1] - self._sent[members])
        accounts, sender = np.unique(self._senders[0][entries], return_inverse=True)
        order = np.lexsort((texts, sender))
        columns, mass, carriers = _profile(self.sets.indptr, self.sets.columns, sender[order], texts[order])
        n_accounts = len(accounts)
        p = np.round(mass, 9) / n_accounts
        language = self.sets.dialects.of(members) if self.sets.dialects else 0
        q = frequency_outside(
            self.sets,
            columns,
            self.totals[columns],
            carriers,
            self.pairs.everyone,
            n_accounts,
            language,
        )
        marks = (
            (p >= self.settings.grow_presence) & (carriers >= CARRIERS) & (p >= self.settings.core_lift * q)
        )
        features, p, q = columns[marks], p[marks], q[marks]
        weights = np.log(p / q)
        sent = np.bincount(sender, weights=self._senders[1][entries]).astype(np.int64)
        return Profile(features, weights, float(p @ weights), accounts, sent)

    def told(self, profile: Profile, least: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """(rows ascending, evidence of each in nats) of every text that reaches `least`, and of some others.

        The commonest features that together weigh less than `least` cannot make a text reach it. Texts of all others
        are looked at.
        """
        sizes = self._postings[profile.features + 1] - self._postings[profile.features]
        by_size = np.lexsort((profile.features, -sizes))
        telling = by_size[np.cumsum(profile.weights[by_size]) >= least]
        self._weight_of[profile.features] = profile.weights
        rows, told = _told(
            self.sets.indptr, self.sets.columns, self._postings, self._texts,
            profile.features[telling], self._weight_of, self._seen,
        )  # fmt: skip
        self._weight_of[profile.features] = 0.0
        return rows, np.round(told, 6)

    def grown(self, seed: NDArray[np.int64], open_texts: NDArray[np.bool_], margin: float) -> Grown:
        """Grow until membership no longer changes, or after `_ROUNDS`.

        Args:
            seed: int64, distinct rows.
            open_texts: bool (n_texts,), the texts that may become members.
            margin: evidence in nats from which a text joins.
        """
        members = np.sort(seed)
        for _ in range(_ROUNDS):
            profile = self.profile(members)
            rows, told = self.told(profile, margin / 2)
            joins = open_texts[rows] & (told >= margin)
            stable = np.array_equal(rows[joins], members)
            members = rows[joins]
            if stable or not len(members):
                break
        else:
            profile = self.profile(members)
        fringe = int((told >= margin / 2).sum()) - len(members)
        return Grown(members, told[joins], fringe, profile, margin)

    def family(self, seed: NDArray[np.int64], open_texts: NDArray[np.bool_]) -> tuple[Grown, bool]:
        """(what grew, whether it is a family), with the full margin; what is no island so may be with a lower shore."""
        found = self.grown(seed, open_texts, self.settings.grow_margin)
        accepted = self.is_family(found)
        if not accepted and len(found.members) < len(seed):
            return self._sheltered(seed, open_texts, found)
        for part in SHORES:
            if accepted or not len(found.members) or not self.is_promising(found):
                break
            found = self.grown(found.members, open_texts, part * self.settings.grow_margin)
            accepted = self.is_family(found)
        return found, accepted

    def _sheltered(
        self, seed: NDArray[np.int64], open_texts: NDArray[np.bool_], lost: Grown
    ) -> tuple[Grown, bool]:
        """A seed that lost its members grows at the lowest shore first, and then at the full margin.

        A handful of reworded texts knows few of the words that mark them all; the whole family knows them.
        """
        young = self.grown(seed, open_texts, SHORES[-1] * self.settings.grow_margin)
        if len(young.members) <= len(seed) or not self.is_promising(young):
            return lost, False
        for found in (self.grown(young.members, open_texts, self.settings.grow_margin), young):
            if self.is_family(found):
                return found, True
        return lost, False

    def ordinary(self, profile: Profile) -> float:
        """How much like anybody else's the other traffic of its accounts is; 0.5 is anybody's."""
        accounts = profile.accounts
        return round(
            float(self.pairs.ordinary(accounts, profile.prompts, self.explained[accounts]).mean()), 9
        )

    def is_promising(self, grown: Grown) -> bool:
        """Enough accounts, and they send little else."""
        profile, settings = grown.profile, self.settings
        return (
            len(profile.accounts) >= settings.grow_accounts
            and self.ordinary(profile) <= settings.grow_ordinary
        )

    def is_family(self, grown: Grown) -> bool:
        profile, settings = grown.profile, self.settings
        n_members, n_accounts = len(grown.members), len(profile.accounts)
        if not n_members or n_accounts < settings.grow_accounts or profile.strength < settings.core_strength:
            return False
        ordinary = self.ordinary(profile)
        allowed = settings.grow_fringe
        if ordinary > settings.grow_ordinary:
            # A lower shore could take in a whole genre, so it is no island on its own word.
            allowed = CLEAR if grown.margin == settings.grow_margin else -1.0
        if grown.n_fringe > allowed * n_members:
            return False
        told = evidence(
            np.array([profile.strength]), np.array([n_accounts]), np.array([ordinary]), self.pairs.n_prompts
        )
        return bool(told[0] >= settings.grow_strength)


def grow_families(
    sets: FeatureSets,
    pairs: Pairs,
    keys: NDArray[np.bytes_],
    open_texts: NDArray[np.bool_],
    settings: FamilySettings,
) -> Growth:
    """Families among the open texts; the closest seeds come first.

    Args:
        keys: fixed-size bytes (n_texts,), distinct: the content that breaks ties.
    """
    labels = np.full(len(sets), -1, np.int32)
    strengths = np.zeros(len(sets), np.float32)
    grower = Grower(sets, pairs, settings)
    taken = ~open_texts[pairs.texts]
    np.add.at(grower.explained, pairs.accounts[taken], pairs.prompts[taken])
    still_open = open_texts & (sets.sizes > 0)
    seeds, ordinary = _seeds(grower, keys, still_open)
    for _ in range(_PASSES):
        untried = still_open.copy()
        n_before = labels.max(initial=-1)
        for seed in seeds:
            if not untried[seed].all():
                continue
            untried[seed] = False
            found, accepted = grower.family(seed, still_open)
            untried[found.members] = False
            if accepted:
                labels[found.members] = labels.max(initial=-1) + 1
                strengths[found.members] = np.clip(found.told / (2 * settings.grow_margin), 0.5, 1.0)
                still_open[found.members] = False
                grower.explained[found.profile.accounts] += found.profile.prompts
        if labels.max(initial=-1) == n_before:
            break
    return Growth(labels, strengths, ordinary)


def _seeds(
    grower: Grower, keys: NDArray[np.bytes_], open_texts: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """(rows of each seed, int64 (n_seeds, 1 + SEED_NEIGHBOURS); how ordinary the senders round each text are)."""
    pairs, n_texts = grower.pairs, len(grower.sets)
    near = nearest_of_others(
        grower.sets, pairs, grower.totals, open_texts, SEED_NEIGHBOURS, repeat_cosine=SEED_COSINE
    )
    seeds = np.column_stack([near.rows, near.nearest])
    repeats = np.ones(n_texts, np.int64)
    repeats[near.rows] = near.repeats
    activity = pairs.mean_over_senders(pairs.activity.astype(np.float64), n_texts)
    explained = pairs.mean_over_senders(grower.explained.astype(np.float64), n_texts)
    ordinary = pairs.percentile(np.maximum(activity - explained - repeats, 0)) / repeats
    whole = near.nearest[:, -1] >= 0
    around = np.ones(n_texts, np.float32)
    around[near.rows[whole]] = ordinary[seeds[whole]].mean(axis=1)
    worth = whole & (near.cosines[:, -1] >= SEED_COSINE) & (around[near.rows] <= SEED_ORDINARY)
    order = np.lexsort((keys[near.rows], -near.cosines.mean(axis=1).round(6)))
    return seeds[order[worth[order]]], around


@njit(cache=True, nogil=True)
def _profile(indptr, columns, senders, texts):  # type: ignore[no-untyped-def]
    """(columns ascending, mass, carriers) over entries sorted by sender.

    Each sender gives mass 1, spread evenly over its texts.
    """
    size = 0
    for text in texts:
        size += indptr[text + 1] - indptr[text]
    found = np.empty(size, np.int64)
    size = 0
    for text in texts:
        for i in range(indptr[text], indptr[text + 1]):
            found[size] = columns[i]
            size += 1
    names = np.unique(found)
    mass = np.zeros(len(names))
    carriers = np.zeros(len(names))
    last = np.full(len(names), -1, np.int64)
    first = 0
    while first < len(senders):
        end = first
        while end < len(senders) and senders[end] == senders[first]:
            end += 1
        for entry in range(first, end):
            text = texts[entry]
            for i in range(indptr[text], indptr[text + 1]):
                at = np.searchsorted(names, columns[i])
                mass[at] += 1.0 / (end - first)
                if last[at] != senders[first]:
                    last[at] = senders[first]
                    carriers[at] += 1
        first = end
    return names, mass, carriers


@njit(cache=True, nogil=True)
def _told(indptr, columns, postings, texts, features, weight_of, seen):  # type: ignore[no-untyped-def]
    size = 0
    for feature in features:
        size += postings[feature + 1] - postings[feature]
    rows = np.empty(min(size, len(seen)), np.int64)
    size = 0
    for feature in features:
        for i in range(postings[feature], postings[feature + 1]):
            if not seen[texts[i]]:
                seen[texts[i]] = True
                rows[size] = texts[i]
                size += 1
    rows = np.sort(rows[:size])
    told = np.zeros(size)
    for i in range(size):
        seen[rows[i]] = False
        for j in range(indptr[rows[i]], indptr[rows[i] + 1]):
            told[i] += weight_of[columns[j]]
    return rows, told
