"""One day through the recipe: without Prefect, as far as a stage, or through the flow; for `measure.apart`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.samples import DAY
from campaigns.runs import Run, open_run
from campaigns.settings import load

if TYPE_CHECKING:
    from flows.resources import Flags

STAGES = (
    "ingest",
    "scaffold",
    "group",
    "represent",
    "embed",
    "index",
    "cluster",
    "label",
    "join",
    "cover",
    "identify",
    "link",
    "collide",
    "layout",
    "results",
    "seeds",
)


def plain(source: str, home: str, times: int = 1, last: str = STAGES[-1], **flags: Any) -> dict[str, Any]:
    """The steps as plain functions, then publishing; `times` over, each a new attempt with the vectors cached.

    Returns:
        `imports`: seconds to import Prefect and the steps; `runs`: per time the seconds of every stage, the peak
        memory at its end, and the total.
    """
    given = _flags(home, flags)
    started = time.perf_counter()
    prepare(home)
    from flows import steps  # noqa: F401  the import is what is measured

    imports = time.perf_counter() - started
    return {"imports": imports, "runs": [_one(source, Path(home), given, last, n > 0) for n in range(times)]}


def flow(source: str, home: str, **flags: Any) -> dict[str, float]:
    """The same day through the Prefect flow, which starts a server of its own: seconds to import and to run."""
    given = _flags(home, flags)
    started = time.perf_counter()
    prepare(home)
    from flows.discover import discover_day

    imported = time.perf_counter()
    result = discover_day(source, DAY, flags=given)
    stages = sum(stage["seconds"] for stage in result.manifest["stages"])
    return {"imports": imported - started, "total": time.perf_counter() - imported, "stages": stages}


def run_until(source: Path, home: Path, last: str, **flags: Any) -> Run:
    """A run of the day up to and including stage `last`, in this process; nothing is published.

    It replaces the unfinished run of another source in this home; the cached vectors stay.
    """
    from flows import steps
    from flows.resources import RunRef

    run = open_run(home, DAY, str(source))
    ref = RunRef.of(run, str(source), "", _flags(str(home), flags))
    for name in STAGES[: STAGES.index(last) + 1]:
        getattr(steps, name).fn(ref)
    return run


def representatives(source: str, home: str) -> list[str]:
    """What a run of the day would embed."""
    prepare(home)
    run = run_until(Path(source), Path(home), "represent")
    texts: list[str] = run.table("representatives", ["text"])["text"].to_pylist()
    return texts


def _one(source: str, home: Path, flags: Flags, last: str, again: bool) -> dict[str, Any]:
    from benchmarks.measure import peak_bytes
    from campaigns.entries import PublishedRun
    from campaigns.locks import held
    from campaigns.publish import publish
    from campaigns.results import met, records
    from campaigns.store import Store
    from flows import steps
    from flows.resources import RunRef

    settings = load(flags).settings
    seconds: dict[str, float] = {}
    peaks: dict[str, int] = {}
    started = time.perf_counter()
    run = open_run(home, DAY, "benchmark", force=again)
    ref = RunRef.of(run, source, "", flags)
    with (
        Store.open(settings) as store,
        held(store, DAY, lease_seconds=settings.flow.lock_lease_seconds) as lock,
    ):
        for name in STAGES[: STAGES.index(last) + 1]:
            before = time.perf_counter()
            getattr(steps, name).fn(ref)
            seconds[name] = time.perf_counter() - before
            peaks[name] = peak_bytes()
        if last == STAGES[-1]:
            before = time.perf_counter()
            run.finish({})
            publish(store, lock, PublishedRun.of(run, home, {}), records(run), met=met(run))
            seconds["publish"] = time.perf_counter() - before
            peaks["publish"] = peak_bytes()
    return {"seconds": seconds, "peaks": peaks, "total": time.perf_counter() - started}


def _flags(home: str, flags: dict[str, Any]) -> Flags:
    return {"home": home, **{key.replace("__", "."): value for key, value in flags.items()}}


def prepare(home: str) -> None:
    """Before the first import of Prefect: keep what it writes below `home`."""
    from flows.prefect_settings import prepare

    prepare(Path(home))
