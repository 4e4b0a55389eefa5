"""Every method over every day, in this process, on exactly the same prompts."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl
import pyarrow as pa

from benchmarks.quality.judge import judge, perfect_split
from benchmarks.quality.methods import Method
from benchmarks.samples import DAY
from simulation.plan import SimulationPlan
from simulation.traffic import generate_with_truth

CEILING = "perfect split"
"""The truth's own wordings, none joined: what B-cubed can reach before accounts are looked at."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came out, one frame per kind of thing; each row names its `method`, `day` (a number) and `volume`.

    Attributes:
        families, campaigns: as in `judge.Verdict`, and `prevalence`, the part of the day's prompts.
        runs: `seconds` and the groups per name of `judge.SORTS`.
    """

    families: pl.DataFrame
    campaigns: pl.DataFrame
    runs: pl.DataFrame

    @property
    def methods(self) -> list[str]:
        """In the order they were given, the ceiling left out."""
        return [name for name in self.runs["method"].unique(maintain_order=True) if name != CEILING]

    def on_common_days(self) -> Outcome:
        """Only days that every method had."""
        seen = self.runs.group_by("day").agg(pl.col("method").n_unique().alias("n"))
        common = seen.filter(pl.col("n") == pl.col("n").max())["day"].implode()
        return self.where(pl.col("day").is_in(common))

    def where(self, wanted: pl.Expr) -> Outcome:
        """The rows for which `wanted` holds; frames that lack its columns stay whole."""
        needed = set(wanted.meta.root_names())
        frames = (self.families, self.campaigns, self.runs)
        return Outcome(*(rows.filter(wanted) if needed <= set(rows.columns) else rows for rows in frames))


def run(
    plans: Sequence[SimulationPlan],
    methods: Sequence[Method],
    *,
    baselines: Sequence[Method] = (),
    largest: int = sys.maxsize,
) -> Outcome:
    """`methods` see every day, `baselines` only days of at most `largest` prompts."""
    families, campaigns, runs = list[pl.DataFrame](), list[pl.DataFrame](), list[dict[str, object]]()
    for day, plan in enumerate(plans):
        texts, truth = simulated(plan)
        accounts = truth["account_id"].to_list()
        given = [*methods, *(baselines if plan.prompts_per_day <= largest else ())]
        labelled = [(CEILING, perfect_split(truth), 0.0)]
        for method in given:
            started = time.perf_counter()
            labels = method.group(texts, accounts)
            seconds = time.perf_counter() - started + method.reused_seconds
            labelled.append((method.name, labels, seconds))
            print(f"day {day}, {len(texts):,} prompts, {method.name}: {seconds:.1f} s", file=sys.stderr)
        for name, labels, seconds in labelled:
            verdict = judge(truth, labels)
            where = {"method": name, "day": day, "volume": len(texts)}
            marks = [pl.lit(value).alias(key) for key, value in where.items()]
            part = (pl.col("prompts") / len(texts)).alias("prevalence")
            families.append(verdict.families.with_columns(*marks, part))
            campaigns.append(verdict.campaigns.with_columns(*marks, part))
            runs.append({**where, "seconds": seconds, **verdict.groups})
    return Outcome(pl.concat(families), pl.concat(campaigns), pl.DataFrame(runs))


def simulated(plan: SimulationPlan) -> tuple[list[str], pl.DataFrame]:
    """The prompts of the plan's first day and their truth (schema `simulation.truth.PROMPT_TRUTH`), in one order."""
    batches = list(generate_with_truth(plan, DAY))
    texts = pa.Table.from_batches([batch for batch, _ in batches])["prompt"].to_pylist()
    return texts, pl.DataFrame(pa.Table.from_batches([batch for _, batch in batches]))
