"""The tables of what people do: proposals, labels, splits, saved views, sessions, and the audit log.

    proposals ──< decisions        labels   splits   views        sessions   tickets   keys        audit

They stand beside `campaigns.tables`, whose base they share. Rows of `labels`, `splits` and `audit` are only added.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from campaigns.tables import Base

_ADDED_ONLY = {"sqlite_autoincrement": True}
"""An id is never given twice."""


class ProposalRow(Base):
    """A decision that waits for a second person. See `campaigns.proposals.Proposal`."""

    __tablename__ = "proposals"
    __table_args__ = (
        CheckConstraint(
            "(outcome IS NULL) = (settled_by IS NULL) AND (outcome IS NULL) = (settled_at IS NULL)",
            name="settled",
        ),
        _ADDED_ONLY,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    verdict: Mapped[str]
    targets: Mapped[dict[str, Any]]
    n_accounts: Mapped[int]
    reason: Mapped[str]
    expires_on: Mapped[date | None]
    author: Mapped[str]
    created_at: Mapped[datetime]
    outcome: Mapped[str | None] = mapped_column(index=True)
    settled_by: Mapped[str | None]
    settled_at: Mapped[datetime | None]
    settled_reason: Mapped[str | None]


class LabelRow(Base):
    """What a person calls a campaign; the latest row of a campaign stands. See `campaigns.labels.Label`."""

    __tablename__ = "labels"
    __table_args__ = (_ADDED_ONLY,)

    id: Mapped[int] = mapped_column(primary_key=True)
    campaign_id: Mapped[str] = mapped_column(index=True)
    title: Mapped[str | None]
    objective: Mapped[str | None]
    reason: Mapped[str]
    author: Mapped[str]
    created_at: Mapped[datetime]


class SplitRow(Base):
    """Wordings that a person parts from their campaign. See `campaigns.splits.Split`."""

    __tablename__ = "splits"
    __table_args__ = (
        UniqueConstraint("undoes"),
        CheckConstraint("(new_id IS NULL) <> (undoes IS NULL)", name="new_id"),
        _ADDED_ONLY,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    campaign_id: Mapped[str] = mapped_column(index=True)
    variants: Mapped[dict[str, Any]]
    new_id: Mapped[str | None]
    reason: Mapped[str]
    author: Mapped[str]
    created_at: Mapped[datetime]
    undoes: Mapped[int | None]


class ViewRow(Base):
    """A saved view of the queue. See `campaigns.views.View`."""

    __tablename__ = "views"
    __table_args__ = (UniqueConstraint("owner", "name"), _ADDED_ONLY)

    id: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[str]
    name: Mapped[str]
    shared: Mapped[bool]
    query: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]


class SessionRow(Base):
    """A signed-in browser, by the SHA-256 of its cookie. See `campaigns.sessions`."""

    __tablename__ = "sessions"

    token_sha256: Mapped[str] = mapped_column(primary_key=True)
    user: Mapped[str] = mapped_column("user_name")
    role: Mapped[str]
    method: Mapped[str]
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class TicketRow(Base):
    """Something that may be handed in once, by the SHA-256 of its secret. See `campaigns.sessions`."""

    __tablename__ = "tickets"

    secret_sha256: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    details: Mapped[dict[str, Any]]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class KeyRow(Base):
    """A random key that all processes of one store share. See `campaigns.keys`."""

    __tablename__ = "keys"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[bytes]


class AuditRow(Base):
    """A link of the audit chain. The database refuses to change or delete one; see `campaigns.audit`."""

    __tablename__ = "audit"

    sequence: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    actor: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str] = mapped_column(index=True)
    details: Mapped[dict[str, Any]]
    key_id: Mapped[str]
    mac: Mapped[str]
