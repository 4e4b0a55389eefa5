"""Ids against the truth: which stay, which are used twice, and which splits and merges were told.

A campaign is found on a day when reports that are at least four fifths its own hold half of its prompts; its id is that
of the largest of them, however many ids the rest has.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import polars as pl

from benchmarks.identity.told import ASKED, Told
from simulation.truth import HELD, PURE

DELAY = 2
"""Days after a split or merge by which it must be told; as long is looked back for the campaigns before it."""
INNOCENT = "innocents"
CALLED = {"split": "split", "merge": "merged", "new": "possibly_continues"}
"""What a change of the truth is called in `identities`."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A day as it was planted (schemas of `simulation.truth`) and as it was told; days are counted from 0."""

    number: int
    prompts: pl.DataFrame
    campaigns: pl.DataFrame
    events: pl.DataFrame
    told: Told


@dataclass(frozen=True, slots=True)
class Change:
    """A split of a whole into parts, a merge of parts into a whole, or a campaign begun anew: `new`, its one part."""

    day: int
    event: str
    whole: str
    parts: tuple[str, ...]

    @property
    def sides(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Those before, and those after."""
        return (self.parts, (self.whole,)) if self.event == "merge" else ((self.whole,), self.parts)


@dataclass(frozen=True, slots=True)
class Verdict:
    """How ids fared.

    Attributes:
        sightings: per day and lasting campaign that sent something: day, lasting, life, evasion, prompts, campaign_id
            (of its largest pure report, null without one), ids (of all of them, the largest first), found (they hold
            half of it), whole (the largest does).
        steps: per day on which a campaign is found and was found before: day, lasting, life, evasion, since (days),
            kept (the id of the last time), among (one of its ids of the last time: another piece may be the largest
            now), whole (both times), events (of the truth since then), old_id, campaign_id.
        changes: per `Change`: day, event, campaign, seen (all of them are found within `DELAY` days), told within
            `DELAY` days, kept (an id of before goes on), asked (a person is asked
            within `DELAY` days whether the two are one).
        reused: per id of campaigns that no split or merge relates: campaign_id, lasting, continued (all of them are one
            that began anew).
        invented: splits and merges told of a day that were not planted: day, event, campaign_id, other_id, pieces (of
            one campaign, which was found in two and is found whole now, or the reverse).
    """

    sightings: pl.DataFrame
    steps: pl.DataFrame
    changes: pl.DataFrame
    reused: pl.DataFrame
    invented: pl.DataFrame


def judge(days: Sequence[Seen]) -> Verdict:
    """All days of one plan, in order."""
    reports = [_reports(day) for day in days]
    sightings = pl.concat([_sightings(day, held) for day, held in zip(days, reports, strict=True)])
    found = _Found(sightings)
    owners = _owners(days, reports)
    changes = list(planted(days))
    told = [(day.number, *row) for day in days for row in day.told.events.iter_rows()]
    right: set[tuple[int, str, str, str]] = set()
    rows = []
    for change in changes:
        mine = {row for row in told if _tells(row, change, owners)}
        right |= mine
        asked = any(_tells(row, change, owners, ASKED) for row in told)
        rows.append((change.day, change.event, change.parts[0], *found.through(change), bool(mine), asked))
    invented = [
        (*row, _pieces(row, owners))
        for row in told
        if row[1] in (CALLED["split"], CALLED["merge"]) and row not in right
    ]
    return Verdict(
        sightings,
        _steps(sightings, days),
        _frame(rows, _CHANGES),
        _frame(_reused(owners, changes), _REUSED),
        _frame(invented, _INVENTED),
    )


def planted(days: Iterable[Seen]) -> Iterator[Change]:
    """The splits, merges and new beginnings of the truth."""
    for day in days:
        parts: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        for event, campaign, other in day.events.select("event", "campaign", "other").iter_rows():
            if other is not None:
                whole, part = (campaign, other) if event == "merge" else (other, campaign)
                parts[event, whole].append(part)
        for (event, whole), names in parts.items():
            yield Change(day.number, event, whole, tuple(names))


# -- days ----------------------------------------------------------------------------------------------


def _reports(day: Seen) -> pl.DataFrame:
    """Per report and lasting campaign inside: campaign_id, lasting, held, pure."""
    rows = day.told.members.join(day.prompts.select("prompt_id", "lasting"), on="prompt_id")
    sizes = rows.group_by("campaign_id").len("size")
    return (
        rows.drop_nulls("lasting")
        .group_by("campaign_id", "lasting")
        .len("held")
        .join(sizes, on="campaign_id")
        .with_columns(pure=pl.col("held") >= PURE * pl.col("size"))
        .sort("held", "campaign_id", descending=[True, False])
    )


def _sightings(day: Seen, reports: pl.DataFrame) -> pl.DataFrame:
    sent = day.prompts.drop_nulls("lasting").group_by("lasting", "campaign").len("prompts")
    pure = reports.filter("pure").group_by("lasting", maintain_order=True)
    best = pure.agg(
        pl.col("campaign_id").first(),
        largest=pl.col("held").first(),
        held=pl.col("held").sum(),
        ids=pl.col("campaign_id"),
    )
    half = HELD * pl.col("prompts")
    return (
        sent.join(day.campaigns.select("campaign", "life", "evasion"), on="campaign", how="left")
        .join(best, on="lasting", how="left")
        .select(
            "lasting", pl.col("life").fill_null(INNOCENT), pl.col("evasion").fill_null("-"), "prompts", "campaign_id",
            pl.col("ids").fill_null([]),
            day=pl.lit(day.number, pl.Int64),
            found=pl.col("held").fill_null(0) >= half,
            whole=pl.col("largest").fill_null(0) >= half,
        )
        .sort("lasting")
    )  # fmt: skip


def _steps(sightings: pl.DataFrame, days: Sequence[Seen]) -> pl.DataFrame:
    happened = [
        (day.number, event, campaign)
        for day in days
        for event, campaign in day.events.select("event", "campaign").iter_rows()
    ]
    columns = ("day", "lasting", "life", "evasion", "whole", "campaign_id", "ids")
    rows = []
    for group in sightings.filter("found").sort("lasting", "day").select(columns).partition_by("lasting"):
        for (before, *_, was, old, olds), (day, lasting, life, evasion, whole, new, _) in pairwise(
            group.iter_rows()
        ):
            events = [event for on, event, name in happened if name == lasting and before < on <= day]
            fared = (day - before, old == new, new in olds, was and whole)
            rows.append((day, lasting, life, evasion, *fared, events, old, new))
    return _frame(rows, _STEPS)


# -- ids -----------------------------------------------------------------------------------------------


class _Found:
    """Under which id each lasting campaign was found."""

    def __init__(self, sightings: pl.DataFrame) -> None:
        rows = sightings.filter("found").select("lasting", "day", "campaign_id").iter_rows()
        self._ids = {(lasting, day): name for lasting, day, name in rows}

    def through(self, change: Change) -> tuple[bool, bool]:
        """Whether all that the change concerns are found, and whether an id of before goes on."""
        before, after = change.sides
        last = range(change.day - 1, change.day - 2 - DELAY, -1)
        first = range(change.day, change.day + 1 + DELAY)
        old, new = [self._first(name, last) for name in before], [self._first(name, first) for name in after]
        return None not in (*old, *new), not {*old}.isdisjoint({*new} - {None})

    def _first(self, lasting: str, days: range) -> str | None:
        return next((self._ids[lasting, day] for day in days if (lasting, day) in self._ids), None)


Owners = dict[str, dict[str, int]]
"""By id, the lasting campaigns of which it was a pure report, and the first day."""


def _owners(days: Sequence[Seen], reports: Sequence[pl.DataFrame]) -> Owners:
    owners: Owners = defaultdict(dict)
    for day, held in zip(days, reports, strict=True):
        for name, lasting in held.filter("pure").select("campaign_id", "lasting").iter_rows():
            owners[name].setdefault(lasting, day.number)
    return owners


def _tells(row: tuple[int, str, str, str], change: Change, owners: Owners, called: str = "") -> bool:
    """Whether what was told is this change: in time, and of ids that are its campaigns'."""
    day, event, *ids = row
    if (
        event != (called or CALLED[change.event])
        or not change.day <= day <= change.day + DELAY
        or ids[0] == ids[1]
    ):
        return False
    sides = {change.whole, *change.parts}
    return all(any(name in sides and on <= day for name, on in owners.get(one, {}).items()) for one in ids)


def _pieces(row: tuple[int, str, str, str], owners: Owners) -> bool:
    """Whether both ids have been those of the same campaigns."""
    day, _, *ids = row
    one, other = ({name for name, on in owners.get(each, {}).items() if on <= day} for each in ids)
    return not one.isdisjoint(other)


def _reused(owners: Owners, changes: Collection[Change]) -> Iterator[tuple[str, list[str], bool]]:
    """A whole and its parts may have one id in turn; a campaign begun anew may not have the old one."""
    root = {part: one.whole for one in changes if one.event != "new" for part in one.parts}
    anew = {part: one.whole for one in changes if one.event == "new" for part in one.parts}
    for name, of in sorted(owners.items()):
        roots = {root.get(lasting, lasting) for lasting in of}
        if len(roots) > 1:
            yield name, sorted(of), len({anew.get(one, one) for one in roots}) == 1


# -- tables --------------------------------------------------------------------------------------------

Columns = Mapping[str, pl.DataType | type[pl.DataType]]

_CHANGES: Columns = {
    "day": pl.Int64, "event": pl.String, "campaign": pl.String, "seen": pl.Boolean, "kept": pl.Boolean,
    "told": pl.Boolean, "asked": pl.Boolean,
}  # fmt: skip
_STEPS: Columns = {
    "day": pl.Int64, "lasting": pl.String, "life": pl.String, "evasion": pl.String, "since": pl.Int64,
    "kept": pl.Boolean, "among": pl.Boolean, "whole": pl.Boolean, "events": pl.List(pl.String), "old_id": pl.String,
    "campaign_id": pl.String,
}  # fmt: skip
_REUSED: Columns = {"campaign_id": pl.String, "lasting": pl.List(pl.String), "continued": pl.Boolean}
_INVENTED: Columns = {
    "day": pl.Int64, "event": pl.String, "campaign_id": pl.String, "other_id": pl.String, "pieces": pl.Boolean,
}  # fmt: skip


def _frame(rows: Iterable[Sequence[object]], columns: Columns) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=columns, orient="row")
