"""What one method found on one day, held against what was planted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from simulation.truth import HELD, PURE

NOISE = -1
SORTS = ("campaign", "look-alike", "ordinary")
"""What a group mostly holds: a planted campaign, innocents that share a template, or neither."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Sums that add up over days.

    Attributes:
        families: a row per planted wording or language of a campaign: `campaign`, `family`, `level`, `prompts`,
            `accounts`, `recovered` (bool).
        campaigns: a row per planted campaign: `campaign`, `level`, `prompts`, `grouped` (in any group), `covered` (part
            of the prompts that its pure groups hold together), and the B-cubed sums `precision_sum` over the grouped
            prompts and `recall_sum` over all.
        groups: per name of `SORTS`, groups that mostly hold it.
    """

    families: pl.DataFrame
    campaigns: pl.DataFrame
    groups: dict[str, int]


def judge(truth: pl.DataFrame, labels: NDArray[np.int64]) -> Verdict:
    """Score one grouping.

    A family is recovered when one group, of whose prompts at least `PURE` are of its campaign, holds at least `HELD` of
    it. Purity is that of the campaign, so that a method may keep the wordings of one task apart or together.

    B-cubed (Bagga and Baldwin 1998, *Entity-based cross-document coreferencing using the vector space model*): the mean
    over prompts of the part of the prompt's group that is of its campaign (precision), and of the part of the campaign
    that is in its group (recall). A prompt in no group says nothing about precision and has recall 0.

    Args:
        truth: schema `simulation.truth.PROMPT_TRUTH`.
        labels: group of each prompt, (n,); `NOISE` for none.
    """
    rows = truth.with_columns(group=pl.Series(labels, dtype=pl.Int64)).with_columns(
        group=pl.when(pl.col("group") != NOISE).then("group")
    )
    planted = rows.filter((pl.col("kind") == "campaign") & pl.col("family").is_not_null()).rename(
        {"evasion": "level"}
    )
    grouped = rows.drop_nulls("group")
    sizes = grouped.group_by("group").agg(pl.len().alias("size"))
    cells = (
        planted.drop_nulls("group").group_by("campaign", "group").agg(pl.len().alias("held")).join(sizes, on="group")
    )  # fmt: skip
    pure = cells.filter(pl.col("held") >= PURE * pl.col("size"))
    return Verdict(_families(planted, pure), _campaigns(planted, cells, pure), _sorts(grouped))


def perfect_split(truth: pl.DataFrame) -> NDArray[np.int64]:
    """Labels of a method that finds every wording and joins none: what can be reached before accounts are looked at."""
    name = pl.concat_str("campaign", "family", separator="\n")  # null where either is: no group
    ranks = truth.select(name.rank("dense").cast(pl.Int64) - 1).to_series()
    return ranks.fill_null(NOISE).to_numpy()


def _families(planted: pl.DataFrame, pure: pl.DataFrame) -> pl.DataFrame:
    keys = ["campaign", "family"]
    held = (
        planted.join(pure.select("campaign", "group"), on=["campaign", "group"])
        .group_by(*keys, "group")
        .agg(pl.len().alias("held"))
        .group_by(keys)
        .agg(pl.col("held").max())
    )
    return (
        planted.group_by(*keys, "level")
        .agg(pl.len().alias("prompts"), pl.col("account_id").n_unique().alias("accounts"))
        .join(held, on=keys, how="left")
        .with_columns(recovered=pl.col("held").fill_null(0) >= HELD * pl.col("prompts"))
        .drop("held")
        .sort(keys)
    )


def _campaigns(planted: pl.DataFrame, cells: pl.DataFrame, pure: pl.DataFrame) -> pl.DataFrame:
    held = pl.col("held")
    sums = cells.group_by("campaign").agg(
        held.sum().alias("grouped"), (held**2 / pl.col("size")).sum().alias("precision_sum"),
        (held**2).sum().alias("squares"),
    )  # fmt: skip
    inside = pure.group_by("campaign").agg(held.sum().alias("inside"))
    prompts = pl.col("prompts")
    return (
        planted.group_by("campaign", "level")
        .agg(pl.len().alias("prompts"))
        .join(sums, on="campaign", how="left")
        .join(inside, on="campaign", how="left")
        .fill_null(0)
        .with_columns(covered=pl.col("inside") / prompts, recall_sum=pl.col("squares") / prompts)
        .select("campaign", "level", "prompts", "grouped", "covered", "precision_sum", "recall_sum")
        .sort("campaign")
    )


def _sorts(grouped: pl.DataFrame) -> dict[str, int]:
    kind = pl.col("kind")
    sort = (
        pl.when(kind == "campaign").then(pl.lit("campaign"))
        .when(kind.str.starts_with("benign:")).then(pl.lit("look-alike"))
        .otherwise(pl.lit("ordinary"))
    )  # fmt: skip
    mostly = (
        grouped.group_by("group", sort.alias("sort"))
        .len()
        .sort(["len", "sort"], descending=[True, False])
        .unique("group", keep="first")
    )
    counts = dict(mostly.group_by("sort").len().iter_rows())
    return {name: counts.get(name, 0) for name in SORTS}
