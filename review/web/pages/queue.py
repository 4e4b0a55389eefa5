"""The queue: what waits to be looked at, filtered and sorted, and a glance at one campaign beside it."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, HTTPException, Query, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from campaigns.decisions import latest, select_decisions
from campaigns.errors import UsageError
from campaigns.queue import EVERYTHING, MOST_IDS, PAGE, Filter, Sort, select_ids, select_next, select_queue
from campaigns.records import Objective
from campaigns.sessions import Role, SignedIn
from campaigns.views import MOST_CHARACTERS, View, remove_view, save_view, select_views
from review.glance import read_glance
from review.marked_text import template_parts
from review.web.access import GuardedRoute, User, allow
from review.web.asked import DECISIONS, STATES, TIERS, Asked, AskedByAddress, AskedToSave
from review.web.desk import Desk, desk_of
from review.web.rendering import page

router = APIRouter(route_class=GuardedRoute)

EXEMPLAR_CHARACTERS: Final = 1_200
ORDERS: Final = {
    Sort.SCORE: "Score",
    Sort.PROMPTS: "Prompts",
    Sort.ACCOUNTS: "Accounts",
    Sort.FIRST_SEEN: "First seen",
    Sort.LAST_SEEN: "Last seen",
    Sort.TITLE: "Title",
}


@router.get("/")
@allow(Role.VIEWER)
def root() -> Response:
    return RedirectResponse("/queue", 303)


@router.get("/queue")
@allow(Role.VIEWER)
def queue(request: Request, user: User, asked: Annotated[AskedByAddress, Query()]) -> Response:
    """The list that an address asks for."""
    desk = desk_of(request)
    with desk.store.reading() as session:
        wanted: Asked = asked
        if asked.view is not None:
            saved = next((one for one in select_views(session, user.user) if one.id == asked.view), None)
            if saved is None:
                raise HTTPException(404, "There is no such view, or its owner does not share it.")
            wanted = Asked.of_view(saved.query).model_copy(update={"page": asked.page})
        listed = _listed(session, desk, user, wanted)
    return page(
        request,
        "queue.html",
        here="/queue",
        tiers=list(TIERS),
        decisions=list(DECISIONS),
        states=list(STATES),
        objectives=[objective.value for objective in Objective],
        sorts=ORDERS,
        most_characters=MOST_CHARACTERS,
        **listed,
    )


@router.post("/queue/search")
@allow(Role.VIEWER)
def search(request: Request, user: User, asked: Annotated[Asked, Form()]) -> Response:
    """The list alone, with words that are sought; those never reach an address."""
    desk = desk_of(request)
    with desk.store.reading() as session:
        listed = _listed(session, desk, user, asked)
    response = page(request, "queue/list.html", **listed)
    current = urlsplit(request.headers.get("HX-Current-URL", ""))
    if listed["address"] != current.path + (f"?{current.query}" if current.query else ""):
        response.headers["HX-Push-Url"] = listed["address"]
    return response


@router.get("/queue/next")
@allow(Role.VIEWER)
def next_campaign(request: Request, after: str = "") -> Response:
    """On to the next campaign that waits; to the queue, where none does."""
    with desk_of(request).store.reading() as session:
        found = select_next(session, after, Filter())
    return RedirectResponse("/queue" if found is None else f"/campaigns/{found}", 303)


@router.get("/campaigns/{campaign_id}/glance")
@allow(Role.VIEWER)
def glance(request: Request, user: User, campaign_id: str) -> Response:
    """The most telling facts about a campaign, for the pane beside the list."""
    desk = desk_of(request)
    with desk.store.reading() as session:
        rows = select_queue(session, replace(EVERYTHING, only=(campaign_id,)), limit=1).rows
        if not rows:
            raise HTTPException(404, "There is no such campaign.")
        (row,) = rows
        standing = latest(select_decisions(session, campaign_id, in_force=True)).get(campaign_id)
    found = read_glance(desk.tables(desk.published(row.last_day)), campaign_id)
    return page(
        request,
        "queue/glance.html",
        row=row,
        glance=found,
        parts=list(template_parts(found.template)),
        exemplar=found.exemplar[:EXEMPLAR_CHARACTERS],
        cut=len(found.exemplar) > EXEMPLAR_CHARACTERS,
        standing=standing,
        decides=user.role.includes(Role.ANALYST),
    )


# -- saved views ---------------------------------------------------------------------------------------


@router.post("/queue/views")
@allow(Role.ANALYST)
def save(request: Request, user: User, asked: Annotated[AskedToSave, Form()]) -> Response:
    """Keep filters and words under a name, and go to its address.

    Raises:
        UsageError: the name is blank or too long.
    """
    desk = desk_of(request)
    query = asked.settled().as_view()
    with desk.store.writing() as session:
        made = save_view(
            session, owner=user.user, name=asked.name, query=query, shared=asked.shared, clock=desk.clock
        )
    return Response(status_code=204, headers={"HX-Redirect": f"/queue?view={made.id}"})


@router.post("/queue/views/{view_id}/remove")
@allow(Role.ANALYST)
def remove(request: Request, user: User, view_id: int) -> Response:
    """
    Raises:
        UsageError: there is no such view of the reader's own.
    """
    desk = desk_of(request)
    with desk.store.writing() as session:
        remove_view(session, view_id, owner=user.user, clock=desk.clock)
    return Response(status_code=204, headers={"HX-Redirect": "/queue"})


# -- what the list shows -------------------------------------------------------------------------------


def _listed(session: Session, desk: Desk, user: SignedIn, asked: Asked) -> dict[str, Any]:
    latest_day = desk.store.latest_day()
    wanted = asked.filter(latest_day)
    found = select_queue(session, wanted, offset=(asked.page - 1) * PAGE)
    last_page = max(-(-found.total // PAGE), 1)
    if asked.page > last_page:
        asked = asked.model_copy(update={"page": last_page})
        found = select_queue(session, wanted, offset=(last_page - 1) * PAGE)
    views = select_views(session, user.user)
    settled = asked.settled()
    view = next((one for one in views if _shows(one, settled)), None)
    many = PAGE < found.total <= MOST_IDS
    return {
        "asked": asked,
        "found": found,
        "offset": found.offset,
        "last_page": last_page,
        "everything": select_ids(session, wanted, limit=MOST_IDS) if many else [],
        "views": views,
        "view": view,
        "address": _address(asked, view, asked.page),
        "address_of": lambda number: _address(asked, view, number),
        "plain": settled == Asked().settled(),
        "published": latest_day is not None,
        "decides": user.role.includes(Role.ANALYST),
    }


def _shows(view: View, settled: Asked) -> bool:
    """Whether a view is what is asked for. One that a later version cannot read hides no queue."""
    try:
        return Asked.of_view(view.query).settled() == settled
    except UsageError:
        return False


def _address(asked: Asked, view: View | None, number: int) -> str:
    if view is None:
        return asked.address(page=number)
    return f"/queue?view={view.id}" + (f"&page={number}" if number > 1 else "")
