"""A month in which every life is lived: what campaigns that last are measured on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from simulation.draws import Draws, stream
from simulation.evasion import replaceable
from simulation.parts import ADAPTIVE, REWORDED, CampaignPlan, Evasion, InnocentPlan, Kind, Pains
from simulation.plan import SimulationPlan
from simulation.templates import PromptTemplate
from simulation.trials import LEVELS, fresh, leaks_taken, light_cover, log_uniform, look_alike, uniform
from simulation.turns import COURSES, Life

POOLS: Final[dict[Life, int]] = {
    "drifts": 3,
    "splits": 3,
    "merges": 3,
    "rewrites": 3,
    "pauses": 3,
    "renews": 3,
    "vanishes_anew": 2,
    "hands_over": 2,
    "steady": 2,
    "in_turns": 1,
    "replaced_day3": 1,
    "starts_day2": 1,
    "stops_after_day1": 1,
}
"""Pools of each life; every second is adaptive."""
_RETURNING: tuple[Kind, ...] = ("harness", "harness", "saas", "saas", "popular", "release", "app", "team")
"""Innocents who send the same template day after day."""
_PREVALENCE = (0.009, 0.015)
"""Least and most part of a day's prompts that one campaign sends; in halves, a half is as large."""
_MOST = 3
"""Pools of one level: few templates have translations, and an e7 pool takes two of them."""
_CONSTANT = 75
"""Fewest bytes of a wording without its slots: what is too short to be found tells nothing about ids."""
_DRIFTS = 0.45
"""Least part of its words that a drifting template can replace: after a month most words have changed."""


def long_plan(seed: int, days: int = 30, prompts_per_day: int = 4_000) -> SimulationPlan:
    """Every life, by crude and by adaptive operators, at every evasion from e0 to e7, and innocents who come back.

    Drawn from the seed: which evasion leads which life, when it turns, sizes, accounts, leaks, pains, templates. No two
    groups send the same template.
    """
    draws = stream(seed, "long")
    taken: set[str] = set()
    pools = _dealt(draws)
    # Those that few templates fit choose first.
    ordered = sorted(range(len(pools)), key=lambda i: _choice(pools[i][0], pools[i][2]))
    made = {i: list(_pool(*pools[i], i, draws, days, prompts_per_day, taken)) for i in ordered}
    campaigns = tuple(campaign for i in sorted(made) for campaign in made[i])
    return SimulationPlan(
        days=days,
        prompts_per_day=prompts_per_day,
        seed=seed,
        campaigns=campaigns,
        innocents=tuple(_innocents(draws, prompts_per_day, taken)),
        idioms=uniform(draws, 0.01, 0.03),
    )


def _dealt(draws: Draws) -> list[tuple[Life, bool, Evasion]]:
    """Life, whether the operator is adaptive, evasion: levels are dealt in turn, each to the first life it fits."""
    wanted = [(life, number % 2 == 1) for life, count in POOLS.items() for number in range(count)]
    deck = [level for _ in range(_MOST) for level in draws.shuffled(LEVELS)]
    deck += draws.shuffled([level for level in LEVELS if level not in ("e5", "e7")])
    dealt: list[tuple[Life, bool, Evasion]] = []
    for life, adaptive in wanted:
        level = next(one for one in deck if _possible(life, one))
        deck.remove(level)
        dealt.append((life, adaptive, level))
    return dealt


def _possible(life: Life, level: Evasion) -> bool:
    """Whoever speaks several languages keeps them, and only one text of a pool drifts."""
    changes = COURSES[life].changes
    if level == "e5":
        return life != "drifts" and not changes & {"wording", "halves"}
    return not (life == "drifts" and level == "e7")


def _choice(life: Life, level: Evasion) -> int:
    return 0 if level == "e5" else 1 if life == "drifts" else 2 if level in (*REWORDED, "e7") else 3


def _pool(
    life: Life,
    adaptive: bool,
    level: Evasion,
    number: int,
    draws: Draws,
    days: int,
    volume: int,
    taken: set[str],
) -> Iterator[CampaignPlan]:
    """The campaigns of one operator: two for e7, in one language, lest they look like translations; else one."""
    pains = frozenset(draws.sample(sorted(ADAPTIVE), draws.between(1, 3))) if adaptive else frozenset[Pains]()
    name = f"{life}-{level}-{'adaptive' if adaptive else 'crude'}"
    halves = 2 if "halves" in COURSES[life].changes else 1
    sizes = [int(halves * log_uniform(draws, *_PREVALENCE) * volume) for _ in range(1 + (level == "e7"))]
    accounts = max(6 * halves, int(max(sizes) / uniform(draws, 1.5, 4)))
    cover, leaks, turns = (
        light_cover(draws),
        leaks_taken(draws, pains, adaptive=adaptive),
        _turns(life, days, draws),
    )
    for part, size in zip("ab", sizes, strict=False):
        yield CampaignPlan(
            name=f"{name}-{number}" if len(sizes) == 1 else f"{name}-{number}{part}",
            template=_template(life, level, taken, draws),
            evasion=level,
            accounts=accounts,
            prompts_per_day=size,
            cover=cover,
            leaks=leaks,
            life=life,
            pool=f"{name}-{number}" if len(sizes) > 1 else "",
            pains=pains,
            turns=turns,
        )


def _turns(life: Life, days: int, draws: Draws) -> tuple[int, ...]:
    """A turn may come after the last day, and then does not."""
    if not COURSES[life].most:
        return ()
    middle = draws.between(max(1, days // 4), max(1, 3 * days // 4))
    if life == "pauses":
        first = draws.between(3, 9)
        back = first + draws.between(3, 10)
        again = back + draws.between(3, 7)
        return first, back, again, again + draws.between(3, 10)
    if life == "renews":
        every = draws.between(4, 9)
        return tuple(range(every, max(days, every + 1), every))
    if life == "rewrites":
        return tuple(sorted({max(1, middle // 2), middle}))
    return (middle,)


def _template(life: Life, level: Evasion, taken: set[str], draws: Draws) -> str:
    def fits(one: PromptTemplate) -> bool:
        if min(len("".join(wording.constants).encode()) for wording in one.wordings) < _CONSTANT:
            return False
        if level == "e5":
            return bool(one.translations)
        if life == "drifts":
            return one.language == "en" and replaceable(" ".join(one.wordings[0].constants)) >= _DRIFTS
        return one.language == "en" or level not in (*REWORDED, "e7")

    return fresh(fits, ("campaigns",), taken, draws)


def _innocents(draws: Draws, volume: int, taken: set[str]) -> Iterator[InnocentPlan]:
    for kind in _RETURNING:
        yield look_alike(kind, draws, volume, taken, [])
