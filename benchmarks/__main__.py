"""Run the benchmarks and print what they found."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.results import Result, show

BENCHMARKS = {
    "tokens": ("benchmarks.tokens", 10_000),
    "scaffold": ("benchmarks.scaffold", 40_000),
    "encode": ("benchmarks.encode", 3_000),
    "recipe": ("benchmarks.recipe", 20_000),
    "matching": ("benchmarks.matching", 40_000),
    "prefect": ("benchmarks.overhead", 3_000),
    "help": ("benchmarks.startup", 0),
    "map": ("benchmarks.review_map", 100_000),
    "queue": ("benchmarks.review_queue", 10_000),
    "load": ("benchmarks.review_load", 10_000),
    "deliver": ("benchmarks.deliver", 240_000),
    "quality": ("benchmarks.quality", 3_000),
}
"""The module of each, whose function of the same name does it, and the prompts of its day; 0: it needs none."""


def run(name: str, folder: Path, prompts: int | None = None) -> Result:
    """One benchmark; traffic and homes go below `folder`."""
    module, usual = BENCHMARKS[name]
    work: Callable[..., Result] = getattr(import_module(module), module.rpartition(".")[2])
    return work(prompts or usual, folder) if usual else work()


def main() -> None:
    wanted = _arguments()
    results: dict[str, Result] = {}
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="shoal-bench-") as folder:
        for name in wanted.only or BENCHMARKS:
            before = time.perf_counter()
            results[name] = run(name, Path(folder), wanted.prompts)
            print(f"{name}: {time.perf_counter() - before:.0f} s", file=sys.stderr)
    if wanted.json:
        print(json.dumps({"machine": machine(), **{n: r.to_json() for n, r in results.items()}}, indent=1))
    else:
        show(results)
        print(", ".join(f"{key} {value}" for key, value in machine().items()))
    print(f"all: {time.perf_counter() - started:.0f} s", file=sys.stderr)


def machine() -> dict[str, Any]:
    """What absolute figures depend on; the load tells how far to trust them."""
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--only", action="append", choices=BENCHMARKS, metavar="NAME", help=", ".join(BENCHMARKS)
    )
    parser.add_argument("--prompts", type=int, metavar="N", help="prompts of the (largest) day of each")
    parser.add_argument("--json", action="store_true", help="figures and tables as JSON on stdout")
    return parser.parse_args()


if __name__ == "__main__":
    main()
