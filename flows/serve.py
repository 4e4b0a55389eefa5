"""Deployments with their schedules, served from one process."""

from __future__ import annotations

from datetime import UTC, timedelta

from prefect import flow
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.runtime import flow_run
from prefect.schedules import Cron
from prefect.types.entrypoint import EntrypointType

from campaigns.settings import load
from flows.discover import discover_campaigns
from flows.resources import Flags

NAME = "nightly"


@flow(name="discover-yesterday", persist_result=False)
def discover_yesterday(flags: Flags | None = None) -> str:
    """Discovery of the last whole UTC day; what the nightly schedule runs.

    The day before the one it was due on, for a run may start late; before today, if it is not run by a schedule.
    """
    yesterday = flow_run.scheduled_start_time.astimezone(UTC).date() - timedelta(days=1)
    return str(discover_campaigns(yesterday.isoformat(), flags=flags))


def serve(flags: Flags | None = None) -> None:
    """Serve the nightly deployment until interrupted, with a server that schedules (`flows.prefect_server`).

    One run at a time: a run that is due while another works is cancelled, and the day lock guards what Prefect's limit
    cannot see.
    """
    settings = load(flags).settings
    discover_yesterday.serve(
        name=NAME,
        schedule=Cron(settings.flow.schedule, timezone=settings.flow.timezone),
        parameters={"flags": flags or {}},
        global_limit=ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW),
        limit=1,
        entrypoint_type=EntrypointType.MODULE_PATH,
        description="Finds the prompt campaigns of the day before.",
    )
