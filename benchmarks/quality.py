"""How much of what was planted is found, by what was done to hide it?

One campaign per evasion level (two on one pool at e7) among the demonstration's innocents, at several seeds, which also
change the templates. Three days each: the plain one, the same campaigns in four times the traffic (*rare*), and four
times as much of everything (*large*). The recipe runs up to `cluster`; tiers come later and are not judged here.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.day import prepare, run_until
from benchmarks.measure import apart
from benchmarks.results import Cell, Figure, Result
from benchmarks.samples import simulated
from campaigns import files
from campaigns.runs import Run
from simulation.plan import CampaignPlan, Evasion, SimulationPlan, demo_plan, scaled
from simulation.templates import templates
from simulation.truth import HELD, PURE

SEEDS = (1, 2, 3)
MORE = 4
"""How much more traffic the rare and the large day hold."""
LEVELS: tuple[Evasion, ...] = ("e0", "e1", "e2", "e3", "e4", "e5", "e6", "e7")
PART = 30
"""One in so many prompts of the plain day belongs to each campaign."""


def quality(prompts: int, folder: Path, *, seeds: Sequence[int] = SEEDS) -> Result:
    """Found shares by day and level over all `seeds`; the plain day holds `prompts`."""
    answer = apart(measured, prompts=prompts, seeds=list(seeds), folder=str(folder))
    found = pl.DataFrame(answer.value["campaigns"])
    reports = pl.DataFrame(answer.value["reports"]).group_by("day").sum()
    rows: list[tuple[Cell, ...]] = []
    figures: list[Figure] = []
    for day in ("plain", "rare", "large"):
        of_day = found.filter(pl.col("day") == day)
        by_level = [(level, of_day.filter(pl.col("level") == level)) for level in LEVELS]
        rows += [(day, name, *_summary(some)) for name, some in (*by_level, ("all", of_day))]
        groups = reports.row(by_predicate=pl.col("day") == day, named=True)
        figures += [
            Figure(f"{day}: campaigns found whole", _share(of_day["whole"]), "%"),
            Figure(f"{day}: campaigns found whole or in parts", _share(of_day["covered"] >= HELD), "%"),
            *(
                Figure(f"{day}: groups a day, mostly {kind}", groups[kind] / len(seeds), "")
                for kind in ("campaign", "look-alike", "ordinary")
            ),
        ]
    return Result(
        f"Quality on {prompts:,} and {MORE * prompts:,} prompts, {len(seeds)} seeds",
        tuple(figures),
        (
            "day",
            "level",
            "planted",
            "prompts",
            "whole",
            "in parts",
            "missed",
            "groups",
            "precision",
            "recall",
        ),
        tuple(rows),
    )


def plan(seed: int, prompts: int) -> SimulationPlan:
    """One campaign per level; which template it uses follows from the seed."""
    known = list(templates().values())
    english = [t for t in known if t.language == "en"]
    fitting = {"e5": [t for t in known if t.translations], "e6": english}
    planted: list[CampaignPlan] = []
    for number, level in enumerate((*LEVELS, "e7")):
        choice = fitting.get(level, known)
        free = [t for t in choice if t.name not in {c.template for c in planted}]
        chosen = free[(seed * 5 + number) % len(free)]
        planted.append(
            CampaignPlan(
                name=f"{level}-{number}", template=chosen.name, evasion=level, accounts=max(3, prompts // (3 * PART)),
                prompts_per_day=max(3, prompts // PART), cover=0.1, pool="twins" if level == "e7" else "",
            )
        )  # fmt: skip
    base = scaled(demo_plan(seed), prompts)
    innocents = tuple(i for i in base.innocents if i.kind != "passer-by")
    return replace(base, days=1, campaigns=tuple(planted), innocents=innocents)


def measured(prompts: int, seeds: list[int], folder: str) -> dict[str, list[dict[str, Any]]]:
    """For `measure.apart`: one row per planted campaign, and one per day that counts its groups by what they hold."""
    campaigns: list[dict[str, Any]] = []
    reports: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(dir=folder) as home:
        prepare(home)
        for seed in seeds:
            plain = plan(seed, prompts)
            days = {
                "plain": plain,
                "rare": replace(plain, prompts_per_day=MORE * prompts),
                "large": scaled(plain, MORE * prompts),
            }
            for day, wanted in days.items():
                traffic = simulated(wanted, Path(home) / f"{seed}-{day}")
                rows = _prompts(run_until(traffic, Path(home), "cluster"), traffic)
                campaigns += [{"day": day, **row} for row in _campaigns(rows)]
                reports.append({"day": day, **_groups(rows)})
    return {"campaigns": campaigns, "reports": reports}


def _prompts(run: Run, traffic: Path) -> pl.DataFrame:
    """The truth of every prompt (see `simulation.truth.PROMPT_TRUTH`) and its `group`, null for none."""
    truth = files.read_parquet(traffic.parent.parent / "truth" / traffic.parent.name / "prompts.parquet")
    members = pl.DataFrame(run.table("family_members", ["text_key", "family"])).rename({"family": "group"})
    sent = pl.DataFrame(run.prompts(["prompt_id", "text_key"])).join(members, on="text_key")
    return pl.DataFrame(truth).join(sent, on="prompt_id", how="left")


def _campaigns(rows: pl.DataFrame) -> Iterator[dict[str, Any]]:
    """Whole: one group, pure by 80 %, holds half. Covered: the part that all pure groups hold together.

    B-cubed (Bagga, Baldwin 1998): the mean over a campaign's grouped prompts of the part of their group that is the
    campaign (precision), and over all its prompts of the part of the campaign that is in their group (recall).
    """
    sizes = dict(rows.drop_nulls("group").group_by("group").len().iter_rows())
    planted = rows.filter(pl.col("kind") == "campaign").partition_by("campaign", as_dict=True)
    for (name,), mine in sorted(planted.items()):
        held = dict(mine.drop_nulls("group").group_by("group").len().sort("group").iter_rows())
        pure = {group: n for group, n in held.items() if n >= PURE * sizes[group]}
        yield {
            "campaign": name,
            "level": mine["evasion"][0],
            "prompts": mine.height,
            "whole": max(pure.values(), default=0) >= HELD * mine.height,
            "covered": sum(pure.values()) / mine.height,
            "groups": len(pure),
            "grouped": sum(held.values()),
            "precision_sum": sum(n * n / sizes[group] for group, n in held.items()),
            "recall_sum": sum(n * n / mine.height for n in held.values()),
        }


def _groups(rows: pl.DataFrame) -> dict[str, int]:
    """How many groups hold mostly campaign prompts, mostly a look-alike's, or mostly ordinary ones."""
    kind = pl.col("kind")
    sort = (
        pl.when(kind == "campaign")
        .then(pl.lit("campaign"))
        .when(kind.str.starts_with("benign:"))
        .then(pl.lit("look-alike"))
        .otherwise(pl.lit("ordinary"))
    )
    mostly = (
        rows.drop_nulls("group")
        .group_by("group", sort.alias("sort"))
        .len()
        .sort(["len", "sort"], descending=[True, False])
        .unique("group", keep="first", maintain_order=True)
    )
    counts = dict(mostly.group_by("sort").len().iter_rows())
    return {name: counts.get(name, 0) for name in ("campaign", "look-alike", "ordinary")}


def _share(flags: pl.Series) -> float:
    return int(flags.sum()) / len(flags)


def _summary(rows: pl.DataFrame) -> tuple[Cell, ...]:
    whole = int(rows["whole"].sum())
    parts = int((~rows["whole"] & (rows["covered"] >= HELD)).sum())
    grouped = int(rows["grouped"].sum())
    return (
        rows.height,
        int(rows["prompts"].sum()),
        whole,
        parts,
        rows.height - whole - parts,
        int(rows["groups"].sum()),
        float(rows["precision_sum"].sum()) / grouped if grouped else "-",
        float(rows["recall_sum"].sum()) / int(rows["prompts"].sum()),
    )
