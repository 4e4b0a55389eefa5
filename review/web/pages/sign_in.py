"""Signing in and out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, HTTPException, Request
from starlette.responses import RedirectResponse, Response

from review.web.access import GuardedRoute, allow
from review.web.rendering import page
from review.web.sign_in.doors import Door, LocalDoor

router = APIRouter(route_class=GuardedRoute)


@router.get("/sign-in")
@allow(None)
def sign_in(request: Request, next: str = "/", lost: bool = False) -> Response:  # noqa: A002 its name in the address
    """How to come in. Who is in already goes on."""
    if request.state.user is not None:
        return RedirectResponse(local_path(next), 303)
    return page(
        request, "sign_in.html", door=_door(request).kind, next=local_path(next), lost=lost, bad=False
    )


@router.post("/sign-in")
@allow(None)
def hand_in(
    request: Request,
    secret: Annotated[str, Form()],
    next: Annotated[str, Form()] = "/",  # noqa: A002
) -> Response:
    """The secret of the link that `shoal review` prints."""
    door = _door(request)
    if not isinstance(door, LocalDoor):
        raise HTTPException(404, "There is no such page.")
    # By way of an address that shows whether the browser has kept the cookie.
    response = RedirectResponse(f"/sign-in?lost=1&next={local_path(next)}", 303)
    if door.redeem(request, response, secret.strip()):
        return response
    return page(request, "sign_in.html", 403, door=door.kind, next=local_path(next), lost=False, bad=True)


@router.post("/sign-out")
@allow(None)
def sign_out(request: Request) -> Response:
    response = RedirectResponse("/sign-in", 303)
    _door(request).leave(request, response)
    return response


def local_path(target: str) -> str:
    """`target` if it is a path of this server, else its root: nobody is sent elsewhere."""
    plain = target.startswith("/") and not target.startswith(("//", "/\\"))
    return target if plain and target.isprintable() and "\\" not in target else "/"


def _door(request: Request) -> Door:
    door: Door = request.app.state.sign_in
    return door
