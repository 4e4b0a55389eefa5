"""The ways in, behind one Protocol: the application asks who is there, and the sign-in page asks how to come in."""

from __future__ import annotations

from typing import Protocol

from fastapi import Request
from starlette.responses import Response

from campaigns.entries import Clock
from campaigns.sessions import SignedIn
from campaigns.settings import ReviewSettings
from campaigns.store import Store
from review.web.security import Origin
from review.web.sign_in import local
from review.web.sign_in.sessions import Sessions


class Door(Protocol):
    """`kind` is the setting `review.sign_in`."""

    kind: str

    def who(self, request: Request) -> SignedIn | None:
        """Who calls; None: nobody who may do anything."""

    def leave(self, request: Request, response: Response) -> None:
        """End the session, where there is one."""


class LocalDoor:
    """By a link that works once; see `review.web.sign_in.local`."""

    kind = "local"

    def __init__(self, store: Store, sessions: Sessions, clock: Clock) -> None:
        self._store = store
        self._sessions = sessions
        self._clock = clock

    def who(self, request: Request) -> SignedIn | None:
        return self._sessions.who(request)

    def leave(self, request: Request, response: Response) -> None:
        self._sessions.end(request, response)

    def redeem(self, request: Request, response: Response, secret: str) -> bool:
        return local.redeem(self._store, self._sessions, request, response, secret, self._clock)


def door_of(settings: ReviewSettings, store: Store, origin: Origin, clock: Clock) -> Door:
    """The way in that the settings name.

    Raises:
        UsageError: they do not say what it needs.
    """
    return LocalDoor(store, Sessions(store, settings, clock), clock)
