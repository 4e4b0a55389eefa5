"""Users that a trusted proxy in front of the page names, in a header of each request.

A header is worth what the one who sends it is: it counts from the addresses of the settings alone, by the connection
itself and never by what a request says of its way. Each request is judged anew and there is no session, so what is
taken away in the settings is taken away with the next start, and at the proxy at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from fastapi import Request
from starlette.responses import Response

from campaigns.entries import Clock
from campaigns.errors import UsageError
from campaigns.sessions import SignedIn
from campaigns.settings import ReviewSettings
from review.web.sign_in.roles import role_of

Network = IPv4Network | IPv6Network


class ProxyDoor:
    """
    Raises:
        UsageError: the settings name no address of the proxy, or no header.
    """

    kind = "proxy"

    def __init__(self, settings: ReviewSettings, clock: Clock) -> None:
        self._settings = settings
        self._networks = networks_of(settings.proxy_addresses)
        self._clock = clock
        if not settings.proxy_user_header.strip():
            raise UsageError(
                "review.proxy_user_header is empty", hint="Name the header in which the proxy says who calls."
            )

    def who(self, request: Request) -> SignedIn | None:
        user = self.named(request)
        if user is None:
            return None
        role = role_of(user, self._groups(request), self._settings)
        if role is None:
            return None
        ends = self._clock() + timedelta(hours=self._settings.session_hours)
        return SignedIn(user=user, role=role, method=self.kind, expires_at=ends)

    def leave(self, request: Request, response: Response) -> None:
        """Nothing to end here: the proxy says who is there."""

    def named(self, request: Request) -> str | None:
        """Whom the proxy names; None: nobody, two at once, or it is not the proxy that asks."""
        if not self._trusts(request):
            return None
        values = request.headers.getlist(self._settings.proxy_user_header)
        user = values[0].strip() if len(values) == 1 else ""
        return user if user and user.isprintable() else None

    def _groups(self, request: Request) -> Sequence[str]:
        name = self._settings.proxy_groups_header
        values = request.headers.getlist(name) if name else []
        return values[0].split(",") if len(values) == 1 else ()

    def _trusts(self, request: Request) -> bool:
        if request.client is None:
            return False
        try:
            peer = ip_address(request.client.host)
        except ValueError:
            return False
        if isinstance(peer, IPv6Address) and peer.ipv4_mapped is not None:
            peer = peer.ipv4_mapped
        return any(peer in network for network in self._networks)


def networks_of(text: str) -> tuple[Network, ...]:
    """Addresses and networks with commas between.

    Raises:
        UsageError: there is none, or one cannot be read.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise UsageError(
            "review.proxy_addresses is empty",
            hint="Name the address or network of the proxy that is trusted.",
        )
    return tuple(_network(name) for name in names)


def _network(name: str) -> Network:
    try:
        return ip_network(name)
    except ValueError as error:
        raise UsageError(
            f"review.proxy_addresses: {error}",
            hint="Write addresses or networks: 10.0.0.7, 10.1.0.0/16, fd00::/8.",
        ) from None
