"""What a simulation plants: campaigns, innocents, days and volume, in frozen values.

`demo_plan` and `small_plan` are ready-made; `scaled` keeps the mixture and changes the volume. Every number
of prompts is exact: a day holds `prompts_per_day` rows, of which each campaign has its own.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal, get_args

from campaigns.errors import UsageError
from simulation.templates import template

Evasion = Literal["e0", "e1", "e2", "e3", "e4", "e5", "e6", "e7", "e8", "e9"]
"""e0 exact template · e1 long slots, passages may recur · e2 Unicode noise in 1-5 % of the characters · e3
random sentences before or after · e4 rotation over wordings · e5 several languages · e6 every request
reworded · e7 two campaigns on one pool · e8 relayed prompts of real customers, no template at all · e9
rotation over wordings as e4, and every request reworded as e6."""

REWORDED: frozenset[Evasion] = frozenset({"e6", "e9"})

Life = Literal["steady", "starts_day2", "stops_after_day1", "replaced_day3", "drifts"]
"""`replaced_day3`: from the third day on, new accounts do the work. `drifts`: the template's wording moves
each day."""

Leak = Literal["creation", "asn", "ip_range", "payment", "ua", "model"]
"""What the accounts of a pool carelessly have in common."""

Kind = Literal[
    "app", "popular", "harness", "evaluator", "gateway", "course", "team", "fleet", "saas", "hackathon",
    "release", "passer-by"
]  # fmt: skip
"""Innocents that look like a pool."""

FIRST_DAY = date(2026, 1, 5)


@dataclass(frozen=True, slots=True)
class CampaignPlan:
    """One planted campaign.

    `template` names an entry of `phrases/campaigns.templates` (unused by e8). `cover` is the part of its
    accounts' traffic that is real prompts sent to hide. Campaigns that name the same `pool` share accounts,
    and so an operator. `clock` and `volumes` are the pool's habits: round the clock and even, unless the
    operator takes pains. `appended` names a second template: its first wording follows in every request, with
    slots of its own, and the truth stays with the first.
    """

    name: str
    template: str = ""
    evasion: Evasion = "e0"
    accounts: int = 30
    prompts_per_day: int = 90
    cover: float = 0.0
    leaks: frozenset[Leak] = frozenset()
    life: Life = "steady"
    pool: str = ""
    clock: Literal["round", "daily"] = "round"
    volumes: Literal["even", "heavy"] = "even"
    appended: str = ""

    @property
    def operator(self) -> str:
        return self.pool or self.name

    def prompts_on(self, day_index: int) -> int:
        """Template prompts on a day, counted from 0."""
        idle = (self.life == "starts_day2" and day_index < 1) or (
            self.life == "stops_after_day1" and day_index > 0
        )
        return 0 if idle else self.prompts_per_day

    def cover_on(self, day_index: int) -> int:
        return round(self.prompts_on(day_index) * self.cover / (1 - self.cover))

    def generation_on(self, day_index: int) -> int:
        """Which set of accounts works: 0, or 1 once they were replaced."""
        return int(self.life == "replaced_day3" and day_index >= 2)


@dataclass(frozen=True, slots=True)
class InnocentPlan:
    """One group of look-alikes.

    `ordinary` prompts a day are what the same accounts send besides. `template` names an entry of
    `phrases/innocents.templates`; a passer-by sends that of the campaign it `imitates` instead.
    """

    kind: Kind
    accounts: int
    prompts_per_day: int
    ordinary: int = 0
    template: str = ""
    imitates: str = ""
    name: str = ""

    @property
    def label(self) -> str:
        return self.name or "-".join(part for part in (self.kind, self.template) if part)

    def active_on(self, day_index: int) -> bool:
        """A hackathon is one night, then nothing."""
        return self.kind != "hackathon" or day_index == 0


@dataclass(frozen=True, slots=True)
class SimulationPlan:
    """Days of traffic. Organic prompts fill what campaigns and innocents leave of `prompts_per_day`.

    Raises:
        UsageError: the parts do not fit together; the message says which.
    """

    days: int
    prompts_per_day: int
    seed: int
    campaigns: tuple[CampaignPlan, ...] = ()
    innocents: tuple[InnocentPlan, ...] = ()
    first_day: date = FIRST_DAY

    def __post_init__(self) -> None:
        if self.days < 1:
            raise UsageError("a simulation needs at least one day")
        names = [c.name for c in self.campaigns] + [i.label for i in self.innocents]
        for name, count in Counter(names).items():
            if count > 1:
                raise UsageError(f"two parts of the simulation are called {name!r}")
        for campaign in self.campaigns:
            _check_campaign(campaign)
        for pool in self.pools().values():
            if len({(c.accounts, c.leaks, c.life, c.clock, c.volumes) for c in pool}) > 1:
                raise UsageError(
                    "campaigns of one pool differ in accounts, leaks, life, clock or volumes",
                    where=f"pool {pool[0].operator}",
                )
        for innocent in self.innocents:
            _check_innocent(innocent, {c.name: c for c in self.campaigns})
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
            replace(c, accounts=accounts(c.accounts), prompts_per_day=max(1, int(c.prompts_per_day * factor)))
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


def _check_campaign(campaign: CampaignPlan) -> None:
    where = f"campaign {campaign.name}"
    if campaign.accounts < 1 or campaign.prompts_per_day < 1 or not 0 <= campaign.cover < 1:
        raise UsageError("accounts and prompts_per_day must be positive and cover in [0, 1)", where=where)
    if campaign.evasion not in get_args(Evasion) or campaign.life not in get_args(Life):
        raise UsageError("unknown evasion or life", where=where)
    if campaign.evasion == "e8":
        if campaign.appended:
            raise UsageError("relayed prompts hold no template to append to", where=where)
        return
    chosen = template(campaign.template)
    if (campaign.evasion in REWORDED or campaign.life == "drifts") and chosen.language != "en":
        raise UsageError("only English templates can be reworded", where=where)
    if campaign.evasion == "e5" and not chosen.translations:
        raise UsageError(f"template {chosen.name!r} has no translations", where=where)
    if campaign.appended:
        spoken = {w.language for w in chosen.multilingual} if campaign.evasion == "e5" else {chosen.language}
        missing = spoken - {w.language for w in template(campaign.appended).multilingual}
        if missing:
            raise UsageError(
                f"template {campaign.appended!r} cannot be appended: it lacks {', '.join(sorted(missing))}",
                where=where,
                hint="Append a template that has every language of the first.",
            )


def _check_innocent(innocent: InnocentPlan, campaigns: dict[str, CampaignPlan]) -> None:
    where = f"innocents {innocent.label}"
    if innocent.kind not in get_args(Kind):
        raise UsageError(f"unknown kind {innocent.kind!r}", where=where)
    if innocent.accounts < 1 or innocent.prompts_per_day < 1 or innocent.ordinary < 0:
        raise UsageError("accounts and prompts_per_day must be positive", where=where)
    if innocent.kind == "passer-by":
        target = campaigns.get(innocent.imitates)
        if target is None or not target.template:
            raise UsageError("a passer-by imitates a campaign that has a template", where=where)
    elif innocent.kind not in ("evaluator", "gateway"):
        template(innocent.template)


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
