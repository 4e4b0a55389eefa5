"""The wordings of known campaigns as published runs left them, for matching other traffic.

The template of a wording is that of its latest day. Whom it met is summed over the days, also over those on which the
wording went by an earlier alignment of its template: they tell of the wording, and no day alone tells enough.

Wordings that people parted from their campaign are sought under the new id at once, before a run has found it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaigns import files
from campaigns.collisions import Limits, Met, verdict
from campaigns.covers import covers_of
from campaigns.decisions import select_decisions
from campaigns.entries import CampaignState, KnownMatcher, PublishedRun, Verdict
from campaigns.errors import IntegrityError
from campaigns.records import UNFIT, MatcherState, Tier
from campaigns.splits import holders, select_splits, standing_splits
from campaigns.tables import CampaignDayRow, CampaignRow, DayRow, MatcherDayRow, RunRow, WordingRow

FIGURES: Final = tuple(field.name for field in fields(Met) if field.name != "days")
"""What the columns of `matcher_days` and `collisions.parquet` tell of a day."""

Held = Mapping[tuple[str, int], str]
"""See `campaigns.splits.holders`."""


@dataclass(frozen=True, slots=True)
class Latest:
    """The run of a wording's latest day. `written`: the campaign that it was then."""

    campaign_id: str
    variant: int
    run: PublishedRun
    written: str


def select_held(session: Session) -> Held:
    """Whose the wordings are that splits speak of."""
    return holders(select_splits(session))


def select_latest_wordings(session: Session, before: date | None, held: Held) -> list[Latest]:
    """Each wording of the campaigns that still go by their own id."""
    newest = select(
        WordingRow.campaign_id, WordingRow.variant, func.max(WordingRow.day).label("day")
    ).group_by(WordingRow.campaign_id, WordingRow.variant)
    if before is not None:
        newest = newest.where(WordingRow.day < before)
    last = newest.subquery()
    gone = set(
        session.scalars(
            select(CampaignRow.campaign_id).where(
                CampaignRow.state.in_([CampaignState.MERGED, CampaignState.RETIRED])
            )
        )
    )
    query = (
        select(last.c.campaign_id, last.c.variant, RunRow)
        .join(DayRow, DayRow.day == last.c.day)
        .join(RunRow, RunRow.run_id == DayRow.current_run_id)
        .order_by(last.c.day, last.c.campaign_id, last.c.variant)
    )
    found: dict[tuple[str, int], Latest] = {}
    for written, variant, row in session.execute(query).tuples():
        name = held.get((written, variant), written)
        if name not in gone:
            found[name, variant] = Latest(name, variant, row.entry(), written)
    return list(found.values())


def select_suspected(session: Session, before: date | None) -> set[str]:
    """Campaigns that were more than benign on a day, and that nobody has dismissed; and those that are confirmed.

    One that people split off is what it was split from until it has a day of its own.
    """
    days = select(CampaignDayRow.campaign_id, CampaignDayRow.tier).distinct()
    if before is not None:
        days = days.where(CampaignDayRow.day < before)
    tiers = session.execute(days).tuples().all()
    verdicts = {one.campaign_id: one.verdict for one in select_decisions(session, in_force=True)}
    found = {name for name, tier in tiers if tier != Tier.BENIGN and verdicts.get(name) != Verdict.DISMISSED}
    found |= {name for name, verdict in verdicts.items() if verdict == Verdict.CONFIRMED}
    told = {*verdicts, *(name for name, _ in tiers)}
    for split in standing_splits(session):
        if split.campaign_id in found and split.new_id not in told:
            found.add(str(split.new_id))
    return found


def select_met(session: Session, before: date | None, held: Held) -> dict[tuple[str, int], Met]:
    """Whom each wording met, over all days measured, or those before `before`."""
    figures = [func.sum(getattr(MatcherDayRow, name)).label(name) for name in FIGURES]
    key = (MatcherDayRow.campaign_id, MatcherDayRow.variant)
    query = select(*key, func.count().label("days"), *figures).group_by(*key)
    if before is not None:
        query = query.where(MatcherDayRow.day < before)
    found: dict[tuple[str, int], Counter[str]] = {}
    for row in session.execute(query).mappings():
        written = (row["campaign_id"], row["variant"])
        sums = found.setdefault((held.get(written, written[0]), written[1]), Counter())
        sums.update({name: int(row[name]) for name in ("days", *FIGURES)})
    return {
        wording: Met(**{name: sums[name] for name in ("days", *FIGURES)}) for wording, sums in found.items()
    }


