"""The whole recipe without Prefect: the same steps, called as plain functions."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from campaigns.entries import PublishedRun
from campaigns.locks import held
from campaigns.publish import publish
from campaigns.results import met, records
from campaigns.runs import Run, open_run
from campaigns.settings import load
from campaigns.store import Store
from flows import steps
from flows.resources import Flags, RunRef

RECIPE = (
    steps.ingest,
    steps.plant,
    steps.scaffold,
    steps.group,
    steps.represent,
    steps.embed,
    steps.index,
    steps.cluster,
    steps.label,
    steps.join,
    steps.cover,
    steps.identify,
    steps.link,
    steps.collide,
    steps.layout,
    steps.results,
    steps.seeds,
)
DAY = date(2026, 1, 5)


def discover(
    home: Path, source: Path, *, day: date = DAY, force: bool = False, flags: Flags | None = None
) -> Run:
    """One day, published."""
    given: Flags = {"home": str(home), "embedding.backend": "torch", **(flags or {})}
    settings = load(given).settings
    with Store.open(settings) as store, held(store, day, lease_seconds=60) as lock:
        run = open_run(home, day, "fingerprint", force=force)
        if force or store.current_run(day) is None:
            run.reopen()
            ref = RunRef.of(run, str(source), "", given, settings=settings)
            for step in RECIPE:
                lock.renew()
                step.fn(ref)
            run.finish({})
            publish(store, lock, PublishedRun.of(run, home, {}), records(run), met=met(run))
    return run


def counts(run: Run, stage: str) -> dict[str, int | float | str]:
    return {record.name: record.counts for record in run.records()}[stage]
