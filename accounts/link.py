"""Link: the accounts of each family, and how firmly each belongs to it.

An account's strength tells a pool member from a passer-by who sent a similar prompt once. It rests on what the text
side knows: how well the account's prompts carry the template, how many there are, and what share of the account's day
they make up. An account is core when it sent a core member and its strength is at least one half.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from campaigns.records import FAMILY_ACCOUNTS
from campaigns.runs import Run

CORE_STRENGTH = 0.5


@dataclass(frozen=True, slots=True)
class Links:
    """Tables of one run.

    Attributes:
        prompts: one row per prompt in a family: family, prompt_id, account_id, organization_id, text_key, strength,
            is_core.
        accounts: schema FAMILY_ACCOUNTS, one row per family and account.
    """

    prompts: pl.DataFrame
    accounts: pl.DataFrame


def link(run: Run) -> Links:
    """Join the families' texts back to the prompts and accounts that sent them."""
    members = pl.DataFrame(run.table("family_members"))
    sent = pl.DataFrame(run.prompts(["prompt_id", "account_id", "organization_id", "text_key"]))
    prompts = sent.join(members, on="text_key").sort("family", "prompt_id")
    totals = sent.group_by("account_id").len("n_all")
    accounts = (
        prompts.group_by("family", "account_id")
        .agg(
            pl.len().cast(pl.Int64).alias("n_prompts"),
            pl.mean("strength").cast(pl.Float64).alias("carried"),
            pl.col("is_core").any().alias("core_text"),
        )
        .join(totals, on="account_id")
        .with_columns(share=pl.col("n_prompts") / pl.col("n_all"))
        .with_columns(strength=(pl.col("carried") * _belonging()).round(6))
        .with_columns(is_core=pl.col("core_text") & (pl.col("strength") >= CORE_STRENGTH))
        .with_columns(reasons=pl.concat_list(_sentence(), _standing()))
        .select(FAMILY_ACCOUNTS.names)
        .sort("family", "account_id")
    )
    return Links(prompts, accounts)


def _belonging() -> pl.Expr:
    """The number of prompts (one: 0.40, two: 0.57, three: 0.67, ...) times their share of the day (none: 1/2, all: 1).

    A single prompt never reaches one half, whatever its share: it may be a copied text.
    """
    n = pl.col("n_prompts")
    return n / (n + 1.5) * (1 + pl.col("share")) / 2


def _sentence() -> pl.Expr:
    return pl.format(
        "{} of the account's {} prompts of the day carry the template",
        pl.col("n_prompts"),
        pl.col("n_all"),
    )


def _standing() -> pl.Expr:
    return (
        pl.when("is_core")
        .then(pl.lit("core member"))
        .otherwise(pl.lit("border member: too little to tell it from a passer-by"))
    )
