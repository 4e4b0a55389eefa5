"""One user on one machine: whoever has the link that `shoal review` prints, which works once.

The secret stands after the `#` of the link, so no server, proxy or log ever sees it in an address; the page's script
hands it in.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from fastapi import Request
from starlette.responses import Response

from campaigns.entries import Clock, utc_now
from campaigns.sessions import Role, SignedIn, TicketKind, issue_ticket, redeem_ticket
from campaigns.store import Store
from review.web.sign_in.sessions import Sessions

LIFETIME: Final = timedelta(hours=12)


def issue_link(store: Store, origin: str, user: str, clock: Clock = utc_now) -> str:
    """A link that signs `user` in once."""
    with store.writing() as session:
        secret = issue_ticket(session, TicketKind.LOCAL, {"user": user}, LIFETIME, clock=clock)
    return f"{origin}/sign-in#{secret}"


class LocalDoor:
    """Who has come in by the link may do everything: the machine is theirs."""

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
        """Begin a session for the user of the link; False: the link is not good, or not any more."""
        with self._store.writing() as session:
            found = redeem_ticket(session, TicketKind.LOCAL, secret, clock=self._clock)
        if found is None:
            return False
        self._sessions.begin(request, response, str(found["user"]), Role.ADMIN)
        return True
