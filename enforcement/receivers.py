"""What people do about receivers: switch a sink off and on, and let letters be tried anew."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from campaigns.audit import Action, append
from campaigns.delivery_tables import DeliveryRow, MessageRow, SinkRow
from campaigns.entries import Clock, utc_now
from campaigns.errors import UsageError
from enforcement.states import State


@dataclass(frozen=True, slots=True)
class Replayed:
    """Deliveries that are due now: `dead` ones begin anew, `waiting` ones need not wait for their next attempt."""

    dead: int
    waiting: int


def replay(
    session: Session, *, author: str, sink: str = "", campaign_id: str = "", clock: Clock = utc_now
) -> Replayed:
    """Make due now what died, and what failed and waits for another attempt.

    A dead letter that a later message of its campaign has overtaken does not leave again: the next drain passes it
    over.

    Args:
        sink, campaign_id: only those; empty: all.
    """
    at = clock()
    only: list[ColumnElement[bool]] = []
    if sink:
        only.append(DeliveryRow.sink == sink)
    if campaign_id:
        messages = select(MessageRow.id).where(MessageRow.campaign_id == campaign_id)
        only.append(DeliveryRow.message.in_(messages))
    failed = [
        DeliveryRow.state == State.WAITING.value,
        DeliveryRow.attempts > 0,
        DeliveryRow.due_at > at,
        *only,
    ]
    hurried = _update(session, failed, due_at=at)
    dead = [DeliveryRow.state == State.DEAD.value, *only]
    revived = _update(session, dead, state=State.WAITING.value, attempts=0, due_at=at, settled_at=None)
    found = Replayed(dead=revived, waiting=hurried)
    if found.dead or found.waiting:
        append(
            session,
            actor=author,
            action=Action.REPLAYED,
            subject=campaign_id or "outbox",
            details={"sink": sink or "all", "dead": found.dead, "waiting": found.waiting},
            at=at,
        )
    return found


def switch_off(session: Session, sink: str, *, reason: str, author: str, clock: Clock = utc_now) -> None:
    """Nothing leaves for it until it is switched on; its messages wait.

    Raises:
        UsageError: no reason is given, or it is off.
    """
    if not reason.strip():
        raise UsageError("switching a sink off needs a reason", hint="Say why, with --reason.")
    if not switch(session, sink, reason=reason.strip(), author=author, at=clock()):
        raise UsageError(
            f"the sink {sink!r} is switched off already", hint="`shoal deliver --list` says why."
        )


def switch_on(session: Session, sink: str, *, author: str, clock: Clock = utc_now) -> None:
    """
    Raises:
        UsageError: it is not switched off.
    """
    row = session.get(SinkRow, sink)
    if row is None or row.disabled_at is None:
        raise UsageError(f"the sink {sink!r} is not switched off", hint="`shoal deliver --list` shows all.")
    row.disabled_at = row.disabled_by = None
    details = {"was off because": row.reason}
    append(session, actor=author, action=Action.SINK_ON, subject=f"sink {sink}", details=details, at=clock())


def switch(session: Session, sink: str, *, reason: str, author: str, at: datetime) -> bool:
    """Switch a sink off; whether it was on."""
    row = session.get(SinkRow, sink)
    if row is not None and row.disabled_at is not None:
        return False
    if row is None:
        row = SinkRow(name=sink)
        session.add(row)
    row.disabled_at, row.disabled_by, row.reason = at, author, reason
    details = {"reason": reason}
    append(session, actor=author, action=Action.SINK_OFF, subject=f"sink {sink}", details=details, at=at)
    return True


def _update(session: Session, conditions: list[ColumnElement[bool]], **values: object) -> int:
    statement = (
        update(DeliveryRow)
        .where(*conditions)
        .values(**values)
        .returning(DeliveryRow.message)
        .execution_options(synchronize_session=False)
    )
    return len(session.execute(statement).all())
