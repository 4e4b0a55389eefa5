"""The allow-list: what is known to be benign, on whose word, and until when. Admins add to it and remove from it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Form, Request
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from campaigns.allow import allow as add_entry
from campaigns.allow import disallow, select_allowed
from campaigns.called import Called, select_called
from campaigns.entries import AllowEntry, AllowKind, template_hash
from campaigns.errors import UsageError
from campaigns.sessions import Role
from campaigns.tables import CampaignDayRow, CampaignRow
from review.web.access import GuardedRoute, User, allow
from review.web.desk import desk_of
from review.web.rendering import is_fragment, page

router = APIRouter(route_class=GuardedRoute)

SOON: Final = timedelta(days=14)
_HASH: Final = re.compile(r"[0-9a-f]{64}")
_ADDRESS: Final = "/allow-list"


@dataclass(frozen=True, slots=True)
class Listed:
    """An entry with the campaigns that it names, or whose latest template it is, as far as they are known.

    `days_left`: until it is over, 0 on its last day, negative afterwards; None: no end.
    """

    entry: AllowEntry
    campaigns: tuple[Called, ...]
    days_left: int | None

    @property
    def over(self) -> bool:
        return self.days_left is not None and self.days_left < 0

    @property
    def soon(self) -> bool:
        return self.days_left is not None and 0 <= self.days_left <= SOON.days


@router.get("/allow-list")
@allow(Role.VIEWER)
def allow_list(request: Request, user: User) -> Response:
    """Entries that hold, those that end soon first; what is over is folded away."""
    desk = desk_of(request)
    today = desk.clock().date()
    with desk.store.reading() as session:
        listed = _listed(session, select_allowed(session), today)
    return page(
        request,
        "allow_list.html",
        here=_ADDRESS,
        holding=sorted((one for one in listed if not one.over), key=_first_to_end),
        over=sorted((one for one in listed if one.over), key=lambda one: -(one.days_left or 0)),
        kinds=list(AllowKind),
        today=today,
        changes=user.role.includes(Role.ADMIN),
    )


@router.post("/allow-list")
@allow(Role.ADMIN)
def add(
    request: Request,
    user: User,
    kind: Annotated[AllowKind, Form()],
    value: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
    until: Annotated[str, Form()] = "",
) -> Response:
    """
    Raises:
        UsageError: value or reason is blank, the day has passed or is none, or the value is no such thing.
    """
    desk = desk_of(request)
    value = value.strip()
    last = _last_day(until, desk.clock().date())
    if kind == AllowKind.TEMPLATE and not _HASH.fullmatch(value):
        raise UsageError("that is no hash of a template", hint="The page of a campaign shows its own.")
    with desk.store.writing() as session:
        if kind == AllowKind.CAMPAIGN and value and session.get(CampaignRow, value) is None:
            raise UsageError("nobody knows this campaign", hint="Give its whole id, as its page has it.")
        add_entry(session, kind, value, reason=reason, author=user.user, expires_on=last, clock=desk.clock)
    return _done(request)


@router.post("/allow-list/{entry_id}/remove")
@allow(Role.ADMIN)
def remove(request: Request, user: User, entry_id: int) -> Response:
    """
    Raises:
        UsageError: there is no such entry.
    """
    desk = desk_of(request)
    with desk.store.writing() as session:
        disallow(session, entry_id, author=user.user, clock=desk.clock)
    return _done(request)


def _done(request: Request) -> Response:
    """To the list, as it is now."""
    if is_fragment(request):
        return Response(status_code=204, headers={"HX-Redirect": _ADDRESS})
    return RedirectResponse(_ADDRESS, 303)


def _last_day(text: str, today: date) -> date | None:
    if not text.strip():
        return None
    try:
        last = date.fromisoformat(text.strip())
    except ValueError:
        raise UsageError("that is no day", hint="Write it as YYYY-MM-DD, or leave it out.") from None
    if last < today:
        raise UsageError(f"{last} has passed", hint="Name a day to come.")
    return last


def _first_to_end(one: Listed) -> tuple[bool, int, int, int]:
    """Those that end soon, the first of them first; then the latest said."""
    return (
        not one.soon,
        one.days_left or 0 if one.soon else 0,
        -int(one.entry.created_at.timestamp()),
        -(one.entry.id or one.entry.decision_id or 0),
    )


def _listed(session: Session, entries: Iterable[AllowEntry], today: date) -> list[Listed]:
    entries = list(entries)
    hashes = {one.value for one in entries if one.kind == AllowKind.TEMPLATE}
    by_hash = _by_template(session, hashes) if hashes else {}
    named = {
        index: (entry.value,) if entry.kind == AllowKind.CAMPAIGN else tuple(by_hash.get(entry.value, ()))
        for index, entry in enumerate(entries)
        if entry.kind != AllowKind.ORGANIZATION
    }
    called = select_called(session, {name for names in named.values() for name in names})
    return [
        Listed(
            entry,
            tuple(called[name] for name in named.get(index, ()) if name in called),
            None if entry.expires_on is None else (entry.expires_on - today).days,
        )
        for index, entry in enumerate(entries)
    ]


def _by_template(session: Session, hashes: set[str]) -> dict[str, list[str]]:
    """Ids of the campaigns whose template of their latest day has one of the hashes."""
    query = (
        select(CampaignDayRow.campaign_id, CampaignDayRow.template)
        .join(
            CampaignRow,
            (CampaignRow.campaign_id == CampaignDayRow.campaign_id)
            & (CampaignRow.last_day == CampaignDayRow.day),
        )
        .order_by(CampaignDayRow.campaign_id)
    )
    found: dict[str, list[str]] = defaultdict(list)
    for name, template in session.execute(query).tuples():
        if (given := template_hash(template)) in hashes:
            found[given].append(name)
    return found
