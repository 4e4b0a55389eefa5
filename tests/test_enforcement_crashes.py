"""The hand-off under kill -9: decisions and messages agree, and receivers apply each effect once, in order, none lost.

`HANDOFF_KILLS` says how many kills; the tests of every day make fewer.
"""

from __future__ import annotations

import json
import os
import random
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import count
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any, Final

import pytest
from handoff_examples import DOWN, OK, publish_accounts
from moved_clock import MovedClock
from sqlalchemy import event, select
from sqlalchemy.orm import Session
from store_examples import MONDAY, NOON, a_run

from campaigns.audit import verify_audit
from campaigns.delivery_tables import DeliveryRow, MessageRow
from campaigns.entries import Verdict
from campaigns.failpoints import ENVIRONMENT_VARIABLE, KILLED
from campaigns.settings import DeliverySettings
from campaigns.store import Store
from campaigns.tables import DecisionRow
from enforcement.outbox import drain
from enforcement.sinks import Outcome, Outgoing, Result

KILLS: Final = int(os.environ.get("HANDOFF_KILLS", "40"))
SETTINGS: Final = DeliverySettings(batch=7, attempts=1_000_000, backoff_most_seconds=600)
CAMPAIGNS: Final = [f"c{number}" for number in range(30)]
SINK: Final = "webhook"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture
def home(store: Store, tmp_path: Path) -> Path:
    publish_accounts(store, tmp_path / "home", a_run(MONDAY), {name: [f"acct-{name}"] for name in CAMPAIGNS})
    return tmp_path / "home"


def decide(store: Store, draw: random.Random) -> None:
    """Confirm a campaign that does not stand confirmed, or take that back."""
    name = draw.choice(CAMPAIGNS)
    stands = store.standing(name)
    if stands:
        store.undo(stands[name].id, reason="no", author="bo")
    else:
        store.decide(name, Verdict.CONFIRMED, reason="r", author="ada")


# -- the decision --------------------------------------------------------------------------------------


def decide_until_killed(url: str, seed: int, point: str, ready: Connection) -> None:
    """Decide without end; at an event of the session, if one is named, this process dies."""
    draw = random.Random(seed)  # noqa: S311 no secret
    passes = draw.randint(1, 12)

    def count_down(*_: object) -> None:
        nonlocal passes
        passes -= 1
        if not passes:
            os._exit(KILLED)

    with Store.open_url(url) as store:
        if point:
            event.listen(Session, point, count_down)
        ready.send(None)
        while True:
            decide(store, draw)


@pytest.mark.usefixtures("home")
def test_killed_round_the_commit_decisions_and_messages_agree(
    store: Store, store_url: str, processes: ForkServerContext
) -> None:
    draw = random.Random(5)  # noqa: S311 no secret
    for number in range(KILLS):
        ours, theirs = processes.Pipe(duplex=False)
        point = draw.choice(["", "after_flush", "before_commit", "after_commit"])
        child = processes.Process(target=decide_until_killed, args=(store_url, number, point, theirs))
        child.start()
        ours.recv()
        child.join(None if point else draw.uniform(0, 0.05))
        child.kill()
        child.join()
        with store.reading() as session:
            made = session.scalars(select(DecisionRow.id).order_by(DecisionRow.id)).all()
            rows = session.scalars(select(MessageRow).order_by(MessageRow.id)).all()
            assert [row.decision_id for row in rows] == made, (number, point)
            versions = defaultdict(list)
            for row in rows:
                versions[row.campaign_id].append(row.version)
            assert all(found == list(range(1, len(found) + 1)) for found in versions.values())
    assert len(made) > KILLS
    with store.reading() as session:
        assert verify_audit(session).sound


# -- the sender ----------------------------------------------------------------------------------------


class Flaky:
    """A receiver in a file. It may take a message and not say so, take it twice, not take it, or end the sender."""

    name = SINK

    def __init__(self, path: Path, seed: int, troubles: float) -> None:
        self._path = path
        self._draw = random.Random(seed)  # noqa: S311 no secret
        self._troubles = troubles

    def send(self, batch: Sequence[Outgoing]) -> Sequence[Result]:
        return [self._take(one) for one in batch]

    def close(self) -> None: ...

    def _take(self, one: Outgoing) -> Result:
        luck = self._draw.random() / self._troubles if self._troubles else 1.0
        if luck < 0.2:
            return Result(Outcome.FAILED, "connection reset")
        if luck < 0.3:
            return DOWN
        times = 2 if luck < 0.5 else 1
        with self._path.open("ab") as file:
            file.write((one.body + b"\n") * times)
        if luck < 0.53:
            os._exit(KILLED)
        return Result(Outcome.FAILED, "timed out") if luck < 0.8 else OK


