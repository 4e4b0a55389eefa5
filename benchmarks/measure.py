"""How things are measured: seconds, peak memory, growth, and work done in a process of its own."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parent.parent
_STATUS = Path("/proc/self/status")


@dataclass(frozen=True, slots=True)
class Apart:
    """What work in a process of its own returned, how long that process lived, and the most memory it held."""

    value: Any
    seconds: float
    peak_bytes: int


def alternately(*works: Callable[[], object], repeat: int = 5) -> tuple[float, ...]:
    """Least seconds of each. They take turns, so that a busy moment of the machine meets all alike."""
    least = [float("inf")] * len(works)
    for _ in range(repeat):
        for i, work in enumerate(works):
            started = time.perf_counter()
            work()
            least[i] = min(least[i], time.perf_counter() - started)
    return tuple(least)


def growth(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """The exponent k of cost = c * size**k, by least squares on logarithms: 1 is linear, 2 quadratic.

    A fixed cost makes it smaller. Costs are taken as at least a microsecond (or byte).
    """
    slope, _ = np.polyfit(np.log(sizes), np.log(np.maximum(costs, 1e-6)), 1)
    return float(slope)


def apart(
    work: Callable[..., Any], *, environment: Mapping[str, str] | None = None, **arguments: object
) -> Apart:
    """Call a function of a module with JSON-able arguments and result in a new interpreter.

    Raises:
        RuntimeError: the process failed; the message ends with what it said.
    """
    with tempfile.TemporaryDirectory(prefix="shoal-bench-") as folder:
        answer = Path(folder) / "answer.json"
        call = [work.__module__, work.__qualname__, json.dumps(arguments), str(answer)]
        started = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.measure", *call],
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.perf_counter() - started
        if done.returncode != 0:
            raise RuntimeError(f"{work.__qualname__} failed: {done.stderr[-2_000:]}")
        told = json.loads(answer.read_bytes())
    return Apart(told["value"], seconds, told["peak_bytes"])


def peak_bytes() -> int:
    """The most memory this process ever held.

    Linux carries `ru_maxrss` of the parent over to a child, so `VmHWM` is read where there is one.
    """
    if _STATUS.exists():
        line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _main() -> None:
    import importlib

    module, function, arguments, answer = sys.argv[1:]
    value = getattr(importlib.import_module(module), function)(**json.loads(arguments))
    Path(answer).write_text(json.dumps({"value": value, "peak_bytes": peak_bytes()}))


if __name__ == "__main__":
    _main()
