"""Whose topics are the slots? People keep to their own; a pool that harvests deals them out.

It costs nothing to fake hours, addresses and ages. It costs the harvest itself to fake this, so nothing weighs more.

A prompt is the set of its words besides the template, each by how rare it is within the campaign. Two are alike by the
cosine. Within accounts against between
them PERMANOVA asks whether the grouping means anything (Anderson 2001, "A new method for non-parametric multivariate
analysis of variance"); how much it means is the probability of superiority, that a prompt is more like another of its
own account than like one of a stranger's: one half for slots that are dealt out, whatever the texts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import sparse
from scipy.stats import norm

from accounts.signals.reading import QUANTILES, Group, Reading

PERMUTATIONS = 999
MOST_PROMPTS = 600
"""Prompts of a campaign that are compared with each other; whole accounts are left out beyond."""
OWN = 2 / 3
"""Superiority from which topics are the accounts' own: two of three times. Measured on tools that people use for
themselves: 0.68 to 0.87."""


@dataclass(frozen=True, slots=True)
class Topics:
    """What the grouping of slots by accounts says.

    Attributes:
        n_accounts: accounts with two prompts or more.
        superiority: probability that a prompt is more like another of its account than a stranger's, the mean over
            accounts; ties count half.
        error: standard error of `superiority`.
        pseudo_f: of PERMANOVA; 1 if the grouping means nothing.
        control: float64 (n_permutations,), pseudo-F with the accounts' labels permuted.
    """

    n_accounts: int
    superiority: float
    error: float
    pseudo_f: float
    control: NDArray[np.float64]

    @property
    def p_own(self) -> float:
        """That labels at random group the slots as well as this: small means topics of the accounts' own."""
        return float((1 + np.count_nonzero(self.control >= self.pseudo_f - 1e-12)) / (len(self.control) + 1))

    @property
    def p_dealt(self) -> float:
        """Equivalence test: that superiority is `OWN` or more, given what was seen; small means dealt out."""
        return float(norm.cdf((self.superiority - OWN) / max(self.error, 1e-9)))

    @property
    def power(self) -> float:
        """Probability that dealt-out slots would be told from own ones (`p_dealt` below 0.05) with so many accounts."""
        return float(norm.cdf((OWN - 0.5) / max(self.error, 1e-9) - norm.isf(0.05)))


def read_topics(topics: Topics | None, n_days: int) -> Reading:
    if topics is None:
        return Reading.untested("slot topics", Group.CONTENT, "hardly any account sent two prompts")
    low, high = topics.superiority - 1.96 * topics.error, topics.superiority + 1.96 * topics.error
    sentence = (
        f"a prompt is more like another of its own account than like a stranger's with probability "
        f"{topics.superiority:.2f} ({low:.2f} to {high:.2f}, {topics.n_accounts} accounts, {_days(n_days)}); 0.50 is "
        f"dealt out, people who keep to their own topics lie above {OWN:.2f}; the chance to tell the two apart with so "
        f"many accounts is {topics.power:.0%}"
    )
    at_random = norm.ppf(np.linspace(0.0005, 0.9995, len(QUANTILES)), 0.5, topics.error).clip(0, 1)
    return Reading("slot topics", Group.CONTENT, topics.superiority, at_random, topics.p_own, sentence)


def _days(n: int) -> str:
    return "one day" if n == 1 else f"{n} days"


def likeness(words: sparse.csr_matrix) -> NDArray[np.float32]:
    """Cosine of every two prompts by their slot words, each by its rarity, float32 (n, n); one without is like none.

    Args:
        words: 0/1 CSR (n, n_words), without the words of templates.
    """
    n = words.shape[0]
    found_in = np.asarray((words > 0).sum(axis=0)).ravel()
    rarity = np.log((n + 1) / np.maximum(found_in, 1)).astype(np.float32)
    weighted = (words @ sparse.diags(rarity)).tocsr()
    lengths = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
    weighted = sparse.diags(1 / np.maximum(lengths, 1e-9)) @ weighted
    found: NDArray[np.float32] = (weighted @ weighted.T).toarray().astype(np.float32)
    return found


