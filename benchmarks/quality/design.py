"""The days that are judged: which campaigns they plant, how large, over how many accounts.

A full crossing of level, size, accounts and volume would be thousands of campaigns. Instead every campaign takes what
its level has had least so far: a size, few or many accounts, a template; a draw decides between equals. So each level
meets every size, and no size, spread or template is tied to a level.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import get_args

from simulation.draws import Draws, stream
from simulation.plan import REWORDED, CampaignPlan, Evasion, SimulationPlan, demo_plan, scaled
from simulation.templates import PromptTemplate, templates

VOLUMES = (2_500, 2_500, 2_500, 5_000, 5_000, 10_000, 10_000, 20_000, 40_000, 100_000)
LARGE = 500_000
SIZES = (8, 12, 20, 30, 50, 75, 120, 200, 300, 500)
PREVALENCE = (0.0002, 0.03)
"""Least and most part of a day's prompts that one campaign sends, where `SIZES` allow."""
CAMPAIGNS = 20
"""Campaigns a day. Each has a template of its own, for two with one template would be one family."""
FEWEST_ACCOUNTS = 5
COVER = 0.1
LEVELS: tuple[Evasion, ...] = tuple(level for level in get_args(Evasion) if level != "e8")
"""Relayed prompts (e8) hold no template, so there is no family to find."""
MANY_WORDINGS = 10
"""Wordings that a template needs for level e9."""


def plans(volumes: Sequence[int] = VOLUMES, *, seed: int = 1) -> Iterator[SimulationPlan]:
    """One plan per day, of one day each. A longer list of volumes begins with the same days."""
    used = _Used()
    for number, volume in enumerate(volumes):
        yield _plan(volume, seed * 1_000 + number, used, stream(seed, "quality", number))


@dataclass(slots=True)
class _Used:
    """How often each choice was made, so that the rarest can be taken next."""

    levels: Counter[str] = field(default_factory=Counter)
    sizes: Counter[tuple[str, int]] = field(default_factory=Counter)
    spreads: Counter[tuple[str, str]] = field(default_factory=Counter)
    templates: Counter[tuple[str, str]] = field(default_factory=Counter)


def _plan(volume: int, seed: int, used: _Used, draws: Draws) -> SimulationPlan:
    sizes = [size for size in SIZES if PREVALENCE[0] <= size / volume <= PREVALENCE[1]]
    share = -(-CAMPAIGNS // len(sizes))
    dealt: Counter[int] = Counter()
    campaigns: list[CampaignPlan] = []
    while len(campaigns) < CAMPAIGNS:
        taken = {campaign.template for campaign in campaigns}
        free = {level: _fitting(level, taken) for level in LEVELS}
        possible = [level for level in LEVELS if len(free[level]) > (level == "e7")]
        if not possible:
            break
        # Levels that few templates fit choose first, before the others have taken those.
        level = min(possible, key=lambda one: (used.levels[one], len(free[one]), draws.uniform()))
        # No size more often than its share of the day, or a day would be full of the sizes that small days cannot have.
        open_sizes = [one for one in sizes if dealt[one] < share]
        size = min(open_sizes, key=lambda one: (used.sizes[level, one], draws.uniform()))
        spread = min(("few", "many"), key=lambda one: (used.spreads[level, one], draws.uniform()))
        pair = level == "e7"
        pool = f"pool-{len(campaigns)}" if pair else ""
        for _ in range(1 + pair):
            chosen = min(free[level], key=lambda one: (used.templates[level, one.name], draws.uniform()))
            free[level].remove(chosen)
            used.templates[level, chosen.name] += 1
            campaigns.append(
                CampaignPlan(
                    name=f"{level}-{len(campaigns)}", template=chosen.name, evasion=level,
                    accounts=accounts(size, spread), prompts_per_day=size, cover=COVER, pool=pool,
                )
            )  # fmt: skip
        dealt[size] += 1 + pair
        used.levels[level] += 1 + pair
        used.sizes[level, size] += 1
        used.spreads[level, spread] += 1
    base = scaled(demo_plan(seed), volume)
    innocents = tuple(one for one in base.innocents if one.kind != "passer-by")
    return replace(base, days=1, campaigns=tuple(campaigns), innocents=innocents)


def accounts(size: int, spread: str) -> int:
    """`few` send ten prompts each, `many` hardly more than one."""
    return max(FEWEST_ACCOUNTS, size // 10 if spread == "few" else size * 4 // 5)


def _fitting(level: Evasion, taken: set[str]) -> list[PromptTemplate]:
    free = [one for one in templates().values() if one.name not in taken]
    if level == "e5":
        return [one for one in free if one.translations]
    if level in REWORDED:
        free = [one for one in free if one.language == "en"]
    wordings = {"e4": 2, "e9": MANY_WORDINGS}.get(level, 1)
    return [one for one in free if len(one.wordings) >= wordings]
