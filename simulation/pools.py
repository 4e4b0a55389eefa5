"""Synthetic accounts: who pays, from where, since when, with which client."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from simulation.draws import Draws, identifier, stream
from simulation.networks import country, network

MODELS = ("large-3", "large-3", "small-3", "small-3", "large-2", "code-1", "mini-3")
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
_CARD_SHARE = 8
"""Accounts per payment card of a pool that shares `few` of them."""


@dataclass(frozen=True, slots=True)
class Habits:
    """What the accounts of a group have in common (`one`), share in part (`few`), or choose each for itself
    (`own`).

    `organization`: own (some have one) · one · each (all have one, each its own) · none.
    `network`: own · one (one hoster and address range) · asn (one hoster) · range · cloud (one big cloud) ·
    cloud range (one range of it) · site (one access network and range: a campus, an office) · city (one
    access network). `payment`: own · one · few · scarce (hardly anybody has paid yet).
    `created`: any · years · week · two days · burst (30 hours) · day · eve (of opening).
    `volumes`: even · uneven · heavy, as in `simulation.clocks.shares`. `careless` is the part of the accounts
    with these habits; the others share no column with anybody.
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
    careless: float = 1.0


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
    """Accounts under one roof. `generation` counts replacements; `opened` is the first day it works.
    `language` is that of the place where a group of one country is, and of most of its people."""

    name: str
    habits: Habits
    generation: int
    opened: date
    language: str = "en"

    def account(self, seed: int, index: int, language: str) -> Account:
        """The account of that index and of somebody who speaks that language: the same on every day and in
        whatever order accounts are asked for."""
        draws = stream(seed, "account", self.name, self.generation, index)
        roof = stream(seed, "group", self.name, self.generation)
        common = stream(seed, "client", self.name)
        habits, key = self._habits(seed, index), (seed, self.name, self.generation)
        code, offset = country(self.language, roof) if habits.country == "one" else country(language, draws)
        asn, ips = network(habits.network, code, roof, draws)
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
            country=code,
            utc_offset=offset,
            payment_fingerprint=_payment(habits.payment, key, index, draws),
            created=_created(habits.created, self.opened, roof, draws),
        )

    def _habits(self, seed: int, index: int) -> Habits:
        habits = self.habits
        if habits.careless == 1 or stream(seed, "careless", self.name, self.generation, index).chance(
            habits.careless
        ):
            return habits
        alone = replace(habits, network="own", payment="own", agent="own", model="own")
        return alone if habits.created == "years" else replace(alone, created="any")


def pool_habits(
    leaks: Iterable[str], pains: Iterable[str] = (), generation: int = 0, leaky: float = 1.0
) -> Habits:
    """An operator's accounts have in common what leaks, and are ordinary where pains were taken; see
    `simulation.parts`. Replacements are bought in one go."""
    leaks, pains = frozenset(leaks), frozenset(pains)
    shared_network = {(True, True): "one", (True, False): "asn", (False, True): "range"}.get(
        ("asn" in leaks, "ip_range" in leaks), "own"
    )
    created = "years" if "aged" in pains else "any"
    if "creation" in leaks:
        created = "eve" if generation else "burst"
    return Habits(
        organization="own" if "residential" in pains else "none",
        network=shared_network,
        payment="few" if "payment" in leaks else "own",
        agent="one" if "ua" in leaks else "own",
        model="one" if "model" in leaks else "own",
        created=created,
        clock="daily" if "diurnal" in pains else "round",
        volumes="uneven" if "diurnal" in pains else "even",
        careless=leaky,
    )


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
    paid = draws.chance(0.1 if habit == "scarce" else 0.75)
    return identifier("pf", *key, "own", index) if paid else None


def _agent(habit: str, common: Draws, draws: Draws) -> str:
    if habit == "one":
        return f"http-client/{common.between(2, 9)}.{common.between(10, 99)}-r{common.between(1, 9)}"
    return draws.pick(_CLIENTS).format(draws.between(20, 29))


def _created(habit: str, opened: date, roof: Draws, draws: Draws) -> int:
    """Microseconds since the epoch, always before midnight of `opened`."""
    midnight = datetime(opened.year, opened.month, opened.day, tzinfo=UTC)
    if habit == "eve":
        moment = midnight - timedelta(hours=20 * draws.uniform() + 1)
    elif habit in _WINDOWS:
        low, high, hours = _WINDOWS[habit]
        moment = midnight - timedelta(days=roof.between(low, high)) - timedelta(hours=hours * draws.uniform())
    else:
        least, span = {"any": (1, 900), "years": (30, 1400)}[habit]
        # Young accounts are commoner: services grow.
        moment = midnight - timedelta(
            days=least + span * draws.uniform() ** 2, seconds=86_400 * draws.uniform()
        )
    return int(moment.timestamp() * 1_000_000)


_WINDOWS = {"burst": (4, 25, 30), "week": (8, 20, 160), "two days": (20, 60, 44), "day": (0, 1, 9)}
"""Days before opening, at least and at most, and the width of the window in hours."""
