"""How many planted families are found, by what was done to hide them, beside the usual ways to group texts.

`design` plants campaigns, `methods` and `baselines` group the prompts, `judge` compares with the truth, `bench` brings
them together; `tables`, `chart` and `page` tell what came out. `python -m benchmarks.quality` runs it all.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from benchmarks.measure import apart
from benchmarks.quality.bench import run
from benchmarks.quality.design import plans
from benchmarks.quality.methods import Shoal
from benchmarks.quality.tables import volumes
from benchmarks.results import Figure, Result

PARTS = (1, 1, 4)
"""Days of the quick bench, in multiples of its prompts."""


def quality(prompts: int, folder: Path) -> Result:
    """The quick bench: Shoal alone on two days of `prompts` and one of four times as many; a row per volume."""
    told = apart(measured, days=[part * prompts for part in PARTS], folder=str(folder)).value
    figures = tuple(Figure(**figure) for figure in told["figures"])
    return Result(told["title"], figures, tuple(told["columns"]), tuple(tuple(row) for row in told["rows"]))


def measured(days: list[int], folder: str) -> dict[str, Any]:
    """For `measure.apart`: the fields of a `Result`."""
    with tempfile.TemporaryDirectory(dir=folder) as home:
        table = volumes(run(list(plans(days)), (Shoal(Path(home)),)))
    figures = [{"name": one.name, "value": one.value, "unit": one.unit} for one in table.figures]
    return {"title": table.title, "figures": figures, "columns": table.columns, "rows": table.rows}
