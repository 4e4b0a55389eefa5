"""Accounts that were erased: known to be gone, and not who they were.

A tombstone is a keyed digest of an id, one for each form that the id has. The key lies in the store: who owns that may
try ids he knows of, as he could ask for one with `shoal explain`; nobody can read one out of it.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaigns.delivery_tables import TombstoneRow
from campaigns.keys import shared_key
from campaigns.store import Store

KEY: Final = "tombstones"
Recognise = Callable[[pa.Array], NDArray[np.bool_]]
"""From account ids, nulls allowed, to which of them were erased."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone:
    """`counts` says what was taken out; empty while the erasure is under way, or was cut short."""

    digest: str
    reason: str
    author: str
    erased_at: datetime
    counts: Mapping[str, Any]


def digest(key: bytes, account_id: str) -> str:
    return hmac.digest(key, account_id.encode(), "sha256").hex()


def bury(session: Session, digests: Iterable[str], *, reason: str, author: str, at: datetime) -> None:
    """Add the tombstones that are not there yet."""
    for one in sorted(digests):
        if session.get(TombstoneRow, one) is None:
            session.add(TombstoneRow(digest=one, reason=reason, author=author, erased_at=at, counts={}))
    session.flush()


def close(session: Session, digests: Iterable[str], counts: Mapping[str, int]) -> None:
    """Write on the tombstones what was taken out."""
    for one in digests:
        row = session.get(TombstoneRow, one)
        if row is not None and not row.counts:
            row.counts = dict(counts)
    session.flush()


def find(store: Store, account_ids: Iterable[str]) -> Tombstone | None:
    """The tombstone of an account, by any form of its id."""
    key = shared_key(store, KEY)
    with store.reading() as session:
        for name in account_ids:
            row = session.get(TombstoneRow, digest(key, name))
            if row is not None:
                return Tombstone(
                    digest=row.digest,
                    reason=row.reason,
                    author=row.author,
                    erased_at=row.erased_at,
                    counts=row.counts,
                )
    return None


def recogniser(store: Store) -> Recognise | None:
    """Tells erased accounts in traffic; None if nobody was erased."""
    with store.reading() as session:
        if not session.scalar(select(func.count()).select_from(TombstoneRow)):
            return None
        buried = frozenset(session.scalars(select(TombstoneRow.digest)))
    key = shared_key(store, KEY)

    def recognise(account_ids: pa.Array) -> NDArray[np.bool_]:
        encoded = account_ids.dictionary_encode()
        erased = np.array([digest(key, name) in buried for name in encoded.dictionary.to_pylist()], np.bool_)
        places = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        found: NDArray[np.bool_] = np.append(erased, np.False_)[places]
        return found

    return recognise
