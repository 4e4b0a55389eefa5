"""What the pages work with."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from fastapi import Request

from campaigns.entries import Clock, PublishedRun, utc_now
from campaigns.errors import IntegrityError, UsageError
from campaigns.runs import Run
from campaigns.settings import Settings
from campaigns.store import Store
from review.run_tables import Memory, RunTables
from review.web.links import Links


@dataclass(frozen=True, slots=True)
class Desk:
    """The store, the runs, and the references to accounts; one for the whole application."""

    settings: Settings
    store: Store
    memory: Memory
    links: Links
    clock: Clock = field(default=utc_now)

    def tables(self, entry: PublishedRun) -> RunTables:
        """The tables of a published run.

        Raises:
            IntegrityError: its files are gone.
        """
        run = Run(self.settings.home / entry.path, entry.day, entry.attempt, entry.fingerprint)
        if not run.complete:
            raise IntegrityError(
                f"the files of the run of {entry.day} are gone",
                hint=f"Restore them, or do the day again: shoal run --day {entry.day} --force --input PATH",
            )
        return RunTables(run, self.memory)

    def published(self, day: date | None = None) -> PublishedRun:
        """What is published for `day`, or for the latest day.

        Raises:
            UsageError: nothing is.
        """
        wanted = day or self.store.latest_day()
        entry = None if wanted is None else self.store.current_run(wanted)
        if entry is None:
            what = "no day is published yet" if day is None else f"{day} is not published"
            raise UsageError(what, hint="The page of runs lists the days that are.")
        return entry


def desk_of(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk
