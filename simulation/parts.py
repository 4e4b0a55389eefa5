"""The parts a simulation is made of: one campaign, one group of innocents.

A campaign says what its operator sends (template, evasion), through how many accounts and for how long (life),
and how much care is taken: `leaks` is what the accounts carelessly have in common, `pains` what the operator
does to make them look ordinary. The defaults are an operator who takes no pains and leaks nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from campaigns.errors import UsageError
from simulation.templates import template
from simulation.turns import COURSES, Life, Part, Turns

Evasion = Literal["e0", "e1", "e2", "e3", "e4", "e5", "e6", "e7", "e8", "e9"]
"""e0 exact template · e1 long slots, passages may recur · e2 Unicode noise in 1-5 % of the characters · e3
random sentences before or after · e4 rotation over wordings · e5 several languages · e6 every request
reworded · e7 two campaigns on one pool · e8 relayed prompts of real customers, no template at all · e9
rotation over wordings as e4, and every request reworded as e6."""

REWORDED: frozenset[Evasion] = frozenset({"e6", "e9"})
ROTATING: frozenset[Evasion] = frozenset({"e4", "e9"})
DRIFT = 0.12
"""Part of a drifting template's replaceable words that move each day."""

SHIFTS = 3
"""Days that an account lives in a pool that hands over, and of which it rests one in a pool that takes turns."""

Leak = Literal["creation", "asn", "ip_range", "payment", "ua", "model"]
"""What the accounts of a pool carelessly have in common."""

Pains = Literal["diurnal", "aged", "residential"]
"""`diurnal`: awake by day in each account's country, uneven volumes; without it round the clock and dealt
evenly. `aged`: old accounts, made over years. `residential`: in every column as ordinary accounts are, some
with an organization of their own; without it none has one."""

ADAPTIVE: frozenset[Pains] = frozenset(get_args(Pains))
BLENDED = 0.6
"""Least part of cover traffic that makes an operator `blended`, the fourth of the pains."""

CONTRADICTIONS: dict[Pains, frozenset[Leak]] = {
    "diurnal": frozenset(),
    "aged": frozenset({"creation"}),
    "residential": frozenset({"asn", "ip_range", "payment", "ua"}),
}
"""What an operator who takes these pains cannot leak."""

Kind = Literal[
    "app", "popular", "harness", "evaluator", "gateway", "course", "team", "fleet", "saas", "hackathon",
    "release", "passer-by"
]  # fmt: skip
"""Innocents that look like a pool."""

CROWDS: frozenset[Kind] = frozenset({"popular", "release", "passer-by"})
"""Innocents who are ordinary accounts on an ordinary day, but for one or two prompts."""
WITHOUT_TEXT: frozenset[Kind] = frozenset({"gateway", "passer-by"})
"""Innocents who have no text of their own: many voices, or a campaign's."""


