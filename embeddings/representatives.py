"""What is worth a vector: one skeleton per lexical group, and windows of texts that the scaffold leaves open.

The transformer costs a thousand times more per text than the scaffold, so it is spent where accounts meet that send
little else: of the open texts, those whose own senders and whose neighbours' senders are least like anybody. Asking for
close neighbours instead would choose genres, which are dense. A request stands before or after its slot, so the head
and the tail of a text are embedded apart.
"""

from __future__ import annotations

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
    """Write `representatives.parquet` from `texts`, `groups` and `open_texts.parquet`."""
    budget = settings.embedding.budget
    texts = pl.DataFrame(run.table("texts", ["text_key", "n_prompts", "n_accounts", "skeleton"]))
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
        .with_columns(truncated=pl.lit(False))
        .head(budget)
    )
    screened = (
        pl.DataFrame(run.table("open_texts"))
        .join(groups, on="text_key", how="anti")
        .sort("ordinary", "text_key")
        .head((budget - skeletons.height) // 2)
        .join(texts, on="text_key", maintain_order="left")
    )
    windows = _with_windows(run, screened, settings.embedding.window_words)
    windows = windows.with_columns(group=pl.lit(-1, pl.Int32)).select(skeletons.columns)
    chosen = pl.concat([skeletons, windows], how="vertical_relaxed").with_row_index("representative")
    table = chosen.select(REPRESENTATIVES.names).to_arrow().cast(REPRESENTATIVES)
    files.write_parquet(run.path / "representatives.parquet", table)
    return {"skeletons": skeletons.height, "windows": windows.height, "texts": screened.height}


def _accounts_of_groups(run: Run, groups: pl.DataFrame) -> pl.DataFrame:
    """(group, n_accounts): distinct accounts; an account lives in one part, so parts add up."""
    found = []
    for part in run.searched_parts():
        sent = pl.DataFrame(files.read_parquet(part, ["account_id", "text_key"])).join(groups, on="text_key")
        found.append(sent.group_by("group").agg(pl.col("account_id").n_unique().alias("n_accounts")))
    return pl.concat(found).group_by("group").agg(pl.sum("n_accounts").cast(pl.Int64))


def _with_windows(run: Run, chosen: pl.DataFrame, words: int) -> pl.DataFrame:
    """Two rows per text, sorted by key: `text` is its first and its last tokens in their own spelling.

    `truncated` tells that there is more. A text no longer than a window has one row.
    """
    keys = pa.array(chosen["text_key"].sort().to_list(), TEXT_KEY)
    prompts = run.texts_of(keys, planted=True)
    reach = words * _CHARACTERS_PER_WORD
    whole = prompts["prompt"].to_pylist()
    heads = _window([text[:reach] for text in whole], words, tail=False)
    tails = _window([text[-reach:] for text in whole], words, tail=True)
    window = pl.DataFrame(
        {
            "text_key": pl.Series(prompts["text_key"], dtype=pl.Binary),
            "text": [
                [head] if head == tail else [head, tail] for head, tail in zip(heads, tails, strict=True)
            ],
            "truncated": [len(head) < len(text.strip()) for head, text in zip(heads, whole, strict=True)],
        },
        schema_overrides={"text": pl.List(pl.String), "truncated": pl.Boolean},
    )
    return chosen.join(window.explode("text"), on="text_key", maintain_order="right")


def _window(texts: list[str], words: int, *, tail: bool) -> list[str]:
    """The first or the last tokens of each text, as it spells them."""
    tokens = tokenize(texts)
    result = []
    for row, text in enumerate(texts):
        first, last = int(tokens.indptr[row]), int(tokens.indptr[row + 1])
        first, last = (max(first, last - words), last) if tail else (first, min(last, first + words))
        raw = text.encode()
        result.append(raw[tokens.starts[first] : tokens.ends[last - 1]].decode() if last > first else "")
    return result
