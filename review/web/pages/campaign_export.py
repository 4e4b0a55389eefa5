"""Accounts and evidence of a campaign to take away. No prompt is in them, and each leaves a row in the audit log."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

import pyarrow as pa
from fastapi import APIRouter, Request
from starlette.responses import Response

from campaigns.records import ACCOUNTS, EVIDENCE
from campaigns.sessions import Role
from review.campaign import CampaignReport
from review.web.access import GuardedRoute, User, allow
from review.web.desk import Desk, desk_of
from review.web.downloads import Kind, download, written
from review.web.pages.campaign import find, read

router = APIRouter(route_class=GuardedRoute)

_SEEN: Final = [pa.field("day", pa.date32()), pa.field("run_id", pa.string())]
ACCOUNT_COLUMNS: Final = pa.schema([*_SEEN, *ACCOUNTS])
EVIDENCE_COLUMNS: Final = pa.schema([*_SEEN, *EVIDENCE])


@router.post("/campaigns/{campaign_id}/accounts.{kind}")
@allow(Role.ANALYST)
def accounts(request: Request, user: User, campaign_id: str, kind: Kind, day: date | None = None) -> Response:
    """Every account of the campaign on a day, the surest first, with its strength and its reasons."""
    desk = desk_of(request)
    report = _report(desk, campaign_id, day)
    rows = _as_seen(report, report.accounts)
    if kind == Kind.CSV:
        rows = [{**row, "reasons": "; ".join(row["reasons"])} for row in rows]
    details = {"accounts": len(rows), "run": report.run_id}
    name = f"shoal-{campaign_id}-accounts-{report.day}"
    return download(desk, user, written(rows, ACCOUNT_COLUMNS, kind), kind, name, campaign_id, details)


@router.post("/campaigns/{campaign_id}/evidence.jsonl")
@allow(Role.ANALYST)
def evidence(request: Request, user: User, campaign_id: str, day: date | None = None) -> Response:
    """Every signal of a day with its controls, in figures and in words."""
    desk = desk_of(request)
    report = _report(desk, campaign_id, day)
    rows = _as_seen(report, report.evidence)
    details = {"signals": len(rows), "run": report.run_id}
    name = f"shoal-{campaign_id}-evidence-{report.day}"
    body = written(rows, EVIDENCE_COLUMNS, Kind.JSONL)
    return download(desk, user, body, Kind.JSONL, name, campaign_id, details)


def _report(desk: Desk, campaign_id: str, day: date | None) -> CampaignReport:
    with desk.store.reading() as session:
        seen = find(session, campaign_id, day)
    return read(desk, seen)


def _as_seen(report: CampaignReport, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """With the day and the run that say so."""
    return [{"day": report.day, "run_id": report.run_id, **row} for row in rows]