@dataclass(frozen=True, slots=True)
class CampaignPlan:
    """One planted campaign.

    `template` names an entry of `phrases/campaigns.templates` (unused by e8). `cover` is the part of its
    accounts' traffic that is real prompts sent to hide. Campaigns that name the same `pool` share accounts,
    and so an operator. `appended` names a second template: its first wording follows in every request, with
    slots of its own, and the truth stays with the first. `leaky` is the part of the accounts that leaks; the
    others were set up with more care. `shared` of the accounts are rented from the operator `shares_with`,
    who uses them as well; one is a bridge. `turns` are the days, counted from 0, on which a life such as `pauses`
    changes (`simulation.turns`); `drift` is the part of its replaceable words that a drifting template moves a day.
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
    pains: frozenset[Pains] = frozenset()
    appended: str = ""
    leaky: float = 1.0
    shares_with: str = ""
    shared: int = 0
    turns: tuple[int, ...] = ()
    drift: float = DRIFT

    @property
    def operator(self) -> str:
        return self.pool or self.name

    @property
    def profile(self) -> tuple[str, ...]:
        """The pains by name, `blended` among them when the cover says so; empty for a crude operator."""
        blended = ("blended",) if self.cover >= BLENDED else ()
        return tuple(sorted((*self.pains, *blended)))

    @property
    def turning(self) -> Turns:
        """The life with its days."""
        course = COURSES[self.life]
        return Turns(course, course.days or self.turns)

    def parts_on(self, day_index: int) -> tuple[Part, ...]:
        """The pool as a whole, or the parts that send different things."""
        return self.turning.parts(day_index)

    def prompts_on(self, day_index: int) -> int:
        """Template prompts on a day, counted from 0."""
        return 0 if self.turning.silent(day_index) else self.prompts_per_day

    def cover_on(self, day_index: int) -> int:
        return round(self.prompts_on(day_index) * self.cover / (1 - self.cover))

    def generation_on(self, day_index: int, seat: int = 0) -> int:
        """Which account sits on a seat of the pool: 0, or how often it was replaced since."""
        if self.life == "hands_over":
            return (day_index + seat % SHIFTS) // SHIFTS
        return self.turning.renewals(day_index)

    def opening(self, generation: int, seat: int = 0) -> int:
        """Index of the first day on which that generation sits there."""
        if self.life == "hands_over":
            return max(0, SHIFTS * generation - seat % SHIFTS)
        return self.turning.days[generation - 1] if generation else 0

    def rests_on(self, day_index: int, seat: int) -> bool:
        return self.life == "in_turns" and seat % SHIFTS == day_index % SHIFTS


@dataclass(frozen=True, slots=True)
class InnocentPlan:
    """One group of look-alikes.

    `ordinary` prompts a day are what the same accounts send besides; of a crowd (`CROWDS`), which is drawn
    anew each day from all ordinary accounts, they only add to the day. `template` names an entry of
    `phrases/innocents.templates`; a passer-by sends that of the campaign it `imitates` instead, and of
    `also_imitates` in turn: a bridge nobody built. A `personal` team pays for itself and has no organization.
    """

    kind: Kind
    accounts: int
    prompts_per_day: int
    ordinary: int = 0
    template: str = ""
    imitates: str = ""
    name: str = ""
    also_imitates: str = ""
    personal: bool = False

    @property
    def label(self) -> str:
        return self.name or "-".join(part for part in (self.kind, self.template) if part)

    def active_on(self, day_index: int) -> bool:
        """A hackathon is one night, then nothing."""
        return self.kind != "hackathon" or day_index == 0


def check_campaign(campaign: CampaignPlan) -> None:
    """Raises:
    UsageError: the campaign contradicts itself, or its template cannot do what it asks for.
    """
    where = f"campaign {campaign.name}"
    if campaign.accounts < 1 or campaign.prompts_per_day < 1 or not 0 <= campaign.cover < 1:
        raise UsageError("accounts and prompts_per_day must be positive and cover in [0, 1)", where=where)
    if campaign.evasion not in get_args(Evasion) or campaign.life not in get_args(Life):
        raise UsageError("unknown evasion or life", where=where)
    if not campaign.leaks <= {*get_args(Leak)} or not campaign.pains <= ADAPTIVE:
        raise UsageError(
            "unknown leak or pains", where=where, hint="An operator is blended by `cover`, from 0.6 on."
        )
    for pains in sorted(campaign.pains):
        if leaks := campaign.leaks & CONTRADICTIONS[pains]:
            raise UsageError(f"{pains} accounts do not leak {', '.join(sorted(leaks))}", where=where)
    if not 0 < campaign.leaky <= 1:
        raise UsageError("leaky must be in (0, 1]", where=where, hint="Without leaks, leave `leaks` empty.")
    if not (0 < campaign.shared <= campaign.accounts if campaign.shares_with else campaign.shared == 0):
        raise UsageError("`shares_with` and `shared` go together, up to the number of accounts", where=where)
    _check_turns(campaign, where)
    _check_text(campaign, where)


def _check_turns(campaign: CampaignPlan, where: str) -> None:
    turns, most = campaign.turns, COURSES[campaign.life].most
    if (
        bool(turns) != bool(most)
        or len(turns) > most
        or list(turns) != sorted({*turns})
        or min(turns, default=1) < 1
    ):
        raise UsageError(
            f"a campaign that {campaign.life} cannot turn on days {list(turns)}",
            where=where,
            hint="Turns are ascending day indices from 1 on; one for splits and merges, none for a life without turns.",
        )
    if "halves" in COURSES[campaign.life].changes and campaign.accounts < 2:
        raise UsageError("a pool of one account has no halves", where=where)
    if not 0 < campaign.drift <= 1:
        raise UsageError("drift must be in (0, 1]", where=where)


def _check_text(campaign: CampaignPlan, where: str) -> None:
    if campaign.evasion == "e8":
        if campaign.appended:
            raise UsageError("relayed prompts hold no template to append to", where=where)
        if COURSES[campaign.life].changes & {"wording", "halves"}:
            raise UsageError("relayed prompts have no wordings to change", where=where)
        return
    chosen = template(campaign.template)
    if COURSES[campaign.life].changes & {"wording", "halves"} and len(chosen.wordings) < 2:
        raise UsageError(f"template {chosen.name!r} has one wording only", where=where)
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


def check_pools(pools: dict[str, tuple[CampaignPlan, ...]]) -> None:
    """Raises:
    UsageError: campaigns of one pool differ in its accounts, or a pool rents what is not to be had.
    """
    for operator, pool in pools.items():
        where = f"pool {operator}"
        shapes = {
            (c.accounts, c.leaks, c.life, c.turns, c.pains, c.leaky, c.shares_with, c.shared) for c in pool
        }
        if len(shapes) > 1:
            raise UsageError(
                "campaigns of one pool differ in accounts, leaks, life, pains or what they rent", where=where
            )
        tenant = pool[0]
        if not tenant.shares_with:
            continue
        if tenant.shares_with == operator or tenant.shares_with not in pools:
            raise UsageError(f"no other operator is called {tenant.shares_with!r}", where=where)
        owner = pools[tenant.shares_with][0]
        if tenant.shared > owner.accounts - owner.shared:
            raise UsageError(
                f"{tenant.shares_with} has {owner.accounts - owner.shared} accounts of its own, not {tenant.shared}",
                where=where,
            )


def check_innocent(innocent: InnocentPlan, campaigns: dict[str, CampaignPlan]) -> None:
    """Raises:
    UsageError: the group contradicts itself, or imitates nobody.
    """
    where = f"innocents {innocent.label}"
    if innocent.kind not in get_args(Kind):
        raise UsageError(f"unknown kind {innocent.kind!r}", where=where)
    if innocent.accounts < 1 or innocent.prompts_per_day < 1 or innocent.ordinary < 0:
        raise UsageError("accounts and prompts_per_day must be positive", where=where)
    if innocent.personal and innocent.kind != "team":
        raise UsageError("only a team can be of personal accounts", where=where)
    if innocent.kind == "passer-by":
        for name in (innocent.imitates, innocent.also_imitates or innocent.imitates):
            target = campaigns.get(name)
            if target is None or not target.template:
                raise UsageError("a passer-by imitates a campaign that has a template", where=where)
    elif innocent.kind not in ("evaluator", "gateway"):
        template(innocent.template)
