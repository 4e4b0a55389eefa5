"""What was planted, and how much of it a run found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import polars as pl
import pyarrow as pa

from campaigns.records import Tier
from simulation.plan import CampaignPlan, SimulationPlan
from simulation.templates import template

PROMPT_TRUTH = pa.schema(
    [
        pa.field("prompt_id", pa.string(), nullable=False),
        pa.field("account_id", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("campaign", pa.string()),
        pa.field("family", pa.string()),
        pa.field("evasion", pa.string()),
        pa.field("language", pa.string(), nullable=False),
        pa.field("day", pa.string(), nullable=False),
        pa.field("operator", pa.string()),
        pa.field("lasting", pa.string()),
    ]
)
"""`kind`: campaign · cover · organic · benign:KIND. `family` names template and wording, or an idiom; null where
there is none. `operator` sent a campaign's prompts and their cover. `lasting` is what should keep one id over the days:
a campaign by name, marked after it split (`+a`, `+b`) or began anew (`+1`); a group of innocents by label; null for
prompts that belong to nothing that lasts."""

EVENT_TRUTH = pa.schema(
    [
        pa.field("day", pa.string(), nullable=False),
        pa.field("event", pa.string(), nullable=False),
        pa.field("campaign", pa.string(), nullable=False),
        pa.field("other", pa.string()),
    ]
)
"""What happened to lasting campaigns (`lasting` of `PROMPT_TRUTH`) on the night before a day. `event`: new (`other` is
the campaign that it may continue: new wording and new accounts overnight) · pause (the first silent day) · return ·
renew (all accounts replaced) · rewrite (another wording) · split (one row for each part, `other` is the whole) · merge
(one row for each part, which is `other`). Hand-over, turns and drift go on all the time and have no rows."""

CAMPAIGN_TRUTH = pa.schema(
    [
        pa.field("campaign", pa.string(), nullable=False),
        pa.field("operator", pa.string(), nullable=False),
        pa.field("objective", pa.string()),
        pa.field("evasion", pa.string(), nullable=False),
        pa.field("life", pa.string(), nullable=False),
        pa.field("leaks", pa.list_(pa.string()), nullable=False),
        pa.field("cover", pa.float64(), nullable=False),
        pa.field("n_prompts", pa.int64(), nullable=False),
        pa.field("n_accounts", pa.int64(), nullable=False),
        pa.field("accounts", pa.list_(pa.string()), nullable=False),
        pa.field("day", pa.string(), nullable=False),
        pa.field("profile", pa.list_(pa.string()), nullable=False),
        pa.field("leaky", pa.float64(), nullable=False),
        pa.field("shares_with", pa.list_(pa.string()), nullable=False),
    ]
)
"""One row per campaign that sent something on the day; `accounts` sent its template. `profile` holds the pains of
the operator, none for a crude one; `shares_with` the other operators who rent some of the same accounts."""

ACCOUNT_TRUTH = pa.schema(
    [
        pa.field("account_id", pa.string(), nullable=False),
        pa.field("role", pa.string(), nullable=False),
        pa.field("campaigns", pa.list_(pa.string()), nullable=False),
        pa.field("operators", pa.list_(pa.string()), nullable=False),
    ]
)
"""`role`: campaign · a kind of innocents · organic. `campaigns` are those whose template it sent as its pool,
`operators` those it works for, if only as cover; an account rented to two has both."""

PURE = 0.8
HELD = 0.5


def campaign_truth(plan: SimulationPlan, prompts: pa.Table, day: date) -> pa.Table:
    """The planted campaigns of one day, from the truth of its prompts."""
    planted = (
        pl.DataFrame(prompts)
        .filter(pl.col("kind") == "campaign")
        .group_by("campaign")
        .agg(pl.len(), pl.col("account_id").unique().sort())
    )
    rented = _rented(plan)
    sent = {name: (count, accounts) for name, count, accounts in planted.iter_rows()}
    rows = [
        {
            "campaign": c.name,
            "operator": c.operator,
            "objective": template(c.template).objective if c.template else None,
            "evasion": c.evasion,
            "life": c.life,
            "leaks": sorted(c.leaks),
            "cover": c.cover,
            "n_prompts": sent[c.name][0],
            "n_accounts": len(sent[c.name][1]),
            "accounts": sent[c.name][1],
            "day": day.isoformat(),
            "profile": list(c.profile),
            "leaky": c.leaky,
            "shares_with": rented[c.operator],
        }
        for c in plan.campaigns
        if c.name in sent
    ]
    return pa.Table.from_pylist(rows, CAMPAIGN_TRUTH)


def _rented(plan: SimulationPlan) -> dict[str, list[str]]:
    """Per operator the others with whom it shares accounts."""
    pools = plan.pools()
    pairs = {
        pair
        for operator, (first, *_) in pools.items()
        if first.shares_with
        for pair in ((operator, first.shares_with), (first.shares_with, operator))
    }
    return {operator: sorted(other for one, other in pairs if one == operator) for operator in pools}


def event_truth(plan: SimulationPlan, day: date) -> pa.Table:
    """What happened to the planted campaigns on the night before `day`, schema `EVENT_TRUTH`."""
    rows = [
        {"day": day.isoformat(), "event": event, "campaign": campaign, "other": other}
        for c in plan.campaigns
        for event, campaign, other in _events(c, plan.index_of(day))
    ]
    return pa.Table.from_pylist(rows, EVENT_TRUTH)


def _events(plan: CampaignPlan, index: int) -> Iterator[tuple[str, str, str | None]]:
    """Event, campaign, other."""
    turns, changes = plan.turning, plan.turning.course.changes
    names = [plan.name + part.mark for part in plan.parts_on(index)]
    if not turns.silent(index) and all(turns.silent(earlier) for earlier in range(index)):
        yield from (("new", name, None) for name in names)
    elif turns.turns_on(index):
        before = [plan.name + part.mark for part in plan.parts_on(index - 1)]
        if turns.course.anew:
            yield "new", names[0], before[0]
        elif "silence" in changes:
            yield "pause" if turns.silent(index) else "return", names[0], None
        elif "halves" in changes:
            parts, whole = (names, before[0]) if len(names) > 1 else (before, names[0])
            for part in parts:
                yield ("split", part, whole) if parts is names else ("merge", whole, part)
        else:
            yield "renew" if "accounts" in changes else "rewrite", names[0], None


def account_truth(prompts: pa.Table) -> pa.Table:
    """The role of every account; one that ever sent a campaign's template as its pool is a campaign
    account."""
    table = pl.DataFrame(prompts).group_by("account_id").agg(
        pl.col("kind").unique().sort(),
        pl.col("campaign").drop_nulls().unique().sort(),
        pl.col("operator").drop_nulls().unique().sort(),
    ).sort("account_id")  # fmt: skip
    rows = [
        {"account_id": account, "role": _role(kinds), "campaigns": campaigns, "operators": operators}
        for account, kinds, campaigns, operators in table.iter_rows()
    ]
    return pa.Table.from_pylist(rows, ACCOUNT_TRUTH)


def _role(kinds: list[str]) -> str:
    if "campaign" in kinds or "cover" in kinds:
        return "campaign"
    return next((kind for kind in kinds if kind.startswith("benign:")), "organic")


@dataclass(frozen=True, slots=True)
class CampaignResult:
    """How one planted campaign came out. `covered` is the part of its prompts inside any pure report."""

    campaign: str
    evasion: str
    n_prompts: int
    recovered: bool
    covered: float
    campaign_id: str | None
    tier: str | None


@dataclass(frozen=True, slots=True)
class InnocentResult:
    """One kind of innocents (`organic` and `cover` too) and one tier: reports mostly of that kind, and its
    prompts inside any report of the tier."""

    kind: str
    tier: str
    reports: int
    prompts_inside: int
    n_prompts: int


@dataclass(frozen=True, slots=True)
class SimulationScore:
    """A run against the truth of its day."""

    campaigns: tuple[CampaignResult, ...]
    innocents: tuple[InnocentResult, ...]

    @property
    def recovered(self) -> int:
        return sum(result.recovered for result in self.campaigns)

    @property
    def recovered_share(self) -> float:
        """Recovered campaigns of all; 1.0 when none was planted."""
        return self.recovered / len(self.campaigns) if self.campaigns else 1.0

    def accused(self, tier: Tier = Tier.ACTIONABLE) -> tuple[InnocentResult, ...]:
        """Kinds of innocents that own a report of the tier."""
        return tuple(result for result in self.innocents if result.tier == tier and result.reports)


def score(
    members: pa.Table, campaigns: pa.Table, truth: pa.Table, *, min_prompts: int = 30
) -> SimulationScore:
    """Compare a run's `members` and `campaigns` with the truth of its prompts.

    A planted campaign of at least `min_prompts` is recovered when one reported campaign at least 80 % pure
    holds at least half of it. Relayed prompts (e8) hold no template and are left out.

    Args:
        truth: schema `PROMPT_TRUTH`, one day.
    """
    prompts = pl.DataFrame(truth)
    reported = pl.DataFrame(members.select(["prompt_id", "campaign_id"])).join(
        pl.DataFrame(campaigns.select(["campaign_id", "tier"])), on="campaign_id"
    )
    rows = reported.join(prompts, on="prompt_id")
    sizes = rows.group_by("campaign_id").agg(pl.len().alias("size"))
    held = (
        rows.filter(pl.col("kind") == "campaign")
        .group_by("campaign", "campaign_id", "tier")
        .agg(pl.len().alias("held"))
        .join(sizes, on="campaign_id")
        .filter(pl.col("held") >= PURE * pl.col("size"))
        .sort(["held", "campaign_id"], descending=[True, False])
    )
    return SimulationScore(tuple(_campaigns(prompts, held, min_prompts)), tuple(_innocents(prompts, rows)))


def _campaigns(prompts: pl.DataFrame, held: pl.DataFrame, min_prompts: int) -> Iterator[CampaignResult]:
    planted = (
        prompts.filter((pl.col("kind") == "campaign") & (pl.col("evasion") != "e8"))
        .group_by("campaign", "evasion")
        .agg(pl.len().alias("n_prompts"))
        .filter(pl.col("n_prompts") >= min_prompts)
        .sort("campaign")
    )
    for name, evasion, size in planted.iter_rows():
        reports = held.filter(pl.col("campaign") == name).select("campaign_id", "tier", "held").rows()
        largest = reports[0] if reports else (None, None, 0)
        yield CampaignResult(
            campaign=name,
            evasion=evasion,
            n_prompts=size,
            recovered=largest[2] >= HELD * size,
            covered=sum(row[2] for row in reports) / size,
            campaign_id=largest[0],
            tier=largest[1],
        )


def _innocents(prompts: pl.DataFrame, rows: pl.DataFrame) -> Iterator[InnocentResult]:
    kinds = dict(prompts.filter(pl.col("kind") != "campaign").group_by("kind").len().sort("kind").iter_rows())
    mostly = (
        rows.group_by("campaign_id", "tier", "kind")
        .len("n")
        .sort(["n", "kind"], descending=[True, False])
        .unique("campaign_id", keep="first", maintain_order=True)
    )
    for kind, total in kinds.items():
        for tier in Tier:
            of_tier = rows.filter((pl.col("kind") == kind) & (pl.col("tier") == tier))
            yield InnocentResult(
                kind=kind,
                tier=tier.value,
                reports=mostly.filter((pl.col("kind") == kind) & (pl.col("tier") == tier)).height,
                prompts_inside=of_tier["prompt_id"].n_unique(),
                n_prompts=total,
            )
