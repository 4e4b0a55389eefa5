"""Delivery: messages of the outbox to every sink, at least once, in order, however often a process dies.

A message is claimed before it is sent: its attempt is counted and its next one set, as if this one failed. What comes
of it is noted afterwards. Whoever dies in between leaves a message that comes again, with the same id and the same
bytes. Of one campaign a later message waits for the earlier ones; but what was never attempted is passed over once a
later message is there, so that an action that was taken back in time never leaves at all.

Backoff: exponential with full jitter (M. Brooker, "Exponential Backoff And Jitter", 2015), drawn from message and
attempt.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import and_, exists, func, insert, literal, select, update
from sqlalchemy.orm import Session, aliased

from campaigns.audit import Action, append
from campaigns.delivery_tables import DeliveryRow, MessageRow, SinkRow
from campaigns.entries import Clock, utc_now
from campaigns.errors import IntegrityError, UsageError
from campaigns.failpoints import failpoint
from campaigns.outbox import Message, message
from campaigns.settings import DeliverySettings
from campaigns.store import Store
from enforcement.body import compose
from enforcement.sinks import Outcome, Outgoing, Result, Sink
from enforcement.states import State

_LOST: Final = "the sender died and never heard"


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
    progress: Callable[[int], None] = lambda _: None,
) -> Drained:
    """Send everything that is due to every sink that is switched on, until nothing is.

    Args:
        home: holds the runs that bodies are composed from.
        progress: called with how many messages were settled, batch by batch.
    """
    done = Drained()
    for sink in sinks:
        while _is_on(store, sink.name, done):
            enroll(store, sink.name, settings, done, clock())
            batch = _claim(store, home, sink.name, settings, done, clock)
            if not batch:
                break
            failpoint("deliver:claimed")
            results = sink.send([outgoing for _, outgoing in batch])
            failpoint("deliver:sent")
            _note(store, sink.name, batch, results, settings, done, clock)
            progress(len(batch))
    return done


def backoff(message_id: str, attempt: int, settings: DeliverySettings) -> timedelta:
    """How long after this attempt, counted from 1, the next one is due."""
    most = min(settings.backoff_seconds * 2.0 ** (attempt - 1), settings.backoff_most_seconds)
    drawn = int.from_bytes(hashlib.sha256(f"{message_id} {attempt}".encode()).digest()[:8]) / 2**64
    return timedelta(seconds=most * drawn)


# -- one batch -----------------------------------------------------------------------------------------

_Claimed = Sequence[tuple[int, Outgoing]]


def _is_on(store: Store, sink: str, done: Drained) -> bool:
    with store.reading() as session:
        row = session.get(SinkRow, sink)
    if row is not None and row.disabled_at is not None:
        done.disabled.add(sink)
        return False
    return True


def enroll(store: Store, sink: str, settings: DeliverySettings, done: Drained, at: datetime) -> None:
    """Give every message a delivery, and pass over those that a later one has overtaken before they left."""
    later = aliased(MessageRow)
    overtaken = and_(
        DeliveryRow.sink == sink,
        DeliveryRow.state == State.WAITING,
        DeliveryRow.attempts == 0,
        exists()
        .where(
            later.campaign_id == MessageRow.campaign_id,
            later.version > MessageRow.version,
            MessageRow.id == DeliveryRow.message,
        )
        .correlate(DeliveryRow),
    )
    missing = ~exists().where(DeliveryRow.message == MessageRow.id, DeliveryRow.sink == sink)
    spent = and_(
        DeliveryRow.sink == sink,
        DeliveryRow.state == State.WAITING,
        DeliveryRow.attempts >= settings.attempts,
        DeliveryRow.due_at <= at,
    )
    with store.reading() as session:
        idle = not any(
            session.scalar(select(exists(query)))
            for query in (
                select(MessageRow.id).where(missing),
                select(DeliveryRow.message).where(overtaken),
                select(DeliveryRow.message).where(spent),
            )
        )
    if idle:
        return
    columns = ["message", "sink", "state", "attempts", "due_at", "error"]
    new = select(
        MessageRow.id,
        literal(sink),
        literal(State.WAITING.value),
        literal(0),
        MessageRow.not_before,
        literal(""),
    ).where(missing)
    with store.writing() as session:
        session.execute(insert(DeliveryRow).from_select(columns, new))
        passed = _settle_where(session, overtaken, State.SUPERSEDED, at)
        dead = _settle_where(session, spent, State.DEAD, at)
    done.superseded[sink] += passed
    done.dead[sink] += dead


def _settle_where(session: Session, condition: Any, state: State, at: datetime) -> int:
    result = session.execute(
        update(DeliveryRow)
        .where(condition)
        .values(state=state, settled_at=at)
        .returning(DeliveryRow.message)
        .execution_options(synchronize_session=False)
    )
    return len(result.all())


def _claim(
    store: Store, home: Path, sink: str, settings: DeliverySettings, done: Drained, clock: Clock
) -> _Claimed:
    """Count an attempt of the messages that are due, and make their bodies if they have none."""
    with store.reading() as session:
        due = _due(session, sink, clock(), settings.batch)
        bodies, broken = composed(session, home, [one for one, _ in due], settings.appeal)
    if not due:
        return []
    claimed = [(one, attempts + 1) for one, attempts in due if one.id not in broken]
    at = clock()
    with store.writing() as session:
        freeze(session, bodies)
        for one, attempt in claimed:
            row = session.get_one(DeliveryRow, (one.id, sink))
            row.attempts, row.due_at, row.error = (
                attempt,
                at + backoff(one.message_id, attempt, settings),
                _LOST,
            )
        for number, error in broken.items():
            row = session.get_one(DeliveryRow, (number, sink))
            row.state, row.error, row.settled_at = State.DEAD, error, at
    done.dead[sink] += len(broken)
    return [
        (
            one.id,
            Outgoing(
                message_id=one.message_id,
                campaign_id=one.campaign_id,
                version=one.version,
                attempt=attempt,
                created_at=one.created_at,
                body=encoded(one.body if one.body is not None else bodies[one.id]),
            ),
        )
        for one, attempt in claimed
    ] or _claim(store, home, sink, settings, done, clock)


def encoded(body: Mapping[str, Any]) -> bytes:
    """The bytes of a body, the same every time."""
    return json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode(
        "utf-8", "replace"
    )


def _due(session: Session, sink: str, at: datetime, limit: int) -> list[tuple[Message, int]]:
    """Messages with their attempts so far: at most one of each campaign, the one that comes first."""
    earlier, before = aliased(MessageRow), aliased(DeliveryRow)
    waits = (
        select(earlier.id)
        .join(before, (before.message == earlier.id) & (before.sink == sink))
        .where(
            earlier.campaign_id == MessageRow.campaign_id,
            earlier.version < MessageRow.version,
            before.state == State.WAITING,
        )
        .exists()
    )
    query = (
        select(MessageRow, DeliveryRow.attempts)
        .join(DeliveryRow, DeliveryRow.message == MessageRow.id)
        .where(DeliveryRow.sink == sink, DeliveryRow.state == State.WAITING, DeliveryRow.due_at <= at, ~waits)
        .order_by(MessageRow.id)
        .limit(limit)
    )
    return [(message(row), attempts) for row, attempts in session.execute(query).tuples()]


def composed(
    session: Session, home: Path, messages: Sequence[Message], appeal: str
) -> tuple[dict[int, dict[str, Any]], dict[int, str]]:
    """Bodies of the messages that have none, and why some cannot have one."""
    made: dict[int, dict[str, Any]] = {}
    broken: dict[int, str] = {}
    for one in messages:
        if one.body is not None:
            continue
        try:
            made[one.id] = compose(session, home, one, appeal).as_json()
        except IntegrityError as error:
            broken[one.id] = error.what
    return made, broken


def freeze(session: Session, bodies: Mapping[int, dict[str, Any]]) -> None:
    """Keep bodies from now on. Of two processes that made one, the first has it: both made the same."""
    for number, body in bodies.items():
        row = session.get_one(MessageRow, number)
        if row.body is None:
            row.body = body


def _note(
    store: Store,
    sink: str,
    batch: _Claimed,
    results: Sequence[Result],
    settings: DeliverySettings,
    done: Drained,
    clock: Clock,
) -> None:
    """Write down what came of a batch."""
    at = clock()
    with store.writing() as session:
        for (number, outgoing), result in zip(batch, results, strict=True):
            row = session.get_one(DeliveryRow, (number, sink))
            row.error = result.error[:500]
            if result.outcome == Outcome.DELIVERED:
                row.state, row.settled_at = State.DELIVERED, at
                done.delivered[sink] += 1
            elif result.outcome == Outcome.REFUSED or outgoing.attempt >= settings.attempts:
                row.state, row.settled_at = State.DEAD, at
                done.dead[sink] += 1
            else:
                done.failed[sink] += 1
        gone = next((result for result in results if result.outcome == Outcome.GONE), None)
        if gone is not None:
            _switch(session, sink, gone.error, "the receiver", at)
        failpoint("deliver:before_noted")
    failpoint("deliver:noted")


# -- people ----------------------------------------------------------------------------------------------


def replay(
    session: Session, *, author: str, sink: str = "", campaign_id: str = "", clock: Clock = utc_now
) -> int:
    """Let dead letters be tried anew; how many there were.

    Args:
        sink, campaign_id: only those; empty: all.
    """
    condition = DeliveryRow.state == State.DEAD
    if sink:
        condition &= DeliveryRow.sink == sink
    if campaign_id:
        condition &= DeliveryRow.message.in_(
            select(MessageRow.id).where(MessageRow.campaign_id == campaign_id)
        )
    at = clock()
    found = session.execute(
        update(DeliveryRow)
        .where(condition)
        .values(state=State.WAITING, attempts=0, due_at=at, settled_at=None)
        .returning(DeliveryRow.message)
        .execution_options(synchronize_session=False)
    ).all()
    if found:
        details = {"sink": sink or "all", "messages": len(found)}
        append(
            session,
            actor=author,
            action=Action.REPLAYED,
            subject=campaign_id or "outbox",
            details=details,
            at=at,
        )
    return len(found)


def switch_off(session: Session, sink: str, *, reason: str, author: str, clock: Clock = utc_now) -> None:
    _switch(session, sink, reason, author, clock())


def switch_on(session: Session, sink: str, *, author: str, clock: Clock = utc_now) -> None:
    """
    Raises:
        UsageError: it is not switched off.
    """
    row = session.get(SinkRow, sink)
    if row is None or row.disabled_at is None:
        raise UsageError(f"the sink {sink!r} is not switched off")
    row.disabled_at = row.disabled_by = None
    details = {"was off because": row.reason}
    append(session, actor=author, action=Action.SINK_ON, subject=f"sink {sink}", details=details, at=clock())


def _switch(session: Session, sink: str, reason: str, author: str, at: datetime) -> None:
    row = session.get(SinkRow, sink)
    if row is None:
        row = SinkRow(name=sink)
        session.add(row)
    row.disabled_at, row.disabled_by, row.reason = at, author, reason
    append(
        session,
        actor=author,
        action=Action.SINK_OFF,
        subject=f"sink {sink}",
        details={"reason": reason},
        at=at,
    )


def counts(session: Session) -> dict[str, dict[str, int]]:
    """Deliveries by sink and state."""
    rows = session.execute(
        select(DeliveryRow.sink, DeliveryRow.state, func.count()).group_by(
            DeliveryRow.sink, DeliveryRow.state
        )
    )
    found: dict[str, dict[str, int]] = {}
    for sink, state, count in rows.tuples():
        found.setdefault(sink, {})[state] = count
    return found
