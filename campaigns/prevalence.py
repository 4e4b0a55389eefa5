"""How much of a day is in campaigns: all accepted prompts counted, part by part, without any text.

Prompts and tokens add up over cells, so one table of cells answers every question about them. Distinct accounts do
not, so they are counted for each question that a report asks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import polars as pl

from campaigns import files
from campaigns.estimates import REPLICATES
from campaigns.records import PREVALENCE, PREVALENCE_ACCOUNTS, Tier
from campaigns.runs import Run

_CELL: Final = ("campaign_id", "model", "country", "replicate")
_WHOLE: Final = ("all", "suspected")
"""Kinds that have no values."""
_KIND: Final = ("by", "value", "in_campaigns")
_COLUMNS: Final = [
    "prompt_id", "account_id", "text_key", "model", "country", "input_tokens", "output_tokens",
]  # fmt: skip


def write_prevalence(
    run: Run,
    texts: pl.DataFrame,
    campaigns: pl.DataFrame,
    sample_by: str,
    parts: Sequence[Path] | None = None,
) -> None:
    """Write `prevalence.parquet` and `prevalence_accounts.parquet`.

    Args:
        texts: `text_key` and `campaign_id` of the texts of campaigns, one row each.
        campaigns: `campaign_id`, `tier` and `objective`.
        parts: files of schema PROMPTS to count instead of the run's own, no account in two of them.
        sample_by: the setting of that name; with `prompt` the replicates are dealt by prompt, else by account.
    """
    unit = "prompt_id" if sample_by == "prompt" else "account_id"
    kinds = campaigns.select("campaign_id", "tier", "objective")
    cells, accounts = [], []
    for part in run.prompt_parts() if parts is None else parts:
        prompts = pl.DataFrame(files.read_parquet(part, _COLUMNS))
        prompts = (
            prompts.join(texts, on="text_key", how="left")
            .join(kinds, on="campaign_id", how="left")
            .join(replicates(prompts[unit]), left_on=unit, right_on="unit")
        )
        cells.append(_cells(prompts))
        accounts += _accounts(prompts)
    whole = pl.concat(cells).group_by(_CELL).sum().sort(_CELL)
    seen = pl.concat(accounts).group_by(_KIND).sum().sort(_KIND)
    for name, table, schema in (
        ("prevalence", whole, PREVALENCE),
        ("prevalence_accounts", seen, PREVALENCE_ACCOUNTS),
    ):
        files.write_parquet(run.path / f"{name}.parquet", table.select(schema.names).to_arrow().cast(schema))


def replicates(units: pl.Series) -> pl.DataFrame:
    """`unit` and `replicate`, int32 in 0..REPLICATES-1, one row per distinct unit; the same on every day."""
    distinct = units.unique()
    dealt = [
        hashlib.blake2b(unit.encode(), digest_size=1, person=b"replicate").digest()[0] % REPLICATES
        for unit in distinct
    ]
    return pl.DataFrame({"unit": distinct, "replicate": pl.Series(dealt, dtype=pl.Int32)})


def _cells(prompts: pl.DataFrame) -> pl.DataFrame:
    return prompts.group_by(_CELL).agg(
        pl.len().cast(pl.Int64).alias("n_prompts"),
        *(
            figure
            for name in ("input", "output")
            for figure in (
                pl.col(f"{name}_tokens").cast(pl.Int64).sum(),
                pl.col(f"{name}_tokens").count().cast(pl.Int64).alias(f"{name}_counted"),
            )
        ),
    )


def _accounts(prompts: pl.DataFrame) -> list[pl.DataFrame]:
    """Accounts of a part by every kind. An account's prompts are all in one part, so parts add up."""
    found = []
    inside = prompts.filter(pl.col("campaign_id").is_not_null()).with_columns(campaign=pl.col("campaign_id"))
    for table, within, kinds in (
        (prompts, False, ("all", "model", "country")),
        (inside, True, ("all", "campaign", "tier", "objective", "model", "country")),
        (inside.filter(pl.col("tier") != Tier.BENIGN), True, ("suspected",)),
    ):
        for kind in kinds:
            value = pl.lit(None, pl.String) if kind in _WHOLE else pl.col(kind)
            sent = table.group_by("account_id", value.alias("value")).len("n")
            n = pl.col("n")
            found.append(
                sent.group_by("value")
                .agg(
                    (n == 1).sum().cast(pl.Int64).alias("accounts_once"),
                    (n == 2).sum().cast(pl.Int64).alias("accounts_twice"),
                    (n > 2).sum().cast(pl.Int64).alias("accounts_more"),
                )
                .with_columns(by=pl.lit(kind), in_campaigns=pl.lit(within))
            )
    return found
