"""What a run found beside what was planted, day by day.

A campaign is found at a tier when reports of that tier or above, each at least four fifths its operator's, together
hold half of its prompts. A report is right when most of its prompts are one operator's. An account is named when its
strength in a report of the tier is one half or more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import polars as pl

from accounts.strength import CORE_STRENGTH
from campaigns.records import Tier
from campaigns.runs import Run
from simulation.truth import HELD, PURE

TIERS: dict[str, tuple[str, ...]] = {
    "review": (Tier.REVIEW, Tier.ACTIONABLE),
    "actionable": (Tier.ACTIONABLE,),
}
"""What counts as flagged at each tier."""
LINKED = ("e4", "e5", "e7")
"""Evasions whose operators are expected to send several reports."""
WITHOUT_TEMPLATE = "e8"
FULL = 4
"""Pains of an operator who takes all of them."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a run says, in three tables.

    Attributes:
        members: prompt_id, campaign_id.
        reports: campaign_id, tier, operator_id.
        accounts: account_id, campaign_id, strength.
    """

    members: pl.DataFrame
    reports: pl.DataFrame
    accounts: pl.DataFrame

    @classmethod
    def read(cls, run: Run) -> Found:
        texts = pl.DataFrame(run.table("family_members", ["text_key", "family"]))
        ids = pl.DataFrame(run.table("identities", ["family", "campaign_id"]))
        sent = pl.DataFrame(run.prompts(["prompt_id", "text_key"]))
        return cls(
            sent.join(texts, on="text_key").join(ids, on="family").select("prompt_id", "campaign_id"),
            pl.DataFrame(run.table("tiers", ["campaign_id", "tier", "operator_id"])),
            pl.DataFrame(run.table("accounts", ["account_id", "campaign_id", "strength"])),
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a day came out.

    Attributes:
        campaigns: per planted campaign: campaign, evasion, profile, prompts, grouped, review, actionable (found at any
            tier, at these tiers).
        reports: per report: campaign_id, tier, kind (of most of its prompts), named (part of its accounts), hit.
        accounts: per account that is named, or sent or copied a campaign's template: account_id, owed (it sent it),
            pool (it works for an operator), passer (it copied it), review, actionable (named there).
        pairs: per pair of right reports of which one holds a campaign of `LINKED`: true, told.
    """

    campaigns: pl.DataFrame
    reports: pl.DataFrame
    accounts: pl.DataFrame
    pairs: pl.DataFrame


def judge(prompts: pl.DataFrame, campaigns: pl.DataFrame, found: Found) -> Verdict:
    """
    Args:
        prompts, campaigns: truth of the day, schemas `PROMPT_TRUTH` and `CAMPAIGN_TRUTH`.
    """
    rows = prompts.select(
        "prompt_id", "account_id", "kind", "campaign", "evasion",
        operator=pl.when(pl.col("kind") == "campaign").then(pl.col("operator")),
    ).join(found.members, on="prompt_id", how="left")  # fmt: skip
    reports = _reports(rows, found)
    return Verdict(
        _campaigns(rows, campaigns, reports),
        reports,
        _accounts(prompts, found),
        _pairs(reports),
    )


def _reports(rows: pl.DataFrame, found: Found) -> pl.DataFrame:
    """One row per report: what most of its prompts are, and whether it is right and pure."""
    inside = rows.drop_nulls("campaign_id")

    def top(column: str) -> pl.DataFrame:
        counted = inside.drop_nulls(column).group_by("campaign_id", column).len(f"of_{column}")
        ordered = counted.sort(f"of_{column}", column, descending=[True, False])
        return ordered.unique("campaign_id", keep="first", maintain_order=True)

    reports = found.reports.join(inside.group_by("campaign_id").len("size"), on="campaign_id")
    for column in ("operator", "campaign", "kind", "evasion"):
        reports = reports.join(top(column), on="campaign_id", how="left")
    named = found.accounts.group_by("campaign_id").agg(named=(pl.col("strength") >= CORE_STRENGTH).mean())
    reports = reports.join(named, on="campaign_id", how="left")
    share = pl.col("of_operator").fill_null(0) / pl.col("size")
    return reports.with_columns(hit=share > 0.5, pure=share >= PURE).sort("campaign_id")


def _campaigns(rows: pl.DataFrame, campaigns: pl.DataFrame, reports: pl.DataFrame) -> pl.DataFrame:
    sent = rows.filter(pl.col("kind") == "campaign")
    result = campaigns.select(
        "campaign", "operator", "evasion", profile=_profile(), prompts="n_prompts", accounts="n_accounts"
    )
    # What is not even grouped, no evidence about accounts can bring back.
    for tier, flagged in {"grouped": tuple(Tier), **TIERS}.items():
        pure = reports.filter("pure", pl.col("tier").is_in(flagged)).select("campaign_id", "operator")
        covered = sent.join(pure, on=["campaign_id", "operator"]).group_by("campaign").len("covered")
        joined = result.join(covered, on="campaign", how="left")["covered"].fill_null(0)
        result = result.with_columns((joined >= HELD * result["prompts"]).alias(tier))
    return result.sort("campaign")


def _profile() -> pl.Expr:
    pains = pl.col("profile").list.len()
    return (
        pl.when(pains == 0)
        .then(pl.lit("crude"))
        .when(pains == FULL)
        .then(pl.lit("full"))
        .otherwise(pl.lit("adaptive"))
    )


def _accounts(prompts: pl.DataFrame, found: Found) -> pl.DataFrame:
    template = (pl.col("kind") == "campaign") & (pl.col("evasion") != WITHOUT_TEMPLATE)
    accounts = prompts.group_by("account_id").agg(
        owed=template.any(),
        pool=pl.col("kind").is_in(["campaign", "cover"]).any(),
        passer=(pl.col("kind") == "benign:passer-by").any(),
    )
    for tier, flagged in TIERS.items():
        reports = found.reports.filter(pl.col("tier").is_in(flagged)).select("campaign_id")
        named = found.accounts.join(reports, on="campaign_id").filter(pl.col("strength") >= CORE_STRENGTH)
        told = pl.col("account_id").is_in(named["account_id"].unique().implode())
        accounts = accounts.with_columns(told.alias(tier))
    return accounts.filter(pl.any_horizontal("owed", "passer", *TIERS)).sort("account_id")


def _pairs(reports: pl.DataFrame) -> pl.DataFrame:
    hits = reports.filter("hit").select("operator", "operator_id", pl.col("evasion").is_in(LINKED)).rows()
    pairs = [
        (one[0] == other[0], one[1] is not None and one[1] == other[1])
        for one, other in combinations(hits, 2)
        if one[2] or other[2]
    ]
    return pl.DataFrame(pairs, schema={"true": pl.Boolean, "told": pl.Boolean}, orient="row")


def together(verdicts: Sequence[tuple[Mapping[str, object], Verdict]]) -> Verdict:
    """The tables of many days, each with columns that say where its rows are from."""

    def all_of(name: str) -> pl.DataFrame:
        parts: list[pl.DataFrame] = [
            getattr(verdict, name).with_columns(*(pl.lit(value).alias(key) for key, value in where.items()))
            for where, verdict in verdicts
        ]
        return pl.concat(parts)

    return Verdict(*(all_of(name) for name in ("campaigns", "reports", "accounts", "pairs")))
