"""The whole recipe without Prefect: the same steps, called as plain functions."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from campaigns.entries import PublishedRun
from campaigns.locks import held
from campaigns.publish import publish
from campaigns.results import met, records, unseen
from campaigns.runs import Run, open_run
from campaigns.settings import load
from campaigns.store import Store
from flows import steps
from flows.discover import scope
from flows.gate import counts_of, first_pass_counts
from flows.resources import Flags, RunRef, SecondPass

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
    home: Path,
    source: Path,
    *,
    day: date = DAY,
    force: bool = False,
    flags: Flags | None = None,
    second: SecondPass | None = None,
) -> Run:
    """One day, published."""
    given: Flags = {"home": str(home), "embedding.backend": "torch", **(flags or {})}
    settings = load(given).settings
    with Store.open(settings) as store, held(store, day, lease_seconds=60) as lock:
        current = store.current_run(day)
        fingerprint = f"fingerprint {second.digest}" if second else "fingerprint"
        run = open_run(home, day, fingerprint, force=force)
        if force or current is None or (second is not None and current.run_id != run.run_id):
            run.reopen()
            ref = RunRef.of(run, str(source), "", given, settings=settings, second=second)
            for step in RECIPE:
                lock.renew()
                step.fn(ref)
            run.finish(scope(run, settings, second))
            kept = first_pass_counts(store.first_pass(day) if second else None)
            publish(
                store,
                lock,
                PublishedRun.of(run, home, counts_of(run) | kept),
                records(run),
                unseen(run),
                met=met(run),
            )
    return run


def counts(run: Run, stage: str) -> dict[str, int | float | str]:
    return {record.name: record.counts for record in run.records()}[stage]
