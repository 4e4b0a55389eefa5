"""The outbox: what decisions say, when it leaves, in which order, and what becomes of it at each sink."""

from __future__ import annotations

import json
import random
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from handoff_examples import DOWN, OK, PASSER_BY, Recorder, publish_accounts
from moved_clock import MovedClock
from run_examples import HOSTILE
from sqlalchemy import select
from store_examples import MONDAY, NOON, TUESDAY, a_run

from campaigns import decisions
from campaigns.audit import Action, select_audit
from campaigns.delivery_tables import DeliveryRow, MessageRow
from campaigns.entries import Decision, Verdict
from campaigns.errors import UsageError
from campaigns.outbox import Delay, Effect, message
from campaigns.settings import DeliverySettings
from campaigns.store import Store
from enforcement.outbox import Drained, drain, due_now
from enforcement.pace import backoff, lease
from enforcement.receivers import Replayed, replay, switch_off, switch_on
from enforcement.sinks import Outcome, Outgoing, Result
from enforcement.standing import letters, standing
from enforcement.states import State

SETTINGS = DeliverySettings(appeal="Write to appeals@example.org.")
ACCOUNTS = {"c1": ["acct-1", f"acct-2{HOSTILE}\x00"], "c2": ["acct-3"]}


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def known(store: Store, home: Path) -> Store:
    """c1 and c2 on Monday."""
    publish_accounts(store, home, a_run(MONDAY), ACCOUNTS)
    return store


class Desk:
    """An analyst, and what is sent."""

    def __init__(self, store: Store, home: Path, clock: MovedClock) -> None:
        self.store, self.home, self.clock = store, home, clock

    def confirm(self, name: str = "c1") -> Decision:
        return self.decide(Verdict.CONFIRMED, name)

    def decide(self, verdict: Verdict, name: str = "c1") -> Decision:
        with self.store.writing() as session:
            return decisions.record(session, name, verdict, reason="r", author="ada", clock=self.clock)

    def undo(self, made: Decision) -> Decision:
        with self.store.writing() as session:
            return decisions.take_back(session, made.id, reason="no", author="bo", clock=self.clock)

    def drain(self, *sinks: Recorder, settings: DeliverySettings = SETTINGS) -> Drained:
        return drain(self.store, self.home, sinks, settings, clock=self.clock)

    def messages(self) -> list[tuple[str, str]]:
        """(message_id, effect) of the whole outbox."""
        with self.store.reading() as session:
            rows = session.scalars(select(MessageRow).order_by(MessageRow.id))
            return [(row.message_id, row.effect) for row in rows]

    def states(self, sink: str = "jsonl") -> dict[str, str]:
        with self.store.reading() as session:
            query = (
                select(MessageRow.message_id, DeliveryRow.state)
                .join(DeliveryRow, DeliveryRow.message == MessageRow.id)
                .where(DeliveryRow.sink == sink)
            )
            return dict(session.execute(query).tuples().all())

    def delivery(self, message_id: str, sink: str = "jsonl") -> DeliveryRow:
        with self.store.reading() as session:
            number = session.scalars(select(MessageRow.id).where(MessageRow.message_id == message_id)).one()
            row = session.get_one(DeliveryRow, (sink, number))
            session.expunge(row)
            return row


@pytest.fixture
def desk(known: Store, home: Path, clock: MovedClock) -> Desk:
    return Desk(known, home, clock)


# -- what decisions say --------------------------------------------------------------------------------


def test_only_what_changes_whether_a_campaign_stands_confirmed_is_a_message(desk: Desk) -> None:
    desk.decide(Verdict.WATCH)
    watched = desk.decide(Verdict.DISMISSED, "c2")
    desk.undo(watched)
    assert desk.messages() == []
    first = desk.confirm()
    second = desk.confirm()
    desk.undo(first)  # the second stands, as before
    desk.undo(second)
    desk.confirm()
    desk.decide(Verdict.DISMISSED)
    assert desk.messages() == [
        ("c1.1", "confirmed"),
        ("c1.2", "confirmed"),
        ("c1.3", "withdrawn"),
        ("c1.4", "confirmed"),
        ("c1.5", "withdrawn"),
    ]


