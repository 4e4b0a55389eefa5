"""Deployments with their schedules, served from one process."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import Any, Final

import prefect
from prefect import flow
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.deployments.runner import RunnerDeployment
from prefect.flows import Flow
from prefect.runtime import flow_run
from prefect.schedules import Cron, Schedule
from prefect.types.entrypoint import EntrypointType

from campaigns.settings import load
from flows.deliver import deliver_messages
from flows.discover import discover_campaigns
from flows.maintain import keep_what_is_needed
from flows.resources import Flags

NAME: Final = "nightly"
DELIVERY: Final = "delivery"
DELIVERY_CRON: Final = "*/5 * * * *"
RETENTION: Final = "retention"
RETENTION_CRON: Final = "0 4 * * *"


@flow(name="discover-yesterday", persist_result=False)
def discover_yesterday(flags: Flags | None = None) -> str:
    """Discovery of the last whole UTC day; what the nightly schedule runs.

    The day before the one it was due on, for a run may start late; before today, if it is not run by a schedule.
    """
    yesterday = flow_run.scheduled_start_time.astimezone(UTC).date() - timedelta(days=1)
    return str(discover_campaigns(yesterday.isoformat(), flags=flags))


def serve(flags: Flags | None = None) -> None:
    """Serve the deployments until interrupted, with a server that schedules (`flows.prefect_server`)."""
    made = deployments(flags)
    prefect.serve(*made, limit=len(made), print_starting_message=False)


def deployments(flags: Flags | None = None) -> list[RunnerDeployment]:
    """The nightly run, if the settings name a sink the hand-off, and retention.

    Each runs one at a time: a run that is due while another works is cancelled. The day lock, and the leases of
    messages, guard what Prefect's limit cannot see.
    """
    settings = load(flags).settings
    nightly = Cron(settings.flow.schedule, timezone=settings.flow.timezone)
    made = [
        _deployment(
            discover_yesterday, NAME, nightly, flags, "Finds the prompt campaigns of the day before."
        ),
    ]
    if settings.delivery.sinks:
        often = Cron(DELIVERY_CRON, timezone="UTC")
        made.append(
            _deployment(deliver_messages, DELIVERY, often, flags, "Hands confirmed campaigns to enforcement.")
        )
    after = Cron(RETENTION_CRON, timezone="UTC")
    made.append(
        _deployment(keep_what_is_needed, RETENTION, after, flags, "Clears what was kept long enough.")
    )
    return made


def _deployment(
    work: Flow[Any, Any], name: str, schedule: Schedule, flags: Flags | None, description: str
) -> RunnerDeployment:
    return RunnerDeployment.from_flow(
        work,
        name,
        schedule=schedule,
        parameters={"flags": flags or {}},
        concurrency_limit=ConcurrencyLimitConfig(
            limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW
        ),
        entrypoint_type=EntrypointType.MODULE_PATH,
        description=description,
    )
