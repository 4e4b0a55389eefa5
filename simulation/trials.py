"""Plans drawn from a seed: a trial of everything at once, and a stress of one thing at a time."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from math import exp, log
from typing import Final, get_args

from campaigns.errors import UsageError
from simulation.draws import Draws, stream
from simulation.parts import (
    ADAPTIVE,
    CONTRADICTIONS,
    REWORDED,
    CampaignPlan,
    Evasion,
    InnocentPlan,
    Kind,
    Leak,
    Pains,
)
from simulation.plan import SimulationPlan
from simulation.templates import PromptTemplate, templates
from simulation.turns import Life

LEVELS: Final[tuple[Evasion, ...]] = ("e0", "e1", "e2", "e3", "e4", "e5", "e6", "e7")
"""Evasions that leave a template to find."""
STRESS_LEAKS: Final[tuple[Leak, ...]] = ("creation", "asn", "payment", "ua")
"""The leaks of a stress plan, in the order in which they are added."""
DAYTIME: Final[frozenset[Pains]] = frozenset({"diurnal"})

_PREVALENCE = (0.003, 0.018)
"""Least and most part of a day's prompts that one campaign sends."""
_BUSIEST = 0.03
"""Most of a day that a campaign sends with its cover: what is hidden deeper is smaller."""
_LIVES: tuple[Life, ...] = (
    "steady", "steady", "steady", "steady", "starts_day2", "stops_after_day1", "replaced_day3", "hands_over",
    "in_turns", "drifts",
)  # fmt: skip
_FOUR_PAINS = (*sorted(ADAPTIVE), "blended")
_TOPICAL = frozenset({"passage", "question", "sentence", "code"})
"""Slots that show whose topics they are."""
_SIZES: dict[Kind, tuple[float, float, float, float]] = {
    "app": (0.005, 0.02, 25, 80),
    "popular": (0.003, 0.012, 1.0, 1.4),
    "harness": (0.003, 0.012, 1.5, 4),
    "evaluator": (0.004, 0.012, 20, 60),
    "gateway": (0.004, 0.015, 1e6, 1e6),
    "course": (0.003, 0.01, 1.2, 4),
    "team": (0.003, 0.01, 2, 6),
    "fleet": (0.004, 0.012, 3, 8),
    "saas": (0.003, 0.012, 2, 5),
    "hackathon": (0.003, 0.015, 1.5, 4),
    "release": (0.003, 0.01, 1.0, 1.5),
    "passer-by": (0.0006, 0.002, 1.0, 1.6),
}
"""Least and most part of the day's prompts, and prompts per account."""
_ORDINARY: dict[Kind, float] = {
    "popular": 1.5,
    "harness": 0.4,
    "course": 0.4,
    "release": 1.0,
    "passer-by": 2.0,
}
"""Ordinary prompts for each planted one."""
_PLAIN: frozenset[Kind] = frozenset({"popular", "course", "release"})
"""Innocents whose texts have no slots; the others may have any template that no campaign sends."""


def trial_plan(seed: int, prompts_per_day: int = 8_000, days: int = 3) -> SimulationPlan:
    """Every evasion from e0 to e7 by a crude and by an adaptive operator, and all twelve look-alikes, team and
    harness twice.

    Drawn from the seed: sizes, accounts, leaks and how many accounts leak, pains, cover, lives, templates with
    their languages, who rents accounts to whom, bridges, and how common idioms are. One adaptive operator takes
    all pains and leaks nothing. No two groups send the same template, but for those who pass by.
    """
    draws = stream(seed, "trial")
    taken: set[str] = set()
    campaigns = _rented(_campaigns(draws, prompts_per_day, taken), draws)
    return SimulationPlan(
        days=days,
        prompts_per_day=prompts_per_day,
        seed=seed,
        campaigns=campaigns,
        innocents=_innocents(draws, prompts_per_day, taken, [c.name for c in campaigns]),
        idioms=uniform(draws, 0.01, 0.05),
    )


