"""The map of a day. Everything on it is in the queue as well."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import date

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from campaigns.sessions import Role
from review.map import Picture, read_picture
from review.web.access import GuardedRoute, User, allow
from review.web.desk import Desk, desk_of
from review.web.map_points import MOST_POINTS, campaigns, points
from review.web.rendering import page

router = APIRouter(route_class=GuardedRoute)


@router.get("/map")
@allow(Role.VIEWER)
def latest(request: Request, user: User) -> Response:  # noqa: ARG001 who may see it
    return RedirectResponse(f"/map/{desk_of(request).published().day}", 303)


@router.get("/map/{day}")
@allow(Role.VIEWER)
def of_day(request: Request, user: User, day: date) -> Response:  # noqa: ARG001
    return page(request, "map.html", here="/map", day=desk_of(request).published(day).day)


@router.get("/map/{day}/points")
@allow(Role.VIEWER)
def binary(request: Request, user: User, day: date) -> Response:  # noqa: ARG001
    return Response(_drawn(desk_of(request), day).body, media_type="application/octet-stream")


@router.get("/map/{day}/campaigns")
@allow(Role.VIEWER)
def marks(request: Request, user: User, day: date) -> Response:  # noqa: ARG001
    """What people call the campaigns, and what they decided, as of now."""
    desk = desk_of(request)
    picture = _drawn(desk, day).picture
    known = {one.campaign_id: one for one in desk.store.campaigns(day)}
    called = tuple(
        replace(mark, title=known[mark.campaign_id].title, objective=known[mark.campaign_id].objective)
        if mark.campaign_id in known
        else mark
        for mark in picture.marks
    )
    told = campaigns(replace(picture, marks=called), known, desk.store.standing())
    return Response(json.dumps(told, ensure_ascii=True), media_type="application/json")


@dataclass(frozen=True, slots=True, eq=False)
class _Drawn:
    """The picture of a run, and its points as the browser gets them."""

    picture: Picture
    body: bytes

    @property
    def nbytes(self) -> int:
        return 2 * len(self.body)


def _drawn(desk: Desk, day: date) -> _Drawn:
    tables = desk.tables(desk.published(day))

    def make() -> _Drawn:
        picture = read_picture(tables.run, MOST_POINTS)
        return _Drawn(picture, points(picture))

    return tables.made("map", make)
