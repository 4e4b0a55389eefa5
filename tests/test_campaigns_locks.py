"""The day lock: one winner, a token that only rises, and a late holder that cannot write."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest
from sqlalchemy import select
from store_examples import MONDAY, NOON, TUESDAY, a_campaign, a_run, publish_now

from campaigns import locks
from campaigns.errors import FencedError, LockHeldError, UsageError
from campaigns.locks import DayLock, held, this_process
from campaigns.publish import publish
from campaigns.store import Store
from campaigns.tables import DayLockRow


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def lock_row(store: Store) -> tuple[str | None, int, datetime]:
    with store.reading() as session:
        row = session.scalars(select(DayLockRow)).one()
        return row.holder, row.token, row.lease_until


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)


# -- leases and tokens ---------------------------------------------------------------------------------


def test_a_day_that_is_held_says_by_whom_and_until_when(store: Store, clock: Clock) -> None:
    lock = DayLock.acquire(store, MONDAY, "host-a", 60, clock=clock)
    assert lock.token == 1
    with pytest.raises(
        LockHeldError, match="2026-01-05 is being worked on by host-a until 2026-01-09 12:01:00 UTC"
    ) as e:
        DayLock.acquire(store, MONDAY, "host-b", 60, clock=clock)
    assert e.value.hint
    assert e.value.exit_code == 5
    assert DayLock.acquire(store, TUESDAY, "host-b", 60, clock=clock).token == 1


def test_a_holder_does_not_enter_twice(store: Store, clock: Clock) -> None:
    DayLock.acquire(store, MONDAY, "host-a", 60, clock=clock)
    with pytest.raises(LockHeldError):
        DayLock.acquire(store, MONDAY, "host-a", 60, clock=clock)


def test_a_lease_holds_to_its_last_moment(store: Store, clock: Clock) -> None:
    DayLock.acquire(store, MONDAY, "host-a", 60, clock=clock)
    clock.advance(59.999)
    with pytest.raises(LockHeldError):
        DayLock.acquire(store, MONDAY, "host-b", 60, clock=clock)
    clock.advance(0.001)
    assert DayLock.acquire(store, MONDAY, "host-b", 60, clock=clock).token == 2


def test_renewing_moves_the_end_of_the_lease(store: Store, clock: Clock) -> None:
    lock = DayLock.acquire(store, MONDAY, "host-a", 60, clock=clock)
    clock.advance(50)
    lock.renew()
    assert lock_row(store) == ("host-a", 1, NOON + timedelta(seconds=110))


def test_the_token_rises_through_release_and_takeover(store: Store, clock: Clock) -> None:
    tokens = []
    for _ in range(3):
        lock = DayLock.acquire(store, MONDAY, "host-a", 60, clock=clock)
        tokens.append(lock.token)
        lock.release()
        tokens.append(DayLock.acquire(store, MONDAY, "host-b", 60, clock=clock).token)
        clock.advance(61)
    assert tokens == [1, 2, 3, 4, 5, 6]


def test_a_holder_that_wakes_late_cannot_write(store: Store, clock: Clock) -> None:
    late = DayLock.acquire(store, MONDAY, "host-a", 60, clock=clock)
    clock.advance(61)
    newer = DayLock.acquire(store, MONDAY, "host-b", 60, clock=clock)
    publish(store, newer, a_run(attempt=2), [a_campaign("newer")])

    with pytest.raises(FencedError, match="taken over by host-b"):
        late.renew()
    with pytest.raises(FencedError, match="taken over by host-b"):
        publish(store, late, a_run(attempt=1), [a_campaign("late")])
    late.release()  # not its lock any longer: nothing happens
    assert lock_row(store) == ("host-b", 2, clock.now + timedelta(seconds=60))
    assert store.current_run(MONDAY) == a_run(attempt=2)
    assert [c.campaign_id for c in store.campaigns()] == ["newer"]


def test_a_late_holder_may_go_on_if_nobody_came(store: Store, clock: Clock) -> None:
    lock = DayLock.acquire(store, MONDAY, "host-a", 60, clock=clock)
    clock.advance(3600)
    assert publish(store, lock, a_run(), [])
    lock.renew()
    with pytest.raises(LockHeldError):
        DayLock.acquire(store, MONDAY, "host-b", 60, clock=clock)


def test_a_released_lock_publishes_nothing(store: Store, clock: Clock) -> None:
    lock = DayLock.acquire(store, MONDAY, "host-a", 60, clock=clock)
    lock.release()
    with pytest.raises(FencedError, match="was released"):
        publish(store, lock, a_run(), [])
    with pytest.raises(FencedError, match="was released"):
        lock.renew()
    assert store.latest_day() is None


def test_a_lock_is_good_for_its_day_only(store: Store, clock: Clock) -> None:
    lock = DayLock.acquire(store, MONDAY, "host-a", 60, clock=clock)
    with pytest.raises(ValueError, match="lock is for 2026-01-05, the run for 2026-01-06"):
        publish(store, lock, a_run(TUESDAY), [])


# -- held ----------------------------------------------------------------------------------------------


def renewers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("day-lock-")]


def test_held_renews_meanwhile_and_gives_back(store: Store) -> None:
    with held(store, MONDAY, lease_seconds=0.3, holder="host-a") as lock:
        _, _, first = lock_row(store)
        wait_for(lambda: lock_row(store)[2] > first + timedelta(seconds=0.3))
        with pytest.raises(LockHeldError):
            DayLock.acquire(store, MONDAY, "host-b", 60)
        assert len(renewers()) == 1
    assert renewers() == []
    assert lock_row(store)[:2] == (None, lock.token)


def test_held_gives_back_after_an_error(store: Store) -> None:
    with pytest.raises(UsageError, match="of the body"), held(store, MONDAY, lease_seconds=60):
        raise UsageError("of the body")
    assert renewers() == []
    assert lock_row(store)[0] is None


def test_held_stops_renewing_once_the_day_is_lost(store: Store, clock: Clock) -> None:
    with held(store, MONDAY, lease_seconds=0.15, holder="host-a", clock=clock) as lock:
        clock.advance(1000)
        with store.writing() as session:  # what a takeover does, whatever the renewer has just written
            row = session.get_one(DayLockRow, MONDAY)
            row.holder, row.token = "host-b", lock.token + 1
        wait_for(lambda: renewers() == [])
        with pytest.raises(FencedError):
            publish(store, lock, a_run(), [])
    assert lock_row(store)[:2] == ("host-b", lock.token + 1)


def test_held_outlives_a_store_that_is_busy_for_a_while(
    store: Store, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("campaigns.database.WAIT_SECONDS", 1)
    renewed = threading.Event()
    refused = threading.Event()
    renew = DayLock.renew

    def watched(lock: DayLock) -> None:
        try:
            renew(lock)
        except LockHeldError:
            refused.set()
            raise
        if refused.is_set():
            renewed.set()

    monkeypatch.setattr(DayLock, "renew", watched)
    with Store.open_url(store_url) as other, held(other, MONDAY, lease_seconds=0.3):
        with store.writing():
            assert refused.wait(20)
        assert renewed.wait(20)


# -- processes -----------------------------------------------------------------------------------------


def contend(url: str, go: Connection, answer: Connection) -> None:
    with Store.open_url(url) as store:
        answer.send("ready")
        go.poll(None)  # one end for all: they start together
        try:
            with held(store, MONDAY, lease_seconds=60) as lock:
                publish(store, lock, a_run(attempt=os.getpid()), [])
                answer.send("won")
                answer.recv()
        except LockHeldError as error:
            answer.send(type(error).__name__)


@pytest.mark.parametrize("round_", range(3))
def test_of_eight_processes_one_wins(
    store: Store, store_url: str, processes: ForkServerContext, round_: int
) -> None:
    wait_here, start_all = processes.Pipe(duplex=False)
    contenders = []
    for _ in range(8):
        ours, theirs = processes.Pipe()
        process = processes.Process(target=contend, args=(store_url, wait_here, theirs))
        process.start()
        theirs.close()
        contenders.append((process, ours))
    assert [ours.recv() for _, ours in contenders] == ["ready"] * 8
    start_all.send("go")
    answers = [ours.recv() for _, ours in contenders]
    assert sorted(answers) == ["LockHeldError"] * 7 + ["won"]
    winner, ours = contenders[answers.index("won")]
    ours.send("done")
    for process, _ in contenders:
        process.join()
        assert process.exitcode == 0
    run = store.current_run(MONDAY)
    assert run is not None
    assert run.attempt == winner.pid
    assert lock_row(store)[:2] == (None, 1)


def hold(url: str, lease_seconds: float, answer: Connection) -> None:
    with Store.open_url(url) as store, held(store, MONDAY, lease_seconds=lease_seconds) as lock:
        answer.send("held")
        answer.recv()
        try:
            publish(store, lock, a_run(attempt=1), [a_campaign("late")])
        except FencedError as error:
            answer.send(type(error).__name__)


def test_a_stopped_process_wakes_up_to_find_the_day_taken(
    store: Store, store_url: str, processes: ForkServerContext
) -> None:
    ours, theirs = processes.Pipe()
    process = processes.Process(target=hold, args=(store_url, 0.6, theirs))
    process.start()
    theirs.close()
    assert ours.recv() == "held"
    assert process.pid is not None
    # Stopped in the middle of a renewal it would hold the writers' turn, so that nobody else could take over.
    with store.writing():
        os.kill(process.pid, signal.SIGSTOP)
    time.sleep(0.7)
    assert publish_now(store, a_run(attempt=2), [a_campaign("newer")])
    os.kill(process.pid, signal.SIGCONT)
    ours.send("go on")
    assert ours.recv() == "FencedError"
    process.join()
    assert process.exitcode == 0
    assert store.current_run(MONDAY) == a_run(attempt=2)


def test_the_day_of_a_killed_process_is_free_at_once(
    store: Store, store_url: str, processes: ForkServerContext
) -> None:
    ours, theirs = processes.Pipe()
    process = processes.Process(target=hold, args=(store_url, 3600, theirs))
    process.start()
    theirs.close()
    assert ours.recv() == "held"
    with pytest.raises(LockHeldError, match=f"process {process.pid} until"):
        DayLock.acquire(store, MONDAY, this_process(), 60)
    process.kill()
    process.join()
    assert DayLock.acquire(store, MONDAY, this_process(), 60).token == 2


def test_a_process_is_told_from_a_later_one_with_its_number() -> None:
    me = this_process()
    pid = os.getpid()
    assert f" process {pid} (" in me
    assert not locks._is_gone(me)
    started = locks._started(pid)
    assert started.isdecimal()
    assert locks._is_gone(me.replace(f"({started} ", f"({int(started) - 1} "))


@pytest.mark.parametrize(
    "holder",
    ["", "nightly", "host process 1", "host process 4194999 (5 0123456789ab)", "host process ٣ (x y)"],
)
def test_a_process_that_cannot_be_judged_from_here_counts_as_alive(holder: str) -> None:
    assert not locks._is_gone(holder)


def test_without_proc_only_the_lease_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(locks, "Path", lambda path: tmp_path / str(path).lstrip("/"))
    me = this_process()
    assert me.endswith("( unknown)")
    assert not locks._is_gone(me)