def stress_plan(
    seed: int,
    *,
    cover: float = 0.3,
    accounts: int = 40,
    prevalence: float = 0.005,
    leaks: int = 2,
    evasion: Evasion = "e1",
    pains: Collection[Pains] = DAYTIME,
    prompts_per_day: int = 20_000,
    days: int = 1,
) -> SimulationPlan:
    """One pool, `pool`, among ordinary accounts and all look-alikes.

    Plans of one seed plant the same template and the same innocents, whatever else is set; so one thing can be
    changed at a time. A pool of more accounts than prompts leaves some of them idle.

    Args:
        cover: part of the pool's traffic that is sent to hide, in [0, 1).
        prevalence: part of the day's prompts that carry the template.
        leaks: how many of `STRESS_LEAKS` the accounts have in common.

    Raises:
        UsageError: there are not so many leaks, or the pool does not fit into the day.
    """
    if not 0 <= leaks <= len(STRESS_LEAKS):
        raise UsageError(f"a stress plan leaks 0 to {len(STRESS_LEAKS)} things, not {leaks}")
    draws = stream(seed, "stress")
    taken: set[str] = set()
    pool = CampaignPlan(
        name="pool",
        template=_campaign_template(evasion, "steady", taken, draws),
        evasion=evasion,
        accounts=accounts,
        prompts_per_day=max(1, round(prevalence * prompts_per_day)),
        cover=cover,
        leaks=frozenset(STRESS_LEAKS[:leaks]),
        pains=frozenset(pains),
    )
    innocents = _innocents(draws, prompts_per_day, taken, [pool.name])
    return SimulationPlan(days, prompts_per_day, seed, (pool,), innocents, idioms=0.02)


# -- operators -----------------------------------------------------------------------------------------


def _campaigns(draws: Draws, volume: int, taken: set[str]) -> tuple[CampaignPlan, ...]:
    full = draws.pick(LEVELS)
    # Levels that few templates fit choose first.
    plans: dict[Evasion, list[CampaignPlan]] = {}
    for level in sorted(LEVELS, key=lambda one: (one != "e5", one not in REWORDED, one)):
        plans[level] = [
            campaign
            for adaptive in (False, True)
            for campaign in _pool(level, draws, volume, taken, adaptive=adaptive, full=level == full)
        ]
    return tuple(campaign for level in LEVELS for campaign in plans[level])


def _pool(
    level: Evasion, draws: Draws, volume: int, taken: set[str], *, adaptive: bool, full: bool
) -> list[CampaignPlan]:
    """The campaigns of one operator: two for e7, else one."""
    pains, cover = _pains(draws, full=full) if adaptive else (frozenset[Pains](), light_cover(draws))
    life = draws.pick(_LIVES)
    if life == "drifts" and level == "e7":
        life = "steady"
    leaks = frozenset[Leak]() if adaptive and full else leaks_taken(draws, pains, adaptive=adaptive)
    name = f"{level}-{'adaptive' if adaptive else 'crude'}"
    parts = ("-a", "-b") if level == "e7" else ("",)
    sizes = [
        max(8, int(min(log_uniform(draws, *_PREVALENCE), _BUSIEST * (1 - cover)) * volume)) for _ in parts
    ]
    base = CampaignPlan(
        name=name,
        evasion=level,
        accounts=max(5, int(max(sizes) / log_uniform(draws, 1.2, 8))),
        cover=cover,
        leaks=leaks,
        life=life,
        pool=name if len(parts) > 1 else "",
        pains=pains,
        leaky=uniform(draws, 0.7, 1) if leaks and draws.chance(0.5) else 1.0,
    )
    return [
        replace(
            base,
            name=f"{name}{part}",
            prompts_per_day=size,
            template=_campaign_template(level, life, taken, draws),
        )
        for part, size in zip(parts, sizes, strict=True)
    ]


def _pains(draws: Draws, *, full: bool) -> tuple[frozenset[Pains], float]:
    taken = set(_FOUR_PAINS) if full else set(draws.sample(_FOUR_PAINS, draws.between(1, 4)))
    cover = uniform(draws, 0.6, 0.9) if "blended" in taken else light_cover(draws)
    return frozenset(one for one in ADAPTIVE if one in taken), cover


def light_cover(draws: Draws) -> float:
    return uniform(draws, 0.05, 0.4) if draws.chance(0.6) else 0.0


def leaks_taken(draws: Draws, pains: frozenset[Pains], *, adaptive: bool) -> frozenset[Leak]:
    """A crude operator leaks two to five things, an adaptive one two at most."""
    refused = frozenset[Leak]().union(*(CONTRADICTIONS[one] for one in pains))
    possible = [leak for leak in get_args(Leak) if leak not in refused]
    return frozenset(draws.sample(possible, draws.between(0, 2) if adaptive else draws.between(2, 5)))


