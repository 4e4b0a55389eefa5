"""Judge the ids of campaigns over simulated months."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

import polars as pl

from benchmarks.__main__ import machine
from benchmarks.identity import page, tables
from benchmarks.identity.trials import Month, months
from benchmarks.results import show
from campaigns.errors import ShoalError


def main() -> None:
    wanted = _arguments()
    try:
        seeds = range(wanted.first, wanted.first + wanted.seeds)
        judged = months(seeds, wanted.days, wanted.prompts)
        made = tables.made(judged)
        if wanted.json:
            said = {name: table.to_json() for name, table in made.items()}
            print(json.dumps({"machine": machine(), "tables": said, **_rows(judged)}, indent=1))
        else:
            show(made)
        if wanted.docs:
            page.fill(made, _made(seeds, wanted))
    except ShoalError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


def _rows(judged: list[Month]) -> dict[str, Any]:
    """Every step, change, reuse and invention, marked with its seed."""

    def all_of(name: str) -> list[dict[str, Any]]:
        parts: list[tuple[int, pl.DataFrame]] = [(one.seed, getattr(one.verdict, name)) for one in judged]
        return pl.concat([rows.with_columns(seed=pl.lit(seed)) for seed, rows in parts]).to_dicts()

    return {name: all_of(name) for name in ("sightings", "steps", "changes", "reused", "invented")}


def _made(seeds: range, wanted: argparse.Namespace) -> str:
    """What the figures were made with, so that they can be made again."""
    which = f"seeds {seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else f"seed {seeds[0]}"
    return f"Made with `python -m benchmarks.identity`: {which}, {wanted.days} days, {wanted.prompts:,} prompts a day."


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.identity", description=__doc__)
    add: Any = parser.add_argument
    add("--seeds", type=int, default=1, metavar="N", help="how many months; default 1")
    add("--first", type=int, default=1, metavar="N", help="the first seed; default 1")
    add("--days", type=int, default=30, metavar="N", help="of a month; default 30")
    add("--prompts", type=int, default=4_000, metavar="N", help="of a day; default 4,000")
    add("--json", action="store_true", help="tables and rows as JSON on stdout")
    add("--docs", action="store_true", help="write the tables of docs/identity.md")
    wanted = parser.parse_args()
    if wanted.seeds < 1:
        parser.error("--seeds is at least 1")
    return wanted


if __name__ == "__main__":
    main()
