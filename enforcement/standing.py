"""How far the hand-off is: what each sink has, what it still has to get, and the letters that are dead."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, case, func, or_, select
from sqlalchemy.orm import Session

from campaigns.delivery_tables import DeliveryRow, MessageRow, SinkRow
from campaigns.outbox import Effect
from enforcement.states import State


@dataclass(slots=True, kw_only=True)
class Standing:
    """Messages of a sink, by state.

    Attributes:
        waiting: all that wait, for whatever.
        overdue: those of them that failed before, or whose time has come.
        off_since, off_by, off_because: None and empty while it is switched on.
    """

    waiting: int = 0
    overdue: int = 0
    delivered: int = 0
    dead: int = 0
    superseded: int = 0
    off_since: datetime | None = None
    off_by: str = ""
    off_because: str = ""

    @property
    def pending(self) -> bool:
        """Whether something that should have left did not."""
        return self.overdue > 0 or self.dead > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A message that a sink has not taken yet. `due_at` is None for a dead one: it has no next attempt."""

    sink: str
    message_id: str
    campaign_id: str
    version: int
    effect: Effect
    state: State
    attempts: int
    due_at: datetime | None
    error: str


def standing(session: Session, at: datetime, sinks: Iterable[str] = ()) -> dict[str, Standing]:
    """By sink.

    Args:
        sinks: those that have to be there, whether or not anything was sent to them.
    """
    found = {name: Standing() for name in sinks}
    late = and_(
        DeliveryRow.state == State.WAITING.value, or_(DeliveryRow.attempts > 0, DeliveryRow.due_at <= at)
    )
    counted = select(
        DeliveryRow.sink, DeliveryRow.state, func.count(), func.sum(case((late, 1), else_=0))
    ).group_by(DeliveryRow.sink, DeliveryRow.state)
    for sink, state, number, overdue in session.execute(counted).tuples():
        one = found.setdefault(sink, Standing())
        setattr(one, state, number)
        one.overdue += overdue
    for name in found:
        known = select(func.max(DeliveryRow.message)).where(DeliveryRow.sink == name)
        new = select(func.count(), func.sum(case((MessageRow.not_before <= at, 1), else_=0))).where(
            MessageRow.id > func.coalesce(known.scalar_subquery(), 0)
        )
        waiting, overdue = session.execute(new).one()
        found[name].waiting += waiting
        found[name].overdue += overdue or 0
    for row in session.scalars(select(SinkRow).where(SinkRow.disabled_at.is_not(None))):
        one = found.setdefault(row.name, Standing())
        one.off_since, one.off_by, one.off_because = row.disabled_at, row.disabled_by or "", row.reason
    return found


def letters(session: Session, sink: str = "") -> list[Letter]:
    """Dead letters, and what failed and waits for another attempt; by sink, the oldest first.

    Args:
        sink: only of this one; empty: of all.
    """
    query = (
        select(DeliveryRow, MessageRow)
        .join(MessageRow, MessageRow.id == DeliveryRow.message)
        .where(
            or_(
                DeliveryRow.state == State.DEAD.value,
                and_(DeliveryRow.state == State.WAITING.value, DeliveryRow.attempts > 0),
            )
        )
        .order_by(DeliveryRow.sink, MessageRow.id)
    )
    if sink:
        query = query.where(DeliveryRow.sink == sink)
    return [
        Letter(
            sink=delivery.sink,
            message_id=row.message_id,
            campaign_id=row.campaign_id,
            version=row.version,
            effect=Effect(row.effect),
            state=State(delivery.state),
            attempts=delivery.attempts,
            due_at=delivery.due_at if delivery.state == State.WAITING else None,
            error=delivery.error,
        )
        for delivery, row in session.execute(query).tuples()
    ]
