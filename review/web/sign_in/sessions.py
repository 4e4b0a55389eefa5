"""The cookie of a session, and who it says is there."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from typing import Final

from fastapi import Request
from starlette.responses import Response

from campaigns.entries import Clock, utc_now
from campaigns.sessions import Lifetimes, Role, SignedIn, find_session, sign_in, sign_out, touch
from campaigns.settings import ReviewSettings
from campaigns.store import Store
from review.web.sign_in.roles import lists_of

COOKIE: Final = "__Host-shoal"
"""With this prefix a browser takes the cookie from this very host alone, for all of its paths, and over a connection
that nobody else reads; of plain http it takes it on the loopback address."""
_METHOD_DIGITS: Final = 16


class Sessions:
    """Sessions of browsers in the store. Those begun in another way than the settings now name count for nobody."""

    def __init__(self, store: Store, settings: ReviewSettings, clock: Clock = utc_now) -> None:
        self._store = store
        self._clock = clock
        self._method = method_of(settings)
        self._lifetimes = Lifetimes(
            timedelta(hours=settings.session_hours), timedelta(minutes=settings.idle_minutes)
        )

    def who(self, request: Request) -> SignedIn | None:
        token = request.cookies.get(COOKIE)
        if not token:
            return None
        with self._store.reading() as session:
            found, stale = find_session(session, token, self._lifetimes, clock=self._clock)
        if found is None or found.method != self._method:
            return None
        if stale:
            with self._store.writing() as session:
                touch(session, token, clock=self._clock)
        return found

    def begin(self, request: Request, response: Response, user: str, role: Role) -> None:
        """A new session, in the place of any that the browser had."""
        before = request.cookies.get(COOKIE)
        with self._store.writing() as session:
            if before:
                sign_out(session, before, clock=self._clock)
            token = sign_in(
                session,
                user=user,
                role=role,
                method=self._method,
                lifetimes=self._lifetimes,
                clock=self._clock,
            )
        keep(response, COOKIE, token, self._lifetimes.whole)

    def end(self, request: Request, response: Response) -> None:
        token = request.cookies.get(COOKIE)
        if token:
            with self._store.writing() as session:
                sign_out(session, token, clock=self._clock)
        drop(response, COOKIE)


def method_of(settings: ReviewSettings) -> str:
    """How a session is begun: `local`, or `oidc` with a checksum of what roles rest on.

    A session keeps the role that it began with. So that a name taken off a list means something at once, and not
    when the session ends by itself, every session ends where the lists or the provider change.
    """
    if settings.sign_in == "local":
        return "local"
    rests_on = [
        settings.oidc_issuer,
        settings.oidc_client_id,
        settings.oidc_user_claim,
        settings.oidc_groups_claim,
        *([str(role), *sorted(listed)] for role, listed in lists_of(settings).items()),
    ]
    digest = hashlib.sha256(json.dumps(rests_on).encode()).hexdigest()
    return f"{settings.sign_in} {digest[:_METHOD_DIGITS]}"


def keep(response: Response, cookie: str, value: str, lifetime: timedelta) -> None:
    """Have the browser keep a cookie that no script reads. `Lax`: it comes along from the identity provider."""
    response.set_cookie(
        cookie,
        value,
        max_age=int(lifetime.total_seconds()),
        path="/",
        secure=True,
        httponly=True,
        samesite="lax",
    )


def drop(response: Response, cookie: str) -> None:
    response.delete_cookie(cookie, path="/", secure=True, httponly=True, samesite="lax")
