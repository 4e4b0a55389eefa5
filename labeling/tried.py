"""Matchers tried on the prompts of a run: who sent what they accept.

Prompts are read part by part and slice by slice; of each slice the distinct texts are tokenised once for all matchers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from campaigns import files
from campaigns.runs import Run
from labeling.matcher import Matcher
from labeling.screen import Screen
from labeling.slices import slices
from labeling.sought import screen_of, words_of

_HITS: Final = {
    "owner": pl.Int64,
    "whole": pl.Boolean,
    "family": pl.Int32,
    "account_id": pl.String,
    "text_key": pl.Binary,
    "prompts": pl.Int64,
}


@dataclass(frozen=True, slots=True)
class Tried:
    """What owners of matchers accept in the prompts of a run.

    Attributes:
        hits: columns owner, whole, family (null for none), account_id, text_key, prompts; one row per owner, account,
            text and slice. Not `whole`: only with other text before and after, or with a quorum of the words.
        organic: all prompts of no family.
        read: all prompts of the run.
    """

    hits: pl.DataFrame
    organic: int
    read: int


def tried(run: Run, members: pa.Table, matchers: Sequence[Matcher], owners: NDArray[np.int64]) -> Tried:
    """Every matcher on every prompt of the traffic; nothing that was planted is read.

    Args:
        members: columns text_key and family; texts of no family are organic.
        matchers: of `labeling.sought`, as other traffic meets them.
        owners: int64 (n_matchers,), whose each is. A prompt counts once for its owner, by the best of the matches.
    """
    screen = screen_of(matchers)
    of_text = pl.DataFrame(members.select(["text_key", "family"]))
    found = [pl.DataFrame(schema=_HITS)]
    organic = read = 0
    for part in run.prompt_parts():
        table = files.read_parquet(part, ["text_key", "account_id", "prompt"])
        for piece in slices(table):
            rows = pl.DataFrame(piece).join(of_text, on="text_key", how="left")
            read += rows.height
            organic += rows["family"].null_count()
            found.append(_accepted(rows, screen, owners))
    return Tried(pl.concat(found), organic, read)


def _accepted(rows: pl.DataFrame, screen: Screen, owners: NDArray[np.int64]) -> pl.DataFrame:
    """Columns of `_HITS`: what is accepted of some rows, prompts counted by account and text."""
    distinct = rows.unique("text_key", keep="first", maintain_order=True).with_row_index("text")
    hits = screen.hits(words_of(distinct["prompt"].to_arrow()))
    pairs = (
        pl.DataFrame(
            {"text": hits.texts.astype(np.uint32), "owner": owners[hits.matchers], "whole": hits.whole}
        )
        .group_by("text", "owner")
        .agg(pl.col("whole").any())
    )
    return (
        pairs.join(distinct.select("text", "text_key"), on="text")
        .join(rows.select("text_key", "family", "account_id"), on="text_key")
        .group_by("owner", "whole", "family", "account_id", "text_key")
        .agg(pl.len().alias("prompts"))
        .select(pl.col(name).cast(kind) for name, kind in _HITS.items())
    )
