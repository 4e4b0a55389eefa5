"""Tiers from the text side alone: benign where a plain explanation fits, else review.

No family is called actionable here. That takes account-side evidence with null models, and calling a pool guilty
because it shares a template is the mistake this project must not make.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Protocol

import polars as pl

from accounts.link import Links
from campaigns.records import FAMILY_EVIDENCE, FAMILY_TIERS, Tier
from campaigns.settings import TierSettings

NOT_TESTED = "Clocks, registration, infrastructure and slot topics: not tested."


class AllowRule(Protocol):
    """Something known to be benign: `kind` is `campaign`, `template_hash` or `organization`."""

    @property
    def kind(self) -> str: ...
    @property
    def value(self) -> str: ...
    @property
    def reason(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Tables of schemas FAMILY_TIERS and FAMILY_EVIDENCE."""

    tiers: pl.DataFrame
    evidence: pl.DataFrame


@dataclass(frozen=True, slots=True)
class _Figures:
    """What a verdict rests on; shares are 0..1."""

    family: int
    n_prompts: int
    n_accounts: int
    repetition: float
    devotion: float
    tenant: str | None
    uniqueness: float
    one_text: float
    one_tenant: float

    @property
    def score(self) -> float:
        return round((self.uniqueness + self.repetition + self.devotion) / 3, 6)


def judge(
    links: Links,
    names: Sequence[Mapping[str, str]],
    settings: TierSettings,
    allowed: Sequence[AllowRule] = (),
) -> Verdicts:
    """A tier, a score and reasons for each family.

    The score ranks the review queue: the mean of slot uniqueness (distinct texts per prompt), repetition (part of the
    accounts with two prompts or more) and devotion (median share of the accounts' day).

    Args:
        names: for family i, at position i, what allow-list entries may call it: kind to value.
        allowed: the entries in force on the day.
    """
    figures = _figures(links)
    columns = [field.name for field in fields(_Figures)]
    families = [_Figures(**row) for row in figures.select(columns).iter_rows(named=True)]
    explained = [_explanations(family, names[family.family], settings, allowed) for family in families]
    tiers = pl.DataFrame(
        {
            "family": [family.family for family in families],
            "tier": [str(Tier.BENIGN if reasons else Tier.REVIEW) for reasons in explained],
            "score": [
                0.0 if reasons else family.score for family, reasons in zip(families, explained, strict=True)
            ],
            "n_prompts": [family.n_prompts for family in families],
            "n_accounts": [family.n_accounts for family in families],
            "reasons": [
                [*(reasons or [_suspicion(family)]), NOT_TESTED]
                for family, reasons in zip(families, explained, strict=True)
            ],
        },
        schema=pl.Schema(FAMILY_TIERS),
    )
    return Verdicts(tiers, _evidence(figures))


def _explanations(
    family: _Figures, names: Mapping[str, str], settings: TierSettings, allowed: Sequence[AllowRule]
) -> list[str]:
    """The innocent explanations that fit, in words; none makes the family a matter for review."""
    one_tenant = family.one_tenant >= settings.one_tenant_share
    called = dict(names)
    if family.tenant and family.one_tenant > 0.5:
        called["organization"] = family.tenant
    found = [f"Allow-listed: {rule.reason}." for rule in allowed if called.get(rule.kind) == rule.value]
    if one_tenant:
        found.append(
            f"{family.one_tenant:.0%} of the prompts come from one organization: one tenant's template."
        )
    if family.one_text >= settings.one_text_share:
        found.append(
            f"{family.one_text:.0%} of the prompts are one and the same text: a prompt that people copy."
        )
    return found


def _suspicion(family: _Figures) -> str:
    return f"{family.n_accounts} accounts sent {family.n_prompts} prompts from one template."


def _figures(links: Links) -> pl.DataFrame:
    """One row per family: counts and the three parts of the score."""
    by_text = (
        links.prompts.group_by("family", "text_key")
        .len("copies")
        .group_by("family")
        .agg(pl.len().alias("n_texts"), pl.max("copies").alias("most_copies"))
    )
    tenants = (
        links.prompts.group_by("family", "organization_id")
        .len("n")
        .filter(pl.col("organization_id").is_not_null())
        .sort("family", "n", "organization_id", descending=[False, True, False])
        .group_by("family", maintain_order=True)
        .agg(pl.first("organization_id").alias("tenant"), pl.first("n").alias("n_tenant"))
    )
    return (
        links.accounts.group_by("family")
        .agg(
            pl.sum("n_prompts"),
            pl.len().cast(pl.Int64).alias("n_accounts"),
            (pl.col("n_prompts") >= 2).mean().alias("repetition"),
            pl.median("share").alias("devotion"),
        )
        .join(by_text, on="family")
        .join(tenants, on="family", how="left")
        .with_columns(
            uniqueness=pl.col("n_texts") / pl.col("n_prompts"),
            one_text=pl.col("most_copies") / pl.col("n_prompts"),
            one_tenant=(pl.col("n_tenant") / pl.col("n_prompts")).fill_null(0.0),
        )
        .sort("family")
    )


_SIGNALS = {
    "slot uniqueness": ("content", "uniqueness", "{}% of the prompts are texts of their own"),
    "repeat senders": (
        "volume",
        "repetition",
        "{}% of the accounts sent two prompts of the template or more",
    ),
    "share of own traffic": (
        "volume",
        "devotion",
        "the median account spends {}% of its prompts on the template",
    ),
    "one organization": ("context", "one_tenant", "{}% of the prompts come from one organization"),
}


def _evidence(figures: pl.DataFrame) -> pl.DataFrame:
    """The figures behind the verdicts, one row per family and signal; no control has been drawn for them."""
    tables = [
        figures.select(
            "family",
            pl.lit(signal).alias("signal"),
            pl.lit(group).alias("group"),
            pl.col(column).cast(pl.Float64).round(6).alias("value"),
            *(pl.lit(None, pl.Float64).alias(name) for name in ("control_median", "control_p95", "p_value")),
            pl.format(sentence, (100 * pl.col(column)).round().cast(pl.Int64)).alias("sentence"),
        )
        for signal, (group, column, sentence) in _SIGNALS.items()
    ]
    return pl.concat(tables).select(FAMILY_EVIDENCE.names).sort("family", "signal")
