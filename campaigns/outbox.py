"""The outbox: what decisions say to enforcement, written in the transaction of the decision itself.

Only confirmations leave. Each change of what stands about a campaign is a message: a confirmation, or that an earlier
one no longer stands. A message has an id that never changes, and a version that rises with each message about its
campaign, so a receiver may get it twice or late and still applies each effect once, the latest last. (Transactional
outbox: C. Richardson, "Microservices Patterns", 2018.)
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.delivery_tables import MessageRow
from campaigns.entries import Decision, Verdict

DELAY_IN_SESSION: Final = "message_delay"
"""Where `Store` leaves how long messages wait, for the units that write."""


class Effect(StrEnum):
    """CONFIRMED: act on the accounts that the message names, and on no others of this campaign.
    WITHDRAWN: on none of it any longer; undo what was done."""

    CONFIRMED = "confirmed"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Delay:
    """How long messages wait before they leave: at least `least`, and up to `jitter` longer, told by their id.

    Whoever is acted upon cannot tell by the time which of his prompts gave him away.
    """

    least: timedelta = timedelta(0)
    jitter: timedelta = timedelta(0)

    def of(self, message_id: str) -> timedelta:
        drawn = int.from_bytes(hashlib.sha256(message_id.encode()).digest()[:8]) / 2**64
        return self.least + drawn * self.jitter


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """
    Attributes:
        id: place in the outbox; rises.
        decision_id: what made it: a confirmation, an undo, or another verdict in its place.
        confirmation_id: the confirmation that it tells of, or that no longer stands.
        not_before: it leaves no earlier.
        body: what receivers get; None until it was first handed out.
    """

    id: int
    message_id: str
    campaign_id: str
    version: int
    effect: Effect
    decision_id: int
    confirmation_id: int
    created_at: datetime
    not_before: datetime
    body: dict[str, Any] | None


def follow(session: Session, made: Decision, stands: Decision | None) -> Message | None:
    """Add the message that follows from a decision or an undo that was just added, if one does.

    Args:
        made: the row that was added.
        stands: the decision that stands about the campaign after it.
    """
    last = session.scalar(
        select(MessageRow)
        .where(MessageRow.campaign_id == made.campaign_id)
        .order_by(MessageRow.version.desc())
        .limit(1)
    )
    told = last is not None and last.effect == Effect.CONFIRMED
    confirmed = stands is not None and stands.verdict == Verdict.CONFIRMED
    if confirmed and stands is not None:
        if told and last is not None and last.confirmation_id == stands.id:
            return None
        return _add(session, made, Effect.CONFIRMED, stands.id, last)
    if told and last is not None:
        return _add(session, made, Effect.WITHDRAWN, last.confirmation_id, last)
    return None


def message(row: MessageRow) -> Message:
    return Message(
        id=row.id,
        message_id=row.message_id,
        campaign_id=row.campaign_id,
        version=row.version,
        effect=Effect(row.effect),
        decision_id=row.decision_id,
        confirmation_id=row.confirmation_id,
        created_at=row.created_at,
        not_before=row.not_before,
        body=row.body,
    )


def _add(
    session: Session, made: Decision, effect: Effect, confirmation_id: int, last: MessageRow | None
) -> Message:
    version = 1 if last is None else last.version + 1
    message_id = f"{made.campaign_id}.{version}"
    delay: Delay = session.info.get(DELAY_IN_SESSION, Delay())
    row = MessageRow(
        message_id=message_id,
        campaign_id=made.campaign_id,
        version=version,
        effect=effect,
        decision_id=made.id,
        confirmation_id=confirmation_id,
        created_at=made.created_at,
        not_before=made.created_at + (delay.of(message_id) if effect == Effect.CONFIRMED else timedelta(0)),
        body=None,
    )
    session.add(row)
    session.flush()
    session.refresh(row)
    return message(row)
