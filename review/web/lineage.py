"""What became of a campaign's id, day by day: what runs found, and what people said in between."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Final

from campaigns.entries import CampaignHistory, Event, LineageEntry, RelatedEntry, Said

_OWN: Final = {
    Event.MINTED: "new",
    Event.KEPT: "kept its id",
    Event.SPLIT: "split off",
    Event.MERGED: "taken in",
    Event.REAWAKENED: "came back",
    Event.POSSIBLY_CONTINUES: "may continue",
    Event.DORMANT: "dormant",
    Event.RETIRED: "retired",
}
_OTHERS: Final = {
    Event.SPLIT: "another split off",
    Event.MERGED: "took another in",
    Event.POSSIBLY_CONTINUES: "another may continue it",
}
_Told = Said | LineageEntry | RelatedEntry


@dataclass(frozen=True, slots=True)
class Line:
    """
    Attributes:
        first, last: one day, or the days in a row on which the id was simply kept.
        what: in a few words; who said it, where a person did.
        reason: of the last of the days.
        other_id: the other campaign that it is about.
    """

    first: date
    last: date
    what: str
    reason: str
    other_id: str | None
    days: int = 1


def lineage_lines(history: CampaignHistory) -> list[Line]:
    """Oldest first; what a person said on a day stands before what the run of that day made of it."""
    found: list[_Told] = [*history.said, *history.lineage, *history.related]
    found.sort(key=lambda one: one.day)
    return list(_lines(found, history.campaign_id))


def _lines(found: list[_Told], campaign_id: str) -> Iterator[Line]:
    for in_a_row, group in groupby(found, key=_just_kept):
        rows = list(group)
        if in_a_row and len(rows) > 1:
            last = rows[-1]
            yield Line(rows[0].day, last.day, _OWN[Event.KEPT], last.reason, None, len(rows))
            continue
        for one in rows:
            if isinstance(one, Said):
                other = one.other_id if one.campaign_id == campaign_id else one.campaign_id
                yield Line(one.day, one.day, one.sentence, one.reason, other)
            elif isinstance(one, RelatedEntry):
                what = _OTHERS.get(one.event, one.event.value)
                yield Line(one.day, one.day, what, one.reason, one.campaign_id)
            else:
                yield Line(one.day, one.day, _OWN[one.event], one.reason, one.other_id)


def _just_kept(one: _Told) -> bool:
    return isinstance(one, LineageEntry) and one.event == Event.KEPT and one.other_id is None
