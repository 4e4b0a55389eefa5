"""What a simulation plants: campaigns, innocents, days and volume, in frozen values.

`demo_plan` and `small_plan` are ready-made, `simulation.trials` has more; `scaled` keeps the mixture and changes
the volume. Every number of prompts is exact: a day holds `prompts_per_day` rows, of which each campaign has its own.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import date, timedelta

from campaigns.errors import UsageError
from simulation.parts import (
    ADAPTIVE,
    REWORDED,
    CampaignPlan,
    Evasion,
    InnocentPlan,
    Kind,
    Leak,
    Pains,
    check_campaign,
    check_innocent,
    check_pools,
)
from simulation.turns import Life

__all__ = [
    "ADAPTIVE", "FIRST_DAY", "REWORDED", "CampaignPlan", "Evasion", "InnocentPlan", "Kind", "Leak", "Life",
    "Pains", "SimulationPlan", "demo_plan", "scaled", "small_plan"
]  # fmt: skip

FIRST_DAY = date(2026, 1, 5)
MOST_IDIOMS = 0.5


@dataclass(frozen=True, slots=True)
class SimulationPlan:
    """Days of traffic. Organic prompts fill what campaigns and innocents leave of `prompts_per_day`.

    `idioms` is the part of ordinary prompts that are phrased as many unrelated people of one language or
    interest phrase them (`phrases/idioms.templates`), with topics of their own.

    Raises:
        UsageError: the parts do not fit together; the message says which.
    """

    days: int
    prompts_per_day: int
    seed: int
    campaigns: tuple[CampaignPlan, ...] = ()
    innocents: tuple[InnocentPlan, ...] = ()
    first_day: date = FIRST_DAY
    idioms: float = 0.0

    def __post_init__(self) -> None:
        if self.days < 1:
            raise UsageError("a simulation needs at least one day")
        if not 0 <= self.idioms <= MOST_IDIOMS:
            raise UsageError(f"the part of idioms is between 0 and {MOST_IDIOMS}")
        names = [c.name for c in self.campaigns] + [i.label for i in self.innocents]
        for name, count in Counter(names).items():
            if count > 1:
                raise UsageError(f"two parts of the simulation are called {name!r}")
        for campaign in self.campaigns:
            check_campaign(campaign)
        check_pools(self.pools())
        for innocent in self.innocents:
            check_innocent(innocent, {c.name: c for c in self.campaigns})
        for index in range(self.days):
            if self.organic_on(index) < 0:
                excess = -self.organic_on(index)
                raise UsageError(
                    f"day {index + 1} plants {excess} prompts more than its {self.prompts_per_day}",
                    hint="Raise prompts_per_day.",
                )

    @property
    def dates(self) -> tuple[date, ...]:
        return tuple(self.first_day + timedelta(days=index) for index in range(self.days))

    def index_of(self, day: date) -> int:
        if day not in self.dates:
            raise UsageError(
                f"{day} is not a day of the simulation", hint=f"It has {self.dates[0]} to {self.dates[-1]}."
            )
        return (day - self.first_day).days

    def pools(self) -> dict[str, tuple[CampaignPlan, ...]]:
        """Operators and their campaigns, in the order of the plan."""
        found: dict[str, tuple[CampaignPlan, ...]] = {}
        for campaign in self.campaigns:
            found[campaign.operator] = (*found.get(campaign.operator, ()), campaign)
        return found

    def organic_on(self, day_index: int) -> int:
        """Prompts of ordinary accounts that belong to no planted group."""
        planted = sum(c.prompts_on(day_index) + c.cover_on(day_index) for c in self.campaigns)
        innocent = sum(i.prompts_per_day + i.ordinary for i in self.innocents if i.active_on(day_index))
        return self.prompts_per_day - planted - innocent


def scaled(plan: SimulationPlan, prompts_per_day: int) -> SimulationPlan:
    """The same mixture at another volume. Prompts and accounts grow alike, so that no account grows busier;
    groups of up to three accounts keep them."""
    factor = prompts_per_day / plan.prompts_per_day

    def accounts(count: int) -> int:
        return max(min(count, 3), int(count * factor)) if count > 3 else count

    return replace(
        plan,
        prompts_per_day=prompts_per_day,
        campaigns=tuple(
            replace(
                c,
                accounts=accounts(c.accounts),
                prompts_per_day=max(1, int(c.prompts_per_day * factor)),
                shared=accounts(c.shared),
            )
            for c in plan.campaigns
        ),
        innocents=tuple(
            replace(
                i,
                accounts=accounts(i.accounts),
                prompts_per_day=max(1, int(i.prompts_per_day * factor)),
                ordinary=int(i.ordinary * factor),
            )
            for i in plan.innocents
        ),
    )


def demo_plan(seed: int = 7) -> SimulationPlan:
    """Three days of 3,000 prompts: seven campaigns of six operators, and every innocent look-alike."""
    infrastructure: frozenset[Leak] = frozenset({"creation", "asn", "ip_range", "payment"})
    return SimulationPlan(
        days=3,
        prompts_per_day=3_000,
        seed=seed,
        campaigns=(
            CampaignPlan("ledger", "stepwise-ledger", "e1", 40, 130, 0.1, infrastructure),
            CampaignPlan(
                "judges", "pairwise-judge", "e4", 36, 140, 0.2, frozenset({"creation", "ua"}), "replaced_day3"
            ),
            CampaignPlan("recast", "neutral-recast", "e5", 30, 110, 0.0, frozenset({"payment", "model"})),
            CampaignPlan(
                "static", "fichas-de-datos", "e2", 24, 80, 0.3, frozenset({"asn", "ip_range"}), "starts_day2"
            ),
            CampaignPlan("shells", "tool-trajectory", "e7", 28, 70, 0.15, infrastructure, pool="twins"),
            CampaignPlan("tests", "unit-test-farm", "e7", 28, 60, 0.15, infrastructure, pool="twins"),
            CampaignPlan(
                "mill", "question-mill", "e6", 26, 90, 0.1, frozenset({"creation", "model"}), "drifts"
            ),
        ),
        innocents=(
            InnocentPlan("app", 3, 120, template="ticket-router"),
            InnocentPlan("popular", 30, 36, 60, template="mirror-portrait"),
            InnocentPlan("harness", 24, 60, 20, template="repo-agent"),
            InnocentPlan("evaluator", 2, 80),
            InnocentPlan("gateway", 1, 120),
            InnocentPlan("course", 25, 60, 15, template="ml-course"),
            InnocentPlan("team", 14, 45, template="team-standup"),
            InnocentPlan("fleet", 20, 70, template="listing-writer"),
            InnocentPlan("saas", 22, 60, template="clinic-letters"),
            InnocentPlan("hackathon", 20, 60, template="starter-kit"),
            InnocentPlan("release", 40, 50, 40, template="launch-day"),
            InnocentPlan("passer-by", 6, 8, 20, imitates="ledger"),
        ),
    )


def small_plan(seed: int = 7) -> SimulationPlan:
    """One day of 600 prompts: three campaigns of the plainer kinds and five innocents, for tests."""
    return SimulationPlan(
        days=1,
        prompts_per_day=600,
        seed=seed,
        campaigns=(
            CampaignPlan(
                "ledger", "stepwise-ledger", "e0", 18, 60, 0.1, frozenset({"creation", "asn", "payment"})
            ),
            CampaignPlan(
                "korrektur",
                "lehrkraft-korrektur",
                "e1",
                15,
                45,
                0.0,
                frozenset({"creation", "ip_range", "ua"}),
            ),
            CampaignPlan(
                "judges", "pairwise-judge", "e4", 16, 56, 0.0, frozenset({"creation", "payment", "model"})
            ),
        ),
        innocents=(
            InnocentPlan("app", 2, 40, template="meal-planner"),
            InnocentPlan("popular", 12, 14, 12, template="tiny-king"),
            InnocentPlan("harness", 10, 24, 6, template="notes-copilot"),
            InnocentPlan("course", 10, 20, 4, template="ml-course"),
            InnocentPlan("passer-by", 2, 2, 6, imitates="ledger"),
        ),
    )
