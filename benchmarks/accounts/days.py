"""Simulated days through the recipe as plain functions: no scheduler, no store, no vectors.

Families of words alone are found, and the objective is guessed from cue words. Nothing that is judged here depends on
either: evidence reads accounts. What the store would know of the days before is taken from their run folders.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from campaigns import files
from campaigns.runs import Run, open_run
from campaigns.settings import Settings, load
from simulation.plan import SimulationPlan
from simulation.traffic import write_day

if TYPE_CHECKING:
    from clustering.identity import Core


@dataclass(frozen=True, slots=True)
class Day:
    """A day as it was planted (schemas of `simulation.truth`) and as it was found.

    Attributes:
        before: runs of the days before, the oldest first.
        seconds: what finding took, simulation left out.
    """

    number: int
    run: Run
    before: tuple[Run, ...]
    prompts: pl.DataFrame
    campaigns: pl.DataFrame
    settings: Settings
    seconds: float


def days(plan: SimulationPlan, without: Sequence[str] = (), folder: Path | None = None) -> Iterator[Day]:
    """The days of a plan in order; run folders last until the next plan.

    Args:
        without: columns that the traffic lacks.
        folder: where the run folders are made, and removed at the end.
    """
    with tempfile.TemporaryDirectory(prefix="shoal-bench-", dir=folder) as name:
        home = Path(name)
        settings = load({"home": name, "embedding.budget": 0}, environment={}, config=None).settings
        done: list[Run] = []
        for number, date in enumerate(plan.dates):
            written = write_day(plan, date, home / "simulated")
            if without:
                files.write_parquet(
                    written.traffic, files.read_parquet(written.traffic).drop_columns(list(without))
                )
            run = open_run(home, date, "benchmark")
            started = time.perf_counter()
            discover(run, settings, written.traffic, done)
            seconds = time.perf_counter() - started
            prompts, campaigns = (
                pl.DataFrame(files.read_parquet(path)) for path in (written.prompts, written.campaigns)
            )
            yield Day(number, run, tuple(done), prompts, campaigns, settings, seconds)
            done.append(run)


def discover(run: Run, settings: Settings, source: Path, before: Sequence[Run]) -> None:
    """Every stage of the recipe up to `link`, in the order of `flows.discover`."""
    from accounts.stage import join_families, link_campaigns
    from clustering.identity import identify_families
    from clustering.stage import cluster, group
    from embeddings.representatives import choose
    from embeddings.stage import build_scaffold
    from ingest.stage import ingest
    from labeling.stage import label

    ingest(run, settings, str(source))
    build_scaffold(run, settings)
    group(run, settings, {one.run_id: one.path / "background.parquet" for one in before})
    choose(run, settings)
    files.write_array(run.path / "vectors.npy", np.empty((0, 0), np.float32))
    cluster(run, settings)
    label(run, settings, _no_vectors)
    join_families(run, settings)
    identify_families(run, _known(before), settings)
    first = {name: one.day for one in reversed(before) for name in campaign_ids(one).values()}
    link_campaigns(run, settings, (), trailing=[one.path for one in before], first_days=first)


def _known(before: Sequence[Run]) -> list[tuple[str, Core]]:
    """Each campaign's most recent core, by id."""
    from clustering.identity import campaign_cores

    found: dict[str, Core] = {}
    for run in before:
        ids = campaign_ids(run)
        cores = campaign_cores(run, pl.DataFrame(run.table("wordings", ["family", "lead"])))
        found |= {ids[lead]: core for lead, core in cores.items()}
    return sorted(found.items(), key=lambda item: item[0])


def campaign_ids(run: Run) -> dict[int, str]:
    """Campaign id of each family."""
    table = run.table("identities", ["family", "campaign_id"])
    return dict(zip(table["family"].to_pylist(), table["campaign_id"].to_pylist(), strict=True))


def _no_vectors(texts: Sequence[str]) -> NDArray[np.float32]:
    return np.zeros((len(texts), 1), np.float32)