def test_an_undo_that_brings_an_earlier_confirmation_back_confirms_that_one(desk: Desk, home: Path) -> None:
    desk.confirm()
    publish_accounts(desk.store, home, a_run(TUESDAY), {"c1": ["acct-1", "acct-9"]})
    second = desk.confirm()
    desk.undo(second)
    sink = Recorder()
    desk.drain(sink)
    assert sink.ids == ["c1.3"]
    (body,) = sink.bodies
    assert (body["run_id"], body["effect"]) == ("2026-01-05.1", "confirmed")
    assert [one["account_id"] for one in body["accounts"]] == sorted(ACCOUNTS["c1"])


def test_a_body_names_the_accounts_of_the_run_that_was_decided_on_and_no_customers_text(desk: Desk) -> None:
    made = desk.confirm()
    sink = Recorder()
    assert desk.drain(sink).delivered == {"jsonl": 1}
    (outgoing,), (body,) = sink.got, sink.bodies
    assert outgoing.body.isascii()
    assert body == {
        "schema": "shoal.message/1",
        "message_id": "c1.1",
        "campaign_id": "c1",
        "version": 1,
        "effect": "confirmed",
        "decided_at": "2026-01-09T12:00:00Z",
        "decision_id": made.id,
        "day": "2026-01-05",
        "run_id": "2026-01-05.1",
        "found": {
            "tier": "actionable",
            "score": 0.9,
            "objective": "grading and reward data",
            "n_prompts": 120,
            "n_accounts": 3,
            "shoal": "0.1.0",
            "encoder": "default",
        },
        "accounts": [
            {
                "account_id": account,
                "strength": 0.9877,
                "reasons": ["shares a payment card with others of them", "uses the network of the others"],
            }
            for account in sorted(ACCOUNTS["c1"])
        ],
        "later": None,
        "appeal": "Write to appeals@example.org.",
    }
    for hidden in ("essay", "Grade ", "ada", PASSER_BY):
        assert hidden not in outgoing.body.decode()


def test_a_body_is_frozen_and_tells_of_accounts_that_came_later(desk: Desk, home: Path) -> None:
    desk.confirm()
    desk.confirm("c2")
    first, second = Recorder("jsonl"), Recorder("csv")
    desk.drain(first)
    publish_accounts(desk.store, home, a_run(TUESDAY), {"c1": ["acct-1", "acct-9"], "c2": ["acct-8"]})
    desk.drain(second)
    assert [one.body for one in second.got] == [one.body for one in first.got]
    desk.confirm("c2")
    desk.drain(first)
    assert [one["account_id"] for one in first.bodies[-1]["accounts"]] == ["acct-8"]

    fresh = Desk(desk.store, home, desk.clock)
    made = fresh.store.decisions("c1")[-1]
    desk.undo(made)
    with desk.store.writing() as session:
        decisions.record(
            session, "c1", Verdict.CONFIRMED, reason="r", author="ada", day=MONDAY, clock=desk.clock
        )
    desk.drain(first)
    told = first.bodies[-1]
    assert [one["account_id"] for one in told["accounts"]] == sorted(ACCOUNTS["c1"])
    assert told["later"] == {"day": "2026-01-06", "account_ids": ["acct-9"]}


# -- order ---------------------------------------------------------------------------------------------


def test_what_was_taken_back_before_it_left_never_leaves(desk: Desk) -> None:
    desk.undo(desk.confirm())
    sink = Recorder()
    done = desk.drain(sink)
    assert (done.superseded, done.delivered) == ({"jsonl": 1}, {"jsonl": 1})
    assert sink.ids == ["c1.2"]
    assert sink.bodies[0]["accounts"] == []
    assert desk.states() == {"c1.1": "superseded", "c1.2": "delivered"}


