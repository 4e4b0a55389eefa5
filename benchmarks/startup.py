"""How long does `shoal --help` keep a person waiting? Beside an interpreter that does nothing, in turns."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.measure import ROOT
from benchmarks.results import Figure, Result

RUNS = 7


def startup(runs: int = RUNS) -> Result:
    """Median wall seconds over `runs` of the installed command and of `python -c pass`."""
    commands = {
        "shoal --help": [str(Path(sys.executable).with_name("shoal")), "--help"],
        "python -c pass": [sys.executable, "-c", "pass"],
    }
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(runs):
        for name, command in commands.items():
            started = time.perf_counter()
            subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
            seconds[name].append(time.perf_counter() - started)
    rows = tuple((name, min(took), statistics.median(took), max(took)) for name, took in seconds.items())
    shoal, nothing = (statistics.median(took) for took in seconds.values())
    return Result(
        f"Start of the command, {runs} runs",
        (Figure("shoal --help", shoal, "s"), Figure("over python -c pass", shoal / nothing, "x")),
        ("command", "least s", "median s", "most s"),
        rows,
    )
