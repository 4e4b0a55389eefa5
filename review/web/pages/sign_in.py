"""Signing in and out."""

from __future__ import annotations

import logging
from typing import Annotated, Final
from urllib.parse import quote

from fastapi import APIRouter, Form, HTTPException, Request
from starlette.responses import RedirectResponse, Response

from review.web.access import GuardedRoute, allow
from review.web.rendering import page
from review.web.sign_in.doors import CALLBACK, Door
from review.web.sign_in.local import LocalDoor
from review.web.sign_in.oidc import OidcDoor
from review.web.sign_in.proxy import ProxyDoor
from review.web.sign_in.refusals import SignInRefused, Told, nobody_listed

router = APIRouter(route_class=GuardedRoute)
log = logging.getLogger(__name__)

_MOST_CHARACTERS: Final = 2_000
_NO_LINK: Final = Told("This link was used already, or its time is over.", "`shoal review` prints a new one.")
_NO_NAME: Final = Told(
    "The proxy in front of this page does not say who you are.",
    "Whoever runs it finds in the runbook what it has to send.",
)
_NO_COOKIE: Final = Told(
    "Your browser did not keep the session cookie.",
    "Some browsers refuse secure cookies without TLS, even on this machine: use another one, or put TLS in front "
    "and set review.url.",
)


@router.get("/sign-in")
@allow(None)
def sign_in(request: Request, next: str = "/", lost: bool = False) -> Response:  # noqa: A002 its name in the address
    """How to come in. Who is in already goes on."""
    if request.state.user is not None:
        return RedirectResponse(local_path(next), 303)
    door = _door(request)
    if isinstance(door, ProxyDoor):
        named = door.named(request)
        return _asks(request, 403, told=_NO_NAME if named is None else nobody_listed(named))
    return _asks(request, after=next, told=_NO_COOKIE if lost else None)


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
    response = RedirectResponse(f"/sign-in?lost=1&next={quote(local_path(next), safe='')}", 303)
    if door.redeem(request, response, secret.strip()):
        return response
    return _asks(request, 403, after=next, told=_NO_LINK)


@router.get("/sign-in/provider")
@allow(None)
def leave_for_provider(request: Request, next: str = "/") -> Response:  # noqa: A002
    """To the identity provider, which sends the browser back to the callback."""
    try:
        return _provider_door(request).begin(local_path(next))
    except SignInRefused as error:
        return _refused(request, error, next)


@router.get(CALLBACK)
@allow(None)
def come_back(request: Request) -> Response:
    try:
        return _provider_door(request).finish(request)
    except SignInRefused as error:
        return _refused(request, error)


@router.post("/sign-out")
@allow(None)
def sign_out(request: Request) -> Response:
    response = RedirectResponse("/sign-in", 303)
    _door(request).leave(request, response)
    return response


def local_path(target: str) -> str:
    """`target` if it is a path of this server, else its root: nobody is sent elsewhere."""
    plain = target.startswith("/") and not target.startswith("//") and len(target) <= _MOST_CHARACTERS
    return target if plain and target.isprintable() and "\\" not in target else "/"


def _asks(request: Request, status: int = 200, *, after: str = "/", told: Told | None) -> Response:
    """The page that says how to come in, and what became of an attempt."""
    return page(request, "sign_in.html", status, door=_door(request).kind, next=local_path(after), told=told)


def _refused(request: Request, error: SignInRefused, after: str = "/") -> Response:
    log.warning("sign-in refused: %s", error.why)
    return _asks(request, error.status, after=after, told=error.told)


def _provider_door(request: Request) -> OidcDoor:
    door = _door(request)
    if not isinstance(door, OidcDoor):
        raise HTTPException(404, "There is no such page.")
    return door


def _door(request: Request) -> Door:
    door: Door = request.app.state.sign_in
    return door
