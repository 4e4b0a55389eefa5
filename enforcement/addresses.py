"""Where a webhook may lead: to public addresses, and into networks that the settings name.

A name is resolved here, each address of it is judged, and the connection goes to the very address that was judged. So
a name that changes its address in between leads nowhere else (DNS rebinding), and no spelling gets past, be it
`0x7f.1`, `2130706433` or `[::ffff:127.0.0.1]`: judged is the address, not how it was written.

What is special: IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890). Addresses within addresses: RFC 4291
(mapped), RFC 6052 (NAT64), RFC 3056 (6to4), RFC 4380 (Teredo), RFC 5214 (ISATAP).
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

import httpcore

from campaigns.errors import UsageError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Addresses of a host, as text."""

LOOPBACK: Final[tuple[Network, ...]] = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))

_METADATA: Final[tuple[Network, ...]] = (
    IPv4Network("169.254.0.0/16"),
    IPv4Network("100.100.100.200/32"),
    IPv4Network("168.63.129.16/32"),
    IPv4Network("192.0.0.192/32"),
    IPv6Network("fd00:ec2::/32"),
    IPv6Network("fd20:ce::254/128"),
)
"""Where clouds tell a machine its credentials. Never, whatever network around it is named."""

_SPECIAL: Final[tuple[Network, ...]] = (
    IPv4Network("192.0.0.0/24"),
    IPv4Network("192.88.99.0/24"),
    IPv6Network("2001::/23"),  # Teredo and other protocols
    IPv6Network("2002::/16"),  # 6to4
    IPv6Network("3fff::/20"),  # documentation
)
"""What `is_global` of some versions of Python takes for public."""

_UNICAST: Final = IPv6Network("2000::/3")
_NAT64: Final = IPv6Network("64:ff9b::/96")
_ISATAP: Final = frozenset({0x0000_5EFE, 0x0200_5EFE})


class HostError(httpcore.ConnectError):
    """A host that is not known, or leads where no message may go; the message says which."""


class ForbiddenAddressError(HostError):
    pass


def networks_of(text: str) -> tuple[Network, ...]:
    """Networks with commas between, as the setting `delivery.webhook_networks` has them.

    Raises:
        UsageError: one is none.
    """
    try:
        return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise UsageError(
            f"delivery.webhook_networks cannot be read: {error}",
            hint="Write networks with commas between, for example 10.20.0.0/16, fd12:3456::/48.",
        ) from None


def is_allowed(address: Address, networks: Iterable[Network] = ()) -> bool:
    """Whether a message may go there: it is public, or in one of `networks`."""
    inner = _within(address)
    if _in(inner, _METADATA):
        return False
    return _in(address, networks) or _in(inner, networks) or _is_public(inner)


def _within(address: Address) -> Address:
    """The IPv4 address that stands behind one of IPv6, or the address itself.

    Of tunnels that nobody needs any more (6to4, Teredo, ISATAP) none is public, so what is in them does not matter.
    """
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return IPv4Address(int(address) & 0xFFFF_FFFF) if address in _NAT64 else address


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv6Address) and (
        address not in _UNICAST or (int(address) >> 32) & 0xFFFF_FFFF in _ISATAP
    ):
        return False
    return address.is_global and not address.is_multicast and not _in(address, _SPECIAL)


def _in(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks if network.version == address.version)


async def resolve(host: str, port: int) -> list[str]:
    """What the system says."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


class CheckedBackend(httpcore.AsyncNetworkBackend):
    """Connects to addresses that were judged, and to nothing else."""

    def __init__(
        self,
        networks: Sequence[Network] = (),
        *,
        only: Sequence[Network] = (),
        resolve: Resolve = resolve,
        dial: httpcore.AsyncNetworkBackend | None = None,
    ) -> None:
        """
        Args:
            networks: may be connected to although they are not public.
            only: nothing outside of these; empty: no such limit.
            dial: makes the connections; None: as the system does.
        """
        self._networks = tuple(networks)
        self._only = tuple(only)
        self._resolve = resolve
        self._dial = dial or httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """
        Raises:
            ForbiddenAddressError: not every address of the host is one that messages may go to.
            HostError: it has none.
            httpcore.ConnectError, httpcore.ConnectTimeout: none answers.
        """
        addresses = await self._judged(host, port)
        for address in addresses[:-1]:
            try:
                return await self._dial.connect_tcp(
                    str(address), port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue  # the host has others
        return await self._dial.connect_tcp(str(addresses[-1]), port, timeout, local_address, socket_options)

    async def sleep(self, seconds: float) -> None:
        await self._dial.sleep(seconds)

    async def _judged(self, host: str, port: int) -> list[Address]:
        try:
            addresses = [ipaddress.ip_address(text) for text in await self._resolve(host, port)]
        except (OSError, ValueError) as error:  # ValueError: of names that cannot be asked for
            raise HostError("the host is not known") from error
        if not addresses:
            raise HostError("the host is not known")
        for address in addresses:
            if not is_allowed(address, self._networks) or (
                self._only and not _in(_within(address), self._only)
            ):
                raise ForbiddenAddressError(f"the host leads to {address}, where no message may go")
        return addresses
