"""One campaign: why it is what it is, on what that rests, who is in it, and what people said."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from fastapi import APIRouter, HTTPException, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from campaigns.audit import select_audit
from campaigns.errors import IntegrityError, UsageError
from campaigns.sessions import Role
from review.campaign import CampaignReport, read_report
from review.marked_text import template_parts
from review.neighbours import neighbours
from review.run_tables import RunTables
from review.timeline import hours, timeline
from review.web.access import GuardedRoute, User, allow
from review.web.desk import Desk, desk_of
from review.web.lineage import lineage_lines
from review.web.look import Look, decided, look, ties
from review.web.plots import days_plot, hours_plot
from review.web.reasons import read_reasons
from review.web.rendering import page
from review.web.verified import badge

router = APIRouter(route_class=GuardedRoute)

FIRST_ACCOUNTS: Final = 50
MORE_ACCOUNTS: Final = 1_000
"""Rows of the table of accounts at first, and of each further request."""
MOST_AUDIT_ROWS: Final = 100


@dataclass(frozen=True, slots=True)
class AccountRows:
    """Some accounts of a campaign, the surest first, each with its reference; `start` counts from 0."""

    rows: tuple[tuple[str, dict[str, Any]], ...]
    start: int
    total: int

    @property
    def end(self) -> int:
        return self.start + len(self.rows)

    @property
    def more(self) -> int:
        return min(self.total - self.end, MORE_ACCOUNTS)


@router.get("/campaigns/{campaign_id}")
@allow(Role.VIEWER)
def campaign(request: Request, user: User, campaign_id: str, day: date | None = None) -> Response:
    """The page. What takes long to read is fetched when it comes into view."""
    desk = desk_of(request)
    with desk.store.reading() as session:
        seen = find(session, campaign_id, day)
        shown: dict[str, Any] = {
            "look": seen,
            "decided": decided(session, campaign_id),
            "ties": ties(session, campaign_id),
            "may_change": user.role.includes(Role.ANALYST),
        }
    if seen.on_day is None:
        return page(request, "campaign/unseen.html", 404, here="/queue", look=seen, day=day)
    try:
        report, problem = read(desk, seen), None
    except IntegrityError as error:  # what the store knows is told all the same
        report, problem = None, error
    return page(
        request,
        "campaign.html",
        here="/queue",
        lines=lineage_lines(seen.history),
        days=days_plot(timeline(seen.history)),
        scores={one.day: one.score for one in seen.history.days},
        problem=problem,
        **shown,
        **_of_run(desk, report),
    )


@router.get("/campaigns/{campaign_id}/decision")
@allow(Role.VIEWER)
def decision(request: Request, user: User, campaign_id: str) -> Response:
    """What stands of it, fetched again when somebody decided."""
    with desk_of(request).store.reading() as session:
        seen = find(session, campaign_id)
        stands = decided(session, campaign_id)
    may_change = user.role.includes(Role.ANALYST)
    return page(request, "campaign/decision.html", look=seen, decided=stands, may_change=may_change)


@router.get("/campaigns/{campaign_id}/head")
@allow(Role.VIEWER)
def head(request: Request, campaign_id: str, day: date | None = None) -> Response:
    """How it is called, fetched again when somebody changed that."""
    with desk_of(request).store.reading() as session:
        return page(request, "campaign/head.html", look=find(session, campaign_id, day))


@router.get("/campaigns/{campaign_id}/lineage")
@allow(Role.VIEWER)
def lineage(request: Request, user: User, campaign_id: str) -> Response:
    with desk_of(request).store.reading() as session:
        seen = find(session, campaign_id)
        said = ties(session, campaign_id)
    return page(
        request,
        "campaign/lineage.html",
        look=seen,
        ties=said,
        lines=lineage_lines(seen.history),
        may_change=user.role.includes(Role.ANALYST),
    )


@router.get("/campaigns/{campaign_id}/accounts")
@allow(Role.VIEWER)
def accounts(request: Request, campaign_id: str, day: date | None = None, start: int = 0) -> Response:
    """More rows of the table of accounts."""
    desk = desk_of(request)
    with desk.store.reading() as session:
        seen = find(session, campaign_id, day)
    rows = account_rows(desk, read(desk, seen), max(start, 0), MORE_ACCOUNTS)
    return page(request, "campaign/account_rows.html", look=seen, accounts=rows)


@router.get("/campaigns/{campaign_id}/neighbours")
@allow(Role.VIEWER)
def near(request: Request, campaign_id: str, day: date | None = None) -> Response:
    desk = desk_of(request)
    with desk.store.reading() as session:
        seen = find(session, campaign_id, day)
    found = neighbours(_tables(desk, seen), campaign_id)
    return page(request, "campaign/neighbours.html", look=seen, neighbours=found)


@router.get("/campaigns/{campaign_id}/hours")
@allow(Role.VIEWER)
def clock(request: Request, campaign_id: str, day: date | None = None) -> Response:
    desk = desk_of(request)
    with desk.store.reading() as session:
        seen = find(session, campaign_id, day)
    bars = hours_plot(hours(_tables(desk, seen), campaign_id).tolist())
    return page(request, "campaign/hours.html", look=seen, bars=bars)


@router.get("/campaigns/{campaign_id}/trail")
@allow(Role.VIEWER)
def trail(request: Request, campaign_id: str) -> Response:
    """What the audit log tells of the campaign, and whether the log is whole."""
    desk = desk_of(request)
    with desk.store.reading() as session:
        records = select_audit(session, subjects=[campaign_id], limit=MOST_AUDIT_ROWS + 1)
    return page(
        request,
        "campaign/trail.html",
        campaign_id=campaign_id,
        records=records[:MOST_AUDIT_ROWS],
        more=len(records) > MOST_AUDIT_ROWS,
        verified=badge(desk),
    )


def find(session: Session, campaign_id: str, day: date | None = None) -> Look:
    """
    Raises:
        HTTPException: nobody knows this campaign.
    """
    try:
        return look(session, campaign_id, day)
    except UsageError:
        raise HTTPException(
            404, f"There is no campaign {campaign_id}. Its id was cut short, or it is of another store."
        ) from None


def read(desk: Desk, seen: Look) -> CampaignReport:
    """
    Raises:
        UsageError, IntegrityError: as `_tables` and `read_report`.
    """
    return read_report(_tables(desk, seen), seen.history, seeds=desk.store.seeds(removed=False))


def account_rows(desk: Desk, report: CampaignReport, start: int, count: int) -> AccountRows:
    rows = report.accounts[start : start + count]
    named = tuple((desk.links.reference(row["account_id"]), row) for row in rows)
    return AccountRows(named, start, len(report.accounts))


def _of_run(desk: Desk, report: CampaignReport | None) -> dict[str, Any]:
    """What the page shows of the files of the run; nothing of it where they are gone."""
    if report is None:
        return {"report": None}
    return {
        "report": report,
        "reasons": read_reasons(report.sheet),
        "parts": list(template_parts(report.template)),
        "accounts": account_rows(desk, report, 0, FIRST_ACCOUNTS),
        "reference": desk.links.reference,
    }


def _tables(desk: Desk, seen: Look) -> RunTables:
    """
    Raises:
        UsageError: the campaign was not seen on that day.
        IntegrityError: the files of the run are gone.
    """
    if seen.on_day is None:
        raise UsageError(f"{seen.campaign_id} was not seen on that day", hint="Its page lists its days.")
    return desk.tables(desk.published(seen.on_day.day))
