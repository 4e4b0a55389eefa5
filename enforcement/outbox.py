"""Delivery: messages of the outbox to every sink, at least once, in order, however often a process dies.

A message is claimed before it is sent: its attempt is counted, and it is leased for as long as sending may take. What
comes of it is noted afterwards. Whoever dies in between leaves a message that comes again when the lease is over, with
the same id and the same bytes. Of one campaign a later message waits for the earlier ones; but what was never
attempted is passed over once a later message is there, so that an action that was taken back in time never leaves.

Backoff: exponential with full jitter (M. Brooker, "Exponential Backoff And Jitter", 2015), drawn from message and
attempt.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Table, Update, bindparam, exists, select, update
from sqlalchemy.orm import Session

from campaigns.all_tables import METADATA
from campaigns.delivery_tables import DeliveryRow, SinkRow
from campaigns.entries import Clock, utc_now
from campaigns.failpoints import failpoint
from campaigns.outbox import Message
from campaigns.settings import DeliverySettings
from campaigns.store import Store
from enforcement.compose import composed, freeze
from enforcement.due import Due, enroll, enroll_in, select_due
from enforcement.pace import backoff, lease
from enforcement.receivers import switch
from enforcement.sinks import Outcome, Outgoing, Result, Sink
from enforcement.states import State

_LOST: Final = "the sender died and never heard"
_MOST_CHARACTERS: Final = 500
"""Of an error."""
_DELIVERIES: Final[Table] = METADATA.tables[DeliveryRow.__tablename__]


@dataclass(slots=True)
class Drained:
    """What a drain did, by sink: messages by what came of them, and sinks that are switched off."""

    delivered: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    dead: Counter[str] = field(default_factory=Counter)
    superseded: Counter[str] = field(default_factory=Counter)
    disabled: set[str] = field(default_factory=set)


def drain(
    store: Store,
    home: Path,
    sinks: Sequence[Sink],
    settings: DeliverySettings,
    *,
    clock: Clock = utc_now,
    progress: Callable[[str, int], None] = lambda *_: None,
) -> Drained:
    """Send everything that is due to every sink that is switched on, until nothing is, or a whole batch fails: then
    the receiver is down, and what was not attempted yet keeps its attempts.

    Args:
        home: holds the runs that bodies are composed from.
        progress: called with a sink and how many messages it was sent, batch by batch.
    """
    done = Drained()
    for sink in sinks:
        while _is_on(store, sink.name, done):
            settled = enroll(store, sink.name, settings, clock())
            done.superseded[sink.name] += settled.superseded
            done.dead[sink.name] += settled.dead
            batch = _claim(store, home, sink.name, settings, done, clock)
            if batch is None:
                break
            if not batch:
                continue
            failpoint("deliver:claimed")
            results = sink.send([one.outgoing for one in batch])
            failpoint("deliver:sent")
            _note(store, sink.name, batch, results, settings, done, clock())
            progress(sink.name, len(batch))
            if all(result.outcome == Outcome.FAILED for result in results):
                break
    return done


def due_now(
    store: Store, home: Path, sink: str, settings: DeliverySettings, *, clock: Clock = utc_now
) -> list[tuple[Message, dict[str, Any] | str]]:
    """The messages that a drain would send next, each with its body, or why it can have none. Nothing is changed.

    At most one of each campaign is among them; what waits behind it is not.
    """
    at = clock()
    with store.writing() as session:
        enroll_in(session, sink, settings, at)
        due = [claim.message for claim in select_due(session, sink, at)]
        session.rollback()
    with store.reading() as session:
        bodies, broken = composed(session, home, due, settings.appeal)
    return [(one, one.body or bodies.get(one.id) or broken[one.id]) for one in due]


def encoded(body: Mapping[str, Any]) -> bytes:
    """The bytes of a body, the same every time: ASCII, so nothing in them breaks a line or steers a terminal."""
    return json.dumps(body, sort_keys=True, separators=(",", ":")).encode()


def _is_on(store: Store, sink: str, done: Drained) -> bool:
    off = exists().where(SinkRow.name == sink, SinkRow.disabled_at.is_not(None))
    with store.reading() as session:
        if not session.scalar(select(off)):
            return True
    done.disabled.add(sink)
    return False


# -- one batch -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Claim:
    number: int
    outgoing: Outgoing


def _claim(
    store: Store, home: Path, sink: str, settings: DeliverySettings, done: Drained, clock: Clock
) -> Sequence[_Claim] | None:
    """The next batch: counted, leased and with its bodies kept. None: nothing is due. Empty: what was due is not any
    longer; messages that can have no body are dead.

    Bodies are composed outside the unit that writes, which then looks again at what is due: a decision that came
    meanwhile takes its predecessor out, and of two that claim at once one finds the messages leased.
    """
    with store.reading() as session:
        due = [one.message for one in select_due(session, sink, clock(), settings.batch)]
        bodies, broken = composed(session, home, due, settings.appeal)
    if not due:
        return None
    at = clock()
    with store.writing() as session:
        freeze(session, bodies)
        still = select_due(session, sink, at, among=[one.id for one in due])
        taken = [one for one in still if one.message.body is not None]
        lost = [one.message for one in still if one.message.body is None and one.message.id in broken]
        _lease(session, sink, taken, settings, at)
        _bury(session, sink, {one.id: broken[one.id] for one in lost}, at)
    done.dead[sink] += len(lost)
    return [_claimed(one) for one in taken]


def _lease(
    session: Session, sink: str, taken: Sequence[Due], settings: DeliverySettings, at: datetime
) -> None:
    statement = (
        update(_DELIVERIES)
        .where(_DELIVERIES.c.sink == sink, _DELIVERIES.c.message == bindparam("number"))
        .values(
            attempts=_DELIVERIES.c.attempts + 1, leased_until=at + lease(settings), error=_LOST, due_at=at
        )
    )
    _many(session, statement, [{"number": one.message.id} for one in taken])


def _bury(session: Session, sink: str, errors: Mapping[int, str], at: datetime) -> None:
    statement = (
        update(_DELIVERIES)
        .where(_DELIVERIES.c.sink == sink, _DELIVERIES.c.message == bindparam("number"))
        .values(state=State.DEAD.value, settled_at=at, error=bindparam("why"))
    )
    _many(session, statement, [{"number": number, "why": error} for number, error in errors.items()])


def _claimed(due: Due) -> _Claim:
    one = due.message
    outgoing = Outgoing(
        message_id=one.message_id,
        campaign_id=one.campaign_id,
        version=one.version,
        attempt=due.attempts + 1,
        created_at=one.created_at,
        body=encoded(one.body or {}),
    )
    return _Claim(one.id, outgoing)


def _note(
    store: Store,
    sink: str,
    batch: Sequence[_Claim],
    results: Sequence[Result],
    settings: DeliverySettings,
    done: Drained,
    at: datetime,
) -> None:
    """Write down what came of a batch. What was delivered stays delivered, whoever is at the message by now; that an
    attempt failed counts only while nobody has begun another."""
    delivered: list[dict[str, Any]] = []
    others: list[dict[str, Any]] = []
    for claim, result in zip(batch, results, strict=True):
        attempt = claim.outgoing.attempt
        told = {"number": claim.number, "attempt": attempt, "why": result.error[:_MOST_CHARACTERS]}
        if result.outcome == Outcome.DELIVERED:
            done.delivered[sink] += 1
            delivered.append({"number": claim.number})
        elif result.outcome == Outcome.GONE:  # it was not asked to take this one
            done.failed[sink] += 1
            others.append(told | _waiting(attempt - 1, at))
        elif result.outcome == Outcome.REFUSED or attempt >= settings.attempts:
            done.dead[sink] += 1
            others.append(told | {"now": State.DEAD.value, "counted": attempt, "due": at, "settled": at})
        else:
            done.failed[sink] += 1
            others.append(
                told | _waiting(attempt, at + backoff(claim.outgoing.message_id, attempt, settings))
            )
    gone = next((result for result in results if result.outcome == Outcome.GONE), None)
    own = (_DELIVERIES.c.sink == sink, _DELIVERIES.c.message == bindparam("number"))
    settled = update(_DELIVERIES).where(*own)
    settled = settled.values(state=State.DELIVERED.value, settled_at=at, leased_until=None, error="")
    with store.writing() as session:
        _many(session, settled, delivered)
        _many(session, _FAILED.where(*own), others)
        if gone is not None:
            switch(session, sink, reason=gone.error, author="the receiver", at=at)
        failpoint("deliver:before_noted")
    failpoint("deliver:noted")


_FAILED: Final = (
    update(_DELIVERIES)
    .where(
        _DELIVERIES.c.state == State.WAITING.value,
        _DELIVERIES.c.attempts == bindparam("attempt"),
    )
    .values(
        state=bindparam("now"),
        attempts=bindparam("counted"),
        due_at=bindparam("due"),
        settled_at=bindparam("settled"),
        error=bindparam("why"),
        leased_until=None,
    )
)


def _waiting(counted: int, due: datetime) -> dict[str, Any]:
    return {"now": State.WAITING.value, "counted": counted, "due": due, "settled": None}


def _many(session: Session, statement: Update, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        session.connection().execute(statement, rows)
