"""Canaries leave here: what became of each, and families as they are without them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from campaigns.records import CANARIES
from clustering.senders import Pairs

PURE: float = 0.9
"""A family is a canary's own if it makes up this part of the prompts."""
MOSTLY: float = 0.5
"""A family with more than this part of planted prompts is none of the traffic's."""

COVER = -1
REAL = -2


@dataclass(frozen=True, slots=True)
class Planted:
    """`names` of the canaries; `of_text` int64 (n_texts,): which of them sent a text, `COVER` or `REAL`."""

    names: tuple[str, ...]
    of_text: NDArray[np.int64]

    @classmethod
    def among(cls, keys: pl.Series, planted: pa.Table) -> Planted:
        """
        Args:
            keys: text keys of the run, ascending.
            planted: schema PLANTED.
        """
        names = tuple(sorted(set(planted["canary"].drop_null().to_pylist())))
        number = {name: place for place, name in enumerate(names)}
        kinds = pl.DataFrame(
            {
                "key": pl.Series(planted["text_key"], dtype=pl.Binary),
                "kind": pl.Series(
                    [number.get(name, COVER) for name in planted["canary"].to_pylist()], dtype=pl.Int64
                ),
            }
        )
        found = pl.DataFrame({"key": keys}).join(kinds, on="key", how="left", maintain_order="left")["kind"]
        return cls(names, found.fill_null(REAL).to_numpy())

    @property
    def real(self) -> NDArray[np.bool_]:
        """bool (n_texts,)."""
        found: NDArray[np.bool_] = self.of_text == REAL
        return found


def recovered(planted: Planted, labels: NDArray[np.int32], pairs: Pairs) -> pa.Table:
    """What became of each canary, schema CANARIES.

    Args:
        labels: int32 (n_texts,), families of all texts, -1 for none.
    """
    prompts = pairs.prompts_per_text(len(labels))
    n_families = int(labels.max(initial=-1)) + 1
    inside = labels >= 0

    def per_family(chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
        mine = chosen & inside
        return np.bincount(labels[mine], weights=prompts[mine], minlength=n_families).astype(np.int64)

    everything, real = per_family(inside), per_family(planted.real)
    rows = []
    for place, name in enumerate(planted.names):
        own = per_family(planted.of_text == place)
        pure = np.where(own >= PURE * everything, own, 0)
        total, found = int(prompts[planted.of_text == place].sum()), int(pure.max(initial=0))
        rows.append(
            {
                "canary": name,
                "n_prompts": total,
                "found": found,
                "recall": round(found / total, 4),
                "mixed": int(np.minimum(own, real).sum()),
            }
        )
    return pa.Table.from_pylist(rows, CANARIES)


def taken_out(planted: Planted, labels: NDArray[np.int32], pairs: Pairs) -> NDArray[np.int32]:
    """The families of the traffic, int32 (n_texts,): no planted text is in any, and a mostly planted one is gone."""
    prompts = pairs.prompts_per_text(len(labels))
    inside = labels >= 0
    n_families = int(labels.max(initial=-1)) + 1
    everything = np.bincount(labels[inside], weights=prompts[inside], minlength=n_families)
    mine = inside & ~planted.real
    foreign = np.bincount(labels[mine], weights=prompts[mine], minlength=n_families)
    kept = np.append(foreign <= MOSTLY * everything, False)
    return np.where(planted.real & kept[labels], labels, -1).astype(np.int32)
