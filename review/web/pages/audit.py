"""The audit log, and whether it is whole.

Filters come by a form and never stand in an address, but for the id of a campaign, which is ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Request
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.responses import Response

from campaigns.audit import Action, AuditRecord, select_audit
from campaigns.called import select_called
from campaigns.review_tables import AuditRow
from campaigns.sessions import Role
from review.web.access import GuardedRoute, User, allow
from review.web.desk import Desk, desk_of
from review.web.rendering import is_fragment, page
from review.web.verified import badge

router = APIRouter(route_class=GuardedRoute)

PAGE: Final = 100
MOST_ACTORS: Final = 200


@router.get("/audit")
@allow(Role.VIEWER)
def log(
    request: Request,
    user: User,  # noqa: ARG001
    campaign: str = "",
    before: int | None = None,
) -> Response:
    """The latest rows, or those before a sequence number."""
    return _shown(request, subject=campaign, before=before)


@router.post("/audit")
@allow(Role.VIEWER)
def filtered(
    request: Request,
    user: User,  # noqa: ARG001
    actor: Annotated[str, Form()] = "",
    action: Annotated[str, Form()] = "",
    subject: Annotated[str, Form()] = "",
    before: Annotated[int | None, Form()] = None,
) -> Response:
    """Rows that pass the filters: who, what, and to what, each whole."""
    return _shown(request, actor, action, subject.strip(), before)


@router.get("/audit/badge")
@allow(Role.VIEWER)
def verified(request: Request, user: User) -> Response:  # noqa: ARG001
    """What the check of the log says, for pages that show it beside something else."""
    return page(request, "audit_badge.html", verified=badge(desk_of(request)))


def _shown(
    request: Request, actor: str = "", action: str = "", subject: str = "", before: int | None = None
) -> Response:
    desk = desk_of(request)
    values = _rows(desk, actor, action, subject, before)
    if is_fragment(request):
        return page(request, "audit_rows.html", **values)
    with desk.store.reading() as session:
        actors = list(
            session.scalars(select(AuditRow.actor).distinct().order_by(AuditRow.actor).limit(MOST_ACTORS))
        )
    return page(
        request,
        "audit.html",
        here="/audit",
        verified=badge(desk),
        actors=actors,
        actions=list(Action),
        **values,
    )


def _rows(desk: Desk, actor: str, action: str, subject: str, before: int | None) -> dict[str, Any]:
    """A page of rows for the templates. `unreadable`: somebody wrote into one of them what no column holds."""
    with desk.store.reading() as session:
        try:
            found = select_audit(
                session,
                subjects=(subject,) if subject else (),
                actor=actor,
                action=Action(action) if action in set(Action) else None,
                before=before,
                limit=PAGE + 1,
            )
            unreadable = False
        except ValueError:
            found, unreadable = [], True
        titles = _titles(session, found)
    shown = found[:PAGE]
    return {
        "rows": shown,
        "unreadable": unreadable,
        "titles": titles,
        "older": shown[-1].sequence if len(found) > PAGE else None,
        "newer": before is not None,
        "actor": actor,
        "action": action,
        "subject": subject,
    }


def _titles(session: Session, rows: Sequence[AuditRecord]) -> dict[str, str]:
    """How the campaigns among the subjects are called."""
    subjects: Iterable[str] = {row.subject for row in rows}
    return {name: one.title for name, one in select_called(session, list(subjects)).items()}
