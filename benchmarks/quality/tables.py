"""The tables that are printed, written as JSON and put into the documentation."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import polars as pl

from benchmarks.measure import growth
from benchmarks.quality.bench import CEILING, Outcome
from benchmarks.quality.design import LEVELS
from benchmarks.results import Cell, Figure, Result
from simulation.truth import HELD

TARGET = 30
"""Prompts of a family from which on it is meant to be found; smaller ones are told apart."""
SMALLEST = 8
"""Families below this are not counted: a wording of a small campaign may have a single prompt."""
NONE = "-"
FOUND = (
    f"{TARGET}+", "found, %", f"{SMALLEST}-{TARGET - 1}", "found, % ", "campaigns", "found, %  ",
    "precision", "recall", "F1",
)  # fmt: skip
"""What every summary tells: families by their prompts, campaigns, B-cubed. Blanks tell equal heads apart."""
DONE: dict[str, str] = {
    "e0": "nothing",
    "e1": "long slots, passages recur",
    "e2": "Unicode noise",
    "e3": "random sentences around",
    "e4": "several wordings",
    "e5": "several languages",
    "e6": "reworded each time",
    "e7": "two campaigns, one pool",
    "e9": "many wordings, each reworded",
}
SIZE_BUCKETS = (8, 15, 30, 60, 120, 250, 501)
ACCOUNT_BUCKETS = (1, 5, 10, 20, 50, 100, 401)
PREVALENCE_BUCKETS = (0.0002, 0.0005, 0.001, 0.003, 0.01, 0.0301)


def tables(outcome: Outcome) -> dict[str, Result]:
    """By name; every comparison is over the days that all methods had."""
    common = outcome.on_common_days()
    everything = common.families.filter(pl.col("prompts") >= SMALLEST)
    target, small = _split(everything)
    sizes = [
        ((f"{low} to {high - 1}",), within(everything, "prompts", low, high))
        for low, high in pairs(SIZE_BUCKETS)
    ]
    spreads = [
        ((f"{low} to {high - 1}",), within(everything, "accounts", low, high))
        for low, high in pairs(ACCOUNT_BUCKETS)
    ]
    parts = [
        ((f"{100 * low:g} to {100 * high:.2g} %",), within(everything, "prevalence", low, high))
        for low, high in pairs(PREVALENCE_BUCKETS)
    ]
    return {
        "methods": _methods(common),
        "levels": _compared(
            f"Families of {TARGET} or more prompts recovered, %, by what is done to hide the template",
            common.methods, ("level", "done to hide it"), _by_level(target),
        ),
        "small-levels": _compared(
            f"Families of {SMALLEST} to {TARGET - 1} prompts recovered, %",
            common.methods, ("level", "done to hide it"), _by_level(small),
        ),
        "sizes": _compared(
            "Families recovered, %, by their prompts", common.methods, ("prompts",), sizes
        ),
        "accounts": _compared(
            "Families recovered, %, by the accounts that sent them", common.methods, ("accounts",), spreads
        ),
        "prevalence": _compared(
            "Families recovered, %, by their part of the day",
            common.methods, ("part of the day",), parts,
        ),
        "all-levels": _all_levels(outcome),
        "floor": _floor(outcome),
        "volumes": volumes(outcome),
    }  # fmt: skip


def pairs(bounds: Sequence[float]) -> list[tuple[float, float]]:
    """Neighbours: lower bound, and the first value that is too large."""
    return list(pairwise(bounds))


def recovered(families: pl.DataFrame) -> float | None:
    """Share of the rows; None of no rows."""
    return float(families["recovered"].sum()) / families.height if families.height else None


def ordinary_growth(runs: pl.DataFrame) -> float | None:
    """Exponent of the groups of ordinary prompts over the volume, the mean of days of one volume at least one.

    None if there is one volume only.
    """
    means = runs.group_by("volume").agg(pl.col("ordinary").mean()).sort("volume")
    if means.height < 2:
        return None
    return growth(means["volume"].to_list(), means["ordinary"].clip(1).to_list())


def _methods(outcome: Outcome) -> Result:
    """What was planted stands in the title, for it is the same for all."""
    ceiling = _only(outcome, CEILING)
    sent = sorted(ceiling.runs["volume"].to_list())
    large, small, campaigns = _found(ceiling)[0:6:2]
    title = (
        f"{len(sent)} days of {sent[0]:,} to {sent[-1]:,} prompts, {sum(sent):,} in all: {campaigns} campaigns, "
        f"{large} families of {TARGET} or more prompts, {small} of {SMALLEST} to {TARGET - 1}"
    )
    columns = (
        "method", f"{TARGET}+ found, %", f"{SMALLEST}-{TARGET - 1} found, %", "campaigns found, %",
        "precision", "recall", "F1", "ordinary groups a day", "their growth", "s per 10,000",
    )  # fmt: skip
    return Result(title, (), columns, tuple(_method(outcome, name) for name in (*outcome.methods, CEILING)))


def _method(outcome: Outcome, name: str) -> tuple[Cell, ...]:
    mine = _only(outcome, name)
    found = _found(mine)
    shares = (*found[1:6:2], *found[6:])
    if name == CEILING:
        return (name, *shares, NONE, NONE, NONE)
    exponent = ordinary_growth(mine.runs)
    return (
        name,
        *shares,
        float(mine.runs["ordinary"].sum()) / mine.runs.height,
        NONE if exponent is None else f"n^{exponent:.2f}",
        1e4 * float(mine.runs["seconds"].sum()) / float(mine.runs["volume"].sum()),
    )


def b_cubed(campaigns: pl.DataFrame) -> tuple[Cell, Cell, Cell]:
    """Precision, recall and their harmonic mean over all prompts; a dash for the precision of nothing."""
    grouped = int(campaigns["grouped"].sum())
    recall = float(campaigns["recall_sum"].sum()) / int(campaigns["prompts"].sum())
    if not grouped:
        return NONE, 0.0, 0.0
    precision = float(campaigns["precision_sum"].sum()) / grouped
    both = 2 * precision * recall / (precision + recall)
    return round(precision, 3), round(recall, 3), round(both, 3)


def volumes(outcome: Outcome) -> Result:
    """The first method over every day, by volume."""
    mine = _only(outcome, outcome.methods[0])
    rows: list[tuple[Cell, ...]] = []
    for volume in sorted(set(mine.runs["volume"])):
        day = mine.where(pl.col("volume") == volume)
        ordinary, seconds = (
            float(day.runs[name].sum()) / day.runs.height for name in ("ordinary", "seconds")
        )
        rows.append((f"{volume:,}", day.runs.height, *_found(day), ordinary, seconds))
    exponent = ordinary_growth(mine.runs)
    figures = () if exponent is None else (Figure("growth of the ordinary groups", exponent, "n^"),)
    columns = ("prompts a day", "days", *FOUND, "ordinary", "seconds")
    return Result(f"{outcome.methods[0]} on every day", figures, columns, tuple(rows))


def _all_levels(outcome: Outcome) -> Result:
    mine = _only(outcome, outcome.methods[0])
    rows = [
        (level, *_found(mine.where(pl.col("level") == level)))
        for level in LEVELS
        if level in set(mine.campaigns["level"])
    ]
    return Result(
        f"{outcome.methods[0]} by level, on every day", (), ("level", *FOUND), (*rows, ("all", *_found(mine)))
    )


def _floor(outcome: Outcome) -> Result:
    """The first method's share of families by size and volume, and of how many."""
    families = _only(outcome, outcome.methods[0]).families
    sent = sorted(set(families["volume"]))
    rows: list[tuple[Cell, ...]] = []
    for low, high in pairs(SIZE_BUCKETS):
        some = within(families, "prompts", low, high)
        of = [some.filter(pl.col("volume") == volume) for volume in sent]
        rows.append(
            (
                f"{low} to {high - 1}",
                *(f"{_percent(recovered(one))} of {one.height}" if one.height else NONE for one in of),
            )
        )
    heads = ("prompts", *(f"day of {volume:,}" for volume in sent))
    return Result(
        f"{outcome.methods[0]}'s floor: families recovered, %, by size and volume", (), heads, tuple(rows)
    )


