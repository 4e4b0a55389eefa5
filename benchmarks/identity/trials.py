"""Months of simulated days, and one day of each done again."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.accounts.days import Day, days, discover
from benchmarks.identity.judge import Seen, Verdict, judge
from benchmarks.identity.told import Told
from campaigns import files
from campaigns.runs import open_run
from campaigns.settings import load
from simulation.lives import long_plan
from simulation.plan import SimulationPlan
from simulation.truth import event_truth

AGAIN: Mapping[str, Mapping[str, Any]] = {
    "again": {},
    "rows shuffled": {},
    "another seed": {"seed": 90_125},
    "one worker, one thread": {"flow.workers": 1, "flow.threads": 1},
}
"""How a day is done again, with the settings that differ."""
SHUFFLED = "rows shuffled"


@dataclass(frozen=True, slots=True)
class Month:
    """A plan's days, judged.

    Attributes:
        again: how the middle day was done again, and the part of its prompts that came out under the same id.
    """

    seed: int
    verdict: Verdict
    again: Mapping[str, float]


def months(seeds: Iterable[int], n_days: int, prompts: int, folder: Path | None = None) -> list[Month]:
    """One long plan per seed, day by day; the middle day is done again in every way of `AGAIN`."""
    return [month(long_plan(seed, n_days, prompts), folder) for seed in seeds]


def month(plan: SimulationPlan, folder: Path | None = None) -> Month:
    seen: list[Seen] = []
    again: dict[str, float] = {}
    for day in days(plan, folder=folder):
        told = Told.read(day.run)
        events = pl.DataFrame(event_truth(plan, day.run.day))
        seen.append(Seen(day.number, day.prompts, day.campaigns, events, told))
        print(f"seed {plan.seed} day {day.number}: {day.seconds:.1f} s", file=sys.stderr)
        if day.number == plan.days // 2:
            again = {how: same(told, repeated(day, how)) for how in AGAIN}
    return Month(plan.seed, judge(seen), again)


def repeated(day: Day, how: str) -> Told:
    """What a day says when it is done again, in a home of its own, after the same days before."""
    source = Path(day.settings.home) / "simulated" / f"day={day.run.day}" / "traffic.parquet"
    with tempfile.TemporaryDirectory(prefix="shoal-bench-", dir=day.settings.home) as name:
        if how == SHUFFLED:
            table = files.read_parquet(source)
            source = Path(name) / "traffic.parquet"
            order = np.random.default_rng(day.number).permutation(table.num_rows)
            files.write_parquet(source, table.take(order))
        flags = {"home": name, "embedding.budget": 0, **AGAIN[how]}
        run = open_run(Path(name), day.run.day, "benchmark")
        discover(run, load(flags, environment={}, config=None).settings, source, day.before)
        return Told.read(run)


def same(one: Told, other: Told) -> float:
    """Part of the prompts in a campaign of either that are in the same one of both; 1 when there are none."""
    both = one.members.join(other.members, on="prompt_id", how="full", suffix="_other")
    if both.is_empty():
        return 1.0
    return float((both["campaign_id"] == both["campaign_id_other"]).fill_null(False).mean())  # type: ignore[arg-type]