def received(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def send_until_killed(
    url: str, home: Path, log: Path, seed: int, now: datetime, point: str, ready: Connection
) -> None:
    """Time flies here, so that what failed is soon due again."""
    os.environ[ENVIRONMENT_VARIABLE] = point
    ticks = count()
    with Store.open_url(url) as store:
        ready.send(None)
        sink = Flaky(log, seed, troubles=0.8)
        while True:
            drain(store, home, [sink], SETTINGS, clock=lambda: now + next(ticks) * timedelta(minutes=2))


def test_killed_senders_and_a_receiver_in_trouble_lose_nothing_and_turn_nothing_round(
    store: Store, store_url: str, home: Path, processes: ForkServerContext, tmp_path: Path
) -> None:
    draw = random.Random(6)  # noqa: S311 no secret
    log = tmp_path / "received"
    log.touch()
    points = [f"deliver:{point}" for point in ("claimed", "sent", "before_noted", "noted")]
    for number in range(KILLS):
        for _ in range(draw.randint(1, 4)):
            decide(store, draw)
        ours, theirs = processes.Pipe(duplex=False)
        now = NOON + (1 + number) * timedelta(days=365)
        point = f"{draw.choice(points)}:{draw.randint(1, 4)}" if draw.random() < 0.6 else ""
        arguments = (store_url, home, log, draw.randrange(1 << 30), now, point, theirs)
        child = processes.Process(target=send_until_killed, args=arguments)
        child.start()
        ours.recv()
        child.join(1.0 if point else draw.uniform(0.01, 0.6))
        child.kill()
        child.join()
    clock = MovedClock()
    for _ in range(3):  # also what was leased when its sender was killed, and what waited behind it
        clock.move(days=365 * (2 + KILLS))
        drain(store, home, [Flaky(log, 0, troubles=0)], SETTINGS, clock=clock)

    with store.reading() as session:
        query = select(MessageRow.message_id, DeliveryRow.state).join(
            DeliveryRow, DeliveryRow.message == MessageRow.id
        )
        states = dict(session.execute(query).tuples().all())
    got = received(log)
    ids = {body["message_id"] for body in got}
    assert len(got) > len(ids) > KILLS
    assert set(states.values()) <= {"delivered", "superseded"}
    assert ids == {name for name, state in states.items() if state == "delivered"}
    arrived: dict[str, list[int]] = defaultdict(list)
    applied: dict[str, list[str]] = defaultdict(list)
    stands: dict[str, bool] = {}
    for body in got:
        name, version = body["campaign_id"], body["version"]
        if version > max(arrived[name], default=0):
            applied[name].append(body["message_id"])
            stands[name] = body["effect"] == "confirmed"
        arrived[name].append(version)
    for name, found in arrived.items():
        assert found == sorted(found), name
        assert len(applied[name]) == len(set(applied[name])) == len(set(found))
        assert stands[name] == bool(store.standing(name)), name


# -- two senders ---------------------------------------------------------------------------------------


def send_when_told(url: str, home: Path, log: Path, told: Connection, ready: Connection) -> None:
    with Store.open_url(url) as store:
        ready.send(None)
        told.poll(None)
        drain(store, home, [Flaky(log, 0, troubles=0)], SETTINGS)
        ready.send(None)


def test_two_processes_share_the_work_and_send_nothing_twice(
    store: Store, store_url: str, tmp_path: Path, processes: ForkServerContext
) -> None:
    home, names = tmp_path / "home", [f"d{number:03}" for number in range(150)]
    publish_accounts(store, home, a_run(MONDAY), {name: [f"acct-{name}"] for name in names})
    for name in names:
        store.decide(name, Verdict.CONFIRMED, reason="r", author="ada")
    told, tell = processes.Pipe(duplex=False)
    logs = [tmp_path / "one", tmp_path / "two"]
    children = []
    for log in logs:
        log.touch()
        ours, theirs = processes.Pipe(duplex=False)
        child = processes.Process(target=send_when_told, args=(store_url, home, log, told, theirs))
        child.start()
        ours.recv()
        children.append((child, ours))
    tell.send(None)
    for child, ours in children:
        ours.recv()
        child.join()
    sent = [body["message_id"] for log in logs for body in received(log)]
    assert sorted(sent) == [f"{name}.1" for name in names]
