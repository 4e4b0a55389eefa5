"""Prompts a few megabytes at a time, since their tokens take some ten times their room."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

SLICE_BYTES: Final = 16 << 20


def slices(table: pa.Table) -> Iterator[pa.Table]:
    """The rows in order, about `SLICE_BYTES` of the column prompt at a time."""
    sizes = pc.binary_length(table["prompt"]).to_numpy().astype(np.int64)
    starts = np.flatnonzero(np.diff(np.cumsum(sizes) // SLICE_BYTES, prepend=-1))
    for start, end in pairwise([*starts.tolist(), table.num_rows]):
        yield table.slice(start, end - start)
