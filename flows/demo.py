"""The demonstration: simulated days through the flow, and what came out against what was planted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from campaigns import files
from simulation.plan import SimulationPlan, demo_plan
from simulation.traffic import write_day
from simulation.truth import HELD, SimulationScore, score

if TYPE_CHECKING:
    from flows.discover import DayResult
    from flows.resources import Flags

TRAFFIC = "traffic"
"""Folder below home that holds the simulated days, and the truth about them."""


@dataclass(frozen=True, slots=True)
class Planted:
    """A planted campaign and the report that holds most of it; `covered` is the part that any report holds."""

    name: str
    evasion: str
    n_prompts: int
    n_accounts: int
    covered: float
    whole: bool
    campaign_id: str | None
    tier: str | None
    template: str | None

    @property
    def outcome(self) -> str:
        """`whole`: one report holds at least half of it; `in parts`: several do, as where wordings differ."""
        return "whole" if self.whole else "in parts" if self.covered >= HELD else "not found"


@dataclass(frozen=True, slots=True)
class Innocents:
    """Look-alikes of one kind; `reports` counts the families that are mostly theirs, by tier."""

    kind: str
    n_prompts: int
    reports: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class DemoDay:
    result: DayResult
    score: SimulationScore
    campaigns: tuple[Planted, ...]
    innocents: tuple[Innocents, ...]

    @property
    def found(self) -> int:
        return sum(planted.covered >= HELD for planted in self.campaigns)


def run_demo(home: Path, flags: Flags, plan: SimulationPlan | None = None) -> Iterator[DemoDay]:
    """Simulate the days of `plan` below `home`, run each, and compare it with its truth.

    Traffic that is there already is taken as it is, so that a day that is published is not done again.
    """
    from flows.discover import discover_day

    plan = plan or demo_plan()
    for day in plan.dates:
        folder = home / TRAFFIC
        traffic = folder / f"day={day.isoformat()}" / "traffic.parquet"
        truth = folder / "truth" / f"day={day.isoformat()}"
        if not (truth / "accounts.parquet").exists():  # the last file that a simulated day writes
            write_day(plan, day, folder)
        result = discover_day(str(traffic), day, flags=flags)
        yield compare(
            result,
            files.read_parquet(truth / "prompts.parquet"),
            files.read_parquet(truth / "campaigns.parquet"),
        )


def compare(result: DayResult, prompts: pa.Table, campaigns: pa.Table, *, min_prompts: int = 30) -> DemoDay:
    """A published day against the truth of its prompts and campaigns; smaller campaigns are passed over."""
    reported = files.read_parquet(Path(result.path) / "campaigns.parquet")
    members = files.read_parquet(Path(result.path) / "members.parquet")
    found = score(members, reported, prompts, min_prompts=min_prompts)
    templates = dict(zip(reported["campaign_id"].to_pylist(), reported["template"].to_pylist(), strict=True))
    sizes = dict(zip(campaigns["campaign"].to_pylist(), campaigns["n_accounts"].to_pylist(), strict=True))
    planted = tuple(
        Planted(
            name=row.campaign,
            evasion=row.evasion,
            n_prompts=row.n_prompts,
            n_accounts=sizes[row.campaign],
            covered=row.covered,
            whole=row.recovered,
            campaign_id=row.campaign_id,
            tier=row.tier,
            template=templates.get(row.campaign_id),
        )
        for row in found.campaigns
    )
    return DemoDay(result, found, planted, _innocents(found))


def _innocents(found: SimulationScore) -> tuple[Innocents, ...]:
    kinds = {row.kind: row.n_prompts for row in found.innocents}
    return tuple(
        Innocents(
            kind.removeprefix("benign:"),
            n_prompts,
            {row.tier: row.reports for row in found.innocents if row.kind == kind},
        )
        for kind, n_prompts in kinds.items()
    )
