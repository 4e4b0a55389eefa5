"""The gate at the end of a run: its figures out of the run folder, what is kept of the checks, and who may say yes.

What is asked of the figures stands in `flows.health`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pyarrow.parquet as pq

from campaigns import files
from campaigns.entries import FIRST_RUN, PublishedRun
from campaigns.errors import HealthError, IntegrityError, UsageError
from campaigns.runs import Counts, Run
from campaigns.store import Store
from flows.health import DAY_COUNTS, CanaryFigures, Check, DayFigures, Today
from review.soundness import CANARY_COUNT, FAILED_COUNT, HEALTH


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Somebody's word that a run may be published although a check failed.

    Raises:
        UsageError: there is no reason.
    """

    by: str
    reason: str

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise UsageError("a run is accepted for a reason", hint="--accept-health 'what you looked at'")

    def recorded(self) -> dict[str, str]:
        return {"by": self.by, "reason": self.reason, "at": datetime.now(UTC).isoformat(timespec="seconds")}


def today_of(run: Run, first_pass: PublishedRun | None = None) -> Today:
    """What a run whose stages are all done came to.

    Args:
        first_pass: of a second pass, which looks at a part of what came in.
    """
    counts = counts_of(run)
    figures = DayFigures.of(run.day, counts)
    if figures is None:
        raise IntegrityError(
            "a stage lost its counts", where=str(run.path / "stages"), hint="Run the day again with --force."
        )
    campaigns = pl.DataFrame(run.table("campaigns", ["campaign_id", "n_prompts", "n_accounts"]))
    accounts = pq.read_metadata(run.path / "active_accounts.parquet").num_rows
    shares = campaigns.with_columns(
        prompts=pl.col("n_prompts") / max(figures.prompts, 1),
        accounts=pl.col("n_accounts") / max(accounts, 1),
    ).with_columns(both=pl.min_horizontal("prompts", "accounts"))
    top = shares.sort(-pl.col("both"), "campaign_id").head(1).to_dicts() or [
        {"campaign_id": "", "prompts": 0.0, "accounts": 0.0}
    ]
    return Today(
        figures,
        top[0]["campaign_id"],
        top[0]["prompts"],
        top[0]["accounts"],
        tuple(CanaryFigures(**row) for row in run.table("canaries").to_pylist()),
        str(counts.get("plant.why_not", "")),
        None if first_pass is None else DayFigures.of(run.day, first_pass.counts),
    )


def counts_of(run: Run) -> Counts:
    """The counts of all stages, as `STAGE.COUNT`."""
    return {f"{record.name}.{key}": value for record in run.records() for key, value in record.counts.items()}


def days_before(store: Store, day: date, days: int) -> list[tuple[date, Counts]]:
    """The counts of the published days among the `days` before `day`, the oldest first."""
    wanted = (day - timedelta(days=ago) for ago in range(days, 0, -1))
    published = ((one, store.current_run(one)) for one in wanted)
    return [(one, run.counts) for one, run in published if run is not None]


def health_counts(today: Today, checks: Sequence[Check], accepted: Mapping[str, str] | None) -> Counts:
    """What the store keeps: recall by canary, and checks that failed and were accepted."""
    counts: Counts = {f"{CANARY_COUNT}{one.canary}": one.recall for one in today.canaries}
    if accepted:
        failed = ", ".join(check.name for check in checks if check.failed)
        counts |= {FAILED_COUNT: failed} | {f"health.accepted_{key}": text for key, text in accepted.items()}
    return counts


def first_pass_counts(first_pass: PublishedRun | None) -> Counts:
    """What a second pass keeps of the first: its id, and what other days are compared with."""
    if first_pass is None:
        return {}
    kept: Counts = {name: first_pass.counts[name] for name in DAY_COUNTS if name in first_pass.counts}
    kept["run_id"] = first_pass.run_id
    return {f"{FIRST_RUN}{name}": value for name, value in kept.items()}


def write_health(run: Run, checks: Sequence[Check]) -> None:
    """Leave `health.json` in the run folder: what was asked of a run, also of one that was held back."""
    files.write_json(run.path / HEALTH, [check.as_json() for check in checks])


def refusal(run: Run, checks: Sequence[Check], again: str) -> HealthError:
    """The error that stops publishing.

    Args:
        again: the command that publishes all the same.
    """
    failed = [check for check in checks if check.failed]
    told = " ".join(f"{check.name}: {check.sentence}" for check in failed)
    look = "; ".join(check.look for check in failed)
    return HealthError(
        f"{run.day} is not published, its run looks like a failure. {told}",
        where=str(run.path),
        hint=f"Look at {look}. If the day is as it should be: {again}",
    )
