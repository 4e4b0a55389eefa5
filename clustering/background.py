"""What is usual: how many accounts send a feature in texts of no family, today and on the days before.

An idiom turns up day after day in the traffic of just anybody. A campaign's words do not: its texts are in a family,
and those do not count here. So what marks a group is measured against trailing days too (`clustering.cores`), not
only against the rest of its own day, where an idiom of the moment can be rare.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from campaigns.records import BACKGROUND
from clustering.cores import feature_accounts
from clustering.groups import FeatureSets
from clustering.lexical import Readings
from clustering.senders import Pairs

FEWEST_ACCOUNTS = 3
"""Features that fewer accounts sent in texts of no family are left out: most of them, and hardly usual."""


def background_of(readings: Readings, pairs: Pairs, in_family: NDArray[np.bool_]) -> pa.Table:
    """A day as later days will see it, a table of `BACKGROUND`.

    Args:
        in_family: bool (n_texts,), the texts that do not count.
    """
    found = {}
    for name, sets in _by_name(readings).items():
        accounts = feature_accounts(sets.only(~in_family), pairs)
        kept = accounts >= FEWEST_ACCOUNTS
        found[name] = sets.features[kept], accounts[kept] / max(pairs.everyone, 1)
    return _table(found)


def usual_of(readings: Readings, backgrounds: Sequence[pa.Table]) -> pa.Table:
    """The mean of trailing days, for the features of `readings`; a feature that a day does not name is 0 there.

    Args:
        backgrounds: tables of `BACKGROUND`, one per day. Sums are taken in their order.
    """
    found = {}
    for name, sets in _by_name(readings).items():
        total = np.zeros(len(sets.features))
        for background in backgrounds:
            total += _shares(background, name, sets.features)
        kept = total > 0
        found[name] = sets.features[kept], total[kept] / max(len(backgrounds), 1)
    return _table(found)


def with_usual(readings: Readings, usual: pa.Table) -> Readings:
    """The same readings, their features measured against `usual`, a table of `BACKGROUND`."""
    named = _by_name(readings)
    return Readings(
        **{name: replace(sets, usual=_shares(usual, name, sets.features)) for name, sets in named.items()}
    )


def _by_name(readings: Readings) -> dict[str, FeatureSets]:
    return {field.name: getattr(readings, field.name) for field in fields(readings)}


def _shares(table: pa.Table, reading: str, features: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Share of each feature under a reading, float64 like `features`; 0 where the table does not name it."""
    rows = pl.DataFrame(table).filter(pl.col("reading") == reading)
    known = rows["feature"].to_numpy()
    _, here, there = np.intersect1d(features, known, assume_unique=True, return_indices=True)
    shares = np.zeros(len(features))
    shares[here] = rows["share"].to_numpy()[there]
    return shares


def _table(found: Mapping[str, tuple[NDArray[np.uint64], NDArray[np.float64]]]) -> pa.Table:
    tables = [
        pl.DataFrame({"feature": features, "share": shares}).select(pl.lit(name).alias("reading"), pl.all())
        for name, (features, shares) in sorted(found.items())
    ]
    return pl.concat(tables).to_arrow().cast(BACKGROUND)
