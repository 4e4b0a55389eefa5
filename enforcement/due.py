"""What is due at a sink: which messages it still has to get, and which of them comes next.

Of one campaign a later message waits for the earlier ones; but what was never attempted is passed over once a later
message is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, func, insert, literal, null, or_, select, update
from sqlalchemy.orm import Session, aliased

from campaigns.delivery_tables import DeliveryRow, MessageRow
from campaigns.outbox import Effect, Message, message
from campaigns.settings import DeliverySettings
from campaigns.store import Store
from enforcement.states import State


@dataclass(frozen=True, slots=True)
class Due:
    """`attempts`: those so far."""

    message: Message
    attempts: int


@dataclass(frozen=True, slots=True)
class Settled:
    """Deliveries that came to an end without another attempt."""

    superseded: int = 0
    dead: int = 0


def select_due(
    session: Session, sink: str, at: datetime, limit: int | None = None, *, among: Sequence[int] | None = None
) -> list[Due]:
    """At most one message of each campaign, the one that comes first.

    Args:
        among: only these ids; None: all.
    """
    earlier, before = aliased(MessageRow), aliased(DeliveryRow)
    waits = (
        select(earlier.id)
        .join(before, and_(before.message == earlier.id, before.sink == sink))
        .where(
            earlier.campaign_id == MessageRow.campaign_id,
            earlier.version < MessageRow.version,
            before.state == State.WAITING.value,
        )
        .exists()
    )
    query = (
        select(MessageRow, DeliveryRow.attempts)
        .join(DeliveryRow, DeliveryRow.message == MessageRow.id)
        .where(_free(sink, at), ~_overtaken(sink, at), ~waits)
        .order_by(MessageRow.id)
        .limit(limit)
    )
    if among is not None:
        query = query.where(MessageRow.id.in_(among))
    return [Due(message(row), attempts) for row, attempts in session.execute(query).tuples()]


def enroll(store: Store, sink: str, settings: DeliverySettings, at: datetime) -> Settled:
    """Give every message a delivery; settle what a later one has overtaken, and what died at its last attempt.

    The store is written to only if there is something to do.
    """
    with store.reading() as session:
        questions = (
            select(MessageRow.id).where(_new(session, sink)),
            select(DeliveryRow.message).where(_overtaken(sink, at)),
            select(DeliveryRow.message).where(_spent(sink, settings, at)),
        )
        if not any(session.scalar(select(exists(question))) for question in questions):
            return Settled()
    with store.writing() as session:
        return enroll_in(session, sink, settings, at)


def enroll_in(session: Session, sink: str, settings: DeliverySettings, at: datetime) -> Settled:
    """The same inside a unit that writes."""
    columns = ["message", "sink", "state", "attempts", "due_at", "leased_until", "error", "settled_at"]
    new = select(
        MessageRow.id,
        literal(sink),
        literal(State.WAITING.value),
        literal(0),
        MessageRow.not_before,
        null(),
        literal(""),
        null(),
    ).where(_new(session, sink))
    session.execute(insert(DeliveryRow).from_select(columns, new))
    return Settled(
        superseded=_settle(session, _overtaken(sink, at), State.SUPERSEDED, at),
        dead=_settle(session, _spent(sink, settings, at), State.DEAD, at),
    )


def _new(session: Session, sink: str) -> ColumnElement[bool]:
    """Ids rise in the order of the commits, for units that write come one at a time."""
    known = session.scalar(select(func.max(DeliveryRow.message)).where(DeliveryRow.sink == sink))
    return MessageRow.id > (known or 0)


def _overtaken(sink: str, at: datetime) -> ColumnElement[bool]:
    """Never attempted, with a later message there. A withdrawal gives way only to what may leave now: nobody shall
    stay under an action that was taken back, while the next one waits for its time."""
    own, later = aliased(MessageRow), aliased(MessageRow)
    overtaking = (
        select(later.id)
        .join(own, and_(own.campaign_id == later.campaign_id, own.version < later.version))
        .where(
            own.id == DeliveryRow.message,
            or_(own.effect == Effect.CONFIRMED.value, later.not_before <= at),
        )
        .correlate(DeliveryRow)
        .exists()
    )
    return and_(
        DeliveryRow.sink == sink,
        DeliveryRow.state == State.WAITING.value,
        DeliveryRow.attempts == 0,
        overtaking,
    )


def _spent(sink: str, settings: DeliverySettings, at: datetime) -> ColumnElement[bool]:
    """Whoever made the last attempt died at it."""
    return and_(_free(sink, at), DeliveryRow.attempts >= settings.attempts)


def _free(sink: str, at: datetime) -> ColumnElement[bool]:
    """Waiting for nothing but an attempt, which nobody is at."""
    return and_(
        DeliveryRow.sink == sink,
        DeliveryRow.state == State.WAITING.value,
        DeliveryRow.due_at <= at,
        or_(DeliveryRow.leased_until.is_(None), DeliveryRow.leased_until <= at),
    )


def _settle(session: Session, condition: ColumnElement[bool], state: State, at: datetime) -> int:
    statement = (
        update(DeliveryRow)
        .where(condition)
        .values(state=state, settled_at=at, leased_until=None)
        .returning(DeliveryRow.message)
        .execution_options(synchronize_session=False)
    )
    return len(session.execute(statement).all())
