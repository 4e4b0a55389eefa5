"""What does Prefect add to a day?

The same small day as plain steps and through the flow with its embedded server and a fresh `PREFECT_HOME`, each in a
process of its own; a first plain run that is not counted leaves the compiled code on disk.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks import day
from benchmarks.measure import Apart, apart
from benchmarks.results import Cell, Figure, Result
from benchmarks.samples import traffic


def overhead(prompts: int, folder: Path) -> Result:
    """Seconds of a day of `prompts` with and without Prefect."""
    source = traffic(prompts, folder)
    with tempfile.TemporaryDirectory(dir=folder) as compiled:
        _run(day.plain, source, folder, compiled)
        plain = _run(day.plain, source, folder, compiled)
        flow = _run(day.flow, source, folder, compiled)
    (run,) = plain.value["runs"]
    stages = sum(run["seconds"][name] for name in day.STAGES)
    rows: tuple[tuple[Cell, ...], ...] = (
        ("imports", plain.value["imports"], flow.value["imports"]),
        ("stages", stages, flow.value["stages"]),
        ("around the stages", run["total"] - stages, flow.value["total"] - flow.value["stages"]),
        ("whole process", plain.seconds, flow.seconds),
        ("peak MB", plain.peak_bytes / 1e6, flow.peak_bytes / 1e6),
    )
    around = flow.value["total"] - flow.value["stages"] - (run["total"] - stages)
    return Result(
        f"Prefect on {prompts:,} prompts",
        (
            Figure("added by the flow, stages apart", around, "s"),
            Figure("added to the whole process", flow.seconds - plain.seconds, "s"),
            Figure("whole process, flow over plain", flow.seconds / plain.seconds, "x"),
        ),
        ("seconds", "plain", "flow"),
        rows,
    )


def _run(work, source: Path, folder: Path, compiled: str) -> Apart:  # type: ignore[no-untyped-def]
    with tempfile.TemporaryDirectory(dir=folder) as home:
        environment = {"NUMBA_CACHE_DIR": compiled, "PREFECT_HOME": f"{home}/prefect"}
        return apart(work, environment=environment, source=str(source), home=home)
