"""Judge account-side evidence on simulated days: `seeds`, `ablation` and `stress`, or `all` of them."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from benchmarks.__main__ import machine
from benchmarks.accounts import chart, page, tables
from benchmarks.accounts.ablation import ablation
from benchmarks.accounts.seeds import trials
from benchmarks.accounts.stress import curves, situations
from benchmarks.results import Result, show
from campaigns.errors import ShoalError


@dataclass(frozen=True, slots=True)
class Told:
    """What an experiment says: tables by name, rows for JSON, and what draws its picture."""

    tables: Mapping[str, Result]
    rows: Mapping[str, pl.DataFrame]
    draw: Callable[[], None] | None = None


def main() -> None:
    wanted = _arguments()
    try:
        told = {name: _timed(name, wanted) for name in _chosen(wanted.experiment)}
        made = {name: table for one in told.values() for name, table in one.tables.items()}
        if wanted.json:
            rows = {name: table.to_dicts() for one in told.values() for name, table in one.rows.items()}
            print(json.dumps({"machine": machine(), "tables": _json(made), **rows}, indent=1))
        else:
            show(made)
        if wanted.docs:
            for one in told.values():
                if one.draw is not None:
                    one.draw()
            page.fill(made, {f"made-{name}": _made(name, wanted) for name in told})
    except ShoalError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


def _chosen(experiment: str) -> list[str]:
    return list(EXPERIMENTS) if experiment == "all" else [experiment]


def _timed(name: str, wanted: argparse.Namespace) -> Told:
    started = time.perf_counter()
    told = EXPERIMENTS[name].run(wanted)
    print(f"{name}: {time.perf_counter() - started:.0f} s", file=sys.stderr)
    return told


def _seeds(wanted: argparse.Namespace) -> Told:
    told = trials(_numbers("seeds", wanted), wanted.prompts, wanted.days)
    frames = {"campaigns": told.campaigns, "reports": told.reports, "accounts": told.accounts}
    return Told(tables.seed_tables(told), frames)


def _ablation(wanted: argparse.Namespace) -> Told:
    told = ablation(_numbers("ablation", wanted), wanted.prompts, wanted.days)
    return Told({"ablation": tables.ablation_table(told)}, {})


def _stress(wanted: argparse.Namespace) -> Told:
    numbers = _numbers("stress", wanted)
    found, cases = curves(numbers, wanted.prompts), situations(numbers, wanted.prompts)
    made = {"situations": tables.situation_table(cases), "curves": tables.curve_table(found)}
    return Told(made, {"points": found, "cases": cases}, lambda: chart.draw(found, page.CHART))


@dataclass(frozen=True, slots=True)
class Experiment:
    """`seeds`: how many, unless the command line says so."""

    run: Callable[[argparse.Namespace], Told]
    seeds: int


EXPERIMENTS = {
    "seeds": Experiment(_seeds, 20),
    "ablation": Experiment(_ablation, 4),
    "stress": Experiment(_stress, 3),
}


def _numbers(name: str, wanted: argparse.Namespace) -> range:
    return range(wanted.first, wanted.first + (wanted.seeds or EXPERIMENTS[name].seeds))


def _json(made: Mapping[str, Result]) -> dict[str, Any]:
    return {name: table.to_json() for name, table in made.items()}


def _made(name: str, wanted: argparse.Namespace) -> str:
    """What the figures were made with, so that they can be made again."""
    numbers = _numbers(name, wanted)
    days = "" if name == "stress" else f", {wanted.days} days each"
    return (
        f"Made with `python -m benchmarks.accounts {name}`: seeds {numbers[0]} to {numbers[-1]}, "
        f"{wanted.prompts:,} prompts a day{days}."
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accounts", description=__doc__)
    add: Any = parser.add_argument
    add("experiment", choices=[*EXPERIMENTS, "all"])
    add("--seeds", type=int, metavar="N", help="how many; default 20, 4 and 3")
    add("--first", type=int, default=1, metavar="N", help="the first seed; default 1")
    add("--prompts", type=int, default=8_000, metavar="N", help="of a day; default 8,000")
    add("--days", type=int, default=3, metavar="N", help="of a trial; default 3")
    add("--json", action="store_true", help="tables and rows as JSON on stdout")
    add("--docs", action="store_true", help="write the tables of docs/limits.md, and its picture")
    return parser.parse_args()


if __name__ == "__main__":
    main()
