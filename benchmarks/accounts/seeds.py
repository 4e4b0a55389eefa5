"""Trials: many drawn days with crude and adaptive operators and all twelve innocent look-alikes."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import polars as pl

from benchmarks.accounts.days import days
from benchmarks.accounts.judge import Found, Verdict, judge, together
from campaigns.records import Tier
from simulation.trials import trial_plan


def trials(seeds: Iterable[int], prompts: int, n_days: int, folder: Path | None = None) -> Verdict:
    """The days of one trial plan per seed, judged; rows are marked with `seed` and `day`."""
    verdicts: list[tuple[Mapping[str, object], Verdict]] = []
    for seed in seeds:
        for day in days(trial_plan(seed, prompts, n_days), folder=folder):
            started = time.perf_counter()
            verdict = judge(day.prompts, day.campaigns, Found.read(day.run))
            verdicts.append(({"seed": seed, "day": day.number}, verdict))
            tell(f"seed {seed} day {day.number}", verdict, day.seconds + time.perf_counter() - started)
    return together(verdicts)


def tell(what: str, verdict: Verdict, seconds: float) -> None:
    """Who was flagged wrongly, as it comes."""
    wrong = verdict.reports.filter((pl.col("tier") != Tier.BENIGN) & ~pl.col("hit")).sort("tier", "kind")
    told = [
        f"{tier}: {kind} ({size})" for tier, kind, size in wrong.select("tier", "kind", "size").iter_rows()
    ]
    print(f"{what}: {seconds:.1f} s" + "".join(f"; wrong at {one}" for one in told), file=sys.stderr)
