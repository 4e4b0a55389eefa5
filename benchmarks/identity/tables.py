"""Months as tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import polars as pl

from benchmarks.identity.judge import INNOCENT, Verdict
from benchmarks.identity.trials import AGAIN, Month
from benchmarks.results import Cell, Figure, Result

ALL = "all"
PLANTED = pl.col("life") != INNOCENT
NEXT_DAY = pl.col("since") == 1
NONE = "-"


def made(months: Sequence[Month]) -> dict[str, Result]:
    """By name of the block that they fill."""
    return {
        "identity": identity_table(months),
        "lives": lives_table(months),
        "changes": changes_table(months),
        "again": again_table(months),
    }


def identity_table(months: Sequence[Month]) -> Result:
    """One row per seed: campaign-days, ids kept by what happened in between, ids reused."""
    rows = [_row(str(one.seed), [one.verdict]) for one in months]
    rows.append(_row(ALL, [one.verdict for one in months]))
    steps = pl.concat([one.verdict.steps for one in months])
    found = pl.concat([one.verdict.sightings for one in months]).filter(PLANTED)["found"]
    reused = pl.concat([one.verdict.reused for one in months])
    figures = (
        *_share("campaign-days found", found),
        *_share("ids kept on consecutive days", steps.filter(PLANTED, NEXT_DAY)["kept"]),
        *_share("one of the ids of the day before", steps.filter(PLANTED, NEXT_DAY)["among"]),
        *_share("ids kept over a pause", steps.filter(_after("return"))["kept"]),
        *_share("ids kept over renewed accounts", steps.filter(_after("renew"))["kept"]),
        *_share("ids kept over a rewritten template", steps.filter(_after("rewrite"))["kept"]),
        *_share("ids of innocents kept", steps.filter(~PLANTED, NEXT_DAY)["kept"]),
        Figure("ids reused", reused.height, ""),
        Figure("ids of them that a campaign begun anew took over", reused.filter("continued").height, ""),
    )
    columns = (
        "seed", "found, campaign-days", "of", "kept, next day", "of ", "kept, pause", "of  ", "kept, renewed", "of   ",
        "kept, rewritten", "of    ", "ids reused",
    )  # fmt: skip
    return Result(f"{len(months)} months: ids of planted campaigns", figures, columns, tuple(rows))


def _row(name: str, verdicts: Sequence[Verdict]) -> tuple[Cell, ...]:
    sightings = pl.concat([one.sightings for one in verdicts]).filter(PLANTED)
    steps = pl.concat([one.steps for one in verdicts]).filter(PLANTED)
    cells: list[Cell] = [name, int(sightings["found"].sum()), sightings.height]
    for where in (NEXT_DAY, _after("return"), _after("renew"), _after("rewrite")):
        mine = steps.filter(where)
        cells += [int(mine["kept"].sum()), mine.height]
    return (*cells, sum(one.reused.height for one in verdicts))


def lives_table(months: Sequence[Month]) -> Result:
    """What was done to hide, and how the ids fared from one day to the next."""
    steps = pl.concat([one.verdict.steps for one in months]).filter(NEXT_DAY)
    sightings = pl.concat([one.verdict.sightings for one in months])
    rows: list[tuple[Cell, ...]] = []
    for column in ("life", "evasion"):
        for value in sorted(set(sightings[column]) - {NONE}):
            seen, mine = sightings.filter(pl.col(column) == value), steps.filter(pl.col(column) == value)
            pieces = seen.filter("found")["ids"].list.len()
            rows.append(
                (
                    value, seen.height, _percent(seen["found"]), _mean(pieces), mine.height, _percent(mine["kept"]),
                    _percent(mine["among"]),
                )
            )  # fmt: skip
    columns = (
        "life, evasion", "campaign-days", "found, %", "ids a day", "next days", "kept, %", "one of the day before, %"
    )  # fmt: skip
    return Result("Ids from one day to the next", (), columns, tuple(rows))


def changes_table(months: Sequence[Month]) -> Result:
    """Splits, merges and new beginnings: planted, seen, told; and told though none was planted: of pieces of one
    campaign, or invented."""
    changes = pl.concat([one.verdict.changes for one in months])
    invented = pl.concat([one.verdict.invented for one in months])
    campaign_days = sum(int(one.verdict.sightings["found"].sum()) for one in months)
    seen = changes.filter("seen")
    rows: list[tuple[Cell, ...]] = []
    for event, told_as in (("split", "split"), ("merge", "merged"), ("new", "")):
        mine, visible = changes.filter(pl.col("event") == event), seen.filter(pl.col("event") == event)
        others = invented.filter(pl.col("event") == told_as)["pieces"]
        of_pieces: tuple[Cell, Cell] = (int(others.sum()), int((~others).sum())) if told_as else (NONE, NONE)
        rows.append(
            (
                event if event != "new" else "begun anew", mine.height, visible.height, int(visible["told"].sum()),
                int((visible["asked"] & ~visible["told"]).sum()), int(visible["kept"].sum()), *of_pieces,
            )
        )  # fmt: skip
    both = seen.filter(pl.col("event") != "new")
    told = both["told"]
    wrong = int((~invented["pieces"]).sum())
    figures = (
        Figure("invented, of all told", wrong / max(wrong + int(told.sum()), 1), ""),
        Figure("invented, of 1,000 campaign-days", 1_000 * wrong / max(campaign_days, 1), ""),
    )
    columns = (
        "change", "planted", "seen on both sides", "told in time", "else asked", "an id goes on", "of pieces",
        "invented",
    )  # fmt: skip
    return Result(
        "Splits, merges and new beginnings",
        (*_share("splits and merges told", told), *_share("told or asked", told | both["asked"]), *figures),
        columns,
        tuple(rows),
    )


def again_table(months: Iterable[Month]) -> Result:
    """The middle day done again: the part of its prompts under the same id."""
    rows = tuple((str(one.seed), *(_cell(one.again.get(how)) for how in AGAIN)) for one in months)
    return Result("The middle day done again: prompts under the same id, %", (), ("seed", *AGAIN), rows)


def _after(event: str) -> pl.Expr:
    return pl.col("events").list.contains(event)


def _share(name: str, flags: pl.Series) -> tuple[Figure, ...]:
    return (Figure(name, round(float(flags.sum()) / flags.len(), 4), ""),) if flags.len() else ()


def _percent(flags: pl.Series) -> Cell:
    return round(100 * float(flags.sum()) / flags.len(), 1) if flags.len() else NONE


def _mean(values: pl.Series) -> Cell:
    return round(float(values.sum()) / values.len(), 2) if values.len() else NONE


def _cell(share: float | None) -> Cell:
    return NONE if share is None else round(100 * share, 2)
