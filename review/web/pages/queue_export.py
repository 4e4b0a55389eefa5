"""The queue to take away: every campaign that passes the filter, as a file. Leaves a row in the audit log."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Annotated, Any, Final

import pyarrow as pa
from fastapi import APIRouter, Form, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from campaigns.queue import Filter, select_queue
from campaigns.sessions import Role
from review.web.access import GuardedRoute, User, allow
from review.web.asked import Asked
from review.web.desk import desk_of
from review.web.downloads import Kind, download, written

router = APIRouter(route_class=GuardedRoute)

COLUMNS: Final = pa.schema(
    [
        pa.field("campaign_id", pa.string()),
        pa.field("run_id", pa.string()),
        pa.field("title", pa.string()),
        pa.field("tier", pa.string()),
        pa.field("score", pa.float64()),
        pa.field("n_prompts", pa.int64()),
        pa.field("n_accounts", pa.int64()),
        pa.field("objective", pa.string()),
        pa.field("operator_id", pa.string()),
        pa.field("first_day", pa.date32()),
        pa.field("last_day", pa.date32()),
        pa.field("state", pa.string()),
        pa.field("verdict", pa.string()),
        pa.field("template", pa.string()),
    ]
)
"""Of each campaign as its latest day shows it; `template` is cut as in the queue. No account is named."""
_AT_ONCE: Final = 5_000


@router.post("/queue/export.{kind}")
@allow(Role.ANALYST)
def export(request: Request, user: User, kind: Kind, asked: Annotated[Asked, Form()]) -> Response:
    """The whole list that the filters give, in its order."""
    desk = desk_of(request)
    latest = desk.store.latest_day()
    wanted = asked.filter(latest)
    with desk.store.reading() as session:
        rows = _rows(session, wanted)
    name = f"shoal-queue-{latest.isoformat() if latest else 'empty'}"
    details = {"campaigns": len(rows), "filter": wanted.as_json()}
    return download(desk, user, written(rows, COLUMNS, kind), kind, name, "queue", details)


def _rows(session: Session, wanted: Filter) -> list[dict[str, Any]]:
    """In one transaction, so that no campaign is there twice or lost between two pages."""
    rows: list[dict[str, Any]] = []
    while True:
        found = select_queue(session, wanted, offset=len(rows), limit=_AT_ONCE)
        rows += [asdict(replace(row, trend=())) for row in found.rows]
        if not found.rows or len(rows) >= found.total:
            return rows
