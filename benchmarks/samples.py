"""The traffic that is measured on: simulated, any size, the same in every run."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from campaigns import files
from simulation.plan import FIRST_DAY, SimulationPlan, demo_plan, scaled
from simulation.traffic import write_day

DAY = FIRST_DAY
SEED = 11


def traffic(prompts: int, folder: Path) -> Path:
    """One day of `prompts` rows below `folder`, of the demonstration's mixture; made once."""
    return simulated(scaled(demo_plan(SEED), prompts), folder / f"{prompts}")


def simulated(plan: SimulationPlan, folder: Path) -> Path:
    """The first day of a plan; made once."""
    path = folder / f"day={DAY.isoformat()}" / "traffic.parquet"
    return path if path.exists() else write_day(plan, DAY, folder).traffic


def prompts_of(traffic: Path) -> pa.Array:
    """The texts of a day, one array."""
    return files.read_parquet(traffic, ["prompt"])["prompt"].combine_chunks()
