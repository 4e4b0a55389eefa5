"""The days before a run, as far as they are published and their files are there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from campaigns.runs import Run
from campaigns.settings import Settings
from campaigns.store import Store

BACKGROUND_FILE = "background.parquet"


@dataclass(frozen=True, slots=True)
class TrailingDay:
    """What the published run of a day says about prompts of no family: the file `path` with this SHA-256."""

    run_id: str
    path: Path
    sha256: str


def trailing_days(settings: Settings, day: date) -> list[TrailingDay]:
    """The `scaffold.trailing_days` days strictly before `day`, the oldest first.

    Strictly: a day that is run again must not meet itself. A day does not count if it was not published, or if its
    run folder is gone, damaged or of a version that kept no such file.
    """
    with Store.open(settings) as store:
        before = (day - timedelta(days=ago) for ago in range(settings.scaffold.trailing_days, 0, -1))
        published = [store.current_run(one) for one in before]
    found = []
    for entry in published:
        if entry is None:
            continue
        run = Run(settings.home / entry.path, entry.day, entry.attempt, entry.fingerprint)
        record = run.completed("cluster")
        if record is not None and BACKGROUND_FILE in record.files:
            path = run.path / BACKGROUND_FILE
            found.append(TrailingDay(entry.run_id, path, record.files[BACKGROUND_FILE]))
    return found
