"""What people of no family write: against it the keyphrases of the families stand out."""

from __future__ import annotations

from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from campaigns.runs import Run

MOST_TEXTS: Final = 1_500
MOST_CHARACTERS: Final = 2_000


def background(run: Run, members: pa.Array, texts: pa.Array) -> list[str]:
    """Heads of up to `MOST_TEXTS` distinct texts of no family: those with the smallest keys.

    Keys are hashes, so this is a fair draw, and the same one in whatever order the prompts lie.

    Args:
        members: keys of the texts in families.
        texts: keys of all texts of the run.
    """
    free = texts.filter(pc.invert(pc.is_in(texts, value_set=members)))
    smallest = free.take(pc.sort_indices(free)[:MOST_TEXTS])
    found: list[str] = run.texts_of(smallest, MOST_CHARACTERS)["prompt"].to_pylist()
    return found