def test_a_later_version_waits_until_the_earlier_is_delivered_or_dead(desk: Desk, clock: MovedClock) -> None:
    made = desk.confirm()
    sink = Recorder(answer=lambda _: DOWN)
    desk.drain(sink)
    desk.undo(made)
    desk.confirm("c2")
    desk.drain(sink)
    assert sink.ids == ["c1.1", "c2.1"]
    sink.answer = lambda _: OK
    clock.move(days=1)
    desk.drain(sink)
    assert sink.ids[2:] == ["c1.1", "c2.1", "c1.2"]

    again = desk.confirm()
    sink.answer = lambda _: Result(Outcome.REFUSED, "the receiver answered 400")
    desk.drain(sink)
    desk.undo(again)
    sink.answer = lambda _: OK
    desk.drain(sink)
    assert sink.ids[5:] == ["c1.3", "c1.4"]
    assert desk.states()["c1.3"] == State.DEAD


def test_a_decision_that_comes_while_a_batch_is_made_takes_its_predecessor_out(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = desk.confirm()
    composed = drain.__globals__["composed"]

    def slow(*arguments: Any) -> Any:
        bodies = composed(*arguments)
        monkeypatch.setitem(drain.__globals__, "composed", composed)
        desk.undo(made)
        return bodies

    monkeypatch.setitem(drain.__globals__, "composed", slow)
    sink = Recorder()
    desk.drain(sink)
    assert sink.ids == ["c1.2"]


def test_a_withdrawal_leaves_also_while_the_next_confirmation_waits_for_its_time(
    store_url: str, home: Path, clock: MovedClock
) -> None:
    with Store.open_url(store_url, delay=Delay(timedelta(minutes=30), timedelta(minutes=30))) as store:
        publish_accounts(store, home, a_run(MONDAY), ACCOUNTS)
        desk, sink = Desk(store, home, clock), Recorder()
        made = desk.confirm()
        clock.move(minutes=29)
        desk.drain(sink)
        assert sink.ids == []
        clock.move(minutes=31)
        desk.drain(sink)
        assert sink.ids == ["c1.1"]
        desk.undo(made)
        desk.confirm()
        desk.drain(sink)
        assert sink.ids == ["c1.1", "c1.2"]
        clock.move(hours=1)
        desk.drain(sink)
        assert sink.ids == ["c1.1", "c1.2", "c1.3"]


def test_the_delay_is_drawn_from_the_id_within_its_bounds() -> None:
    delay = Delay(timedelta(minutes=10), timedelta(minutes=20))
    waits = [delay.of(f"c-{number}.1") for number in range(1_000)]
    assert min(waits) >= timedelta(minutes=10)
    assert max(waits) <= timedelta(minutes=30)
    assert len(set(waits)) == 1_000
    assert delay.of("c-1.1") == waits[1]
    mean = sum(waits, timedelta()) / 1_000
    assert timedelta(minutes=19) < mean < timedelta(minutes=21)


def test_of_bans_and_undos_in_any_order_the_last_version_wins(desk: Desk) -> None:
    """By the rule of receivers: what is not newer than what was applied is passed over."""
    for _ in range(4):
        desk.undo(desk.confirm())
    desk.confirm()
    sink = Recorder()
    with desk.store.reading() as session:
        made = [message(row) for row in session.scalars(select(MessageRow).order_by(MessageRow.id))]
    assert [one.version for one in made] == list(range(1, 10))
    draw = random.Random(7)  # noqa: S311 no secret
    for _ in range(1_000):
        arrived = made + draw.choices(made, k=4)
        draw.shuffle(arrived)
        seen, banned, applied = 0, False, list[str]()
        for one in arrived:
            if one.version > seen:
                seen, banned = one.version, one.effect == Effect.CONFIRMED
                applied.append(one.message_id)
        assert banned
        assert len(set(applied)) == len(applied)
    desk.drain(sink)
    assert sink.ids == ["c1.9"]


# -- attempts ------------------------------------------------------------------------------------------


def test_backoff_doubles_within_its_bounds_and_is_the_same_every_time() -> None:
    settings = DeliverySettings(backoff_seconds=30, backoff_most_seconds=600)
    for attempt in range(1, 2_000):
        most = min(30 * 2.0 ** min(attempt - 1, 60), 600)
        waits = [backoff(f"c{n}.1", attempt, settings).total_seconds() for n in range(3)]
        assert all(0 <= wait <= most for wait in waits)
        assert len(set(waits)) == 3
    drawn = [backoff(f"c{n}.1", 3, settings).total_seconds() for n in range(2_000)]
    assert drawn == [backoff(f"c{n}.1", 3, settings).total_seconds() for n in range(2_000)]
    assert 57 < sum(drawn) / 2_000 < 63
    assert min(drawn) < 1
    assert max(drawn) > 119


def test_a_failed_message_comes_again_with_the_same_bytes_until_it_is_dead(
    desk: Desk, clock: MovedClock
) -> None:
    settings = SETTINGS.model_copy(update={"attempts": 4})
    desk.confirm()
    sink = Recorder(answer=lambda _: DOWN)
    for attempt in range(1, 5):
        desk.drain(sink, settings=settings)
        assert [one.attempt for one in sink.got] == list(range(1, attempt + 1))
        row = desk.delivery("c1.1")
        if attempt < 4:
            assert row.due_at == clock.now + backoff("c1.1", attempt, settings)
            clock.now = row.due_at - timedelta(microseconds=1)
            desk.drain(sink, settings=settings)
            assert len(sink.got) == attempt
            clock.now = row.due_at
    assert len({one.body for one in sink.got}) == 1
    assert (row.state, row.error) == (State.DEAD, "the receiver answered 503")
    clock.move(days=30)
    desk.drain(sink, settings=settings)
    assert len(sink.got) == 4


def test_a_receiver_that_is_down_costs_one_batch_its_attempt(desk: Desk, home: Path) -> None:
    names = {f"d{number}": [f"acct-{number}"] for number in range(6)}
    publish_accounts(desk.store, home, a_run(TUESDAY), names)
    for name in names:
        desk.confirm(name)
    sink = Recorder(answer=lambda _: DOWN)
    done = desk.drain(sink, settings=SETTINGS.model_copy(update={"batch": 2}))
    assert (sink.ids, done.failed) == (["d0.1", "d1.1"], {"jsonl": 2})
    with desk.store.reading() as session:
        assert standing(session, desk.clock.now)["jsonl"].overdue == 6


def test_whoever_dies_leaves_a_message_that_comes_again_when_the_lease_is_over(
    desk: Desk, clock: MovedClock
) -> None:
    desk.confirm()

    def die(_: Outgoing) -> Result:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        desk.drain(Recorder(answer=die))
    sink = Recorder()
    clock.now += lease(SETTINGS) - timedelta(seconds=1)
    desk.drain(sink)
    assert sink.ids == []
    clock.move(seconds=1)
    desk.drain(sink)
    assert [(one.message_id, one.attempt) for one in sink.got] == [("c1.1", 2)]


def test_who_died_at_the_last_attempt_leaves_a_dead_letter(desk: Desk, clock: MovedClock) -> None:
    settings = SETTINGS.model_copy(update={"attempts": 1})
    desk.confirm()

    def die(_: Outgoing) -> Result:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        desk.drain(Recorder(answer=die), settings=settings)
    clock.now += lease(settings)
    assert desk.drain(Recorder(), settings=settings).dead == {"jsonl": 1}
    assert desk.delivery("c1.1").error == "the sender died and never heard"


def test_two_senders_never_have_one_message_at_once(desk: Desk, clock: MovedClock) -> None:
    desk.confirm()
    second = Recorder()

    def meanwhile(_: Outgoing) -> Result:
        desk.drain(second)
        return OK

    first = Recorder(answer=meanwhile)
    desk.drain(first)
    assert (first.ids, second.ids) == (["c1.1"], [])


def test_what_a_slow_sender_says_counts_only_if_it_was_delivered(desk: Desk, clock: MovedClock) -> None:
    desk.confirm()
    desk.confirm("c2")
    second = Recorder(answer=lambda one: OK if one.campaign_id == "c1" else DOWN)

    def slow(one: Outgoing) -> Result:
        if one.campaign_id == "c1":
            clock.now += lease(SETTINGS)
            desk.drain(second)
            return DOWN
        return OK

    desk.drain(Recorder(answer=slow))
    assert second.ids == ["c1.1", "c2.1"]
    assert desk.states() == {"c1.1": "delivered", "c2.1": "delivered"}


# -- receivers -----------------------------------------------------------------------------------------


def test_each_sink_gets_every_message_for_itself(desk: Desk, clock: MovedClock) -> None:
    desk.confirm()
    good, bad = Recorder("jsonl"), Recorder("webhook", answer=lambda _: DOWN)
    done = desk.drain(bad, good)
    assert (done.delivered, done.failed) == ({"jsonl": 1}, {"webhook": 1})
    late = Recorder("csv")
    desk.drain(late)
    assert late.ids == ["c1.1"]
    with desk.store.reading() as session:
        found = standing(session, clock.now, ["stdout"])
    assert {name: one.pending for name, one in found.items()} == {
        "jsonl": False,
        "webhook": True,
        "csv": False,
        "stdout": True,
    }
    assert (found["stdout"].waiting, found["webhook"].overdue, found["jsonl"].delivered) == (1, 1, 1)


def test_a_receiver_that_is_gone_is_switched_off_and_its_messages_wait(desk: Desk, clock: MovedClock) -> None:
    settings = SETTINGS.model_copy(update={"attempts": 1})
    desk.confirm()
    desk.confirm("c2")
    gone = Result(Outcome.GONE, "the receiver answered 410")
    sink = Recorder(answer=lambda one: OK if one.campaign_id == "c1" else gone)
    done = desk.drain(sink, settings=settings)
    assert done.disabled == {"jsonl"}
    assert desk.states() == {"c1.1": "delivered", "c2.1": "waiting"}
    clock.move(days=9)
    desk.drain(sink, settings=settings)
    assert len(sink.got) == 2
    with desk.store.writing() as session:
        found = standing(session, clock.now)["jsonl"]
        assert (found.off_since, found.off_by, found.off_because) == (
            NOON,
            "the receiver",
            "the receiver answered 410",
        )
        switch_on(session, "jsonl", author="ada", clock=clock)
    sink.answer = lambda _: OK
    desk.drain(sink, settings=settings)
    assert sink.ids == ["c1.1", "c2.1", "c2.1"]
    with desk.store.reading() as session:
        told = [(one.actor, one.action) for one in select_audit(session, subjects=["sink jsonl"])]
    assert told == [("ada", Action.SINK_ON), ("the receiver", Action.SINK_OFF)]


def test_a_person_switches_a_sink_off_with_a_reason_and_on_again(desk: Desk, clock: MovedClock) -> None:
    desk.confirm()
    with desk.store.writing() as session, pytest.raises(UsageError, match="needs a reason"):
        switch_off(session, "jsonl", reason=" ", author="ada")
    with desk.store.writing() as session:
        switch_off(session, "jsonl", reason="being moved", author="ada", clock=clock)
        with pytest.raises(UsageError, match="off already"):
            switch_off(session, "jsonl", reason="again", author="ada", clock=clock)
    sink = Recorder()
    assert desk.drain(sink).disabled == {"jsonl"}
    assert sink.ids == []
    with desk.store.writing() as session:
        switch_on(session, "jsonl", author="ada", clock=clock)
        with pytest.raises(UsageError, match="not switched off"):
            switch_on(session, "jsonl", author="ada", clock=clock)
    desk.drain(sink)
    assert sink.ids == ["c1.1"]


# -- dead letters --------------------------------------------------------------------------------------


def test_dead_letters_are_listed_and_replayed(desk: Desk, clock: MovedClock) -> None:
    desk.confirm()
    desk.confirm("c2")
    refused = Result(Outcome.REFUSED, "the receiver answered 422")
    sink = Recorder(answer=lambda one: refused if one.campaign_id == "c1" else DOWN)
    desk.drain(sink)
    with desk.store.reading() as session:
        dead, waiting = letters(session)
        assert letters(session, "csv") == []
    assert (dead.message_id, dead.state, dead.attempts, dead.error, dead.due_at) == (
        "c1.1",
        State.DEAD,
        1,
        "the receiver answered 422",
        None,
    )
    assert (waiting.message_id, waiting.state, waiting.error) == ("c2.1", State.WAITING, DOWN.error)
    with desk.store.writing() as session:
        assert replay(session, author="ada", campaign_id="c9", clock=clock) == Replayed(0, 0)
        assert replay(session, author="ada", sink="csv", clock=clock) == Replayed(0, 0)
        assert replay(session, author="ada", clock=clock) == Replayed(1, 1)
    sink.answer = lambda _: OK
    desk.drain(sink)
    assert [(one.message_id, one.attempt) for one in sink.got[2:]] == [("c1.1", 1), ("c2.1", 2)]
    with desk.store.reading() as session:
        (noted,) = select_audit(session, action=Action.REPLAYED)
    assert noted.details == {"sink": "all", "dead": 1, "waiting": 1}


def test_a_dead_letter_that_was_overtaken_does_not_leave_again(desk: Desk, clock: MovedClock) -> None:
    made = desk.confirm()
    sink = Recorder(answer=lambda _: Result(Outcome.REFUSED, "no"))
    desk.drain(sink)
    desk.undo(made)
    sink.answer = lambda _: OK
    desk.drain(sink)
    with desk.store.writing() as session:
        assert replay(session, author="ada", clock=clock).dead == 1
    desk.drain(sink)
    assert sink.ids == ["c1.1", "c1.2"]
    assert desk.states() == {"c1.1": "superseded", "c1.2": "delivered"}


def test_a_run_that_is_lost_costs_its_own_messages_until_it_is_back(
    desk: Desk, home: Path, clock: MovedClock, tmp_path: Path
) -> None:
    publish_accounts(desk.store, home, a_run(TUESDAY), {"c2": ["acct-8"]})
    desk.confirm()
    desk.confirm("c2")
    lost = home / a_run(MONDAY).path
    shutil.move(lost, tmp_path / "elsewhere")
    sink = Recorder()
    done = desk.drain(sink)
    assert (done.dead, sink.ids) == ({"jsonl": 1}, ["c2.1"])
    assert desk.delivery("c1.1").error == "the files of a run are gone"
    shutil.move(tmp_path / "elsewhere", lost)
    with desk.store.writing() as session:
        replay(session, author="ada", clock=clock)
    desk.drain(sink)
    assert sink.ids == ["c2.1", "c1.1"]


def test_a_damaged_run_is_told_and_an_undo_needs_no_run(desk: Desk, home: Path) -> None:
    made = desk.confirm()
    sink = Recorder()
    desk.drain(sink)
    (home / a_run(MONDAY).path / "accounts.parquet").write_bytes(b"PAR1 no more")
    desk.confirm("c2")
    desk.undo(made)
    desk.drain(sink)
    assert sink.ids == ["c1.1", "c1.2"]
    assert (sink.bodies[1]["found"], sink.bodies[1]["accounts"]) == (None, [])
    assert desk.delivery("c2.1").error == "a file of a run is damaged"


def test_if_no_message_of_a_batch_has_a_run_the_next_batch_is_sent(desk: Desk, home: Path) -> None:
    publish_accounts(desk.store, home, a_run(TUESDAY), {"c2": ["acct-8"]})
    for name in ("c1", "c2"):
        desk.confirm(name)
    shutil.rmtree(home / a_run(MONDAY).path)
    sink = Recorder()
    desk.drain(sink, settings=SETTINGS.model_copy(update={"batch": 1}))
    assert sink.ids == ["c2.1"]


# -- looking -------------------------------------------------------------------------------------------


def test_what_would_leave_is_shown_and_nothing_is_changed(desk: Desk, clock: MovedClock) -> None:
    desk.undo(desk.confirm("c2"))
    desk.confirm()
    shown = due_now(desk.store, desk.home, "jsonl", SETTINGS, clock=clock)
    assert desk.states() == {}
    with desk.store.reading() as session:
        assert session.scalars(select(MessageRow.body)).all() == [None, None, None]
    sink = Recorder()
    desk.drain(sink)
    assert [one.message_id for one, _ in shown] == sink.ids == ["c2.2", "c1.1"]
    assert [json.loads(json.dumps(body)) for _, body in shown] == sink.bodies
    assert due_now(desk.store, desk.home, "jsonl", SETTINGS, clock=clock) == []
