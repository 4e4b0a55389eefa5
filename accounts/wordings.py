"""Wordings of one task that share a pool become one campaign.

An operator who rotates over wordings, or over languages, leaves a family for each. What joins them is their accounts:
two families share far more than chance would have it, given how much each account sends. Sharing a pool is not enough,
though: a pool may run two jobs. Wordings of one task have words in common, ask for the same as an encoder sees it, or
are of two languages, and prompts fall on them at random; where each account serves both jobs more often than dealing
would give, they are two.

Families are joined by falling evidence and pooled at once, so that a small wording, which shares a single account with
each of the others, is compared with all of their accounts together.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.stats import poisson

from accounts.chance import Chance
from accounts.members import Members
from campaigns.function_words import function_word_codes
from campaigns.records import Objective

LOG_P, LOG_P_LEAST = -7.0, -2.5
"""Log p-value of the shared accounts from which families are joined, and the same for vocabularies much alike."""
LEAST_SHARED = 2
"""Accounts that two families share before they are joined: one alone is a bridge, perhaps a customer of both."""
ALIKE, PER_COSINE = 0.1, 12.0
"""Cosine of the vocabularies of two wordings of one task in one language, and what each further 1.0 adds to `LOG_P`."""
SAME_OBJECTIVE = 0.03
"""The same for wordings that are after the same thing, by their labels."""
SAME_DIRECTION = 0.35
"""Cosine of what two wordings ask for, as an encoder sees their templates, that is enough without common words."""
OTHER_LANGUAGE = 0.4
"""Part of the texts in other languages from which two families are translations rather than wordings."""
SURELY_ALIKE = 0.5
"""The same where accounts serve both too regularly for dealing."""
TWO_JOBS, TWO_JOBS_LIKELY = 3.0, 1.0
"""Standard deviations above what dealing gives from which accounts serve two jobs, and the same for wordings that have
no words in common: of tasks of other pools, too, one in fourteen pairs points in one direction."""


@dataclass(frozen=True, slots=True)
class Join:
    """Two groups of families that became one: their lead families, and why.

    `by_direction`: they have no words in common and are of one language; what they ask for joins them.
    """

    left: int
    right: int
    shared: int
    expected: float
    log_p: float
    cosine: float
    by_direction: bool = False


@dataclass(frozen=True, slots=True)
class _Sparse:
    """A long vector that is nearly all zero: a day has far more accounts and words than a family."""

    places: NDArray[np.int64]
    values: NDArray[np.float64]

    @classmethod
    def rows(cls, matrix: sparse.csr_matrix) -> list[_Sparse]:
        tidy = matrix.tocsr().sorted_indices()
        tidy.eliminate_zeros()
        places, values = tidy.indices.astype(np.int64), tidy.data.astype(np.float64)
        ends = zip(tidy.indptr[:-1].tolist(), tidy.indptr[1:].tolist(), strict=True)
        return [cls(places[start:end], values[start:end]) for start, end in ends]

    def __add__(self, other: _Sparse) -> _Sparse:
        places, at = np.unique(np.concatenate([self.places, other.places]), return_inverse=True)
        values = np.bincount(at, weights=np.concatenate([self.values, other.values]))
        return _Sparse(places, values.astype(np.float64))

    def __mul__(self, factor: float) -> _Sparse:
        return _Sparse(self.places, factor * self.values)

    @property
    def sum(self) -> float:
        return float(self.values.sum())

    def cosine(self, other: _Sparse) -> float:
        _, mine, others = np.intersect1d(self.places, other.places, assume_unique=True, return_indices=True)
        lengths = float(np.linalg.norm(self.values) * np.linalg.norm(other.values))
        return float(self.values[mine] @ other.values[others]) / max(lengths, 1e-12)


@dataclass(slots=True)
class _Group:
    """A growing campaign: its prompts by account, the mean weights of its words, the shares of its languages, the mean
    direction of its templates."""

    families: list[int]
    counts: _Sparse
    vocabulary: _Sparse
    languages: NDArray[np.float64]
    direction: NDArray[np.float64]
    objective: str
    version: int = 0


def join_wordings(
    members: Members, objectives: Sequence[str] = (), directions: NDArray[np.floating] | None = None
) -> tuple[NDArray[np.int64], list[Join]]:
    """The campaign of each family, int64 (n_families,), named by its lead family (most prompts), and the joins.

    Args:
        objectives: `Objective` of each family; empty: not known.
        directions: (n_families, d), what each family asks for, of length 1; zeros where it is not known.
    """
    counts = members.counts
    n = members.n_families
    groups = _groups(
        members,
        objectives or [Objective.UNCLEAR] * n,
        np.zeros((n, 1)) if directions is None else directions.astype(np.float64),
    )
    activity = members.population.n_prompts
    chance = Chance(activity)
    queue: list[tuple[float, int, int, int, int, Join]] = []

    def propose(i: int, j: int) -> None:
        join = _join(i, j, groups[i], groups[j], activity, chance)
        if join is not None:
            heapq.heappush(queue, (join.log_p, i, j, groups[i].version, groups[j].version, join))

    binary = (counts > 0).astype(np.float64)
    shared = sparse.triu(binary @ binary.T, k=1).tocoo()
    for i, j in zip(shared.row.tolist(), shared.col.tolist(), strict=True):
        propose(i, j)
    joins = []
    while queue:
        _, i, j, version_i, version_j, join = heapq.heappop(queue)
        if (
            i not in groups
            or j not in groups
            or (groups[i].version, groups[j].version) != (version_i, version_j)
        ):
            continue
        joins.append(join)
        _pool(groups[i], groups.pop(j))
        for other in sorted(groups):
            if other != i:
                propose(min(i, other), max(i, other))
    found = np.arange(n)
    sizes = np.asarray(counts.sum(axis=1)).ravel()
    for group in groups.values():
        lead = min(group.families, key=lambda family: (-sizes[family], family))
        found[group.families] = lead
    return found, joins


def _groups(
    members: Members, objectives: Sequence[str], directions: NDArray[np.float64]
) -> dict[int, _Group]:
    """One group per family. Vocabularies are means over texts, of words weighted by how few families have them.

    Function words are left out: with few families their weight would not tell them from a template's words.
    """
    n = members.n_families
    of_text = np.zeros(len(members.prompts), np.int64)
    of_text[members.texts] = members.families
    belongs = sparse.csr_matrix(
        (np.ones(len(of_text)), (of_text, np.arange(len(of_text)))), shape=(n, len(of_text))
    )
    shares = sparse.diags(1 / np.maximum(np.asarray(belongs.sum(axis=1)).ravel(), 1)) @ (
        belongs @ members.words
    )
    in_families = np.asarray((shares > 0).sum(axis=0)).ravel()
    rarity = np.log1p(n / np.maximum(in_families, 1))
    rarity[np.isin(members.word_hashes, function_word_codes())] = 0.0
    weighted = _Sparse.rows(shares @ sparse.diags(rarity))
    spoken = np.zeros((n, 128))
    np.add.at(spoken, (of_text, members.languages), 1.0)  # unknown, -1, counts in the last place
    spoken /= np.maximum(spoken.sum(axis=1, keepdims=True), 1)
    counts = _Sparse.rows(members.counts)
    return {i: _Group([i], counts[i], weighted[i], spoken[i], directions[i], objectives[i]) for i in range(n)}


def _pool(into: _Group, other: _Group) -> None:
    mine = into.counts.sum / (into.counts.sum + other.counts.sum)
    into.objective = into.objective if mine >= 0.5 else other.objective
    into.families += other.families
    into.vocabulary = into.vocabulary * mine + other.vocabulary * (1 - mine)
    into.languages = into.languages * mine + other.languages * (1 - mine)
    into.direction = into.direction * mine + other.direction * (1 - mine)
    into.counts = into.counts + other.counts
    into.version += 1


def _join(
    i: int, j: int, left: _Group, right: _Group, activity: NDArray[np.int64], chance: Chance
) -> Join | None:
    """Why the two may be one campaign; None if they may not."""
    shared = len(np.intersect1d(left.counts.places, right.counts.places, assume_unique=True))
    if shared < LEAST_SHARED:
        return None
    expected = max(
        chance.shared(activity[one.counts.places], chance.rate(len(other.counts.places)))
        for one, other in ((left, right), (right, left))
    )
    log_p = float(poisson.logsf(shared - 1, expected))
    if log_p > LOG_P_LEAST:
        return None
    cosine = left.vocabulary.cosine(right.vocabulary)
    translated = np.abs(left.languages - right.languages).sum() / 2 >= OTHER_LANGUAGE
    after_the_same = left.objective == right.objective != Objective.UNCLEAR
    regular = _more_than_dealt(left, right, shared)
    alike = _cosine(left.direction, right.direction) >= SAME_DIRECTION and regular <= TWO_JOBS_LIKELY
    needed = 0.0 if translated else SAME_OBJECTIVE if after_the_same else ALIKE
    if regular > TWO_JOBS:
        needed = SURELY_ALIKE
    enough = log_p <= LOG_P + PER_COSINE * max(cosine - ALIKE, 0.0)
    if not enough or (cosine < needed and not alike):
        return None
    return Join(i, j, shared, expected, log_p, cosine, by_direction=cosine < needed)


def _cosine(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    lengths = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other) / lengths if lengths > 0 else 0.0


def _more_than_dealt(left: _Group, right: _Group, shared: int) -> float:
    """By how many standard deviations more accounts serve both than if each prompt fell on either at random."""
    together = (left.counts + right.counts).values
    share = left.counts.sum / together.sum()
    serves_both = 1 - share**together - (1 - share) ** together
    spread = np.sqrt((serves_both * (1 - serves_both)).sum() + 0.25)
    return float((shared - serves_both.sum()) / spread)
