"""The day lock: one run a day at a time, by a database row with a lease and a fencing token.

    with held(store, day, lease_seconds=900) as lock:
        ...                                     # a thread renews the lease meanwhile
        publish(store, lock, run, campaigns)    # refuses if somebody took the day over

A lease that ran out may be taken over. The token rises with each new holder and never falls, so a holder that
was stopped for too long and wakes up is told apart from the new one, whatever the clocks say. (M. Kleppmann,
"How to do distributed locking", 2016.)

A run that was killed should resume now and not when its lease ends. So a holder names its process, and the
lease of a process of this machine that is gone counts as over.
"""

from __future__ import annotations

import hashlib
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from sqlalchemy import update
from sqlalchemy.orm import Session

from campaigns.entries import Clock, utc_now
from campaigns.errors import FencedError, LockHeldError, ShoalError
from campaigns.store import Store
from campaigns.tables import DayLockRow


@dataclass(frozen=True, slots=True)
class DayLock:
    """A day that is ours until someone else's token is higher; safe to use from several threads."""

    store: Store = field(repr=False)
    day: date
    holder: str
    token: int
    lease_seconds: float
    clock: Clock = field(default=utc_now, repr=False)

    @classmethod
    def acquire(
        cls, store: Store, day: date, holder: str, lease_seconds: float, *, clock: Clock = utc_now
    ) -> DayLock:
        """Take the day.

        Args:
            holder: who takes it, for messages; with `this_process()` a lease ends when the process does.

        Raises:
            LockHeldError: someone holds it, and their lease is still running.
        """
        with store.writing() as session:
            now = clock()  # read after the wait for other writers
            row = session.get(DayLockRow, day)
            if row is None:
                row = DayLockRow(day=day, token=0)
                session.add(row)
            elif row.holder is not None and row.lease_until > now and not _is_gone(row.holder):
                until = f"{row.lease_until:%Y-%m-%d %H:%M:%S} UTC"
                raise LockHeldError(
                    f"{day} is being worked on by {_shown(row.holder)} until {until}",
                    where=store.where,
                    hint="Wait for that run, or end it and run the day again.",
                )
            row.holder = holder
            row.token += 1
            row.lease_until = now + timedelta(seconds=lease_seconds)
            return cls(store, day, holder, row.token, lease_seconds, clock)

    def check(self, session: Session) -> None:
        """Make sure, inside a unit that writes, that the day is still ours when the unit commits.

        An old lease is no reason to refuse: what counts is that nobody took the day over.

        Raises:
            FencedError: someone did, or the lock was released.
        """
        row = session.get(DayLockRow, self.day, populate_existing=True)
        if row is None or row.token != self.token or row.holder is None:
            by = "released" if row is None or row.holder is None else f"taken over by {_shown(row.holder)}"
            raise FencedError(
                f"the lock on {self.day} was {by}",
                where=self.store.where,
                hint="This run lost its lease and has published nothing. Run the day again.",
            )

    def renew(self) -> None:
        """Start the lease anew. Called between stages, it also tells a run early that it lost the day.

        Raises:
            FencedError: someone took the day over, or the lock was released.
        """
        with self.store.writing() as session:
            self.check(session)
            session.get_one(DayLockRow, self.day).lease_until = self.clock() + timedelta(
                seconds=self.lease_seconds
            )

    def release(self) -> None:
        """Give the day back; a lock that is no longer ours stays as it is."""
        with self.store.writing() as session:
            session.execute(
                update(DayLockRow)
                .where(DayLockRow.day == self.day, DayLockRow.token == self.token)
                .values(holder=None)
            )


@contextmanager
def held(
    store: Store, day: date, *, lease_seconds: float, holder: str | None = None, clock: Clock = utc_now
) -> Iterator[DayLock]:
    """Hold the day for the length of a `with` block; a thread renews the lease every third of it.

    Raises:
        LockHeldError: someone else holds it.
    """
    lock = DayLock.acquire(store, day, holder or this_process(), lease_seconds, clock=clock)
    done = threading.Event()
    renewer = threading.Thread(target=_renew_until, args=(lock, done), name=f"day-lock-{day}", daemon=True)
    renewer.start()
    try:
        yield lock
    finally:
        done.set()
        renewer.join()
        lock.release()


def _renew_until(lock: DayLock, done: threading.Event) -> None:
    while not done.wait(lock.lease_seconds / 3):
        try:
            lock.renew()
        except FencedError:
            return  # the holder learns of it by `renew` or on publishing
        except ShoalError:
            continue  # busy or out of reach; two thirds of the lease are left to try again


# -- who holds -----------------------------------------------------------------------------------------


def this_process() -> str:
    """A name for this process that no other process of any machine has: host, id, start and id space."""
    pid = os.getpid()
    return f"{socket.gethostname()} process {pid} ({_started(pid)} {_id_space()})"


def _is_gone(holder: str) -> bool:
    """Whether `holder` names a process that ended. False where that cannot be known from here."""
    name, _, detail = holder.rpartition(" (")
    pid = name.rpartition(" ")[2]
    started, _, id_space = detail.removesuffix(")").partition(" ")
    if not pid.isdecimal() or not started.isdecimal() or id_space != _id_space():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False  # someone else's process, which /proc may hide from us
    return _started(int(pid)) != started


def _shown(holder: str) -> str:
    return holder.partition(" (")[0]


def _started(pid: int) -> str:
    """When a living process started, in clock ticks since boot; "" if it ended or the system does not say."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    state, *rest = stat.rpartition(")")[2].split()  # the name before the bracket may hold anything; proc(5)
    return "" if state in "ZX" else rest[18]


def _id_space() -> str:
    """The space in which a process id is unique: one boot of one machine, one namespace of containers."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
        namespace = Path("/proc/self/ns/pid").readlink()
    except OSError:
        return "unknown"
    return hashlib.sha256(f"{boot}{namespace}".encode()).hexdigest()[:12]
