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
from campaigns.sessions import Role, TicketKind, issue_ticket, redeem_ticket
from campaigns.store import Store
from review.web.sign_in.sessions import Sessions

LIFETIME: Final = timedelta(hours=12)


def issue_link(store: Store, origin: str, user: str, clock: Clock = utc_now) -> str:
    """A link that signs `user` in once."""
    with store.writing() as session:
        secret = issue_ticket(session, TicketKind.LOCAL, {"user": user}, LIFETIME, clock=clock)
    return f"{origin}/sign-in#{secret}"


def redeem(
    store: Store,
    sessions: Sessions,
    request: Request,
    response: Response,
    secret: str,
    clock: Clock = utc_now,
) -> bool:
    """Begin a session for the user of the link; False: the link is not good, or not any more."""
    with store.writing() as session:
        found = redeem_ticket(session, TicketKind.LOCAL, secret, clock=clock)
    if found is None:
        return False
    sessions.begin(request, response, str(found["user"]), Role.ADMIN, TicketKind.LOCAL)
    return True
