"""The wordings of known campaigns as published runs left them, for matching other traffic."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path

import polars as pl

from campaigns import files
from campaigns.entries import KnownMatcher, PublishedRun
from campaigns.errors import IntegrityError
from campaigns.records import MatcherState


def read_known(home: Path | None, latest: Iterable[tuple[str, PublishedRun]]) -> list[KnownMatcher]:
    """The wordings of each campaign on its latest day, ordered by campaign_id and variant.

    Args:
        latest: campaign ids, and the run of the day on which each was seen last.

    Raises:
        IntegrityError: the files of a run are gone, or nobody said where they are.
    """
    if home is None:
        raise IntegrityError(
            "the runs are not known to this store", hint="Open it with the settings of its home."
        )
    by_run: dict[str, tuple[PublishedRun, list[str]]] = {}
    for campaign_id, run in latest:
        by_run.setdefault(run.run_id, (run, []))[1].append(campaign_id)
    found = [entry for run, ids in by_run.values() for entry in _of_run(home / run.path, run.day, ids)]
    return sorted(found, key=lambda entry: (entry.campaign_id, entry.variant))


def _of_run(path: Path, day: date, campaign_ids: list[str]) -> list[KnownMatcher]:
    def table(name: str) -> pl.DataFrame:
        return pl.DataFrame(files.read_parquet(path / f"{name}.parquet"))

    try:
        identities, labels, matchers = table("identities"), table("labels"), table("matchers")
    except FileNotFoundError as error:
        raise IntegrityError(
            f"the files of the run of {day} are gone",
            where=str(error.filename or path),
            hint=f"Restore them, or do the day again: shoal run --day {day} --force --input PATH",
        ) from None
    rows = (
        identities.filter(pl.col("campaign_id").is_in(campaign_ids))
        .join(labels.select("family", "template_json"), on="family")
        .join(matchers, on="family")
    )
    return [
        KnownMatcher(
            campaign_id=row["campaign_id"],
            variant=row["variant"],
            day=day,
            template_json=row["template_json"],
            state=MatcherState(row["state"]),
            reason=row["reason"],
            anywhere=row["anywhere"],
            organic_matches=row["organic_matches"],
            organic_prompts=row["organic_prompts"],
            collision_bound=row["collision_bound"],
        )
        for row in rows.iter_rows(named=True)
    ]
