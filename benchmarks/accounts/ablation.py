"""What each kind of evidence is worth: the same days judged again without it.

Evidence is computed once per day. A signal that is left out reads as one that was not tested. Without a test of whose
topics the slots are nothing is actionable at all, so a second row takes the answer for granted.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from accounts.evidence import Evidence
from accounts.judging import DayCases, Mask, judge_campaigns
from accounts.link import campaign_accounts
from accounts.signals.reading import Group
from accounts.signals.topics import Topics
from benchmarks.accounts.days import Day, days
from benchmarks.accounts.judge import Found, Verdict, judge, together
from simulation.trials import trial_plan

ALL = "everything"


def without_group(group: Group) -> Mask:
    def mask(evidence: Evidence) -> Evidence:
        return _untested(evidence, lambda one: one == group)

    return mask


def without_topics(evidence: Evidence) -> Evidence:
    """Whose topics the slots are was not tested: nothing is explained by it, and nothing is actionable."""
    return replace(evidence, topics=None)


def dealt_for_granted(evidence: Evidence) -> Evidence:
    """Slots are taken to be dealt out, whosoever's they are."""
    return replace(evidence, topics=Topics(100, 0.5, 0.01, 1.0, np.full(99, 1.0)))


def without_bare(evidence: Evidence) -> Evidence:
    """Nobody asks whether prompts put something into the template."""
    return replace(evidence, slots=replace(evidence.slots, bare=0.0))


def _untested(evidence: Evidence, left_out: Callable[[Group], bool]) -> Evidence:
    readings = tuple(
        replace(one, value=np.nan, p_value=np.nan) if left_out(one.group) else one
        for one in evidence.readings
    )
    return replace(evidence, readings=readings)


MASKS: Mapping[str, Mask] = {
    ALL: lambda evidence: evidence,
    "slot topics, not tested": without_topics,
    "slot topics, taken as dealt out": dealt_for_granted,
    "bare prompts": without_bare,
    "evenness": without_group(Group.EVENNESS),
    "other traffic": without_group(Group.VOLUME),
    "timing": without_group(Group.TIMING),
    "registration": without_group(Group.REGISTRATION),
    "infrastructure": without_group(Group.INFRASTRUCTURE),
    "shared accounts (graph)": without_group(Group.GRAPH),
}
"""What is left out, by what it is called."""


def ablation(
    seeds: Iterable[int], prompts: int, n_days: int, folder: Path | None = None
) -> dict[str, Verdict]:
    """By what is left out, the days of one trial plan per seed."""
    verdicts: dict[str, list[tuple[Mapping[str, object], Verdict]]] = {name: [] for name in MASKS}
    for seed in seeds:
        for day in days(trial_plan(seed, prompts, n_days), folder=folder):
            cases = day_cases(day)
            evidence = cases.evidence()
            for name, mask in MASKS.items():
                told = retold(day, cases, evidence, mask)
                where: Mapping[str, object] = {"seed": seed, "day": day.number}
                verdicts[name].append((where, judge(day.prompts, day.campaigns, told)))
            print(f"seed {seed} day {day.number}: ablated", file=sys.stderr)
    return {name: together(each) for name, each in verdicts.items()}


def day_cases(day: Day) -> DayCases:
    return DayCases.read(day.run, [one.path for one in day.before], day.settings.seed)


def retold(day: Day, cases: DayCases, evidence: Sequence[Evidence], mask: Mask) -> Found:
    """What the run would say if `mask` left of the evidence were all there is.

    Args:
        evidence: `cases.evidence()`.
    """
    states = day.run.table("matchers", ["state"])["state"].to_pylist()
    judged = judge_campaigns(
        cases,
        evidence,
        [{} for _ in evidence],
        [states[case.lead] for case in cases.found],
        day.settings.tier,
        mask=mask,
    )
    found = Found.read(day.run)
    tiers = {name: str(one.tier) for name, one in zip(cases.ids, judged.verdicts, strict=True)}
    return replace(
        found,
        reports=found.reports.with_columns(
            tier=pl.col("campaign_id").replace_strict(tiers, return_dtype=pl.String)
        ),
        accounts=campaign_accounts(cases.found, cases.ids, judged.belonging).select(found.accounts.columns),
    )
