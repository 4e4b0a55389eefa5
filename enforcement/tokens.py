"""Who may pull: tokens with a name, scopes and an end, of which the store keeps no more than the SHA-256.

A token has 256 bits of chance, so its plain digest cannot be guessed back, and looking it up by that digest tells by
no delay how near a guess was.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.audit import Action, append
from campaigns.delivery_tables import FeedTokenRow
from campaigns.entries import Clock, utc_now
from campaigns.errors import UsageError
from campaigns.tables import storable

PREFIX: Final = "shoalfeed_"
"""By which scanners of code and logs know a token that got lost."""
_BYTES: Final = 32
_MOST_CHARACTERS: Final = 100


class Scope(StrEnum):
    """CAMPAIGNS: all messages. ACCOUNTS: what stands about an account that the asker can name."""

    CAMPAIGNS = "campaigns:read"
    ACCOUNTS = "accounts:read"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedToken:
    """What is known of a token; not the token itself."""

    id: int
    name: str
    scopes: tuple[Scope, ...]
    author: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    def good(self, at: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)


def issue(
    session: Session,
    name: str,
    scopes: Collection[Scope],
    *,
    author: str,
    life: timedelta | None,
    clock: Clock = utc_now,
) -> tuple[str, FeedToken]:
    """A new token, which is told here and nowhere again, and what is kept of it.

    Args:
        name: whose it is.
        life: None: it ends when somebody revokes it.

    Raises:
        UsageError: it has no name or no scope.
    """
    name = storable(name.strip())
    if not name or len(name) > _MOST_CHARACTERS:
        raise UsageError(f"a token needs a name of 1 to {_MOST_CHARACTERS} characters")
    if not scopes:
        known = " and ".join(Scope)
        raise UsageError("the token would open nothing", hint=f"Name a scope: {known}.")
    at = clock()
    token = PREFIX + secrets.token_urlsafe(_BYTES)
    row = FeedTokenRow(
        token_sha256=_digest(token),
        name=name,
        scopes={"scopes": sorted(set(scopes))},
        author=storable(author),
        created_at=at,
        expires_at=None if life is None else at + life,
        revoked_at=None,
    )
    session.add(row)
    session.flush()
    kept = _kept(row)
    details = {"name": name, "scopes": list(kept.scopes), "expires": kept.expires_at}
    _tell(session, Action.FEED_ISSUED, kept, author, details, at)
    return token, kept


def revoke(session: Session, token_id: int, *, author: str, clock: Clock = utc_now) -> FeedToken:
    """
    Raises:
        UsageError: there is no such token, or it was revoked before.
    """
    row = session.get(FeedTokenRow, token_id)
    if row is None or row.revoked_at is not None:
        what = "there is no token" if row is None else "revoked before: token"
        raise UsageError(f"{what} {token_id}", hint="`shoal feed token list` lists them all.")
    row.revoked_at = clock()
    session.flush()
    kept = _kept(row)
    _tell(session, Action.FEED_REVOKED, kept, author, {"name": kept.name}, row.revoked_at)
    return kept


def select_tokens(session: Session) -> list[FeedToken]:
    """Oldest first, the revoked and expired among them."""
    return [_kept(row) for row in session.scalars(select(FeedTokenRow).order_by(FeedTokenRow.id))]


def scopes_of(session: Session, token: str, at: datetime) -> frozenset[Scope] | None:
    """What a token opens; None: nothing, for it is unknown, revoked or over."""
    digest = _digest(token)
    row = session.scalar(select(FeedTokenRow).where(FeedTokenRow.token_sha256 == digest))
    if row is None or not hmac.compare_digest(row.token_sha256, digest):
        return None
    kept = _kept(row)
    return frozenset(kept.scopes) if kept.good(at) else None


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _kept(row: FeedTokenRow) -> FeedToken:
    return FeedToken(
        id=row.id,
        name=row.name,
        scopes=tuple(Scope(name) for name in row.scopes["scopes"]),
        author=row.author,
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )


def _tell(
    session: Session,
    action: Action,
    kept: FeedToken,
    author: str,
    details: Mapping[str, object],
    at: datetime,
) -> None:
    append(
        session, actor=author, action=action, subject=f"feed token {kept.id}", details=dict(details), at=at
    )
