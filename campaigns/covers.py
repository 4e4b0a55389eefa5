"""Covers: how a wording that is put in other words each time is known again, by the words that mark it.

A template needs words that stand in their order. Where each request is reworded, none do, and still most of the words
near its beginning and end come from the same few dozen. A cover lists these with what each tells for the wording, and
says from which sum on a prompt is taken for one of it (`labeling.covers` learns them, `labeling.cover_screen` seeks
them).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from campaigns import files
from campaigns.records import MatcherState

TABLE: Final = "covers"
UNIT: Final = 1_000
"""Evidence is counted in whole thousandths of a nat: sums are the same in whatever order the words stand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """What marks one wording.

    Attributes:
        state: only `USABLE` covers are sought.
        words: codes of `labeling.cover_words`, ascending.
        weights: of each word the evidence for the wording, ln(p / q) in thousandths of a nat; positive.
        least: evidence from which a prompt is taken for one of the wording.
        typical: evidence that half of the wording's own prompts carried when held out.
        organic_matches, organic_prompts: prompts of no family that reached `least` when held out, of so many.
        collision_bound: 95 % upper bound of that rate.
    """

    state: MatcherState
    reason: str
    words: tuple[int, ...]
    weights: tuple[int, ...]
    least: int
    typical: int
    organic_matches: int
    organic_prompts: int
    collision_bound: float


def covers_of(folder: Path) -> dict[int, Cover]:
    """The covers of a run by family; none of a run of a version that had none."""
    path = folder / f"{TABLE}.parquet"
    if not path.exists():
        return {}
    return {
        row["family"]: Cover(
            state=MatcherState(row["state"]),
            reason=row["reason"],
            words=tuple(row["words"]),
            weights=tuple(row["weights"]),
            least=row["least"],
            typical=row["typical"],
            organic_matches=row["organic_matches"],
            organic_prompts=row["organic_prompts"],
            collision_bound=row["collision_bound"],
        )
        for row in files.read_parquet(path).to_pylist()
    }