def _only(outcome: Outcome, method: str) -> Outcome:
    return outcome.where(pl.col("method") == method)


def _found(outcome: Outcome) -> tuple[Cell, ...]:
    """Cells of the columns `FOUND`."""
    target, small = _split(outcome.families.filter(pl.col("prompts") >= SMALLEST))
    covered = outcome.campaigns.select((pl.col("covered") >= HELD).alias("recovered"))
    shares = [cell for rows in (target, small, covered) for cell in (rows.height, _percent(recovered(rows)))]
    return (*shares, *b_cubed(outcome.campaigns))


def _compared(
    title: str,
    methods: Sequence[str],
    heads: tuple[str, ...],
    parts: Sequence[tuple[tuple[str, ...], pl.DataFrame]],
) -> Result:
    """A row per part, a column per method; parts in which nothing was planted are left out."""
    rows: list[tuple[Cell, ...]] = []
    for names, families in parts:
        of = {method: families.filter(pl.col("method") == method) for method in methods}
        count = of[methods[0]].height
        if count:
            rows.append((*names, count, *(_percent(recovered(of[method])) for method in methods)))
    return Result(title, (), (*heads, "planted", *methods), tuple(rows))


def _by_level(families: pl.DataFrame) -> list[tuple[tuple[str, ...], pl.DataFrame]]:
    parts = [((level, DONE[level]), families.filter(pl.col("level") == level)) for level in LEVELS]
    return [*parts, (("all", ""), families)]


def _split(families: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    large = pl.col("prompts") >= TARGET
    return families.filter(large), families.filter(~large)


def within(families: pl.DataFrame, column: str, low: float, high: float) -> pl.DataFrame:
    """Rows from `low` up to but not including `high`."""
    return families.filter((pl.col(column) >= low) & (pl.col(column) < high))


def _percent(share: float | None) -> Cell:
    return NONE if share is None else round(100 * share)
