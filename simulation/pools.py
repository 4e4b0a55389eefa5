"""Synthetic accounts: who pays, from where, since when, with which client.

Every address and number names nobody: IPv4 from the reserved class E (RFC 1112), IPv6 from 2001:db8::/32
(RFC 3849), autonomous systems from the private range 64512-65534 (RFC 6996).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from simulation.draws import Draws, identifier, stream

MODELS = ("large-3", "large-3", "small-3", "small-3", "large-2", "code-1", "mini-3")
_COUNTRIES = (
    ("US", -6), ("US", -6), ("US", -5), ("GB", 0), ("DE", 1), ("FR", 1), ("IN", 5), ("BR", -3), ("JP", 9),
    ("CA", -5), ("ES", 1), ("MX", -6), ("PL", 1), ("NG", 1), ("KR", 9), ("AU", 10), ("TR", 3), ("SG", 8),
    ("NL", 1), ("KE", 3), ("CL", -4),
)  # fmt: skip
_CLIENTS = (
    "python-sdk/1.{}",
    "python-sdk/1.{}",
    "node-sdk/4.{}",
    "node-sdk/4.{}",
    "web/{}.0",
    "web/{}.0",
    "mobile/7.{}",
    "curl/8.{}",
)
_ACCESS_ASN = 64_512
_ACCESS_PER_COUNTRY = 14
_CLOUD_ASN = 64_900
_CLOUDS = 12
_HOSTING_ASN = 65_000
_HOSTERS = 400
_CARD_SHARE = 8
"""Accounts per payment card of a pool that shares `few` of them."""


@dataclass(frozen=True, slots=True)
class Habits:
    """What the accounts of a group have in common (`one`), share in part (`few`), or choose each for itself
    (`own`).

    `network`: own · one (one hoster and address range) · asn · range · cloud (one big cloud, no common
    range). `created`: any · old · years · week · two days · burst (30 hours) · day · eve (of opening).
    """

    organization: str = "own"
    network: str = "own"
    payment: str = "own"
    agent: str = "own"
    model: str = "own"
    country: str = "own"
    created: str = "any"
    clock: str = "daily"
    volumes: str = "heavy"


@dataclass(frozen=True, slots=True)
class Account:
    """The columns of an account that its prompts repeat. `created` is in microseconds since the epoch."""

    account_id: str
    organization_id: str | None
    api_key_id: str
    models: tuple[str, ...]
    user_agent: str
    ips: tuple[str, ...]
    asn: int
    country: str
    utc_offset: int
    payment_fingerprint: str | None
    created: int


@dataclass(frozen=True, slots=True)
class Group:
    """Accounts under one roof. `generation` counts replacements; `opened` is the first day it works."""

    name: str
    habits: Habits
    generation: int
    opened: date

    def account(self, seed: int, index: int) -> Account:
        """The account of that index: the same on every day and in whatever order accounts are asked for."""
        draws = stream(seed, "account", self.name, self.generation, index)
        roof = stream(seed, "group", self.name, self.generation)
        habits, key = self.habits, (seed, self.name, self.generation)
        country, offset = (roof if habits.country == "one" else draws).pick(_COUNTRIES)
        asn, ips = _network(habits.network, country, roof, draws)
        common = stream(seed, "client", self.name)
        return Account(
            account_id=identifier("acc", *key, index),
            organization_id=_organization(habits.organization, key, index, draws),
            api_key_id=identifier("key", *key, index),
            models=(common.pick(MODELS),)
            if habits.model == "one"
            else (draws.pick(MODELS), draws.pick(MODELS)),
            user_agent=_agent(habits.agent, common, draws),
            ips=ips,
            asn=asn,
            country=country,
            utc_offset=offset,
            payment_fingerprint=_payment(habits.payment, key, index, draws),
            created=_created(habits.created, self.opened, roof, draws),
        )


def pool_habits(leaks: Iterable[str], clock: str, volumes: str, generation: int) -> Habits:
    """An operator's accounts have in common what leaks, and are ordinary otherwise. Replacements are bought
    in one go."""
    leaks = frozenset(leaks)
    network = {(True, True): "one", (True, False): "asn", (False, True): "range"}.get(
        ("asn" in leaks, "ip_range" in leaks), "own"
    )
    habits = Habits(
        organization="none",
        network=network,
        payment="few" if "payment" in leaks else "own",
        agent="one" if "ua" in leaks else "own",
        model="one" if "model" in leaks else "own",
        created="burst" if "creation" in leaks else "any",
        clock=clock,
        volumes=volumes,
    )
    return replace(habits, created="eve") if generation and "creation" in leaks else habits


def _organization(habit: str, key: tuple[int, str, int], index: int, draws: Draws) -> str | None:
    if habit == "one":
        return identifier("org", *key)
    if habit == "none" or (habit == "own" and draws.chance(0.6)):
        return None
    return identifier("org", *key, index)


def _payment(habit: str, key: tuple[int, str, int], index: int, draws: Draws) -> str | None:
    if habit == "one":
        return identifier("pf", *key)
    if habit == "few":
        return identifier("pf", *key, "card", index // _CARD_SHARE)
    return identifier("pf", *key, "own", index) if draws.chance(0.75) else None


def _agent(habit: str, common: Draws, draws: Draws) -> str:
    if habit == "one":
        return f"http-client/{common.between(2, 9)}.{common.between(10, 99)}-r{common.between(1, 9)}"
    return draws.pick(_CLIENTS).format(draws.between(20, 29))


def _network(habit: str, country: str, roof: Draws, draws: Draws) -> tuple[int, tuple[str, ...]]:
    """An autonomous system, and the one to three addresses an account uses."""
    if habit in ("one", "asn"):
        asn = _HOSTING_ASN + roof.below(_HOSTERS)
    elif habit == "cloud":
        asn = _CLOUD_ASN + roof.below(_CLOUDS)
    else:
        asn = _ordinary_asn(country, draws)
    # A range may be rented through several networks: then only the range is shared.
    prefix = f"{240 + asn % 12}.{asn * 7 % 251}.{draws.below(256)}"
    if habit in ("one", "range"):
        prefix = f"{252 + roof.below(3)}.{roof.below(256)}.{roof.below(256)}"
    elif draws.chance(0.15):
        site = f"2001:db8:{asn:x}:{draws.between(1, 65_535):x}"
        return asn, tuple(f"{site}::{draws.between(1, 65_535):x}" for _ in range(draws.between(1, 2)))
    return asn, tuple(f"{prefix}.{draws.between(1, 254)}" for _ in range(draws.between(1, 3)))


def _ordinary_asn(country: str, draws: Draws) -> int:
    """Mostly one of the country's access networks, the first ones far larger; at times a cloud or a small
    hoster."""
    kind = draws.uniform()
    if kind < 0.12:
        return _CLOUD_ASN + int(_CLOUDS * draws.uniform() ** 2)
    if kind < 0.15:
        return _HOSTING_ASN + draws.below(_HOSTERS)
    codes = sorted({code for code, _ in _COUNTRIES})
    return (
        _ACCESS_ASN
        + codes.index(country) * _ACCESS_PER_COUNTRY
        + int(_ACCESS_PER_COUNTRY * draws.uniform() ** 2.5)
    )


def _created(habit: str, opened: date, roof: Draws, draws: Draws) -> int:
    """Microseconds since the epoch, always before midnight of `opened`."""
    midnight = datetime(opened.year, opened.month, opened.day, tzinfo=UTC)
    if habit == "eve":
        moment = midnight - timedelta(hours=20 * draws.uniform() + 1)
    elif habit in _WINDOWS:
        low, high, hours = _WINDOWS[habit]
        moment = midnight - timedelta(days=roof.between(low, high)) - timedelta(hours=hours * draws.uniform())
    else:
        least, span = {"any": (1, 900), "old": (250, 900), "years": (30, 1400)}[habit]
        # Young accounts are commoner: services grow.
        moment = midnight - timedelta(
            days=least + span * draws.uniform() ** 2, seconds=86_400 * draws.uniform()
        )
    return int(moment.timestamp() * 1_000_000)


_WINDOWS = {"burst": (4, 25, 30), "week": (8, 20, 160), "two days": (20, 60, 44), "day": (0, 1, 9)}
"""Days before opening, at least and at most, and the width of the window in hours."""
