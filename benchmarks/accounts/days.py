"""Simulated days through the recipe as plain functions: no scheduler, no store, and of texts no vectors.

Families of words alone are found; what their templates ask for is read as ever. What the store would know of the days
before is taken from their run folders.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from campaigns import files
from campaigns.entries import Event, KnownCampaign, KnownWording
from campaigns.runs import Run, open_run
from campaigns.settings import Settings, load
from flows.known import workers_of
from flows.resources import encode, encoder
from simulation.plan import SimulationPlan
from simulation.traffic import write_day


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
    from clustering.recognise import identify_families
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
    label(run, settings, lambda texts: encode(settings, texts)[0])
    join_families(run, settings)
    identify_families(run, *known_before(before, settings), settings, encoder(settings).fingerprint)
    first = {name: one.day for one in reversed(before) for name in campaign_ids(one).values()}
    link_campaigns(run, settings, (), trailing=[one.path for one in before], first_days=first)


def known_before(before: Sequence[Run], settings: Settings) -> tuple[list[KnownCampaign], pl.DataFrame]:
    """What the store would know of the days before, from their run folders."""
    from campaigns.results import wordings_of

    wordings: dict[str, dict[int, KnownWording]] = {}
    seen: dict[str, list[Run]] = {}
    merged: dict[str, str | None] = {}
    for run in before:
        for name, own in wordings_of(run, encoder(settings).fingerprint).items():
            seen.setdefault(name, []).append(run)
            merged[name] = None
            for one in own:
                wordings.setdefault(name, {})[one.variant] = KnownWording(
                    campaign_id=name,
                    day=run.day,
                    variant=one.variant,
                    features=one.features,
                    weights=one.weights,
                    direction=one.direction,
                    encoder=one.encoder,
                )
        merged |= {
            row["campaign_id"]: row["other_id"]
            for row in run.table("unseen").to_pylist()
            if row["event"] == Event.MERGED
        }
    known = [
        KnownCampaign(
            campaign_id=name,
            last_day=runs[-1].day,
            runs=tuple(str(run.path) for run in reversed(runs[-settings.identity.account_days :])),
            merged_into=merged[name],
            wordings=tuple(one for _, one in sorted(wordings[name].items())),
            first_free=max(wordings[name], default=-1) + 1,
        )
        for name, runs in sorted(seen.items())
    ]
    return known, workers_of(known, settings)[0]


def campaign_ids(run: Run) -> dict[int, str]:
    """Campaign id of each family."""
    table = run.table("identities", ["family", "campaign_id"])
    return dict(zip(table["family"].to_pylist(), table["campaign_id"].to_pylist(), strict=True))
