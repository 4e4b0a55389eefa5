"""Operators: campaigns that are run together, what ties them, and what people decided of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from fastapi import APIRouter, Request
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from starlette.responses import Response

from campaigns.called import select_called
from campaigns.decisions import select_decisions
from campaigns.published import select_published
from campaigns.records import Tier
from campaigns.sessions import Role
from campaigns.tables import CampaignDayRow
from review.heads import Head, heads
from review.operator import OperatorSummary, read_operator, read_operators
from review.run_tables import RunTables
from review.web.access import GuardedRoute, User, allow
from review.web.day_bars import day_bars
from review.web.desk import Desk, desk_of
from review.web.rendering import page
from review.web.ties import ties

router = APIRouter(route_class=GuardedRoute)

DAYS: Final = 30
"""Published days of the timeline."""


@dataclass(frozen=True, slots=True)
class Listed:
    """An operator in the list; `campaigns` those of the most prompts first."""

    summary: OperatorSummary
    campaigns: tuple[Head, ...]

    @property
    def tiers(self) -> dict[Tier, int]:
        counts = Counter(one.tier for one in self.campaigns)
        return {tier: counts[tier] for tier in Tier if counts[tier]}


@router.get("/operators")
@allow(Role.VIEWER)
def operators(request: Request, user: User, day: date | None = None) -> Response:  # noqa: ARG001
    """Those of a day, by default the latest."""
    desk = desk_of(request)
    wanted = day or desk.store.latest_day()
    listed = [] if wanted is None else _listed(desk.tables(desk.published(wanted)))
    with desk.store.reading() as session:
        called = select_called(session, [head.campaign_id for one in listed for head in one.campaigns])
    return page(request, "operators.html", here="/operators", day=wanted, operators=listed, called=called)


@router.get("/operators/{operator_id}")
@allow(Role.VIEWER)
def operator(
    request: Request,
    user: User,  # noqa: ARG001
    operator_id: str,
    day: date | None = None,
) -> Response:
    """One operator on a day, by default the last on which it was seen."""
    desk = desk_of(request)
    entry = desk.published(day or _last_day(desk, operator_id))
    tables = desk.tables(entry)
    found = read_operator(tables, operator_id)
    names = [member.campaign.campaign_id for member in found.members]
    with desk.store.reading() as session:
        trail = [run.day for run in reversed(select_published(session, limit=DAYS))]
        by_day = _prompts_by_day(session, names, trail)
        called = select_called(
            session,
            [*names, *(end.campaign_id for one in found.bridges for end in (one.inside, one.outside))],
        )
        decisions = [one for name in names for one in select_decisions(session, name, in_force=True)]
    totals: Counter[date] = Counter()
    for counts in by_day.values():
        totals.update(counts)
    return page(
        request,
        "operator.html",
        here="/operators",
        operator=found,
        day=entry.day,
        picture=ties(tables, found),
        called=called,
        trail=trail,
        sparks={name: [by_day[name].get(one) for one in trail] for name in names},
        bars=day_bars(totals, trail),
        decisions=sorted(decisions, key=lambda one: -one.id),
        reference=desk.links.reference,
    )


def _listed(tables: RunTables) -> list[Listed]:
    summaries = read_operators(tables)
    if not summaries:
        return []
    rows = tables.table("operators", ["operator_id", "campaign_id"]).to_pylist()
    known = heads(tables, [row["campaign_id"] for row in rows])
    campaigns: dict[str, list[Head]] = defaultdict(list)
    for row in rows:
        campaigns[row["operator_id"]].append(known[row["campaign_id"]])
    return [
        Listed(
            one,
            tuple(sorted(campaigns[one.operator_id], key=lambda head: (-head.n_prompts, head.campaign_id))),
        )
        for one in summaries
    ]


def _last_day(desk: Desk, operator_id: str) -> date | None:
    query = select(func.max(CampaignDayRow.day)).where(CampaignDayRow.operator_id == operator_id)
    with desk.store.reading() as session:
        return session.scalar(query)


def _prompts_by_day(
    session: Session, campaign_ids: Sequence[str], days: Collection[date]
) -> dict[str, dict[date, int]]:
    found: dict[str, dict[date, int]] = {name: {} for name in campaign_ids}
    query = select(CampaignDayRow.campaign_id, CampaignDayRow.day, CampaignDayRow.n_prompts).where(
        CampaignDayRow.campaign_id.in_(campaign_ids), CampaignDayRow.day.in_(days)
    )
    for name, day, n_prompts in session.execute(query).tuples():
        found[name][day] = n_prompts
    return found
