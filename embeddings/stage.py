"""The scaffold stage: accepted prompts to distinct texts with their kept features and skeletons.

Partitions are worked on side by side by threads (the compiled loops release the interpreter lock). Three passes over
the partitions: extract and sketch, count exactly, keep. What one pass leaves for the next lies in a scratch folder of
the run, so that memory holds `workers` partitions and the sketches, whatever the volume.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from campaigns import files
from campaigns.failpoints import failpoint
from campaigns.records import TEXTS
from campaigns.runs import Counts, Run
from campaigns.settings import Settings
from campaigns.tokens import tokenize
from embeddings import edges, scaffold
from embeddings.languages import languages
from embeddings.scaffold import Features, Postings
from embeddings.skeleton import scaffold_tokens, skeletons
from embeddings.windows import window_features

CHANNELS = ("pairs", "edges", "windows")
"""The kinds of scaffold features; each has its own sketch and counts."""

PASSES = 3
SLICE_BYTES = 16_000_000

Known = tuple[NDArray[np.uint64], NDArray[np.int64]]
"""Features that enough accounts share, ascending, and how many accounts each."""


def build_scaffold(run: Run, settings: Settings, *, progress: Callable[[int], None] | None = None) -> Counts:
    """Write `texts.parquet`. `progress` is told 1 for each partition and pass done, `PASSES` per partition in all."""
    scratch = run.path / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    done = progress or (lambda _: None)
    real = run.prompt_parts()
    n_real = sum(pq.read_metadata(part).num_rows for part in real)
    parts = [_Part(source, scratch / str(i), settings) for i, source in enumerate(run.searched_parts())]
    sketches = {channel: scaffold.new_sketch() for channel in CHANNELS}
    with ThreadPoolExecutor(settings.flow.workers) as pool:
        for part, _ in zip(parts, pool.map(_Part.extract, parts), strict=True):
            for channel in CHANNELS:
                scaffold.add_to_sketch(sketches[channel], part.features(channel), part.postings())
            done(1)
        failpoint("scaffold:sketched")
        minimum = scaffold.minimum_accounts(settings.scaffold, n_real)  # what is planted must not raise it
        minima = {"pairs": minimum, "edges": minimum, "windows": settings.scaffold.window_accounts}
        counted: dict[str, list[Known]] = {channel: [] for channel in CHANNELS}
        for result in pool.map(lambda part: part.count(sketches, minima), parts):
            for channel in CHANNELS:
                counted[channel].append(result[channel])
            done(1)
        # What is planted, in the parts after the real ones, adds nothing to what the traffic's own texts keep.
        known, with_planted = (
            {channel: scaffold.add_counts(counted[channel][:stop], minima[channel]) for channel in CHANNELS}
            for stop in (len(real), None)
        )
        of_part = [known if number < len(real) else with_planted for number in range(len(parts))]
        failpoint("scaffold:counted")
        kept = []
        for table in pool.map(_Part.keep, parts, of_part):
            kept.append(table)
            done(1)
    texts = _merge(kept)
    files.write_parquet(run.path / "texts.parquet", texts)
    shutil.rmtree(scratch)
    return {
        "prompts": n_real,
        "texts": texts.num_rows - run.planted().num_rows,
        "minimum_accounts": minimum,
        "pairs_known": len(known["pairs"][0]),
        "edges_known": len(known["edges"][0]),
        "windows_known": len(known["windows"][0]),
    }


class _Part:
    """One partition on its way through the passes; its arrays rest in `scratch` between them."""

    def __init__(self, source: Path, scratch: Path, settings: Settings) -> None:
        self.source = source
        self.scratch = scratch
        self.settings = settings.scaffold

    def extract(self) -> None:
        """Collapse exact copies, tokenize, extract features."""
        self.scratch.mkdir()
        prompts = pl.DataFrame(files.read_parquet(self.source, ["text_key", "account_id"]))
        pairs = prompts.unique().with_columns(
            text=pl.col("text_key").rank("dense").cast(pl.Int64) - 1,
            account=pl.col("account_id").rank("dense").cast(pl.Int64) - 1,
        )
        pairs = pairs.sort("account", "text")
        files.write_array(self.scratch / "accounts.npy", pairs["account"].to_numpy())
        files.write_array(self.scratch / "texts.npy", pairs["text"].to_numpy())
        found: dict[str, list[Features]] = {channel: [] for channel in CHANNELS}
        for _, texts in _slices(self._texts()):
            tokens = tokenize(texts["prompt"])
            found["pairs"].append(scaffold.text_features(tokens, self.settings.pair_distance))
            width, depth = self.settings.edge_width, self.settings.edge_depth
            found["edges"].append(edges.edge_features(tokens, width, depth))
            found["windows"].append(window_features(tokens, self.settings.window_depth))
        for channel, parts in found.items():
            features = Features.joined(parts)
            files.write_array(self.scratch / f"{channel}-indptr.npy", features.indptr)
            files.write_array(self.scratch / f"{channel}-values.npy", features.values)

    def count(self, sketches: dict[str, NDArray[np.uint32]], minima: dict[str, int]) -> dict[str, Known]:
        postings = self.postings()
        return {
            channel: scaffold.count_exactly(
                sketches[channel], minima[channel], self.features(channel), postings
            )
            for channel in CHANNELS
        }

    def keep(self, known: dict[str, Known]) -> pa.Table:
        """The partition's texts as a table of schema TEXTS, sorted by key."""
        table = self._texts()
        n_accounts = np.bincount(self.postings().texts, minlength=table.num_rows)
        all_features = {channel: self.features(channel) for channel in CHANNELS}
        tables = [TEXTS.empty_table()]
        for start, texts in _slices(table):
            stop = start + texts.num_rows
            mine = {channel: found.between(start, stop) for channel, found in all_features.items()}
            tables.append(self._kept(texts, n_accounts[start:stop], mine, known))
        return pa.concat_tables(tables)

    def _kept(
        self,
        texts: pa.Table,
        n_accounts: NDArray[np.int64],
        features: dict[str, Features],
        known: dict[str, Known],
    ) -> pa.Table:
        tokens = tokenize(texts["prompt"])
        kept = {
            channel: scaffold.keep_scaffold(features[channel], *known[channel], self.settings)
            for channel in ("pairs", "edges")
        }
        kept["windows"] = scaffold.keep_known(features["windows"], known["windows"][0])
        kept["wide_pairs"] = scaffold.keep_scaffold(
            features["pairs"], *known["pairs"], self.settings, wide=True
        )
        content = scaffold.content_tokens(tokens)
        mask = scaffold_tokens(tokens, content, kept["pairs"], self.settings.pair_distance)
        columns = {
            "text_key": texts["text_key"],
            "n_prompts": texts["n_prompts"],
            "n_accounts": n_accounts,
            "n_tokens": np.diff(tokens.indptr).astype(np.int32),
            "evasion_marks": tokens.marks,
            "language": languages(tokens),
            **{channel: _as_lists(found) for channel, found in kept.items()},
            "skeleton": pa.array(skeletons(texts["prompt"], tokens, mask), pa.string()),
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


def _slices(texts: pa.Table) -> Iterator[tuple[int, pa.Table]]:
    """(first row, rows) of at most `SLICE_BYTES` of text, a longer text alone: its tokens take 10 times that."""
    ends = np.cumsum(pc.binary_length(texts["prompt"]).to_numpy().astype(np.int64))
    start = 0
    while start < texts.num_rows:
        done = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, done + SLICE_BYTES, side="right")))
        yield start, texts.slice(start, stop - start)
        start = stop


def _as_lists(features: Features) -> pa.Array:
    return pa.ListArray.from_arrays(pa.array(features.indptr.astype(np.int32)), pa.array(features.values))


def _merge(parts: list[pa.Table]) -> pa.Table:
    """One row per text: a text of several partitions has equal features in each; its counts add up."""
    texts = pl.DataFrame(pa.concat_tables(parts))
    merged = (
        texts.sort("text_key")
        .group_by("text_key", maintain_order=True)
        .agg(
            pl.sum("n_prompts", "n_accounts"),
            pl.first(
                "n_tokens", "evasion_marks", "language", "pairs", "wide_pairs", "edges", "windows", "skeleton"
            ),
        )
    )
    return merged.to_arrow().cast(TEXTS)
