"""The tables of the hand-off: what leaves, and how far each receiver has it.

    decisions ──< messages ──< deliveries        sinks        feed_tokens        tombstones

They stand beside `campaigns.tables`, whose base they share.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from campaigns.tables import Base


class MessageRow(Base):
    """What a decision says to enforcement. Rows are only added; see `campaigns.outbox.Message`.

    `body` is None until the message is first handed out: it is made from the run that was decided on, which never
    changes, and kept from then on.
    """

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("campaign_id", "version"),
        CheckConstraint("version >= 1", name="version"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    message_id: Mapped[str] = mapped_column(unique=True)
    campaign_id: Mapped[str]
    version: Mapped[int]
    effect: Mapped[str]
    decision_id: Mapped[int] = mapped_column(ForeignKey("decisions.id"))
    confirmation_id: Mapped[int] = mapped_column(ForeignKey("decisions.id"))
    created_at: Mapped[datetime]
    not_before: Mapped[datetime]
    body: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))


class DeliveryRow(Base):
    """How far one receiver has a message. See `enforcement.outbox`.

    `due_at`: its next attempt is no earlier. `leased_until`: until then somebody is at an attempt, or died at it.
    """

    __tablename__ = "deliveries"
    __table_args__ = (Index("ix_deliveries_sink", "sink", "state", "due_at"),)

    sink: Mapped[str] = mapped_column(primary_key=True)
    message: Mapped[int] = mapped_column(ForeignKey("messages.id"), primary_key=True)
    state: Mapped[str]
    attempts: Mapped[int]
    due_at: Mapped[datetime]
    leased_until: Mapped[datetime | None]
    error: Mapped[str]
    settled_at: Mapped[datetime | None]


class SinkRow(Base):
    """A receiver that is switched off, and why: it said that it is gone, or a person did it."""

    __tablename__ = "sinks"

    name: Mapped[str] = mapped_column(primary_key=True)
    disabled_at: Mapped[datetime | None]
    disabled_by: Mapped[str | None]
    reason: Mapped[str]


class FeedTokenRow(Base):
    """Who may pull, by the SHA-256 of their token. See `enforcement.feed`."""

    __tablename__ = "feed_tokens"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(primary_key=True)
    token_sha256: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    scopes: Mapped[dict[str, Any]]
    author: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class TombstoneRow(Base):
    """An account that was erased, by a keyed digest of its id: it is known to be gone, and not who it was."""

    __tablename__ = "tombstones"

    digest: Mapped[str] = mapped_column(primary_key=True)
    reason: Mapped[str]
    author: Mapped[str]
    erased_at: Mapped[datetime]
    counts: Mapped[dict[str, Any]]
