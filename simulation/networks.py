"""Countries, autonomous systems and addresses.

Every address and number names nobody: IPv4 from the reserved class E (RFC 1112), IPv6 from 2001:db8::/32
(RFC 3849), autonomous systems from the private range 64512-65534 (RFC 6996).
"""

from __future__ import annotations

from collections.abc import Mapping

from simulation.draws import Draws

COUNTRIES = (
    ("US", -6), ("US", -6), ("US", -5), ("GB", 0), ("DE", 1), ("FR", 1), ("IN", 5), ("BR", -3), ("JP", 9),
    ("CA", -5), ("ES", 1), ("MX", -6), ("PL", 1), ("NG", 1), ("KR", 9), ("AU", 10), ("TR", 3), ("SG", 8),
    ("NL", 1), ("KE", 3), ("CL", -4),
)  # fmt: skip
"""Where accounts are that are not at home in their language, with hours east of UTC; the large ones more often."""

HOMES: Mapping[str, tuple[tuple[str, int], ...]] = {
    "en": (
        ("US", -6), ("US", -5), ("US", -8), ("US", -5), ("GB", 0), ("GB", 0), ("IN", 5), ("IN", 5), ("CA", -5),
        ("AU", 10), ("NG", 1), ("KE", 3), ("SG", 8), ("NL", 1), ("PL", 1), ("KR", 9), ("TR", 3),
    ),
    "de": (("DE", 1), ("DE", 1), ("DE", 1), ("AT", 1)),
    "es": (("ES", 1), ("ES", 1), ("MX", -6), ("MX", -6), ("CL", -4), ("AR", -3)),
    "fr": (("FR", 1), ("FR", 1), ("FR", 1), ("CA", -5)),
    "zh": (("TW", 8), ("HK", 8), ("SG", 8)),
    "ru": (("RU", 3), ("RU", 3), ("KZ", 5)),
    "ja": (("JP", 9),),
    "pt": (("BR", -3), ("BR", -3), ("BR", -3), ("PT", 0)),
}  # fmt: skip
"""Countries of each language; English is also what many type who speak something else at home."""
AT_HOME = 0.8
"""Part of accounts that are in a country of their language."""

_CODES = sorted({code for places in (COUNTRIES, *HOMES.values()) for code, _ in places})
_ACCESS_ASN = 64_512
_ACCESS_PER_COUNTRY = 14
_CLOUD_ASN = 64_900
_CLOUDS = 12
_HOSTING_ASN = 65_000
_HOSTERS = 400
_IPV6_SHARE = 0.15
_EXIT_SHARE = 0.1
"""Ordinary accounts behind the few addresses that a carrier, a cloud or a hoster shows for many: such an address says
next to nothing about who belongs together."""
_EXITS = 12
"""Such addresses per network."""


def country(language: str, draws: Draws) -> tuple[str, int]:
    """Where somebody of that language lives, and the hours east of UTC."""
    share = draws.uniform()
    if share < AT_HOME:
        homes = HOMES[language]
        return homes[int(share / AT_HOME * len(homes))]
    return COUNTRIES[int((share - AT_HOME) / (1 - AT_HOME) * len(COUNTRIES))]


def network(habit: str, code: str, roof: Draws, draws: Draws) -> tuple[int, tuple[str, ...]]:
    """An autonomous system, and the one to three addresses an account uses; `simulation.pools.Habits` names the
    habits. `roof` draws what the whole group shares."""
    if habit in ("one", "asn"):
        asn = _HOSTING_ASN + roof.below(_HOSTERS)
    elif habit in ("cloud", "cloud range"):
        asn = _CLOUD_ASN + roof.below(_CLOUDS)
    elif habit in ("site", "city"):
        asn = _access_asn(code, roof)
    else:
        asn = _ordinary_asn(code, draws)
    first = f"{240 + asn % 12}.{asn * 7 % 251}"
    prefix, hosts = f"{first}.{draws.below(256)}", 254
    if habit in ("one", "range"):  # a range may be rented through several networks
        prefix = f"{252 + roof.below(3)}.{roof.below(256)}.{roof.below(256)}"
    elif habit in ("site", "cloud range"):
        prefix = f"{first}.{roof.below(256)}"
    else:
        kind = draws.uniform()
        if kind < _IPV6_SHARE:
            site = f"2001:db8:{asn:x}:{draws.between(1, 65_535):x}"
            return asn, tuple(f"{site}::{draws.between(1, 65_535):x}" for _ in range(draws.between(1, 2)))
        if kind < _IPV6_SHARE + _EXIT_SHARE:
            prefix, hosts = f"{first}.255", _EXITS
    return asn, tuple(f"{prefix}.{draws.between(1, hosts)}" for _ in range(draws.between(1, 3)))


def _ordinary_asn(code: str, draws: Draws) -> int:
    """Mostly one of the country's access networks; at times a cloud or a small hoster."""
    kind = draws.uniform()
    if kind < 0.12:
        return _CLOUD_ASN + int(_CLOUDS * draws.uniform() ** 2)
    if kind < 0.15:
        return _HOSTING_ASN + draws.below(_HOSTERS)
    return _access_asn(code, draws)


def _access_asn(code: str, draws: Draws) -> int:
    """One of the country's access networks; the first ones are far larger."""
    rank = int(_ACCESS_PER_COUNTRY * draws.uniform() ** 2.5)
    return _ACCESS_ASN + _CODES.index(code) * _ACCESS_PER_COUNTRY + rank
