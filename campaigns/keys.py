"""Random keys that the processes of one store share; none of them protects anything outside it."""

from __future__ import annotations

import secrets

from sqlalchemy.orm import Session

from campaigns.review_tables import KeyRow
from campaigns.store import Store

KEY_BYTES = 32


def shared_key(store: Store, name: str) -> bytes:
    """The key of this name, made at the first call."""
    with store.reading() as session:
        found = _value(session, name)
    if found is not None:
        return found
    with store.writing() as session:
        found = _value(session, name)
        if found is None:
            found = secrets.token_bytes(KEY_BYTES)
            session.add(KeyRow(name=name, value=found))
        return found


def _value(session: Session, name: str) -> bytes | None:
    row = session.get(KeyRow, name)
    return None if row is None else row.value