def level(alike: NDArray[np.float32], strata: NDArray[np.int64]) -> NDArray[np.float32]:
    """`alike` less the mean of its block: prompts of one wording are alike without having a topic in common.

    Args:
        strata: int64 (n,), 0..s-1, wording and language of each prompt.
    """
    n_strata = int(strata.max(initial=-1)) + 1
    belongs = sparse.csr_matrix(
        (np.ones(len(strata)), (strata, np.arange(len(strata)))), shape=(n_strata, len(strata))
    )
    sizes = np.asarray(belongs.sum(axis=1)).ravel()
    off_diagonal = alike - np.diag(np.diag(alike))
    sums = belongs @ (belongs @ off_diagonal).T
    pairs = np.outer(sizes, sizes) - np.diag(sizes)
    means = np.divide(sums, pairs, out=np.zeros_like(sums), where=pairs > 0)
    found: NDArray[np.float32] = (alike - means[strata][:, strata]).astype(np.float32)
    return found


def exchangeability(
    alike: NDArray[np.float32],
    accounts: NDArray[np.int64],
    strata: NDArray[np.int64],
    rng: np.random.Generator,
) -> Topics | None:
    """Whether accounts group the prompts; None where fewer than two accounts sent two prompts.

    Prompts are compared with, and permuted among, those of their own stratum.

    Args:
        alike: float32 (n, n).
        accounts: int64 (n,), the sender of each.
        strata: int64 (n,), 0..s-1, wording and language of each.
    """
    _, numbers, counts = np.unique(accounts, return_inverse=True, return_counts=True)
    order = np.argsort(numbers, kind="stable").astype(np.int64)
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    if np.count_nonzero(counts >= 2) < 2 or len(counts) < 3:
        return None
    alike = level(alike, strata)
    each = _superiority(alike, order, starts, strata)
    each = each[~np.isnan(each)]
    if len(each) < 2:
        return None
    orders = np.vstack([order, *(_permuted(order, strata, rng) for _ in range(PERMUTATIONS))])
    pseudo_f = _pseudo_f(alike, orders, starts)
    # With few accounts their own spread is too little known: it is at least that of fair coins.
    spread = max(float(each.std(ddof=1)), 0.15)
    return Topics(
        len(each), float(each.mean()), spread / np.sqrt(len(each)), float(pseudo_f[0]), pseudo_f[1:]
    )


def _permuted(
    order: NDArray[np.int64], strata: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """`order` with the prompts of each stratum exchanged among themselves."""
    exchanged = np.empty_like(order)
    by_stratum = np.argsort(strata, kind="stable")
    shuffled = np.lexsort((rng.random(len(strata)), strata))
    exchanged[by_stratum] = shuffled
    found: NDArray[np.int64] = exchanged[order]
    return found


@njit(cache=True, nogil=True)
def _superiority(alike, order, starts, strata):  # type: ignore[no-untyped-def]
    """Mean over each account's pairs of the share of strangers that are less alike, NaN for accounts of one prompt."""
    n = len(order)
    found = np.full(len(starts) - 1, np.nan)
    for account in range(len(found)):
        first, last = starts[account], starts[account + 1]
        if last - first < 2 or last - first == n:
            continue
        total, pairs = 0.0, 0
        for a in range(first, last):
            row = alike[order[a]]
            for b in range(first, last):
                if a == b:
                    continue
                own, stratum = row[order[b]], strata[order[b]]
                below, strangers = 0.0, 0
                for c in range(n):
                    if first <= c < last or strata[order[c]] != stratum:
                        continue
                    strangers += 1
                    other = row[order[c]]
                    if other < own - 1e-6:
                        below += 1.0
                    elif other <= own + 1e-6:
                        below += 0.5
                if strangers > 0:
                    total += below / strangers
                    pairs += 1
        if pairs > 0:
            found[account] = total / pairs
    return found


@njit(cache=True, nogil=True)
def _pseudo_f(alike, orders, starts):  # type: ignore[no-untyped-def]
    """(SS between / (a - 1)) / (SS within / (n - a)) of the squared distances 2 - 2 cosine, for each order."""
    n_orders, n = orders.shape
    n_accounts = len(starts) - 1
    total = 0.0
    for i in range(n):
        for j in range(i):
            total += 2 - 2 * alike[i, j]
    total /= n
    found = np.empty(n_orders)
    for k in range(n_orders):
        within = 0.0
        for account in range(n_accounts):
            first, last = starts[account], starts[account + 1]
            part = 0.0
            for a in range(first, last):
                row = alike[orders[k, a]]
                for b in range(first, a):
                    part += 2 - 2 * row[orders[k, b]]
            within += part / (last - first)
        between = (total - within) / (n_accounts - 1)
        found[k] = between / max(within / max(n - n_accounts, 1), 1e-12)
    return found
