"""The scaffold stage: accepted prompts to distinct texts with their kept features and skeletons.

Partitions are worked on side by side by threads (the compiled loops release the interpreter lock). Three passes over
the partitions: extract and sketch, count exactly, keep. What one pass leaves for the next lies in a scratch folder of
the run, so that memory holds `workers` partitions and the sketches, whatever the volume.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from campaigns import files
from campaigns.failpoints import failpoint
from campaigns.records import TEXTS
from campaigns.runs import Counts, Run
from campaigns.settings import Settings
from campaigns.tokens import tokenize
from embeddings import edges, scaffold
from embeddings.scaffold import Features, Postings
from embeddings.skeleton import scaffold_tokens, skeletons

CHANNELS = ("pairs", "edges")
"""The two kinds of scaffold features; each has its own sketch and counts."""

PASSES = 3

Known = tuple[NDArray[np.uint64], NDArray[np.int64]]
"""Features that enough accounts share, ascending, and how many accounts each."""


def build_scaffold(run: Run, settings: Settings, *, progress: Callable[[int], None] | None = None) -> Counts:
    """Write `texts.parquet`. `progress` is told 1 for each partition and pass done, `PASSES` per partition in all."""
    scratch = run.path / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    done = progress or (lambda _: None)
    parts = [_Part(source, scratch / str(i), i, settings) for i, source in enumerate(run.prompt_parts())]
    sketches = {channel: scaffold.new_sketch() for channel in CHANNELS}
    n_prompts = 0
    with ThreadPoolExecutor(settings.flow.workers) as pool:
        for part, found in zip(parts, pool.map(_Part.extract, parts), strict=True):
            n_prompts += found
            for channel in CHANNELS:
                scaffold.add_to_sketch(sketches[channel], part.features(channel), part.postings())
            done(1)
        failpoint("scaffold:sketched")
        minimum = scaffold.minimum_accounts(settings.scaffold, n_prompts)
        counted: dict[str, list[Known]] = {channel: [] for channel in CHANNELS}
        for result in pool.map(lambda part: part.count(sketches, minimum), parts):
            for channel in CHANNELS:
                counted[channel].append(result[channel])
            done(1)
        known = {channel: scaffold.add_counts(counted[channel], minimum) for channel in CHANNELS}
        failpoint("scaffold:counted")
        kept = []
        for table in pool.map(lambda part: part.keep(known), parts):
            kept.append(table)
            done(1)
    texts = _merge(kept)
    files.write_parquet(run.path / "texts.parquet", texts)
    shutil.rmtree(scratch)
    return {
        "prompts": n_prompts,
        "texts": texts.num_rows,
        "minimum_accounts": minimum,
        "pairs_known": len(known["pairs"][0]),
        "edges_known": len(known["edges"][0]),
    }


class _Part:
    """One partition on its way through the passes; its arrays rest in `scratch` between them."""

    def __init__(self, source: Path, scratch: Path, number: int, settings: Settings) -> None:
        self.source = source
        self.scratch = scratch
        self.number = number
        self.settings = settings.scaffold

    def extract(self) -> int:
        """Collapse exact copies, tokenize, extract features; return the number of prompts."""
        self.scratch.mkdir()
        prompts = pl.DataFrame(files.read_parquet(self.source, ["text_key", "account_id"]))
        pairs = prompts.unique().with_columns(
            text=pl.col("text_key").rank("dense").cast(pl.Int64) - 1,
            account=pl.col("account_id").rank("dense").cast(pl.Int64) - 1,
        )
        pairs = pairs.sort("account", "text")
        np.save(self.scratch / "accounts.npy", pairs["account"].to_numpy())
        np.save(self.scratch / "texts.npy", pairs["text"].to_numpy())
        tokens = tokenize(self._texts()["prompt"])
        found = {
            "pairs": scaffold.text_features(tokens, self.settings.pair_distance),
            "edges": edges.edge_features(tokens, self.settings.edge_width, self.settings.edge_depth),
        }
        for channel, features in found.items():
            np.save(self.scratch / f"{channel}-indptr.npy", features.indptr)
            np.save(self.scratch / f"{channel}-values.npy", features.values)
        return prompts.height

    def count(self, sketches: dict[str, NDArray[np.uint32]], minimum: int) -> dict[str, Known]:
        postings = self.postings()
        return {
            channel: scaffold.count_exactly(sketches[channel], minimum, self.features(channel), postings)
            for channel in CHANNELS
        }

    def keep(self, known: dict[str, Known]) -> pa.Table:
        """The partition's texts as a table of schema TEXTS, sorted by key."""
        table = self._texts()
        tokens = tokenize(table["prompt"])
        kept = {c: scaffold.keep_scaffold(self.features(c), *known[c], self.settings) for c in CHANNELS}
        kept["wide_pairs"] = scaffold.keep_scaffold(
            self.features("pairs"), *known["pairs"], self.settings, wide=True
        )
        mask = scaffold_tokens(
            tokens, scaffold.content_tokens(tokens), kept["pairs"], self.settings.pair_distance
        )
        postings = self.postings()
        columns = {
            "text_key": table["text_key"].combine_chunks(),
            "n_prompts": table["n_prompts"].combine_chunks(),
            "n_accounts": np.bincount(postings.texts, minlength=table.num_rows),
            "n_tokens": np.diff(tokens.indptr).astype(np.int32),
            "evasion_marks": tokens.marks,
            "partition": np.full(table.num_rows, self.number, np.int32),
            **{channel: _as_lists(features) for channel, features in kept.items()},
            "skeleton": pa.array(skeletons(table["prompt"].combine_chunks(), tokens, mask), pa.string()),
        }
        return pa.table(columns, schema=TEXTS)

    def features(self, channel: str) -> Features:
        return Features(
            np.load(self.scratch / f"{channel}-indptr.npy"), np.load(self.scratch / f"{channel}-values.npy")
        )

    def postings(self) -> Postings:
        return Postings(np.load(self.scratch / "accounts.npy"), np.load(self.scratch / "texts.npy"))

    def _texts(self) -> pa.Table:
        """(text_key, prompt, n_prompts) of the distinct texts, sorted by key."""
        prompts = pl.DataFrame(files.read_parquet(self.source, ["text_key", "prompt"]))
        texts = prompts.group_by("text_key").agg(
            pl.first("prompt"), pl.len().cast(pl.Int64).alias("n_prompts")
        )
        return texts.sort("text_key").to_arrow()


def _as_lists(features: Features) -> pa.Array:
    return pa.ListArray.from_arrays(pa.array(features.indptr.astype(np.int32)), pa.array(features.values))


def _merge(parts: list[pa.Table]) -> pa.Table:
    """One row per text: a text of several partitions has equal features in each; its counts add up."""
    texts = pl.DataFrame(pa.concat_tables(parts))
    merged = (
        texts.sort("text_key", "partition")
        .group_by("text_key", maintain_order=True)
        .agg(
            pl.sum("n_prompts", "n_accounts"),
            pl.first("n_tokens", "evasion_marks", "partition", "pairs", "wide_pairs", "edges", "skeleton"),
        )
    )
    return merged.to_arrow().cast(TEXTS)
