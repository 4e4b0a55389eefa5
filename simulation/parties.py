"""Who sends what on a day: pools with their campaigns and cover, groups of innocents, crowds of ordinary accounts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from simulation import evasion, innocents
from simulation.clocks import shares
from simulation.crowds import crowd
from simulation.draws import Draws, stream
from simulation.idioms import idiom
from simulation.organic import Voice, voice
from simulation.parts import CROWDS, WITHOUT_TEXT, CampaignPlan, InnocentPlan
from simulation.plan import SimulationPlan
from simulation.pools import MODELS, Group, Habits, pool_habits
from simulation.templates import Written
from simulation.turns import Part


@dataclass(frozen=True, slots=True)
class Source:
    """One kind of prompt that a group's accounts send; `write` takes the account's voice and the prompt's
    ordinal. `clock` and `model` are the source's own, where it does not keep to its accounts': a rented account
    works by the clock of each of its operators."""

    kind: str
    write: Callable[[Voice, int, Draws], Written]
    prompts: int
    campaign: str | None = None
    evasion: str | None = None
    operator: str | None = None
    lasting: str | None = None
    system: str | None = None
    volumes: str = "even"
    clock: str | None = None
    model: str | None = None


Work = list[tuple[Source, int]]
"""What an account sends on a day: sources, and how many prompts of each."""


@dataclass(frozen=True, slots=True)
class Seat:
    """An account: that of a number in its group."""

    group: Group
    number: int


@dataclass(frozen=True, slots=True)
class Party:
    """A planted group on one day: the accounts that work, some perhaps rented from others, and what they
    send."""

    name: str
    seats: Sequence[Seat]
    sources: tuple[Source, ...]

    def dealt(self, seed: int, day_index: int) -> Iterator[tuple[Seat, Work]]:
        deal = stream(seed, "volumes", self.name, day_index)
        counts = [shares(source.prompts, len(self.seats), source.volumes, deal) for source in self.sources]
        for place, seat in enumerate(self.seats):
            yield (
                seat,
                [(source, int(count[place])) for source, count in zip(self.sources, counts, strict=True)],
            )


def parties(plan: SimulationPlan, day_index: int) -> Iterator[Party]:
    """The planted groups that work on a day, counted from 0; without the crowds, who are ordinary accounts."""
    pools = plan.pools()
    for operator, pool in pools.items():
        tenant = pool[0]
        seats = [
            _rented_seat(plan, pools[tenant.shares_with][0], seat, day_index)
            if seat < tenant.shared
            else _seat(plan, tenant, seat, day_index)
            for seat in range(tenant.accounts)
            if not tenant.rests_on(day_index, seat)
        ]
        habits = pool_habits(tenant.leaks, tenant.pains)
        for part in tenant.parts_on(day_index):
            sources = [
                source
                for campaign in pool
                for source in (
                    _campaign_source(campaign, plan, day_index, habits, part),
                    _cover(campaign, plan, day_index, habits, part),
                )
            ]
            yield Party(operator, seats[part.number :: part.of], tuple(sources))
    for innocent in plan.innocents:
        if innocent.kind not in CROWDS and innocent.active_on(day_index):
            spoken = innocents.spoken_by(innocent, plan)
            group = Group(innocent.label, innocents.habits(innocent), 0, plan.first_day, spoken)
            seats = [Seat(group, number) for number in range(innocent.accounts)]
            sources = [
                _innocent_source(innocent, plan),
                ordinary(plan, "organic", innocent.ordinary, own=True),
            ]
            yield Party(innocent.label, seats, tuple(sources))


def crowd_work(plan: SimulationPlan, day_index: int) -> dict[int, Work]:
    """What ordinary accounts, by number, send because a crowd does."""
    work: defaultdict[int, Work] = defaultdict(list)
    for innocent in plan.innocents:
        if innocent.kind in CROWDS:
            source = _innocent_source(innocent, plan)
            deal = stream(plan.seed, "volumes", innocent.label, day_index)
            counts = shares(source.prompts, innocent.accounts, source.volumes, deal)
            spoken = innocents.spoken_by(innocent, plan)
            for number, count in zip(crowd(plan, innocent, spoken, day_index), counts, strict=True):
                if count:
                    work[number].append((source, int(count)))
    return work


def ordinary(
    plan: SimulationPlan, kind: str, prompts: int, *, own: bool, system: str | None = None
) -> Source:
    """Prompts of ordinary people: in the account's `own` voice, or relayed for a new person each time."""

    def write(person: Voice, _ordinal: int, draws: Draws) -> Written:
        speaker = person if own else voice(draws)
        if plan.idioms and draws.chance(plan.idioms):
            return idiom(speaker, draws)
        return Written(speaker.prompt(draws), None, speaker.language.code)

    return Source(kind, write, prompts, system=system, volumes="heavy")


def _seat(plan: SimulationPlan, pool: CampaignPlan, seat: int, day_index: int) -> Seat:
    generation = pool.generation_on(day_index, seat)
    opened = plan.first_day + timedelta(days=pool.opening(generation, seat))
    habits = pool_habits(pool.leaks, pool.pains, generation, pool.leaky)
    return Seat(Group(pool.operator, habits, generation, opened), seat)


def _rented_seat(plan: SimulationPlan, owner: CampaignPlan, seat: int, day_index: int) -> Seat:
    """Rented are the owner's last accounts; the first may be rented themselves."""
    return _seat(plan, owner, owner.accounts - 1 - seat, day_index)


def _campaign_source(
    campaign: CampaignPlan, plan: SimulationPlan, day_index: int, habits: Habits, part: Part
) -> Source:
    return Source(
        kind="campaign",
        write=lambda _person, _ordinal, draws: evasion.write(campaign, plan.seed, day_index, draws, part),
        prompts=part.share(campaign.prompts_on(day_index)),
        campaign=campaign.name,
        evasion=campaign.evasion,
        operator=campaign.operator,
        lasting=campaign.name + part.mark,
        volumes=habits.volumes,
        clock=habits.clock,
    )


def _cover(
    campaign: CampaignPlan, plan: SimulationPlan, day_index: int, habits: Habits, part: Part
) -> Source:
    return replace(
        ordinary(plan, "cover", part.share(campaign.cover_on(day_index)), own=False),
        operator=campaign.operator,
        volumes=habits.volumes,
        clock=habits.clock,
    )


def _innocent_source(innocent: InnocentPlan, plan: SimulationPlan) -> Source:
    look = innocents.LOOKS[innocent.kind]
    return Source(
        kind=f"benign:{innocent.kind}",
        write=lambda person, ordinal, draws: innocents.write(innocent, plan, person, ordinal, draws),
        prompts=innocent.prompts_per_day,
        lasting=None if innocent.kind in WITHOUT_TEXT else innocent.label,
        system=innocents.system_prompt(innocent, plan.seed),
        volumes=look.habits.volumes,
        clock=look.clock,
        model=stream(plan.seed, "client", innocent.label).pick(MODELS) if look.one_model else None,
    )
