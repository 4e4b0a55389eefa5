"""The tables that are printed, written as JSON and put into `docs/limits.md`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import get_args

import polars as pl

from benchmarks.accounts.ablation import ALL
from benchmarks.accounts.judge import TIERS, WITHOUT_TEMPLATE, Verdict
from benchmarks.accounts.stress import AXES, OPERATORS
from benchmarks.results import Cell, Figure, Result
from simulation.parts import Kind

NONE = "-"
PROFILES = ("crude", "adaptive", "full")
LARGEST = (5, 8, 12, 20, 40)
SIZES = ("up to 5", "6 to 8", "9 to 12", "13 to 20", "21 to 40", "more")
"""Accounts of a campaign that day, by the largest of each row."""


def recall(campaigns: pl.DataFrame, tier: str) -> float | None:
    """Part of the campaigns with a template that are found at a tier."""
    return part(campaigns.filter(pl.col("evasion") != WITHOUT_TEMPLATE)[tier])


def precision(reports: pl.DataFrame, tier: str) -> float | None:
    """Part of the reports of a tier that are right."""
    return part(reports.filter(pl.col("tier").is_in(TIERS[tier]))["hit"])


def part(true: pl.Series) -> float | None:
    return float(true.sum()) / len(true) if len(true) else None


def wrong(reports: pl.DataFrame, tier: str) -> pl.DataFrame:
    return reports.filter(pl.col("tier").is_in(TIERS[tier]) & ~pl.col("hit"))


def seed_tables(told: Verdict) -> dict[str, Result]:
    return {
        "seeds": _seeds(told),
        "innocents": _innocents(told),
        "profiles": _split(told.campaigns, "profile", PROFILES, "Campaigns found, by the operator's pains"),
        "evasions": _split(
            told.campaigns,
            "evasion",
            sorted(set(told.campaigns["evasion"])),
            "Campaigns found, by what is done to hide the template",
        ),
        "sizes": _sizes(told.campaigns),
        "named": _named(told),
    }


def _seeds(told: Verdict) -> Result:
    columns = (
        "seed", "campaigns by day", "review: recall", "precision", "innocents", "actionable: recall", "precision ",
        "innocents ", "passers-by named",
    )  # fmt: skip
    rows = [
        _seed_row(str(seed), told, pl.col("seed") == seed) for seed in sorted(set(told.campaigns["seed"]))
    ]
    rows.append(_seed_row("all", told, pl.lit(True)))
    days = told.campaigns.select("seed", "day").unique().height
    pairs = told.pairs
    both = pairs.filter("true", "told").height
    figures = (
        Figure("innocents actionable", wrong(told.reports, "actionable").height, ""),
        *_ratio("operator linkage, precision", both, pairs.filter("told").height),
        *_ratio("operator linkage, recall", both, pairs.filter("true").height),
    )
    title = f"{len(rows) - 1} seeds, {days} days: what was flagged at review or above, and at actionable"
    return Result(title, figures, columns, tuple(rows))


def _ratio(name: str, count: int, of: int) -> tuple[Figure, ...]:
    return (Figure(name, round(count / of, 3), ""),) if of else ()


def _seed_row(name: str, told: Verdict, where: pl.Expr) -> tuple[Cell, ...]:
    campaigns, reports = told.campaigns.filter(where), told.reports.filter(where)
    passers = told.accounts.filter(where).filter("passer", "review").height
    cells: list[Cell] = [name, campaigns.height]
    for tier in TIERS:
        cells += [
            _cell(recall(campaigns, tier)), _cell(precision(reports, tier)), wrong(reports, tier).height
        ]  # fmt: skip
    return (*cells, passers)


def _innocents(told: Verdict) -> Result:
    kinds = [f"benign:{kind}" for kind in get_args(Kind)]
    seen = set(told.reports["kind"])
    rows: list[tuple[Cell, ...]] = []
    for kind in [*kinds, *sorted(seen - {*kinds, "campaign"}), "campaign"]:
        mine = told.reports.filter((pl.col("kind") == kind) & ~pl.col("hit"))
        name = "several operators at once" if kind == "campaign" else kind.removeprefix("benign:")
        rows.append((name, mine.height, wrong(mine, "review").height, wrong(mine, "actionable").height))
    return Result(
        "Families of innocents, by what most of their prompts are", (),
        ("innocents", "families found", "at review or above", "actionable"), tuple(rows),
    )  # fmt: skip


def _sizes(campaigns: pl.DataFrame) -> Result:
    numbered = campaigns.with_columns(size=pl.lit(SIZES[-1]))
    for most, name in zip(reversed(LARGEST), reversed(SIZES[:-1]), strict=True):
        numbered = numbered.with_columns(
            size=pl.when(pl.col("accounts") <= most).then(pl.lit(name)).otherwise("size")
        )
    told = _split(numbered, "size", SIZES, "Campaigns found, by the accounts that sent them that day")
    return replace(told, columns=("accounts", *told.columns[1:]))


def _split(campaigns: pl.DataFrame, column: str, values: Sequence[str], title: str) -> Result:
    rows = []
    for value in values:
        mine = campaigns.filter(pl.col(column) == value)
        rows.append((value, mine.height, *(_percent(part(mine[tier])) for tier in ("grouped", *TIERS))))
    columns = (column, "campaigns", "grouped, %", "review or above, %", "actionable, %")
    return Result(title, (), columns, tuple(rows))


def _named(told: Verdict) -> Result:
    rows: list[tuple[Cell, ...]] = []
    for tier in TIERS:
        named, owed = told.accounts.filter(tier), told.accounts.filter("owed")
        passers = told.accounts.filter("passer")
        rows.append(
            (
                tier, named.height, _cell(part(named["pool"])), _cell(part(owed[tier])),
                passers.filter(tier).height, passers.height,
            )
        )  # fmt: skip
    columns = ("tier", "accounts named", "precision", "recall", "passers-by named", "passers-by")
    return Result("Accounts named with strength 0.5 or more", (), columns, tuple(rows))


def ablation_table(told: Mapping[str, Verdict]) -> Result:
    rows = []
    for name, verdict in told.items():
        cells: list[Cell] = [name if name == ALL else f"without {name}"]
        for tier in TIERS:
            cells += [
                _cell(recall(verdict.campaigns, tier)), _cell(precision(verdict.reports, tier)),
                wrong(verdict.reports, tier).height,
            ]  # fmt: skip
        rows.append(tuple(cells))
    days = told[ALL].campaigns.select("seed", "day").unique().height
    columns = (
        "evidence", "review: recall", "precision", "innocents", "actionable: recall", "precision ", "innocents "
    )  # fmt: skip
    return Result(f"The same {days} days judged without one kind of evidence", (), columns, tuple(rows))


def curve_table(curves: pl.DataFrame) -> Result:
    """Rows of all axes: recall at both tiers and accounts named, for each operator."""
    rows = []
    for axis in AXES:
        for value in axis.values:
            cells: list[Cell] = [axis.name, axis.label(value)]
            for operator in OPERATORS:
                mine = curves.filter(
                    (pl.col("axis") == axis.name)
                    & (pl.col("value") == value)
                    & (pl.col("operator") == operator)
                )
                cells += [_percent(_mean(mine, name)) for name in ("review", "actionable", "named_review")]
            rows.append(tuple(cells))
    columns = ["changed", "to"]
    for number, operator in enumerate(OPERATORS):
        columns += [
            f"{operator}: review, %",
            f"actionable, %{' ' * number}",
            f"accounts named, %{' ' * number}",
        ]
    seeds = curves["seed"].n_unique()
    return Result(f"Found of {seeds} pools each, by what is changed", (), tuple(columns), tuple(rows))


def situation_table(told: pl.DataFrame) -> Result:
    rows = []
    for name in told["situation"].unique(maintain_order=True):
        mine = told.filter(pl.col("situation") == name)
        named = [_percent(_mean(mine, f"named_{tier}")) for tier in TIERS]
        rows.append((name, mine.height, int(mine["review"].sum()), int(mine["actionable"].sum()), *named))
    columns = (
        "situation",
        "pools",
        "at review or above",
        "actionable",
        "accounts named, %",
        "in actionable ones, %",
    )
    return Result("Pools found", (), columns, tuple(rows))


def _mean(rows: pl.DataFrame, column: str) -> float | None:
    values = rows[column].cast(pl.Float64)
    return float(values.sum()) / len(values) if len(values) else None


def _cell(value: float | None) -> Cell:
    return NONE if value is None else round(value, 3)


def _percent(value: float | None) -> Cell:
    return NONE if value is None else round(100 * value)