def _campaign_template(level: Evasion, life: Life, taken: set[str], draws: Draws) -> str:
    def fits(one: PromptTemplate) -> bool:
        if level == "e5":
            return bool(one.translations)
        return one.language == "en" or not (level in REWORDED or life == "drifts")

    return fresh(fits, ("campaigns",), taken, draws)


def _rented(campaigns: tuple[CampaignPlan, ...], draws: Draws) -> tuple[CampaignPlan, ...]:
    """Let one pool rent some of another's accounts, and join two more by one account: each in most plans."""
    pools: dict[str, list[CampaignPlan]] = {}
    for campaign in campaigns:
        pools.setdefault(campaign.operator, []).append(campaign)
    tenant, owner, guest, host = draws.sample(sorted(pools), 4)
    fewest = min(pools[tenant][0].accounts, pools[owner][0].accounts)
    terms: dict[str, tuple[str, int]] = {}
    if draws.chance(0.7):
        terms[tenant] = (owner, max(2, int(fewest * uniform(draws, 0.2, 0.5))))
    if draws.chance(0.7):
        terms[guest] = (host, 1)
    return tuple(
        replace(c, shares_with=terms[c.operator][0], shared=terms[c.operator][1])
        if c.operator in terms
        else c
        for c in campaigns
    )


# -- innocents -----------------------------------------------------------------------------------------


def _innocents(draws: Draws, volume: int, taken: set[str], campaigns: list[str]) -> tuple[InnocentPlan, ...]:
    found: list[InnocentPlan] = []
    for kind in (*get_args(Kind), "harness", "team"):
        again = any(one.kind == kind for one in found)
        found.append(look_alike(kind, draws, volume, taken, campaigns, personal=kind == "team" and again))
    if len(campaigns) > 1:
        found.append(_bridge(draws, campaigns))
    return tuple(found)


def look_alike(
    kind: Kind,
    draws: Draws,
    volume: int,
    taken: set[str],
    campaigns: list[str],
    *,
    personal: bool = False,
) -> InnocentPlan:
    """A group of that kind, of a size drawn for a day of `volume` prompts."""
    low, high, fewest, most = _SIZES[kind]
    prompts = max(4, int(log_uniform(draws, low, high) * volume))
    return InnocentPlan(
        kind=kind,
        accounts=max(1, int(prompts / uniform(draws, fewest, most))),
        prompts_per_day=prompts,
        ordinary=int(prompts * _ORDINARY.get(kind, 0)),
        template=_innocent_template(kind, taken, draws),
        imitates=draws.pick(campaigns) if kind == "passer-by" else "",
        personal=personal,
    )


def _bridge(draws: Draws, campaigns: list[str]) -> InnocentPlan:
    """Somebody with no part in either who comes across two campaigns' prompts and tries both."""
    one, other = draws.sample(campaigns, 2)
    return InnocentPlan("passer-by", 1, 2, imitates=one, also_imitates=other, name="bridge")


def _innocent_template(kind: Kind, taken: set[str], draws: Draws) -> str:
    if kind in ("evaluator", "gateway", "passer-by"):
        return ""
    if kind in _PLAIN:
        return fresh(lambda one: one.objective == kind, ("innocents",), taken, draws)

    def fits(one: PromptTemplate) -> bool:
        own = one.objective == kind
        return own or (one.objective not in get_args(Kind) and not _TOPICAL.isdisjoint(one.wordings[0].slots))

    return fresh(fits, ("innocents", "campaigns"), taken, draws)


# -- draws ---------------------------------------------------------------------------------------------


def fresh(
    fits: Callable[[PromptTemplate], bool], files: tuple[str, ...], taken: set[str], draws: Draws
) -> str:
    """A fitting template that no other group has."""
    free = [
        one.name for file in files for one in templates(file).values() if one.name not in taken and fits(one)
    ]
    chosen = draws.pick(free)
    taken.add(chosen)
    return chosen


def uniform(draws: Draws, low: float, high: float) -> float:
    return round(low + (high - low) * draws.uniform(), 3)


def log_uniform(draws: Draws, low: float, high: float) -> float:
    return exp(log(low) + (log(high) - log(low)) * draws.uniform())
