"""The example run with its matchers measured, so that its campaigns can be sought."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
from run_examples import HOSTILE, publish_example

from campaigns import files
from campaigns.records import MATCHERS, MatcherState
from campaigns.runs import Run


def published(home: Path, states: tuple[MatcherState, ...] = (MatcherState.USABLE,) * 2) -> Run:
    """The example run, with its matchers measured."""
    run = publish_example(home)
    measured = [matcher(family, state) for family, state in enumerate(states)]
    files.write_parquet(run.path / "matchers.parquet", pl.DataFrame(measured).to_arrow().cast(MATCHERS))
    return run


def matcher(family: int, state: MatcherState) -> dict[str, Any]:
    return {
        "family": family,
        "state": state.value,
        "reason": f"1 of 9000 prompts outside families match {HOSTILE}",
        "anywhere": True,
        "is_template": True,
        "saved_bits": 40.0,
        "accepted": 1.0,
        "words": 5.0,
        "organic_matches": 1,
        "organic_accounts": 1,
        "organic_prompts": 9_000,
        "collision_bound": 0.0005,
        "other_families": [0],
        "other_matches": [0],
    }
