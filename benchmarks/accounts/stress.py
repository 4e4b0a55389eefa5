"""Limits: one pool among ordinary accounts and their look-alikes, one thing about it changed at a time.

Nobody passes by: those who copy a template may be more than a tiny pool, and a report of both would count as missed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.accounts.days import days
from benchmarks.accounts.judge import TIERS, Found, Verdict, judge
from benchmarks.accounts.seeds import tell
from simulation.plan import SimulationPlan
from simulation.trials import DAYTIME, stress_plan

OPERATORS: Mapping[str, Collection[Any]] = {"crude": (), "careful": DAYTIME}
"""Pains: a crude operator works round the clock and deals evenly, a careful one by day and unevenly."""
ACCOUNTS, EACH, COVER, LEAKS = 24, 3, 0.3, 3
"""The pool that is changed: its accounts, prompts of each, cover and leaks."""


@dataclass(frozen=True, slots=True)
class Axis:
    """What is changed, and over which values."""

    name: str
    values: tuple[float, ...]
    is_part: bool = False

    def label(self, value: float) -> str:
        return f"{100 * value:g} %" if self.is_part else f"{value:g}"


AXES = (
    Axis("cover traffic", (0.0, 0.2, 0.4, 0.6, 0.75, 0.9), is_part=True),
    Axis("accounts of the pool", (5, 10, 20, 40, 100, 400)),
    Axis("part of the day's prompts", (0.0002, 0.0005, 0.001, 0.003, 0.01, 0.03), is_part=True),
    Axis("leaks", (0, 1, 2, 3, 4)),
)


def plan(axis: str, value: float, operator: str, seed: int, prompts: int) -> SimulationPlan:
    """The pool of `ACCOUNTS` accounts with one thing changed. One of another size sends `EACH` prompts an account, one
    of another prevalence keeps its accounts."""
    given: dict[str, Any] = {"accounts": ACCOUNTS, "cover": COVER, "leaks": LEAKS}
    sent = ACCOUNTS * EACH / prompts
    if axis == "cover traffic":
        given["cover"] = value
    elif axis == "accounts of the pool":
        given["accounts"], sent = int(value), value * EACH / prompts
    elif axis == "part of the day's prompts":
        sent = value
    else:
        given["leaks"] = int(value)
    given |= {"prevalence": sent, "pains": OPERATORS[operator]}
    return alone(stress_plan(seed, **given, prompts_per_day=prompts))


def alone(planned: SimulationPlan) -> SimulationPlan:
    """The plan without passers-by."""
    return replace(planned, innocents=tuple(one for one in planned.innocents if one.kind != "passer-by"))


def curves(
    seeds: Sequence[int], prompts: int, axes: Iterable[Axis] = AXES, folder: Path | None = None
) -> pl.DataFrame:
    """One row per point and seed: axis, value, operator, seed, what `outcome` tells."""
    rows = []
    for axis in axes:
        for value in axis.values:
            for operator in OPERATORS:
                for seed in seeds:
                    what = {"axis": axis.name, "value": float(value), "operator": operator, "seed": seed}
                    planned = plan(axis.name, value, operator, seed, prompts)
                    rows += [
                        what | one
                        for one in _judged(planned, f"{axis.name} {value:g} {operator}", (), folder)
                    ]
    return pl.DataFrame(rows)


def outcome(verdict: Verdict) -> dict[str, Any]:
    """Whether the pool is found at each tier, the part of its accounts that is named there, and wrong reports."""
    owed = verdict.accounts.filter("owed")
    told: dict[str, Any] = {
        "prompts": verdict.campaigns["prompts"].sum(),
        "accounts": verdict.campaigns["accounts"].sum(),
    }
    for tier, flagged in TIERS.items():
        told[tier] = bool(verdict.campaigns[tier].any())
        told[f"named_{tier}"] = float(owed[tier].mean() or 0.0) if len(owed) else 0.0  # type: ignore[arg-type]
        told[f"wrong_{tier}"] = verdict.reports.filter(pl.col("tier").is_in(flagged) & ~pl.col("hit")).height
    return told


@dataclass(frozen=True, slots=True)
class Situation:
    """A case of its own: `given` to `stress_plan`, judged on the last of `n_days` days."""

    name: str
    given: Mapping[str, Any]
    n_days: int = 1
    without: tuple[str, ...] = field(default=())


_POOL = {"accounts": 60, "prevalence": 0.0225, "cover": 0.2, "leaks": 4}
_ONCE = {"accounts": 60, "prevalence": 0.0075, "cover": 0.2, "leaks": 4}
_ALL_PAINS = ("aged", "diurnal", "residential")
_OPTIONAL = (
    "system_prompt", "organization_id", "api_key_id", "model", "user_agent", "ip", "asn", "country",
    "payment_fingerprint", "account_created_at", "input_tokens", "output_tokens",
)  # fmt: skip
SITUATIONS = (
    Situation("for comparison: 60 accounts, three prompts each, four leaks", _POOL),
    Situation("relayed prompts without a template (e8)", {**_POOL, "evasion": "e8"}),
    Situation("one prompt per account, first day", _ONCE),
    Situation("one prompt per account, third day", _ONCE, n_days=3),
    Situation("no organization column", _POOL, without=("organization_id",)),
    Situation("no account column but the id", _POOL, without=_OPTIONAL),
    Situation(
        "all pains, no leak, 20 % cover, third day", {**_POOL, "leaks": 0, "pains": _ALL_PAINS}, n_days=3
    ),
    Situation(
        "all pains, no leak, 75 % cover, third day",
        {**_POOL, "leaks": 0, "cover": 0.75, "pains": _ALL_PAINS},
        n_days=3,
    ),
)


def situations(
    seeds: Sequence[int], prompts: int, chosen: Iterable[Situation] = SITUATIONS, folder: Path | None = None
) -> pl.DataFrame:
    """One row per situation and seed: situation, seed, what `outcome` tells of the last day."""
    rows = []
    for one in chosen:
        for seed in seeds:
            planned = stress_plan(
                seed, **{"pains": (), **one.given}, prompts_per_day=prompts, days=one.n_days
            )
            last = list(_judged(alone(planned), one.name, one.without, folder))[-1]
            rows.append({"situation": one.name, "seed": seed} | last)
    return pl.DataFrame(rows)


def _judged(
    planned: SimulationPlan, what: str, without: Sequence[str], folder: Path | None
) -> Iterator[dict[str, Any]]:
    for day in days(planned, without, folder):
        verdict = judge(day.prompts, day.campaigns, Found.read(day.run))
        tell(f"{what} seed {planned.seed}", verdict, day.seconds)
        yield outcome(verdict)
