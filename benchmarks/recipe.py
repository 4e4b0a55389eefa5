"""What does a day cost, stage by stage, and how does that grow?

The whole recipe without Prefect, each case in a process of its own:

- *cold*: nothing compiled, nothing cached, the small day;
- *warm*: compiled code on disk, as on every day but the first; the small and the large day;
- *again*: the small day once more in the same process, with every vector cached;
- *alone*: the large day with one worker and one thread.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from benchmarks import day
from benchmarks.measure import Apart, apart, growth
from benchmarks.results import Cell, Figure, Result
from benchmarks.samples import traffic

SMALLER = 4
"""The small day has one in so many prompts of the large one."""


def recipe(prompts: int, folder: Path, *, compiled: str | None = None) -> Result:
    """Seconds, shares and peak memory of the stages of a day of `prompts`, and of a quarter of it.

    Args:
        compiled: where Numba keeps compiled code. Default: a new folder, so that the cold case compiles everything;
            empty: beside the modules, which leaves of the cold case only the first load.
    """
    sizes = (prompts // SMALLER, prompts)
    small, large = (traffic(size, folder) for size in sizes)
    with tempfile.TemporaryDirectory(dir=folder) as new:
        cache = new if compiled is None else compiled
        cold_day = _run(small, folder, cache)
        small_day = _run(small, folder, cache, times=2)
        large_day = _run(large, folder, cache)
        alone_day = _run(large, folder, cache, flow__workers=1, flow__threads=1)
    cold, alone, whole = (_only(one) for one in (cold_day, alone_day, large_day))
    warm, again = small_day.value["runs"]
    rows: list[tuple[Cell, ...]] = []
    for stage, seconds in whole["seconds"].items():
        pair = (warm["seconds"][stage], seconds)
        rows.append(
            (
                stage, cold["seconds"][stage], *pair, f"{seconds / whole['total']:.0%}",
                growth(sizes, pair), whole["peaks"][stage] / 1e6, again["seconds"][stage], alone["seconds"][stage],
            )
        )  # fmt: skip
    totals = (warm["total"], whole["total"])
    rows.append(
        (
            "all", cold["total"], *totals, "100%", growth(sizes, totals), large_day.peak_bytes / 1e6,
            again["total"], alone["total"],
        )
    )  # fmt: skip
    return Result(
        f"The recipe on {sizes[0]:,} and {sizes[1]:,} prompts",
        (
            Figure("large day, warm", whole["total"], "s"),
            Figure("large day, warm, with imports and start", large_day.seconds, "s"),
            Figure("prompts a second, large day", prompts / whole["total"], "/s"),
            Figure("peak memory, small day", _peak(warm), "MB"),
            Figure("peak memory, large day", large_day.peak_bytes / 1e6, "MB"),
            Figure("growth of seconds, all stages", growth(sizes, totals), "n^"),
            Figure(
                "growth of seconds, without embedding",
                growth(sizes, [t["total"] - t["seconds"]["embed"] for t in (warm, whole)]),
                "n^",
            ),
            Figure("cold over warm", cold["total"] / warm["total"], "x"),
            Figure("again over warm", again["total"] / warm["total"], "x"),
            Figure("one worker over two", alone["total"] / whole["total"], "x"),
        ),
        ("stage", "cold s", "warm s", "large s", "share", "growth", "peak MB", "again s", "alone s"),
        tuple(rows),
    )


def _run(source: Path, folder: Path, compiled: str, times: int = 1, **flags: Any) -> Apart:
    with tempfile.TemporaryDirectory(dir=folder) as home:
        environment = {"NUMBA_CACHE_DIR": compiled}
        return apart(day.plain, environment=environment, source=str(source), home=home, times=times, **flags)


def _only(case: Apart) -> dict[str, Any]:
    (run,) = case.value["runs"]
    result: dict[str, Any] = run
    return result


def _peak(run: dict[str, Any]) -> float:
    return float(max(run["peaks"].values()) / 1e6)
