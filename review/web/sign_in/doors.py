"""The ways in, behind one Protocol: the application asks who is there, and the sign-in page asks how to come in."""

from __future__ import annotations

from typing import Protocol

from fastapi import Request
from starlette.responses import Response

from campaigns.entries import Clock
from campaigns.errors import UsageError
from campaigns.sessions import SignedIn
from campaigns.settings import ReviewSettings
from campaigns.store import Store
from review.web.security import Origin
from review.web.sign_in.local import LocalDoor
from review.web.sign_in.oidc import OidcDoor
from review.web.sign_in.provider import Provider, is_safe
from review.web.sign_in.proxy import ProxyDoor
from review.web.sign_in.roles import lists_of
from review.web.sign_in.sessions import Sessions

CALLBACK = "/sign-in/callback"


class Door(Protocol):
    """`kind` is the setting `review.sign_in`."""

    kind: str

    def who(self, request: Request) -> SignedIn | None:
        """Who calls; None: nobody who may do anything."""

    def leave(self, request: Request, response: Response) -> None:
        """End the session, where there is one."""


def door_of(settings: ReviewSettings, store: Store, origin: Origin, clock: Clock) -> Door:
    """The way in that the settings name.

    Args:
        origin: how browsers reach the page.

    Raises:
        UsageError: they do not say what it needs, or it would be open to whoever listens.
    """
    sessions = Sessions(store, settings, clock)
    if settings.sign_in == "local":
        if not origin.on_loopback:
            raise UsageError(
                "the sign-in by link is for this machine alone",
                where=str(origin),
                hint="Set review.sign_in to oidc or proxy, or leave review.url empty.",
            )
        return LocalDoor(store, sessions, clock)
    _refuse_bare_team(settings, origin)
    if settings.sign_in == "proxy":
        return ProxyDoor(settings, clock)
    if not is_safe(settings.oidc_issuer):
        raise _missing("review.oidc_issuer", "the https address of the identity provider")
    if not settings.oidc_client_id:
        raise _missing("review.oidc_client_id", "what the identity provider knows Shoal by")
    provider = Provider(settings, f"{origin}{CALLBACK}", clock)
    return OidcDoor(store, sessions, provider, settings, clock)


def _refuse_bare_team(settings: ReviewSettings, origin: Origin) -> None:
    """What every sign-in of a team needs.

    Raises:
        UsageError: the page would travel in the open, or nobody could do anything.
    """
    if not settings.url or not origin.secure:
        raise _missing("review.url", "the https address by which browsers reach the page")
    if not any(lists_of(settings).values()):
        raise UsageError(
            f"review.sign_in is {settings.sign_in}, and no list names a user",
            hint="Set review.viewers, review.analysts, review.approvers and review.admins: names, or group:NAME.",
        )


def _missing(setting: str, what: str) -> UsageError:
    return UsageError(f"{setting} is missing, or no such thing", hint=f"Set it to {what}.")
