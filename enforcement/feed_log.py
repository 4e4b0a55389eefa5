"""What the feed has handed out, in an order that only grows at its end.

Messages come due in another order than they were made: one waits while a later one leaves. So a message gets its place
when it is first handed out, behind all that were before it. Places are given by units that write, which come one at a
time; so whoever has read up to a place has missed nothing before it, and each campaign's versions come in their order.

To the outbox the feed is a sink like any other, named `feed`: what is overtaken before its time has come is passed
over, and bodies are kept once they are made. `due_at` of what was handed out is its place.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Self

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.orm import Session

from campaigns.delivery_tables import DeliveryRow, MessageRow
from campaigns.entries import Clock, utc_now
from campaigns.outbox import message
from campaigns.settings import DeliverySettings
from campaigns.store import Store
from enforcement.compose import composed, freeze
from enforcement.due import enroll, select_due
from enforcement.states import State

FEED: Final = "feed"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TICK: Final = timedelta(microseconds=1)
_FORM: Final = re.compile(r"([0-9]{1,17})\.([0-9]{1,18})")


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """When a message was handed out first, in microseconds since 1970, and its number in the outbox."""

    ticks: int = 0
    number: int = 0

    @property
    def at(self) -> datetime:
        return _EPOCH + self.ticks * _TICK

    def __str__(self) -> str:
        """A cursor: the same place is always the same text, and it means nothing to anybody else."""
        return base64.urlsafe_b64encode(f"{self.ticks}.{self.number}".encode()).decode().rstrip("=")

    @classmethod
    def of(cls, cursor: str) -> Self:
        """
        Raises:
            ValueError: no place was ever told like this.
        """
        try:
            text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
        except (binascii.Error, UnicodeError):
            text = ""
        found = _FORM.fullmatch(text)
        place = cls(*map(int, found.groups())) if found else None
        if place is None or str(place) != cursor:
            raise ValueError("not a cursor")
        return place


@dataclass(frozen=True, slots=True)
class Handed:
    """A message at its place; `body` is None where its run is lost and nothing is left to tell."""

    place: Place
    campaign_id: str
    body: dict[str, Any] | None


def hand_out(store: Store, home: Path, settings: DeliverySettings, *, clock: Clock = utc_now) -> bool:
    """Give the next batch of messages that are due their places; whether there were any, and so may be more."""
    at = clock()
    enroll(store, FEED, settings, at)
    with store.reading() as session:
        due = [one.message for one in select_due(session, FEED, at, settings.batch)]
        bodies, broken = composed(session, home, due, settings.appeal)
    if not due:
        return False
    with store.writing() as session:
        freeze(session, bodies)
        still = [one.message for one in select_due(session, FEED, at, among=[one.id for one in due])]
        place = max(clock(), _last(session).at + _TICK)
        whole = [one.id for one in still if one.body is not None]
        lost = [one.id for one in still if one.body is None and one.id in broken]
        _settle(session, whole, State.DELIVERED, place)
        for number in lost:
            _settle(session, [number], State.DEAD, place, broken[number])
    return True


def handed_out(
    session: Session, home: Path, settings: DeliverySettings, after: Place, limit: int
) -> Iterator[Handed]:
    """Messages behind a place, in order. Bodies that were cleared are made again from their runs."""
    later = or_(
        DeliveryRow.due_at > after.at,
        and_(DeliveryRow.due_at == after.at, DeliveryRow.message > after.number),
    )
    query = (
        select(MessageRow, DeliveryRow.due_at)
        .join(DeliveryRow, DeliveryRow.message == MessageRow.id)
        .where(DeliveryRow.sink == FEED, DeliveryRow.state == State.DELIVERED.value, later)
        .order_by(DeliveryRow.due_at, DeliveryRow.message)
        .limit(limit)
    )
    rows = [(message(row), due_at) for row, due_at in session.execute(query).tuples()]
    made, _ = composed(session, home, [one for one, _ in rows], settings.appeal)
    for one, due_at in rows:
        yield Handed(_place(due_at, one.id), one.campaign_id, one.body or made.get(one.id))


def _last(session: Session) -> Place:
    last = session.scalar(
        select(func.max(DeliveryRow.due_at)).where(
            DeliveryRow.sink == FEED, DeliveryRow.state == State.DELIVERED.value
        )
    )
    return Place() if last is None else _place(last, 0)


def _place(at: datetime, number: int) -> Place:
    return Place((at - _EPOCH) // _TICK, number)


def _settle(session: Session, numbers: Sequence[int], state: State, at: datetime, error: str = "") -> None:
    statement = (
        update(DeliveryRow)
        .where(DeliveryRow.sink == FEED, DeliveryRow.message.in_(numbers))
        .values(state=state.value, attempts=1, due_at=at, settled_at=at, error=error)
        .execution_options(synchronize_session=False)
    )
    session.execute(statement)
