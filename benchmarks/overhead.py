"""What does Prefect add to a day?

The same small day as plain steps and through the flow with its embedded server and a fresh `PREFECT_HOME`, each in a
process of its own. The stages do the same work in both, and on a shared machine their seconds vary more than Prefect
costs; so what is compared is the rest: imports, and what happens around the stages.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import day
from benchmarks.measure import Apart, apart
from benchmarks.results import Cell, Figure, Result
from benchmarks.samples import traffic

BUDGET = 100
"""Texts that are embedded: stages are not what is measured, so they are kept short."""


def overhead(prompts: int, folder: Path) -> Result:
    """Seconds of a day of `prompts` with and without Prefect."""
    source = traffic(prompts, folder)
    plain = _run(day.plain, source, folder)
    flow = _run(day.flow, source, folder)
    (run,) = plain.value["runs"]
    stages = sum(run["seconds"][name] for name in day.STAGES)
    around = (run["total"] - stages, flow.value["total"] - flow.value["stages"])
    imports = (plain.value["imports"], flow.value["imports"])
    rows: tuple[tuple[Cell, ...], ...] = (
        ("imports, of Prefect too", *imports),
        ("stages", stages, flow.value["stages"]),
        ("around the stages", *around),
        ("whole process", plain.seconds, flow.seconds),
        ("peak MB", plain.peak_bytes / 1e6, flow.peak_bytes / 1e6),
    )
    return Result(
        f"Prefect on {prompts:,} prompts",
        (
            Figure("imports, of Prefect too", min(imports), "s"),
            Figure("added around the stages", max(0.0, around[1] - around[0]), "s"),
            Figure("added around the stages, of the stages", max(0.0, around[1] - around[0]) / stages, "x"),
        ),
        ("seconds", "plain", "flow"),
        rows,
    )


def _run(work: Callable[..., Any], source: Path, folder: Path) -> Apart:
    with tempfile.TemporaryDirectory(dir=folder) as home:
        flags: dict[str, Any] = {"embedding__budget": BUDGET}
        return apart(
            work, environment={"PREFECT_HOME": f"{home}/prefect"}, source=str(source), home=home, **flags
        )
