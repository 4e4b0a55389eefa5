"""What is worth a vector: one skeleton per lexical group, and windows of texts that the scaffold leaves open.

The transformer costs a thousand times more per text than the scaffold, so it is spent where accounts meet: of the open
texts, those that share most with other accounts for their length come first, up to the budget.
"""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa

from campaigns import files
from campaigns.records import REPRESENTATIVES, TEXT_KEY
from campaigns.runs import Counts, Run
from campaigns.settings import Settings
from campaigns.tokens import tokenize

_CHARACTERS_PER_WORD = 64
"""More than a word of a window ever needs; the rest of a long prompt is not looked at."""


def choose(run: Run, settings: Settings) -> Counts:
    """Write `representatives.parquet` from `texts.parquet` and `groups.parquet`."""
    texts = pl.DataFrame(
        run.table("texts", ["text_key", "n_prompts", "n_accounts", "n_tokens", "pairs", "skeleton"])
    )
    texts = texts.with_columns(n_features=pl.col("pairs").list.len()).drop("pairs")
    texts = texts.with_columns(shared=pl.col("n_features") / pl.col("n_tokens").clip(1).sqrt())
    groups = pl.DataFrame(run.table("groups"))
    grouped = groups.join(texts, on="text_key").filter(pl.col("skeleton") != "")
    skeletons = (
        grouped.sort("group", "strength", "n_prompts", "text_key", descending=[False, True, True, False])
        .group_by("group", maintain_order=True)
        .agg(
            pl.first("text_key"),
            pl.first("skeleton").alias("text"),
            pl.sum("n_prompts"),
        )
        .join(_accounts_of_groups(run, groups), on="group", maintain_order="left")
    )
    room = max(0, settings.embedding.budget - skeletons.height)
    windows = (
        texts.join(groups, on="text_key", how="anti")
        .filter(pl.col("n_features") > 0)
        .sort("shared", "n_prompts", "text_key", descending=[True, True, False])
        .head(room)
    )
    windows = _with_windows(run, windows, settings.embedding.window_words)
    chosen = pl.concat(
        [
            skeletons.head(settings.embedding.budget).with_columns(truncated=pl.lit(False)),
            windows.with_columns(group=pl.lit(-1, pl.Int32)).select(*skeletons.columns, "truncated"),
        ],
        how="vertical_relaxed",
    ).with_row_index("representative")
    table = chosen.select(REPRESENTATIVES.names).to_arrow().cast(REPRESENTATIVES)
    files.write_parquet(run.path / "representatives.parquet", table)
    return {"skeletons": skeletons.height, "windows": windows.height}


def _accounts_of_groups(run: Run, groups: pl.DataFrame) -> pl.DataFrame:
    """(group, n_accounts): distinct accounts; an account lives in one part, so parts add up."""
    found = []
    for part in run.prompt_parts():
        sent = pl.DataFrame(files.read_parquet(part, ["account_id", "text_key"])).join(groups, on="text_key")
        found.append(sent.group_by("group").agg(pl.col("account_id").n_unique().alias("n_accounts")))
    return pl.concat(found).group_by("group").agg(pl.sum("n_accounts").cast(pl.Int64))


def _with_windows(run: Run, chosen: pl.DataFrame, words: int) -> pl.DataFrame:
    """Add `text`, the first tokens of each text in their own spelling, and `truncated`; sorted by key."""
    keys = pa.array(chosen["text_key"].to_list(), TEXT_KEY)
    prompts = run.texts_of(keys, characters=words * _CHARACTERS_PER_WORD)
    heads = prompts["prompt"]
    tokens = tokenize(heads)
    last = np.minimum(tokens.indptr[:-1] + words, tokens.indptr[1:]) - 1
    ends = np.where(last >= tokens.indptr[:-1], tokens.ends[last] if len(tokens.ends) else 0, 0)
    windows = [head.encode()[:end].decode() for head, end in zip(heads.to_pylist(), ends, strict=True)]
    window = pl.DataFrame(
        {
            "text_key": pl.Series(prompts["text_key"], dtype=pl.Binary),
            "text": windows,
            "truncated": np.diff(tokens.indptr) > words,
        }
    )
    return chosen.join(window, on="text_key").sort("text_key")
