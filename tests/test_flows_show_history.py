"""What `shoal show` tells of a campaign's ids: lineage, and what people said, in order."""

from __future__ import annotations

from datetime import UTC, date, datetime

from rich.text import Text
from run_examples import HOSTILE
from store_examples import MONDAY, TUESDAY, WEDNESDAY

from campaigns.entries import CampaignHistory, Event, LineageEntry, Said, Saying
from flows.commands.show_history import history_blocks


def happened(day: date, event: Event, reason: str, other_id: str | None = None) -> LineageEntry:
    return LineageEntry(day=day, event=event, reason=reason, figures={}, other_id=other_id)


def said(day: date, saying: Saying, reason: str) -> Said:
    at = datetime(day.year, day.month, day.day, 9, tzinfo=UTC)
    return Said(said_at=at, saying=saying, campaign_id="c-new", other_id="c-old", reason=reason, author="ada")


def lines(*told: LineageEntry | Said) -> list[str]:
    history = CampaignHistory(
        campaign_id="c-old",
        first_day=MONDAY,
        last_day=WEDNESDAY,
        state="open",
        days=(),
        lineage=tuple(one for one in told if isinstance(one, LineageEntry)),
        said=tuple(one for one in told if isinstance(one, Said)),
    )
    return [block.plain for block in history_blocks(history) if isinstance(block, Text)]


def test_what_people_said_stands_before_what_the_run_of_the_day_made_of_it() -> None:
    assert lines(
        happened(MONDAY, Event.MINTED, "nothing is near"),
        happened(TUESDAY, Event.KEPT, "overlaps by 90%"),
        happened(WEDNESDAY, Event.KEPT, "overlaps by 80%"),
        said(TUESDAY, Saying.SPLIT, "another job"),
    ) == [
        f"{MONDAY} minted: nothing is near",
        f"{TUESDAY} ada split c-new from c-old: another job",
        f"{TUESDAY} to {WEDNESDAY} kept, 2 days; the last time: overlaps by 80%",
    ]


def test_what_was_said_parts_days_on_which_an_id_was_kept() -> None:
    assert lines(
        happened(MONDAY, Event.KEPT, "overlaps by 90%"),
        said(TUESDAY, Saying.ONE, "the same topics"),
        happened(WEDNESDAY, Event.KEPT, "overlaps by 80%", "c-new"),
    ) == [
        f"{MONDAY} kept: overlaps by 90%",
        f"{TUESDAY} ada said that c-new is c-old gone on: the same topics",
        f"{WEDNESDAY} kept: overlaps by 80% (c-new)",
    ]


def test_hostile_reasons_are_tamed() -> None:
    (line,) = lines(said(MONDAY, Saying.TWO, HOSTILE))
    assert "\x1b" not in line
    assert "ada said that c-new is not c-old gone on" in line
