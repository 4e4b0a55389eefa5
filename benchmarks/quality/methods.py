"""What is compared: a method takes the prompts of a day and says which belong together."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Protocol

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks.day import prepare, run_until
from benchmarks.quality.judge import NOISE
from benchmarks.samples import DAY
from campaigns import files
from campaigns.settings import FamilySettings


class Method(Protocol):
    """Groups prompts by text; the accounts tell one busy customer from many."""

    @property
    def name(self) -> str: ...

    @property
    def reused_seconds(self) -> float:
        """What the last call would have cost besides, had no other method done part of its work before."""
        ...

    def group(self, texts: Sequence[str], accounts: Sequence[str]) -> NDArray[np.int64]:
        """Labels (n,), `NOISE` for none. The same input gives the same labels."""
        ...


class Shoal:
    """The recipe up to `cluster`, with the default settings; nothing is carried over from day to day but vectors."""

    name = "Shoal"
    reused_seconds = 0.0

    def __init__(self, home: Path) -> None:
        self._home = home
        prepare(str(home))

    def group(self, texts: Sequence[str], accounts: Sequence[str]) -> NDArray[np.int64]:
        noon = datetime.combine(DAY, time(12), UTC)
        traffic = pa.table(
            {
                "prompt_id": [f"{number}" for number in range(len(texts))],
                "account_id": pa.array(accounts, pa.string()),
                "created_at": pa.array([noon] * len(texts), pa.timestamp("us", tz="UTC")),
                "prompt": pa.array(texts, pa.string()),
            }
        )
        with tempfile.TemporaryDirectory(dir=self._home) as folder:
            source = Path(folder) / "traffic.parquet"
            files.write_parquet(source, traffic)
            run = run_until(source, self._home, "cluster")
        family = pl.DataFrame(run.table("family_members", ["text_key", "family"]))
        sent = pl.DataFrame(run.prompts(["prompt_id", "text_key"])).join(family, on="text_key")
        labels = np.full(len(texts), NOISE, np.int64)
        labels[sent["prompt_id"].cast(pl.Int64).to_numpy()] = sent["family"].to_numpy()
        return labels


def large_enough(labels: NDArray[np.int64], accounts: Sequence[str]) -> NDArray[np.int64]:
    """Labels without the groups of fewer prompts or accounts than Shoal's default settings ask of a family."""
    wanted = FamilySettings()
    rows = pl.DataFrame({"group": labels, "account": accounts})
    kept = (
        rows.group_by("group")
        .agg(pl.len(), pl.col("account").n_unique())
        .filter((pl.col("len") >= wanted.min_prompts) & (pl.col("account") >= wanted.min_accounts))
    )
    return np.where(np.isin(labels, kept["group"].to_numpy()), labels, NOISE)
