"""Discovery: one day of traffic to published campaigns."""

from __future__ import annotations

import hashlib
import shlex
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.runtime import flow_run

from campaigns import files
from campaigns.entries import PublishedRun, Sleep
from campaigns.errors import UsageError
from campaigns.failpoints import failpoint
from campaigns.locks import held
from campaigns.publish import publish
from campaigns.results import met, records, unseen
from campaigns.runs import MANIFEST, Run, open_run
from campaigns.settings import Settings, load
from campaigns.store import Store
from flows import steps
from flows.artifacts import leave_figures, leave_health
from flows.floor import detection_floor
from flows.gate import (
    Acceptance,
    counts_of,
    days_before,
    first_pass_counts,
    health_counts,
    refusal,
    today_of,
    write_health,
)
from flows.health import DayFigures, examine
from flows.resources import Flags, RunRef, SecondPass, encoder
from flows.seeds import measure_seeds

Step = Callable[[RunRef], None]


@dataclass(frozen=True, slots=True)
class DayResult:
    """A published day. `already_published`: nothing was done, the manifest is that of the run before."""

    run_id: str
    day: date
    path: Path
    already_published: bool
    manifest: dict[str, Any]

    @property
    def digest(self) -> str:
        return str(self.manifest["digest"])


@flow(name="discover-campaigns", persist_result=False, validate_parameters=False)
def discover_campaigns(
    day: str,
    source: str = "",
    force: bool = False,
    flags: Flags | None = None,
    shape: str = "",
    accept: Acceptance | None = None,
    second: SecondPass | None = None,
) -> str:
    """Find the campaigns of one day and publish them if they look sound; return the run's id.

    Args:
        day: ISO date, UTC.
        source: file, folder, glob or URL; empty: the setting `input`.
        force: do a published day again.
        flags: settings given on the command line, dotted key to value.
        shape: how every file is read (`ingest.adapters.Shape`); empty: each file tells.
        accept: publish although the health gate would stop it.
        second: look at the accounts that this names, and take the place of the run that it rests on.

    Raises:
        HealthError: the run is there and looks like a failure (`flows.gate`).
        ShoalError: see `campaigns.errors`; the last published run is untouched.
    """
    settings = load(flags).settings
    wanted = date.fromisoformat(day)
    with (
        Store.open(settings) as store,
        held(store, wanted, lease_seconds=settings.flow.lock_lease_seconds) as lock,
    ):
        published = None if force else store.current_run(wanted)
        if published is not None and second is None:
            return published.run_id
        first_pass = None if second is None else first_pass_of(store, wanted, second)
        where = _source(source, wanted, settings)
        fingerprint = _fingerprint(where, shape, settings, second)
        if published is not None and published.fingerprint == fingerprint:
            return published.run_id
        run = open_run(settings.home, wanted, fingerprint, force=force)
        run.reopen()  # finished and never published, it may rest on what the store no longer says
        ref = RunRef.of(run, where, shape, flags or {}, settings=settings, second=second)

        def do(step: Step) -> None:
            lock.renew()  # a run that lost its day stops here
            step(ref)

        do(steps.ingest)
        do(steps.plant)
        do(steps.scaffold)
        do(steps.group)
        do(steps.represent)
        do(steps.embed)
        do(steps.index)
        do(steps.cluster)
        do(steps.label)
        do(steps.join)
        do(steps.cover)
        do(steps.identify)
        do(steps.link)
        do(steps.collide)
        do(steps.layout)
        do(steps.results)
        do(steps.seeds)
        lock.renew()
        today = today_of(run, first_pass)
        before = days_before(store, wanted, settings.health.trailing_days)
        usual = [found for one, counts in before if (found := DayFigures.as_usual(one, counts))]
        checks = examine(today, usual, settings.health)
        write_health(run, checks)
        leave_health(run, today, checks, before)
        failed = any(check.failed for check in checks)
        if failed and accept is None:
            raise refusal(run, checks, _again(wanted, source, force, second))
        accepted = accept.recorded() if failed and accept else None
        manifest = run.finish(
            {
                "settings": _public_settings(settings),
                "versions": versions(),
                "flow_run_id": flow_run.get_id(),
                "audit": store.audit_head().as_json(),
                **scope(run, settings, second),
                "canaries": [asdict(canary) for canary in today.canaries],
                "health": {"checks": [check.as_json() for check in checks], "accepted": accepted},
            }
        )
        counts = counts_of(run) | health_counts(today, checks, accepted) | first_pass_counts(first_pass)
        publish(
            store,
            lock,
            PublishedRun.of(run, settings.home, counts),
            records(run, encoder(settings).fingerprint),
            unseen(run),
            Sleep(settings.identity.dormant_days, settings.identity.retire_days),
            met(run),
        )
        measure_seeds(store, settings)
        leave_figures(run, manifest)
    return run.run_id


