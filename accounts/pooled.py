"""Slots of a campaign over several days, for asking whose topics they are.

Most accounts of a careful pool send one prompt a day: whose topics they write about shows only over days.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from accounts.case import Case
from accounts.signals.topics import MOST_PROMPTS, Topics, exchangeability, likeness

WHOLE_MEMBER = 0.75
"""Part of the family's core from which a prompt certainly is of its template."""

MOST_OF_ONE = 30
"""Prompts of one account that are compared."""


@dataclass(frozen=True, slots=True)
class SlotSample:
    """Prompts of today whose slots are compared.

    Attributes:
        places: int64 (n,), places in `case.rows`.
        words: for each the hashes of its words besides the template, uint64 each.
    """

    places: NDArray[np.int64]
    words: list[NDArray[np.uint64]]


def sample(case: Case, own: sparse.csr_matrix) -> SlotSample:
    """Prompts that surely are of the template, one per account and text; whole accounts, at most `MOST_PROMPTS`.

    Args:
        own: 0/1 CSR (n, n_words), the words of each prompt of the case besides its template.
    """
    members = case.members
    senders, texts = members.accounts[case.rows], members.texts[case.rows]
    once = np.sort(np.unique(np.column_stack([senders, texts]), axis=0, return_index=True)[1])
    sure = once[members.strengths[texts[once]] >= WHOLE_MEMBER]
    kept = sure if 2 * len(sure) >= len(once) else once
    kept = kept[_whole_accounts(members.population.ids.gather(senders[kept]).to_list(), MOST_PROMPTS)]
    hashes = members.word_hashes
    own = own.tocsr()
    return SlotSample(kept, [hashes[own.indices[own.indptr[i] : own.indptr[i + 1]]] for i in kept.tolist()])


def topics_over_days(
    case: Case, today: SlotSample, before: pl.DataFrame, rng: np.random.Generator
) -> tuple[Topics | None, int]:
    """Exchangeability of the slots, and over how many days.

    Args:
        before: rows of `History.slots_of`.
    """
    members = case.members
    rows = case.rows[today.places]
    ids = members.population.ids.gather(members.accounts[rows]).to_list()
    words = list(today.words)
    strata = case.strata[today.places].astype(np.int64)
    n_days = 1
    if len(before):
        ids += before["account_id"].to_list()
        words += [np.array(one, np.uint64) for one in before["words"].to_list()]
        days = before["day"].to_numpy().astype(np.int64)
        strata = np.concatenate([strata, (1 + days) * 1_000_000 + before["stratum"].to_numpy()])
        n_days += len(np.unique(days))
    kept = _whole_accounts(ids, MOST_PROMPTS)
    if len(kept) < 3:
        return None, n_days
    _, senders = np.unique(np.array(ids)[kept], return_inverse=True)
    _, codes = np.unique(strata[kept], return_inverse=True)
    found = exchangeability(
        likeness(_matrix([words[i] for i in kept.tolist()])),
        senders.astype(np.int64),
        codes.astype(np.int64),
        rng,
    )
    return found, n_days


def _whole_accounts(ids: list[str], most: int) -> NDArray[np.int64]:
    """Places of at most `most` prompts, ascending: those of accounts with several first, then by a hash of the account.

    The hash picks the same accounts on every day. Of a busy account the first `MOST_OF_ONE` stand for all.
    """
    if len(ids) <= most:
        return np.arange(len(ids))
    names, senders = np.unique(np.array(ids), return_inverse=True)
    by_sender = np.argsort(senders, kind="stable")
    starts = np.searchsorted(senders[by_sender], np.arange(len(names)))
    nth = np.empty(len(ids), np.int64)
    nth[by_sender] = np.arange(len(ids)) - starts[senders[by_sender]]
    counts = np.minimum(np.bincount(senders), MOST_OF_ONE)
    marks = np.array([zlib.crc32(name.encode()) for name in names.tolist()])
    order = np.lexsort((marks, counts < 2))
    chosen = order[np.cumsum(counts[order]) <= most]
    return np.flatnonzero(np.isin(senders, chosen) & (nth < MOST_OF_ONE))


def _matrix(words: list[NDArray[np.uint64]]) -> sparse.csr_matrix:
    """0/1 float32 CSR (n, n_words)."""
    indptr = np.concatenate([[0], np.cumsum([len(one) for one in words])])
    names, columns = np.unique(
        np.concatenate(words) if words else np.empty(0, np.uint64), return_inverse=True
    )
    ones = np.ones(len(columns), np.float32)
    return sparse.csr_matrix((ones, columns, indptr), shape=(len(words), max(len(names), 1)))
