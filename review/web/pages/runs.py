"""The runs: which days are published, which are missing or held back, and what each run did."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from campaigns.entries import PublishedRun
from campaigns.errors import ShoalError
from campaigns.published import count_tiers, select_published
from campaigns.records import Tier
from campaigns.runs import days
from campaigns.sessions import Role
from review.run import read_run
from review.soundness import (
    DAYS_SHOWN,
    Accepted,
    HeldBack,
    accepted,
    canary_history,
    held_back,
    recalls,
)
from review.web.access import GuardedRoute, User, allow
from review.web.desk import Desk, desk_of
from review.web.rendering import page

router = APIRouter(route_class=GuardedRoute)

PAGE: Final = 60
"""Published days on a page."""


@dataclass(frozen=True, slots=True)
class Night:
    """A published day. `floor` is what its manifest says, empty where it does not; `gone`: its files are."""

    run: PublishedRun
    tiers: dict[Tier, int]
    recalls: dict[str, float]
    floor: dict[str, Any]
    accepted: Accepted | None
    gone: bool

    @property
    def day(self) -> date:
        return self.run.day


@dataclass(frozen=True, slots=True)
class Gap:
    """Days in a row that nobody published, from the first to the last."""

    first: date
    last: date

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1


@router.get("/runs")
@allow(Role.VIEWER)
def runs(request: Request, user: User, before: date | None = None) -> Response:  # noqa: ARG001
    """Published days, the latest first, with what lies between them."""
    desk = desk_of(request)
    with desk.store.reading() as session:
        published = select_published(session, before=before, limit=PAGE + 1)
        tiers = count_tiers(session, [run.day for run in published])
    shown, more = published[:PAGE], len(published) > PAGE
    oldest = shown[-1].day if more else date.min
    newest = before or date.max
    folders = len(days(desk.settings.home))
    stopped = [
        one
        for one in held_back(desk.settings.home, {run.run_id for run in shown}, folders)
        if oldest <= one.day < newest
    ]
    nights = [_night(desk, run, tiers.get(run.day, {})) for run in shown]
    return page(
        request,
        "runs.html",
        here="/runs",
        rows=list(_calendar(nights, stopped, None if before is None else before - timedelta(days=1))),
        older=shown[-1].day if more else None,
        newer=before is not None,
        tiers=list(Tier),
    )


@router.get("/runs/{day}")
@allow(Role.VIEWER)
def run(request: Request, user: User, day: date) -> Response:  # noqa: ARG001
    """What the run of a day did."""
    desk = desk_of(request)
    entry = desk.published(day)
    report = read_run(desk.tables(entry))
    with desk.store.reading() as session:
        trail = select_published(session, before=day + timedelta(days=1), limit=DAYS_SHOWN)
        tiers = count_tiers(session, [day]).get(day, {})
    trail = [one for one in reversed(trail) if one.day > day - timedelta(days=DAYS_SHOWN)]
    history = canary_history(trail)
    return page(
        request,
        "run.html",
        here="/runs",
        run=entry,
        report=report,
        tiers=tiers,
        order=list(Tier),
        history={
            one.canary: [history.get(one.canary, {}).get(past.day) for past in trail]
            for one in report.canaries
        },
        trail=[one.day for one in trail],
        longest=max((stage.seconds for stage in report.stages), default=0.0),
        flow_link=flow_link(desk.settings.review.prefect_url, report.flow_run_id),
    )


def flow_link(prefect_url: str, flow_run_id: str) -> str:
    """Where Prefect's own page shows the flow run; empty where the settings do not name that page, or the run noted no
    id."""
    if not prefect_url or not flow_run_id:
        return ""
    try:
        return f"{prefect_url.rstrip('/')}/runs/flow-run/{UUID(flow_run_id)}"
    except ValueError:
        return ""


def _night(desk: Desk, entry: PublishedRun, tiers: dict[Tier, int]) -> Night:
    try:
        manifest = desk.tables(entry).run.manifest()
    except ShoalError:
        manifest = None
    floor = (manifest or {}).get("detection_floor") or {}
    return Night(entry, tiers, recalls(entry.counts), floor, accepted(entry), manifest is None)


def _calendar(
    nights: Sequence[Night], stopped: Sequence[HeldBack], last: date | None
) -> Iterator[Night | HeldBack | Gap]:
    """Every day from `last`, or the latest that there is, to the first published one."""
    published = {night.day: night for night in nights}
    held = {one.day: one for one in stopped}
    if not published and not held:
        return
    latest = max([*published, *held, *([last] if last else [])])
    span = (latest - min([*published, *held])).days
    every = (latest - timedelta(days=ago) for ago in range(span + 1))
    for missing, group in groupby(every, key=lambda day: day not in published and day not in held):
        found = list(group)
        if missing:
            yield Gap(found[-1], found[0])
            continue
        for day in found:
            if day in published:
                yield published[day]
            if day in held:
                yield held[day]
