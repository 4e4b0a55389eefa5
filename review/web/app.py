"""The analyst's page as an application: `create_app` puts the pages, who may see them, and the shield together."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Final
from urllib.parse import quote

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp

from campaigns.entries import Clock, utc_now
from campaigns.errors import ConflictError, IntegrityError, LockHeldError, ShoalError, UsageError
from campaigns.keys import shared_key
from campaigns.settings import Settings
from campaigns.store import Store
from review.run_tables import Memory
from review.web.access import Forbidden, GuardedRoute, NotSignedIn
from review.web.assets import load_assets
from review.web.desk import Desk, desk_of
from review.web.frame import Frame, read_frame
from review.web.links import Links
from review.web.pages import ROUTERS
from review.web.rendering import environment, is_fragment, page
from review.web.security import LOOPBACK, SAFE_METHODS, Origin, Shield
from review.web.sign_in.doors import door_of

log = logging.getLogger(__name__)

_STATUS: Final[dict[type[ShoalError], int]] = {
    ConflictError: 409,
    LockHeldError: 503,
    IntegrityError: 500,
    UsageError: 400,
}


class ReviewApp(FastAPI):
    """Wears its shield outermost, so that answers to faults are sealed too."""

    def __init__(self, origins: frozenset[Origin]) -> None:
        super().__init__(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
        self._origins = origins

    def build_middleware_stack(self) -> ASGIApp:
        return Shield(super().build_middleware_stack(), self._origins)


def create_app(settings: Settings, store: Store, *, clock: Clock = utc_now) -> FastAPI:
    """
    Raises:
        IntegrityError: a browser library is not the one that is pinned.
        UsageError: the settings do not say how users reach the page or sign in.
        TypeError: a route does not say who may call it.
    """
    app = ReviewApp(origins_of(settings))
    app.router.route_class = GuardedRoute
    secret = settings.secret_key.get_secret_value()
    desk = Desk(
        settings,
        store,
        Memory(settings.review.cache_mb << 20),
        Links(secret.encode() if secret else shared_key(store, "links")),
        clock,
    )
    app.state.desk = desk
    app.state.assets = load_assets()
    app.state.templates = environment(app.state.assets)
    app.state.sign_in = door_of(settings.review, store, origin_of(settings), clock)
    app.state.frame = _frame
    for router in _guarded(ROUTERS):
        app.include_router(router)
    app.add_exception_handler(NotSignedIn, _not_signed_in)
    app.add_exception_handler(Forbidden, _forbidden)
    app.add_exception_handler(ShoalError, _in_words)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _unreadable)
    app.add_exception_handler(Exception, _fault)
    return app


def origin_of(settings: Settings) -> Origin:
    """How browsers reach the page.

    Raises:
        UsageError: `review.url` is no address of a server.
    """
    review = settings.review
    return Origin.of(review.url or f"http://127.0.0.1:{review.port}", "review.url")


def origins_of(settings: Settings) -> frozenset[Origin]:
    """All names that the page answers to: the one of the settings, or those of this machine."""
    if settings.review.url:
        return frozenset({origin_of(settings)})
    here = origin_of(settings)
    return frozenset(replace(here, host=host) for host in LOOPBACK)


def _guarded(routers: Sequence[APIRouter]) -> Sequence[APIRouter]:
    """
    Raises:
        TypeError: a route of theirs is not guarded.
    """
    for router in routers:
        for route in router.routes:
            if not isinstance(route, GuardedRoute):
                raise TypeError(f"{route} is not guarded")
    return routers


def _frame(request: Request) -> Frame:
    desk = desk_of(request)
    return read_frame(desk.store, desk.clock(), desk.settings.review.stale_hours)


# -- errors --------------------------------------------------------------------------------------------


def _not_signed_in(request: Request, _: Exception) -> Response:
    """To the sign-in, and back where it was a page that was asked for."""
    target = "/sign-in"
    if request.method in SAFE_METHODS and not is_fragment(request):
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        if path != "/":
            target += f"?next={quote(path, safe='')}"
        return RedirectResponse(target, 303)
    if is_fragment(request):
        return Response(status_code=401, headers={"HX-Redirect": target})
    return _told(
        request,
        401,
        "You are not signed in, so nothing was done.",
        "Sign in in another tab, and send it again.",
    )


def _forbidden(request: Request, error: Exception) -> Response:
    assert isinstance(error, Forbidden)  # noqa: S101  -- Starlette hands over no other
    what = f"You are {error.user.role}; this needs {error.needed}."
    return _told(request, 403, what, "Ask an admin for the role.")


def _in_words(request: Request, error: Exception) -> Response:
    assert isinstance(error, ShoalError)  # noqa: S101
    status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 500)
    if status >= 500:
        log.warning("%s %s: %s", request.method, request.scope["route"].path, type(error).__name__)
    return _told(request, status, error.what, error.hint)


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    return _told(request, error.status_code, str(error.detail), "")


def _unreadable(request: Request, _: Exception) -> Response:
    return _told(request, 422, "The request cannot be read.", "Go back and try again.")


def _fault(request: Request, _: Exception) -> Response:
    """Of what nobody foresaw. The page shows no frame, which could fail for the same reason."""
    request.state.user = None
    return _told(request, 500, "Something went wrong here.", "The log of the page says where.")


def _told(request: Request, status: int, what: str, hint: str) -> Response:
    """An error as a page, or as a message in the page that is open."""
    request.state.user = getattr(request.state, "user", None)
    if is_fragment(request):
        response = page(request, "message.html", status, what=what, hint=hint)
        response.headers["HX-Retarget"] = "#messages"
        response.headers["HX-Reswap"] = "innerHTML"
        return response
    return page(request, "error.html", status, what=what, hint=hint)
