"""Users of an identity provider, by OpenID Connect: authorization code flow with PKCE.

What a sign-in that is under way rests on (state, nonce, verifier, and where to go on) stays on the server, as a ticket
that is good once and for minutes. The browser holds the ticket's secret in a cookie of its own; so an answer of the
provider counts in the browser that asked, and nowhere else.

OpenID Connect Core 1.0; RFC 9700, Best Current Practice for OAuth 2.0 Security.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from campaigns.audit import Action, append
from campaigns.entries import Clock
from campaigns.sessions import SignedIn, TicketKind, issue_ticket, redeem_ticket
from campaigns.settings import ReviewSettings
from campaigns.store import Store
from review.web.sign_in.provider import Provider
from review.web.sign_in.refusals import NobodyListed, NotBegun, ProviderDeclined, SignInRefused
from review.web.sign_in.roles import role_of
from review.web.sign_in.sessions import Sessions, drop, keep

COOKIE: Final = "__Host-shoal-sign-in"
LIFETIME: Final = timedelta(minutes=10)
"""From leaving for the provider to coming back."""
_SECRET_BYTES: Final = 32
_MOST_CHARACTERS: Final = 320
"""Of the name of a user; the longest address of mail has so many."""


class OidcDoor:
    kind = "oidc"

    def __init__(
        self, store: Store, sessions: Sessions, provider: Provider, settings: ReviewSettings, clock: Clock
    ) -> None:
        self._store = store
        self._sessions = sessions
        self._provider = provider
        self._settings = settings
        self._clock = clock

    def who(self, request: Request) -> SignedIn | None:
        return self._sessions.who(request)

    def leave(self, request: Request, response: Response) -> None:
        """Ends the session here; the provider's own goes on."""
        self._sessions.end(request, response)

    def begin(self, after: str) -> Response:
        """Send the browser to the provider, and after the sign-in to the path `after`.

        Raises:
            ProviderFailed: nobody knows where that is.
        """
        state, nonce, verifier = (secrets.token_urlsafe(_SECRET_BYTES) for _ in range(3))
        response = RedirectResponse(self._provider.address(state, nonce, verifier), 303)
        details = {"state": state, "nonce": nonce, "verifier": verifier, "after": after}
        with self._store.writing() as session:
            secret = issue_ticket(session, TicketKind.OIDC, details, LIFETIME, clock=self._clock)
        keep(response, COOKIE, secret, LIFETIME)
        return response

    def finish(self, request: Request) -> Response:
        """Begin a session for whom the provider names, and go on.

        Raises:
            SignInRefused: it names nobody who may come in, or the answer is not to a question of this browser.
        """
        begun = self._begun(request)
        claims = self._claims(request.query_params, begun)
        user, groups = self._user(claims), self._groups(claims)
        role = role_of(user, groups, self._settings)
        if role is None:
            self._note_refusal(user)
            raise NobodyListed(user)
        response = RedirectResponse(begun["after"], 303)
        drop(response, COOKIE)
        self._sessions.begin(request, response, user, role)
        return response

    def _begun(self, request: Request) -> dict[str, str]:
        """What the ticket of this browser holds. It is used up, whatever comes of it."""
        secret = request.cookies.get(COOKIE)
        if not secret:
            raise NotBegun("the browser brings no cookie of a sign-in")
        with self._store.writing() as session:
            found = redeem_ticket(session, TicketKind.OIDC, secret, clock=self._clock)
        if found is None:
            raise NotBegun("no such sign-in is under way")
        state = request.query_params.get("state", "")
        if not hmac.compare_digest(state.encode(), str(found["state"]).encode()):
            raise NotBegun("the state is of another sign-in")
        return {name: str(value) for name, value in found.items()}

    def _claims(self, query: Mapping[str, str], begun: Mapping[str, str]) -> dict[str, Any]:
        if query.get("iss", self._settings.oidc_issuer) != self._settings.oidc_issuer:
            raise SignInRefused("the answer is of another provider")
        if "error" in query or not query.get("code"):
            raise ProviderDeclined("the provider sent no code")
        return self._provider.claims(query["code"], begun["verifier"], begun["nonce"])

    def _user(self, claims: Mapping[str, Any]) -> str:
        name = self._settings.oidc_user_claim
        value = claims.get(name)
        user = value.strip() if isinstance(value, str) else ""
        if not user or len(user) > _MOST_CHARACTERS or not user.isprintable():
            raise SignInRefused(f"the ID token has no usable claim {name!r}")
        if name == "email" and claims.get("email_verified", True) not in (True, "true"):
            raise SignInRefused("the provider has not verified the address of mail")
        return user

    def _groups(self, claims: Mapping[str, Any]) -> Sequence[str]:
        value = claims.get(self._settings.oidc_groups_claim)
        groups = value if isinstance(value, list) else [value]
        return [group for group in groups if isinstance(group, str)]

    def _note_refusal(self, user: str) -> None:
        with self._store.writing() as session:
            append(
                session,
                actor=user,
                action=Action.REFUSED,
                subject="sign-in",
                details={"method": self.kind, "why": "no list names the user"},
                at=self._clock(),
            )
