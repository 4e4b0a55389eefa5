"""Names that cannot be turned back without the key: HMAC-SHA256, one sub-key per kind, 128 bits in hex.

Sub-keys keep the kinds apart: an organization that has the same id as an account gets another pseudonym.
An address keeps the one fact that later evidence needs, *which addresses share a network*:

    net_<pseudonym of the /24 (IPv4) or /48 (IPv6)>.<pseudonym of the address>

so addresses of one network share everything before the dot. Whoever holds the key can try all four billion
IPv4 addresses; the key is what protects them.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
from collections.abc import Callable

import pyarrow as pa

KINDS = {
    "account_id": "acc",
    "organization_id": "org",
    "api_key_id": "key",
    "ip": "net",
    "payment_fingerprint": "pay",
}
"""The kind, and so the prefix, of each column in `campaigns.records.PSEUDONYM_COLUMNS`."""

_BYTES = 16
_IPV4_PREFIX = 24
_IPV6_PREFIX = 48


def pseudonym(values: pa.Array, key: bytes, kind: str) -> pa.Array:
    """Pseudonyms of a string array, nulls kept; each distinct value is computed once.

    Args:
        kind: a value of `KINDS`; `net` treats the values as addresses.
    """
    encoded = values.dictionary_encode()
    name = _namer(key, kind)
    names = pa.array([name(value) for value in encoded.dictionary.to_pylist()], pa.string())
    return names.take(encoded.indices)


def is_pseudonym(text: str, kind: str) -> bool:
    """Whether `text` looks like a pseudonym of a kind other than `net`."""
    return re.fullmatch(rf"{re.escape(kind)}_[0-9a-f]{{{2 * _BYTES}}}", text) is not None


def _namer(key: bytes, kind: str) -> Callable[[str], str]:
    subkey = hmac.digest(key, b"shoal pseudonym: " + kind.encode(), hashlib.sha256)

    def short(value: str) -> str:
        return hmac.digest(subkey, value.encode(), "sha256")[:_BYTES].hex()

    if kind != KINDS["ip"]:
        return lambda value: f"{kind}_{short(value)}"

    def address_name(value: str) -> str:
        network, address = network_and_address(value)
        return f"{kind}_{short(network)}.{short(address)}"

    return address_name


def network_and_address(value: str) -> tuple[str, str]:
    """Canonical network (`192.0.2.0/24`) and address (`192.0.2.7`); what is no address is its own network."""
    try:
        address = ipaddress.ip_address(value.strip())
    except ValueError:
        return value, value
    if isinstance(address, ipaddress.IPv6Address):
        mapped = address.ipv4_mapped
        if mapped is None:
            address = ipaddress.IPv6Address(int(address))  # a zone such as %eth0 means nothing to others
            return str(ipaddress.ip_network((address, _IPV6_PREFIX), strict=False)), str(address)
        address = mapped
    return str(ipaddress.ip_network((address, _IPV4_PREFIX), strict=False)), str(address)
