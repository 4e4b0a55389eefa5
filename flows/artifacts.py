"""What a run leaves for Prefect's page: tables of figures, never a text of any prompt."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from prefect.artifacts import create_table_artifact

from campaigns.runs import Counts, Run
from flows.health import Check, Today
from review.soundness import recalls


def leave_health(
    run: Run, today: Today, checks: tuple[Check, ...], before: Sequence[tuple[date, Counts]]
) -> None:
    """Tables of the checks, and of what was found of the canaries over the days, for Prefect's page."""
    create_table_artifact(
        key=f"shoal-health-{run.day.isoformat()}",
        table=[check.as_json() for check in checks],
        description=f"Run {run.run_id}",
    )
    own = {canary.canary: canary.recall for canary in today.canaries}
    days = [*((day.isoformat(), recalls(counts)) for day, counts in before), (run.day.isoformat(), own)]
    create_table_artifact(
        key="shoal-canaries",
        table=[{"day": day, **found} for day, found in days if found],
        description=f"Recall of canaries up to run {run.run_id}",
    )


def leave_figures(run: Run, manifest: dict[str, Any]) -> None:
    """A table of counts and times."""
    rows = [
        {"stage": stage["name"], "seconds": stage["seconds"], "count": key, "value": value}
        for stage in manifest["stages"]
        for key, value in (stage["counts"] or {"": ""}).items()
    ]
    create_table_artifact(key=f"shoal-run-{run.day.isoformat()}", table=rows, description=f"Run {run.run_id}")
