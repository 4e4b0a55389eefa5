"""The cookie of a session, and who it says is there."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from fastapi import Request
from starlette.responses import Response

from campaigns.entries import Clock, utc_now
from campaigns.sessions import Lifetimes, Role, SignedIn, find_session, sign_in, sign_out, touch
from campaigns.settings import ReviewSettings
from campaigns.store import Store

COOKIE: Final = "__Host-shoal"
"""With this prefix a browser takes the cookie from this very host alone, for all of its paths, and over a connection
that nobody else reads; of plain http it takes it on the loopback address."""


class Sessions:
    """Sessions of browsers in the store."""

    def __init__(self, store: Store, settings: ReviewSettings, clock: Clock = utc_now) -> None:
        self._store = store
        self._clock = clock
        self._lifetimes = Lifetimes(
            timedelta(hours=settings.session_hours), timedelta(minutes=settings.idle_minutes)
        )

    def who(self, request: Request) -> SignedIn | None:
        token = request.cookies.get(COOKIE)
        if not token:
            return None
        with self._store.reading() as session:
            found, stale = find_session(session, token, self._lifetimes, clock=self._clock)
        if stale:
            with self._store.writing() as session:
                touch(session, token, clock=self._clock)
        return found

    def begin(self, request: Request, response: Response, user: str, role: Role, method: str) -> None:
        """A new session, in the place of any that the browser had."""
        before = request.cookies.get(COOKIE)
        with self._store.writing() as session:
            if before:
                sign_out(session, before, clock=self._clock)
            token = sign_in(
                session, user=user, role=role, method=method, lifetimes=self._lifetimes, clock=self._clock
            )
        response.set_cookie(
            COOKIE,
            token,
            max_age=int(self._lifetimes.whole.total_seconds()),
            path="/",
            secure=True,
            httponly=True,
            samesite="lax",
        )

    def end(self, request: Request, response: Response) -> None:
        token = request.cookies.get(COOKIE)
        if token:
            with self._store.writing() as session:
                sign_out(session, token, clock=self._clock)
        response.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="lax")
