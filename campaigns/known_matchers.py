"""The wordings of known campaigns as published runs left them, for matching other traffic."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path

import polars as pl
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaigns import files
from campaigns.entries import CampaignState, KnownMatcher, PublishedRun
from campaigns.errors import IntegrityError
from campaigns.records import MatcherState
from campaigns.tables import CampaignRow, DayRow, RunRow, WordingRow


def select_latest_wordings(session: Session, before: date | None) -> list[tuple[str, int, PublishedRun]]:
    """Each wording of the campaigns that still go by their own id: id, number, and the run of its latest day."""
    newest = select(
        WordingRow.campaign_id, WordingRow.variant, func.max(WordingRow.day).label("day")
    ).group_by(WordingRow.campaign_id, WordingRow.variant)
    if before is not None:
        newest = newest.where(WordingRow.day < before)
    last = newest.subquery()
    query = (
        select(last.c.campaign_id, last.c.variant, RunRow)
        .join(CampaignRow, CampaignRow.campaign_id == last.c.campaign_id)
        .join(DayRow, DayRow.day == last.c.day)
        .join(RunRow, RunRow.run_id == DayRow.current_run_id)
        .where(CampaignRow.state.not_in([CampaignState.MERGED, CampaignState.RETIRED]))
    )
    return [(name, variant, row.entry()) for name, variant, row in session.execute(query).tuples()]


def read_known(
    home: Path | None,
    latest: Iterable[tuple[str, int, PublishedRun]],
    first_pass: PublishedRun | None = None,
) -> list[KnownMatcher]:
    """What the run of its latest day says of each wording, ordered by campaign_id and variant.

    Args:
        first_pass: a later run; of the wordings that it has, it speaks.

    Raises:
        IntegrityError: the files of a run are gone, or nobody said where they are.
    """
    if home is None:
        raise IntegrityError(
            "the runs are not known to this store", hint="Open it with the settings of its home."
        )
    of_wording = {(campaign_id, variant): run for campaign_id, variant, run in latest}
    if first_pass is not None:
        of_wording |= dict.fromkeys(_wordings(home / first_pass.path, first_pass.day), first_pass)
    by_run: dict[str, tuple[PublishedRun, list[tuple[str, int]]]] = {}
    for (campaign_id, variant), run in of_wording.items():
        by_run.setdefault(run.run_id, (run, []))[1].append((campaign_id, variant))
    found = [entry for run, wanted in by_run.values() for entry in _of_run(home / run.path, run.day, wanted)]
    return sorted(found, key=lambda entry: (entry.campaign_id, entry.variant))


def _table(path: Path, day: date, name: str) -> pl.DataFrame:
    try:
        return pl.DataFrame(files.read_parquet(path / f"{name}.parquet"))
    except FileNotFoundError as error:
        raise IntegrityError(
            f"the files of the run of {day} are gone",
            where=str(error.filename or path),
            hint=f"Restore them, or do the day again: shoal run --day {day} --force --input PATH",
        ) from None


def _wordings(path: Path, day: date) -> list[tuple[str, int]]:
    return _table(path, day, "identities").select("campaign_id", "variant").rows()


def _of_run(path: Path, day: date, wanted: list[tuple[str, int]]) -> list[KnownMatcher]:
    identities, labels, matchers = (_table(path, day, name) for name in ("identities", "labels", "matchers"))
    rows = (
        identities.select("family", "campaign_id", "variant")
        .join(_asked(wanted), on=["campaign_id", "variant"])
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


def _asked(wanted: list[tuple[str, int]]) -> pl.DataFrame:
    return pl.DataFrame(wanted, {"campaign_id": pl.String, "variant": pl.Int32}, orient="row")
