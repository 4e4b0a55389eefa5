"""Does counting features by distinct accounts stay cheap as the day grows?

The sketch and the exact pass beside the obvious way, a set of accounts per feature in plain Python, which must find the
same. Smaller days are made of every k-th account of the largest, so that no account grows busier with the day.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.measure import alternately, apart, growth, peak_bytes
from benchmarks.results import Figure, Result
from benchmarks.samples import traffic
from campaigns import files
from campaigns.settings import Settings
from campaigns.tokens import tokenize
from embeddings import scaffold as counting
from embeddings.scaffold import Features, Postings

PARTS = (8, 4, 2, 1)
"""One in so many accounts: 5,000 to 40,000 prompts of a day of 40,000."""

Counts = tuple[NDArray[np.uint64], NDArray[np.int64]]


def scaffold(prompts: int, folder: Path) -> Result:
    """Seconds to count the pair features of days up to `prompts`, and of the oracle on the smallest."""
    path = traffic(prompts, folder)
    days = [_day(path, part) for part in PARTS]
    sizes = [day.prompts for day in days]
    least = [counting.minimum_accounts(Settings().scaffold, size) for size in sizes]
    _count(days[0], least[0])  # compiled before the clock runs
    ours = alternately(*(_counted(day, minimum) for day, minimum in zip(days, least, strict=True)), repeat=3)
    same, oracle = _oracle(days[0], least[0], _count(days[0], least[0]))
    held = [_held(day, minimum, folder) for day, minimum in zip(days, least, strict=True)]
    rows = tuple(
        (
            day.prompts, len(day.features.values), minimum, seconds, 1e9 * seconds / len(day.features.values),
            raised / 1e6,
        )
        for day, minimum, seconds, raised in zip(days, least, ours, held, strict=True)
    )  # fmt: skip
    return Result(
        "Counting scaffold features by distinct accounts",
        (
            Figure("sketch and exact pass over plain Python", oracle / ours[0], "x"),
            Figure("same counts as plain Python", float(same), "%"),
            Figure("growth of seconds", growth(sizes, ours), "n^"),
            Figure("memory, smallest day", held[0] / 1e6, "MB"),
            Figure("memory each further prompt", (held[-1] - held[0]) / (sizes[-1] - sizes[0]) / 1e3, "KB"),
        ),
        ("prompts", "features", "minimum", "seconds", "ns per feature", "MB"),
        rows,
    )


@dataclass(frozen=True, slots=True)
class _Day:
    features: Features
    postings: Postings

    @property
    def prompts(self) -> int:
        return len(self.postings.texts)

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        return {
            "indptr": self.features.indptr,
            "values": self.features.values,
            "accounts": self.postings.accounts,
            "texts": self.postings.texts,
        }


def _day(path: Path, part: int) -> _Day:
    """One in `part` accounts, each text once per account."""
    rows = pl.DataFrame(files.read_parquet(path, ["account_id", "prompt"]))
    rows = rows.with_columns(account=pl.col("account_id").rank("dense").cast(pl.Int64) - 1)
    rows = rows.filter(pl.col("account") % part == 0).sort("account")
    features = counting.text_features(tokenize(rows["prompt"].to_arrow()), Settings().scaffold.pair_distance)
    postings = Postings(rows["account"].to_numpy(), np.arange(rows.height, dtype=np.int64))
    return _Day(features, postings)


def _count(day: _Day, minimum: int) -> Counts:
    sketch = counting.new_sketch()
    counting.add_to_sketch(sketch, day.features, day.postings)
    part = counting.count_exactly(sketch, minimum, day.features, day.postings)
    return counting.add_counts([part], minimum)


def _counted(day: _Day, minimum: int) -> Callable[[], object]:
    return lambda: _count(day, minimum)


def _oracle(day: _Day, minimum: int, expected: Counts) -> tuple[bool, float]:
    """Whether a set of accounts per feature counts the same, and its seconds."""
    bounds, values = day.features.indptr.tolist(), day.features.values.tolist()
    found: dict[int, int] = {}

    def count() -> None:
        accounts: defaultdict[int, set[int]] = defaultdict(set)
        for account, text in zip(day.postings.accounts.tolist(), day.postings.texts.tolist(), strict=True):
            for feature in values[bounds[text] : bounds[text + 1]]:
                accounts[feature].add(account)
        found.update({f: len(who) for f, who in accounts.items() if len(who) >= minimum})

    (seconds,) = alternately(count, repeat=1)
    return found == dict(zip(expected[0].tolist(), expected[1].tolist(), strict=True)), seconds


def _held(day: _Day, minimum: int, folder: Path) -> int:
    """Bytes by which counting raises the peak of a process that holds the features already."""
    with tempfile.TemporaryDirectory(dir=folder) as arrays:
        for name, array in day.arrays.items():
            np.save(Path(arrays) / f"{name}.npy", array)
        return int(apart(raised_peak, folder=arrays, minimum=minimum).value)


def raised_peak(folder: str, minimum: int) -> int:
    """For `measure.apart`: see `_held`."""
    load = {path.stem: np.load(path) for path in Path(folder).glob("*.npy")}
    day = _Day(Features(load["indptr"], load["values"]), Postings(load["accounts"], load["texts"]))
    nobody = np.empty(0, np.int64)
    _count(_Day(day.features, Postings(nobody, nobody)), minimum)  # loads the compiled code
    before = peak_bytes()
    _count(day, minimum)
    return peak_bytes() - before
