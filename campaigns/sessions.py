"""Who is signed in: sessions and one-time tickets, kept on the server by the SHA-256 of what the browser holds.

Whoever reads the store finds nothing to sign in with. A session is new at every sign-in, so one that somebody planted
in a browser beforehand is worth nothing. It ends at a fixed time, or earlier if it is not used.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import delete
from sqlalchemy.orm import Session

from campaigns.audit import Action, append
from campaigns.entries import Clock, utc_now
from campaigns.review_tables import SessionRow, TicketRow

TOKEN_BYTES: Final = 32
_SEEN_EVERY: Final = timedelta(minutes=1)
"""How exactly it is known when a session was last used; so that reading a page is hardly ever a write."""


class Role(StrEnum):
    """What a user may do; each may do what those before may.

    VIEWER    read everything;
    ANALYST   decide, undo, relabel, merge, split, save views, export;
    APPROVER  approve or decline what others propose;
    ADMIN     change the allow-list.
    """

    VIEWER = "viewer"
    ANALYST = "analyst"
    APPROVER = "approver"
    ADMIN = "admin"

    def includes(self, other: Role) -> bool:
        order = list(Role)
        return order.index(self) >= order.index(other)


class TicketKind(StrEnum):
    """LOCAL: the link that `shoal review` prints. OIDC: a sign-in that is under way at the identity provider."""

    LOCAL = "local"
    OIDC = "oidc"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """Somebody who is signed in, how (`method`), and until when."""

    user: str
    role: Role
    method: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long a session lasts, and how long unused."""

    whole: timedelta
    idle: timedelta


def sign_in(
    session: Session, *, user: str, role: Role, method: str, lifetimes: Lifetimes, clock: Clock = utc_now
) -> str:
    """Begin a session; what the browser has to keep. Sessions that are over are cleared away."""
    at, token = clock(), secrets.token_urlsafe(TOKEN_BYTES)
    session.execute(delete(SessionRow).where(SessionRow.expires_at <= at))
    session.add(
        SessionRow(
            token_sha256=_sha256(token),
            user=user,
            role=role,
            method=method,
            created_at=at,
            seen_at=at,
            expires_at=at + lifetimes.whole,
        )
    )
    details = {"role": str(role), "method": method}
    append(session, actor=user, action=Action.SIGNED_IN, subject=f"user {user}", details=details, at=at)
    return token


def find_session(
    session: Session, token: str, lifetimes: Lifetimes, *, clock: Clock = utc_now
) -> tuple[SignedIn | None, bool]:
    """(who is signed in by this token, or None; whether `touch` should be called)."""
    row = session.get(SessionRow, _sha256(token))
    at = clock()
    if row is None or row.expires_at <= at or row.seen_at + lifetimes.idle <= at:
        return None, False
    found = SignedIn(user=row.user, role=Role(row.role), method=row.method, expires_at=row.expires_at)
    return found, at - row.seen_at >= min(_SEEN_EVERY, lifetimes.idle / 2)


def touch(session: Session, token: str, *, clock: Clock = utc_now) -> None:
    """Note that a session is in use."""
    row = session.get(SessionRow, _sha256(token))
    if row is not None:
        row.seen_at = clock()


def sign_out(session: Session, token: str, *, clock: Clock = utc_now) -> None:
    row = session.get(SessionRow, _sha256(token))
    if row is not None:
        append(
            session,
            actor=row.user,
            action=Action.SIGNED_OUT,
            subject=f"user {row.user}",
            details={},
            at=clock(),
        )
        session.delete(row)


def issue_ticket(
    session: Session,
    kind: TicketKind,
    details: dict[str, Any],
    lifetime: timedelta,
    *,
    clock: Clock = utc_now,
) -> str:
    """A secret that may be handed in once, and what it stands for."""
    at, secret = clock(), secrets.token_urlsafe(TOKEN_BYTES)
    session.execute(delete(TicketRow).where(TicketRow.expires_at <= at))
    session.add(
        TicketRow(secret_sha256=_sha256(secret), kind=kind, details=details, expires_at=at + lifetime)
    )
    return secret


def redeem_ticket(
    session: Session, kind: TicketKind, secret: str, *, clock: Clock = utc_now
) -> dict[str, Any] | None:
    """What the ticket stands for, once; None: there is none, it is of another kind, or its time is over."""
    row = session.get(TicketRow, _sha256(secret))
    if row is None or row.kind != kind:
        return None
    session.delete(row)
    return row.details if row.expires_at > clock() else None


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