def read_known(
    home: Path | None,
    latest: Iterable[Latest],
    held: Held,
    first_pass: PublishedRun | None = None,
    *,
    skip_gone: bool = False,
) -> list[KnownMatcher]:
    """What the run of its latest day says of each wording, ordered by campaign_id and variant.

    Args:
        first_pass: a later run; of the wordings that it has, it speaks.
        skip_gone: leave out the wordings of runs whose files are gone.

    Raises:
        IntegrityError: the files of a run are gone, or nobody said where they are.
    """
    if home is None:
        raise IntegrityError(
            "the runs are not known to this store", hint="Open it with the settings of its home."
        )
    spoken = [] if first_pass is None else _of_run(home, first_pass)
    spoken = [
        replace(one, campaign_id=held.get((one.campaign_id, one.variant), one.campaign_id)) for one in spoken
    ]
    later = {(one.campaign_id, one.variant) for one in spoken}
    by_run: dict[str, list[Latest]] = {}
    for one in latest:
        if (one.campaign_id, one.variant) not in later:
            by_run.setdefault(one.run.run_id, []).append(one)
    found = [*spoken]
    for wanted in by_run.values():
        run = wanted[0].run
        entries = {(one.campaign_id, one.variant): one for one in _of_run(home, run, skip_gone=skip_gone)}
        found += [
            replace(entries[one.written, one.variant], campaign_id=one.campaign_id)
            for one in wanted
            if (one.written, one.variant) in entries
        ]
    return sorted(found, key=lambda entry: (entry.campaign_id, entry.variant))


def _of_run(home: Path, run: PublishedRun, *, skip_gone: bool = False) -> list[KnownMatcher]:
    try:
        return read_matchers(home / run.path, run.day)
    except FileNotFoundError as error:
        if skip_gone:
            return []
        raise IntegrityError(
            f"the files of the run of {run.day} are gone",
            where=str(error.filename or run.path),
            hint=f"Restore them, or do the day again: shoal run --day {run.day} --force --input PATH",
        ) from None


def read_matchers(path: Path, day: date) -> list[KnownMatcher]:
    """The wordings of a run folder, as they were judged on that day alone, ordered by campaign_id and variant.

    Raises:
        FileNotFoundError: a table is not there.
    """

    def table(name: str) -> pl.DataFrame:
        return pl.DataFrame(files.read_parquet(path / f"{name}.parquet"))

    covers = covers_of(path)
    rows = (
        table("identities")
        .select("family", "campaign_id", "variant")
        .join(table("labels").select("family", "template_json"), on="family")
        .join(table("matchers"), on="family")
        .sort("campaign_id", "variant")
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
            organic_accounts=row["organic_accounts"],
            organic_prompts=row["organic_prompts"],
            collision_bound=row["collision_bound"],
            cover=covers.get(row["family"]),
        )
        for row in rows.iter_rows(named=True)
    ]


def judged(
    known: Iterable[KnownMatcher], met: Mapping[tuple[str, int], Met], limits: Limits
) -> list[KnownMatcher]:
    """With the figures and the state of all days together; one that was never tried since keeps those of its day."""
    return [
        _judged(entry, met[entry.campaign_id, entry.variant], limits)
        if (entry.campaign_id, entry.variant) in met
        else entry
        for entry in known
    ]


def _judged(entry: KnownMatcher, met: Met, limits: Limits) -> KnownMatcher:
    """The figures are those of the form in which it is sought."""
    state, reason = verdict(met, limits)
    loosely, why = verdict(met, limits, loose=True)
    if entry.state in UNFIT:
        state, reason = entry.state, entry.reason
    loose = state is loosely is MatcherState.USABLE
    bound = met.bound(loose=loose)
    return replace(
        entry,
        state=state,
        reason=why if loose else reason,
        anywhere=loose,
        days=met.days,
        organic_matches=met.loose_matches if loose else met.matches,
        organic_accounts=met.loose_accounts if loose else met.accounts,
        organic_prompts=met.prompts,
        of_members=met.of_members,
        collision_bound=bound,
        shown=state is MatcherState.USABLE and bound <= limits.target,
    )
