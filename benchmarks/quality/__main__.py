"""Judge Shoal and the baselines on simulated days, side by side in this process."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.__main__ import machine
from benchmarks.quality import chart, page
from benchmarks.quality.baselines import baselines, versions
from benchmarks.quality.bench import Outcome, run
from benchmarks.quality.design import LARGE, VOLUMES, plans
from benchmarks.quality.methods import Shoal
from benchmarks.quality.tables import tables
from benchmarks.results import show
from campaigns.errors import ShoalError
from simulation.plan import small_plan

BASELINE_PROMPTS = 10_000
"""Days above are for Shoal alone: encoding every prompt would take the baselines most of an hour."""


def main() -> None:
    wanted = _arguments()
    try:
        outcome = _run(wanted)
        made = tables(outcome)
        if wanted.json:
            rows = {name: getattr(outcome, name).to_dicts() for name in ("runs", "campaigns", "families")}
            told = {name: table.to_json() for name, table in made.items()}
            print(json.dumps({"machine": machine(), "tables": told, **rows}, indent=1))
        else:
            show(made)
        if wanted.docs:
            chart.draw(outcome, page.CHART)
            page.write(
                page.PAGE, {name: page.markdown(table) for name, table in made.items()} | _made(wanted)
            )
    except ShoalError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


def _run(wanted: argparse.Namespace) -> Outcome:
    others = () if wanted.no_baselines else baselines()
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="shoal-bench-") as home:
        shoal = Shoal(Path(home))
        # So that nobody's first day pays for compiling and loading.
        run((small_plan(),), (shoal, *others))
        volumes = [*wanted.days, *((LARGE,) if wanted.large else ())]
        outcome = run(
            list(plans(volumes, seed=wanted.seed)),
            (shoal,),
            baselines=others,
            largest=wanted.baseline_prompts,
        )
    print(f"all: {time.perf_counter() - started:.0f} s", file=sys.stderr)
    return outcome


def _made(wanted: argparse.Namespace) -> dict[str, str]:
    """With what the figures were made: a day later they are compared by this line."""
    where = machine()
    packages = {} if wanted.no_baselines else versions()
    parts = [
        f"{where['cores']} cores",
        f"Python {where['python']}",
        *(f"{n} {v}" for n, v in packages.items()),
    ]
    return {"made": f"Made with {', '.join(parts)}; seed {wanted.seed}."}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__)
    add: Any = parser.add_argument
    add("--days", type=int, nargs="+", default=list(VOLUMES), metavar="N", help="prompts of each day")
    add("--large", action="store_true", help=f"one more day, of {LARGE:,} prompts")
    add("--seed", type=int, default=1, metavar="N", help="of every draw; default 1")
    add("--no-baselines", action="store_true", help="Shoal alone")
    add(
        "--baseline-prompts", type=int, default=BASELINE_PROMPTS, metavar="N",
        help=f"largest day of the baselines; default {BASELINE_PROMPTS:,}",
    )  # fmt: skip
    add("--json", action="store_true", help="tables and rows as JSON on stdout")
    add("--docs", action="store_true", help="write docs/quality.md and its picture")
    return parser.parse_args()


if __name__ == "__main__":
    main()
