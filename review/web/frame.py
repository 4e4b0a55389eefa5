"""What every page shows round its own content: how fresh the data is, what was set aside, what waits for somebody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from campaigns.entries import PublishedRun
from campaigns.proposals import count_waiting
from campaigns.store import Store

DAY_OF_DATA = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Frame:
    """
    Attributes:
        latest: the latest published day; None: nothing is published.
        hours_old: since that day ended.
        stale: longer ago than the settings take for fresh.
        quarantined, rows: of that day's input; 0 where the run did not count them.
        waiting: proposals that wait for a second person.
    """

    latest: date | None
    hours_old: float
    stale: bool
    quarantined: int
    rows: int
    waiting: int

    @property
    def quarantine_share(self) -> float:
        return self.quarantined / self.rows if self.rows else 0.0


def read_frame(store: Store, now: datetime, stale_hours: float) -> Frame:
    latest = store.latest_day()
    run = None if latest is None else store.current_run(latest)
    with store.reading() as session:
        waiting = count_waiting(session)
    if run is None or latest is None:
        return Frame(None, 0.0, False, 0, 0, waiting)
    ended = datetime.combine(latest + DAY_OF_DATA, datetime.min.time(), now.tzinfo)
    hours = max((now - ended).total_seconds() / 3600, 0.0)
    return Frame(
        latest,
        hours,
        hours > stale_hours,
        _count(run, "ingest.quarantined"),
        _count(run, "ingest.rows_in"),
        waiting,
    )


def _count(run: PublishedRun, name: str) -> int:
    return int(run.counts.get(name, 0))