def discover_day(
    source: str,
    day: date | None,
    *,
    flags: Flags | None = None,
    force: bool = False,
    out: Path | None = None,
    shape: str = "",
    accept: Acceptance | None = None,
    second: SecondPass | None = None,
) -> DayResult:
    """Run one day through the flow in this process, and copy the result files to `out` if given.

    A day that is already published costs no Prefect server. With `day` None the traffic must hold exactly one day.
    """
    from ingest.adapters import Shape
    from ingest.stage import only_day

    settings = load(flags).settings
    wanted = day or only_day(_source(source, None, settings), settings, shape=Shape(shape) if shape else None)
    with Store.open(settings) as store:
        before = None if force else store.current_run(wanted)
        if before is not None and second is not None:
            given = _source(source, wanted, settings)
            same = before.first_pass and before.fingerprint == _fingerprint(given, shape, settings, second)
            before = before if same else None
        if before is None:
            discover_campaigns(wanted.isoformat(), source, force, flags, shape, accept, second)
        published = store.current_run(wanted)
    if published is None:
        raise UsageError(
            f"{wanted} was not published", hint="Run the day again; it goes on where it stopped."
        )
    path = settings.home / published.path
    run = Run(path, wanted, published.attempt, published.fingerprint)
    if out is not None:
        copy_results(run, out)
    return DayResult(published.run_id, wanted, path, before is not None, run.manifest())


def copy_results(run: Run, out: Path) -> None:
    """Copy the result files to `out`, the manifest last: a folder with a manifest holds the run that it describes.

    Raises:
        DiskFullError: `out` has no room; it is left without a manifest.
    """
    out.mkdir(parents=True, exist_ok=True)
    (out / MANIFEST).unlink(missing_ok=True)
    files.fsync_folder(out)
    for name in (*run.manifest()["files"], MANIFEST):  # a run of an earlier version may lack a table
        with files.atomic_path(out / name) as temporary:
            shutil.copyfile(run.path / name, temporary)
        failpoint(f"copy:{name}")


def versions() -> dict[str, str]:
    names = (
        "shoal",
        "numpy",
        "numba",
        "polars",
        "pyarrow",
        "torch",
        "sentence-transformers",
        "faiss-cpu",
        "hdbscan",
    )
    return {name: version(name) for name in names}


def _source(source: str, day: date | None, settings: Settings) -> str:
    where = source or settings.input
    if not where:
        raise UsageError("no traffic given", hint="Pass --input PATH, or set `input` in shoal.toml.")
    if "{day}" in where:
        if day is None:
            raise UsageError("the input names {day}", where=where, hint="Pass --day YYYY-MM-DD.")
        where = where.replace("{day}", day.isoformat())
    return where


def first_pass_of(store: Store, day: date, second: SecondPass) -> PublishedRun:
    """
    Raises:
        UsageError: the day was discovered anew since the accounts were chosen.
    """
    found = store.first_pass(day)
    if found is None or found.run_id != second.first_pass:
        raise UsageError(
            f"{day} was run again since its accounts were chosen",
            where=f"run {found.run_id if found else 'none'} instead of {second.first_pass}",
            hint="Give the command again; it chooses them anew.",
        )
    return found


def scope(run: Run, settings: Settings, second: SecondPass | None) -> dict[str, Any]:
    """What the run looked at. A second pass says of all traffic what the first one said."""
    if second is None:
        return {
            "detection_floor": detection_floor(run, settings),
            "sample": {"rate": settings.sample_rate, "by": settings.sample_by},
        }
    said = second.first_run(settings.home, run.day).manifest()
    return {
        **{name: said[name] for name in ("detection_floor", "sample") if name in said},
        "second_pass": {
            "first_pass": second.first_pass,
            "digest": second.digest,
            "rows_passed_over": counts_of(run).get("ingest.other_accounts", 0),
            **second.counts,
        },
    }


def _fingerprint(source: str, shape: str, settings: Settings, second: SecondPass | None = None) -> str:
    """Names what a run depends on; a run that died is resumed only by one with the same."""
    from ingest.sources import source_fingerprint

    parts = [
        source_fingerprint(source),
        shape,
        settings.fingerprint(),
        encoder(settings).fingerprint,
        version("shoal"),
        *([second.first_pass, second.digest] if second is not None else []),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def _public_settings(settings: Settings) -> dict[str, Any]:
    return settings.model_dump(
        mode="json",
        exclude={"home", "store_url", "secret_key", "input", "review", "delivery", "retention"},
    )


def _again(day: date, source: str, force: bool, second: SecondPass | None) -> str:
    command = ["run"] if second is None else ["match", "--update"]
    given = [*(["--input", source] if source else []), *(["--force"] if force else [])]
    return shlex.join(["shoal", *command, *given, "--day", day.isoformat(), "--accept-health"]) + " REASON"
