"""What marks a wording that is reworded each time, and how much of it a prompt must carry.

Each word of `labeling.cover_words` tells ln(p / q): p is the part of the wording's senders that use it, each counted
once however much it sends, and q the part of all other accounts. A prompt's evidence is the sum over its words: a log
likelihood ratio that takes words for independent. They are not, so what a sum means is measured, not believed. Senders
are dealt into two halves, and a prompt's evidence is what the other half's words tell of it: of the wording's own
prompts and of those of no family alike.

What a prompt must reach (`threshold`) lies between the two, and beyond what chance could make of prompts of no family.
A day has some ten thousand of these, so no count can show a rate of one in a million: above their 50 highest sums the
tail is taken for exponential, whose scale the median of the excesses gives (Pickands 1975). A median, and a fourth
highest rather than the highest, because a few prompts of no family may well be the wording's own. A day knows nothing
of genres that it has not seen, though, and a cover of few words has sums too lumpy for a tail: so `LEAST` is asked for
whatever the day says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import sparse

from campaigns.covers import UNIT

PRESENCE: Final = 0.15
"""Part of the wording's senders that must use a word of its cover; in a reworded request each is in a third or so."""
LIFT: Final = 5.0
"""How much commoner such a word must be among them than among others."""
CARRIERS: Final = 2
"""Senders of the wording that must use it, where there are two."""
TAIL: Final = 50
COPIES: Final = 3
"""Highest sums of prompts of no family that may be copies of the wording."""
LEAST: Final = 30 * UNIT
"""As much as joins a family that grows (`family.grow_margin`). Prompts of days not seen, which ask for other things in
the same manner, reached 28 nats of the covers that were measured."""
OWN_LOW: Final = 0.05
"""The quantile of the wording's own prompts that the threshold is put below."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """A day's distinct texts as far as covers are concerned; row i is a text.

    Attributes:
        indptr, columns: int64 (n_texts + 1,), int32: which of `words` each text holds.
        words: uint64 (n_words,), ascending, those of texts of the families in question.
        family: int32 (n_texts,), -1 for none.
        prompts: int64 (n_texts,).
        accounts, rows: int64 (n_sent,), who sent which text; distinct pairs, sorted by account, then row.
    """

    indptr: NDArray[np.int64]
    columns: NDArray[np.int32]
    words: NDArray[np.uint64]
    family: NDArray[np.int32]
    prompts: NDArray[np.int64]
    accounts: NDArray[np.int64]
    rows: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.family)

    def halves(self) -> NDArray[np.int8]:
        """int8 (n_texts,), 0 or 1: senders of each family, and of none, dealt in turn; a text goes with its first."""
        sender = np.full(len(self), self.accounts.max(initial=0), np.int64)
        np.minimum.at(sender, self.rows, self.accounts)
        pairs = np.unique(np.column_stack([self.family, sender]), axis=0)
        first = np.searchsorted(pairs[:, 0], pairs[:, 0])
        half = (np.arange(len(pairs)) - first) % 2
        base = int(sender.max(initial=0)) + 1
        names = pairs[:, 0].astype(np.int64) * base + pairs[:, 1]
        at = np.searchsorted(names, self.family.astype(np.int64) * base + sender)
        return half[at].astype(np.int8)


@dataclass(frozen=True, slots=True)
class Held:
    """Evidence of the texts of a day for one family, in thousandths of a nat.

    Attributes:
        own: int64, of the family's own texts, ascending; held out.
        organic: int64, highest sums of prompts of no family, a text as often as it was sent, falling; at least
            `TAIL + 1` of them where there are so many, and all that reach the lowest of `own`. Held out.
        n_organic: int, all prompts of no family.
        others: (family, evidence) of texts of other families, a text as often as it was sent.
    """

    own: NDArray[np.int64]
    organic: NDArray[np.int64]
    n_organic: int
    others: tuple[NDArray[np.int32], NDArray[np.int64]]


@dataclass(frozen=True, slots=True)
class Learnt:
    """The words of one family's cover, from all its senders, and what held-out texts reach.

    Attributes:
        columns: int32, of `Traffic.words`, ascending.
        weights: int32, in thousandths of a nat.
    """

    columns: NDArray[np.int32]
    weights: NDArray[np.int32]
    held: Held


def learn(traffic: Traffic, families: Sequence[int]) -> list[Learnt]:
    """Covers of some families of a day, in their order."""
    halves = traffic.halves()
    everyone = np.ones(len(traffic), np.bool_)
    whole, *parts = (_weights(traffic, families, chosen) for chosen in (everyone, halves == 0, halves == 1))
    organic, own = traffic.family < 0, traffic.family
    weights = [matrix.T.tocsr() for matrix in parts]
    found = []
    for k, family in enumerate(families):
        told = np.zeros(len(traffic), np.int64)
        for half, matrix in enumerate(weights):
            tried = halves != half
            of_word = np.asarray(matrix[:, [k]].todense()).ravel().astype(np.int64)
            told[tried] = _sums(traffic.indptr, traffic.columns, of_word, np.flatnonzero(tried))
        mine = np.sort(told[own == family])
        strangers = np.repeat(told[organic], traffic.prompts[organic])
        strangers = np.sort(strangers)[::-1]
        kept = max(TAIL + 1, int((strangers >= mine[0]).sum()) if len(mine) else 0)
        rest = np.flatnonzero((own >= 0) & (own != family) & (told > 0))
        rest = np.repeat(rest, traffic.prompts[rest])
        row = whole.getrow(k)
        held = Held(mine, strangers[:kept].copy(), len(strangers), (own[rest], told[rest]))
        found.append(Learnt(row.indices.astype(np.int32), row.data.astype(np.int32), held))
    return found


def threshold(held: Held, rate: float) -> int:
    """What a prompt must reach: the middle between strangers and the wording's own, or more where `rate` asks for more.

    Args:
        held: with texts of its own and of no family.
    """
    top = int(held.organic[min(COPIES, len(held.organic) - 1)])
    low = float(np.quantile(held.own, OWN_LOW))
    return max(tail_level(held.organic, held.n_organic, rate), -int(-(top + low) // 2), LEAST)


def tail_level(highest: NDArray[np.int64], of: int, rate: float) -> int:
    """The sum that one in 1 / `rate` reaches, rounded up, by an exponential tail above the `TAIL` highest.

    Args:
        highest: falling, more than `TAIL` of them or all there are; of so many.
    """
    k = min(TAIL, len(highest) - 1)
    if k < 1:
        return 0
    start = int(highest[k])
    scale = max(float(np.median(highest[:k] - start)) / np.log(2), UNIT / 2)
    return start + int(np.ceil(scale * max(np.log(k / of / rate), 0.0)))


def _weights(traffic: Traffic, families: Sequence[int], chosen: NDArray[np.bool_]) -> sparse.csr_matrix:
    """int32 CSR (n_families, n_words), from the chosen texts alone."""
    n_words = len(traffic.words)
    sent = chosen[traffic.rows]
    accounts, rows = traffic.accounts[sent], traffic.rows[sent]
    everyone = len(np.unique(accounts))
    totals = _senders(accounts, rows, traffic.indptr, traffic.columns, n_words)
    of = traffic.family[rows]
    data, columns, sizes = [np.empty(0, np.int32)], [np.empty(0, np.int32)], [0]
    for family in families:
        mine = of == family
        n_own = len(np.unique(accounts[mine]))
        mass, carriers = _mass(accounts[mine], rows[mine], traffic.indptr, traffic.columns, n_words)
        p = np.round(mass, 9) / max(n_own, 1)
        q = (totals - carriers + 0.5) / (everyone - n_own + 1.0)
        marks = (p >= PRESENCE) & (carriers >= min(CARRIERS, max(n_own, 1))) & (p >= LIFT * q)
        columns.append(np.flatnonzero(marks).astype(np.int32))
        data.append(np.rint(UNIT * np.log(p[marks] / q[marks])).astype(np.int32))
        sizes.append(len(columns[-1]))
    return sparse.csr_matrix(
        (np.concatenate(data), np.concatenate(columns), np.cumsum(sizes)), shape=(len(families), n_words)
    )


@njit(cache=True, nogil=True)
def _sums(indptr, columns, weights, rows):  # type: ignore[no-untyped-def]
    out = np.zeros(len(rows), np.int64)
    for i in range(len(rows)):
        for k in range(indptr[rows[i]], indptr[rows[i] + 1]):
            out[i] += weights[columns[k]]
    return out


@njit(cache=True, nogil=True)
def _senders(accounts, rows, indptr, columns, n_words):  # type: ignore[no-untyped-def]
    """Distinct accounts of each word; entries sorted by account."""
    totals = np.zeros(n_words)
    last = np.full(n_words, -1, np.int64)
    for i in range(len(accounts)):
        for k in range(indptr[rows[i]], indptr[rows[i] + 1]):
            if last[columns[k]] != accounts[i]:
                last[columns[k]] = accounts[i]
                totals[columns[k]] += 1.0
    return totals


@njit(cache=True, nogil=True)
def _mass(accounts, rows, indptr, columns, n_words):  # type: ignore[no-untyped-def]
    """(mass, distinct accounts) of each word; each account gives mass 1, spread evenly over its texts."""
    mass = np.zeros(n_words)
    carriers = np.zeros(n_words)
    last = np.full(n_words, -1, np.int64)
    first = 0
    while first < len(accounts):
        end = first
        while end < len(accounts) and accounts[end] == accounts[first]:
            end += 1
        for i in range(first, end):
            for k in range(indptr[rows[i]], indptr[rows[i] + 1]):
                mass[columns[k]] += 1.0 / (end - first)
                if last[columns[k]] != accounts[i]:
                    last[columns[k]] = accounts[i]
                    carriers[columns[k]] += 1.0
        first = end
    return mass, carriers
