"""What is worth a vector: one skeleton per lexical group, and windows of texts that the scaffold leaves open.

The transformer costs a thousand times more per text than the scaffold, so it is spent where accounts meet: open texts are
taken by the number of accounts that share their scaffold, up to the budget.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from campaigns import files
from campaigns.records import REPRESENTATIVES
from campaigns.runs import Counts, Run
from campaigns.settings import Settings


def choose(run: Run, settings: Settings) -> Counts:
    """Write `representatives.parquet` from `texts.parquet` and `groups.parquet`."""
    texts = pl.DataFrame(run.table("texts", ["text_key", "n_prompts", "n_accounts", "pairs", "skeleton"]))
    texts = texts.with_columns(n_features=pl.col("pairs").list.len()).drop("pairs")
    groups = pl.DataFrame(run.table("groups"))
    grouped = groups.join(texts, on="text_key").filter(pl.col("skeleton") != "")
    skeletons = (
        grouped.sort("group", "strength", "n_prompts", "text_key", descending=[False, True, True, False])
        .group_by("group", maintain_order=True)
        .agg(
            pl.first("text_key"),
            pl.first("skeleton").alias("text"),
            pl.sum("n_prompts"),
            pl.max("n_accounts"),
        )
    )
    room = max(0, settings.embedding.budget - skeletons.height)
    windows = (
        texts.join(groups, on="text_key", how="anti")
        .filter(pl.col("n_features") > 0)
        .sort("n_features", "n_prompts", "text_key", descending=[True, True, False])
        .head(room)
        .sort("text_key")
    )
    head = pl.col("skeleton").str.split(" ").list.head(settings.embedding.window_words).list.join(" ")
    windows = windows.select(
        pl.lit(-1, pl.Int32).alias("group"),
        "text_key",
        head.alias("text"),
        "n_prompts",
        "n_accounts",
    )
    chosen = pl.concat([skeletons.head(settings.embedding.budget), windows], how="vertical_relaxed")
    chosen = chosen.with_row_index("representative").with_columns(truncated=pl.lit(False))
    table = chosen.select(REPRESENTATIVES.names).to_arrow().cast(REPRESENTATIVES)
    files.write_parquet(run.path / "representatives.parquet", table)
    return {"skeletons": skeletons.height, "windows": windows.height}
