"""The days before a run, as far as they are published and their files are there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from campaigns.runs import Run
from campaigns.settings import Settings
from campaigns.store import Store


@dataclass(frozen=True, slots=True)
class TrailingDay:
    """The run that discovered a day: its folder, and the SHA-256 of the files that were asked for, in order."""

    run_id: str
    folder: Path
    sha256: tuple[str, ...]

    @property
    def asked(self) -> str:
        """Names the content that was asked for."""
        return " ".join([self.run_id, *self.sha256])


def trailing_days(settings: Settings, day: date, stage: str, *names: str) -> list[TrailingDay]:
    """The `scaffold.trailing_days` days strictly before `day`, the oldest first.

    Strictly: a day that is run again must not meet itself. Of a day that a second pass has counted again the first pass
    tells what was usual: the accounts of the second are no even sample. A day does not count if it was not published,
    or if its run folder is gone, damaged or of a version whose `stage` kept no such files.
    """
    with Store.open(settings) as store:
        before = (day - timedelta(days=ago) for ago in range(settings.scaffold.trailing_days, 0, -1))
        published = [store.first_pass(one) for one in before]
    found = []
    for entry in published:
        if entry is None:
            continue
        run = Run(settings.home / entry.path, entry.day, entry.attempt, entry.fingerprint)
        record = run.completed(stage)
        if record is not None and all(name in record.files for name in names):
            found.append(TrailingDay(entry.run_id, run.path, tuple(record.files[name] for name in names)))
    return found
