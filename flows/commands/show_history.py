"""A campaign over the days, as `shoal show` tells it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Final

from flows.commands.console import safe, table, tier_text

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from campaigns.entries import CampaignHistory, LineageEntry, Said

_BARS: Final = "▁▂▃▄▅▆▇█"


def history_blocks(history: CampaignHistory) -> Iterator[RenderableType]:
    """Sizes by day, wordings over time, lineage with what people said, and what happened to other campaigns because of
    this one."""
    days = history.days
    seen = {day.day: day.n_prompts for day in days}
    prompts = [seen.get(day, 0) for day in history.published or seen]
    figures = ("prompts", "accounts", "score")
    made = table("day", *figures, "tier", right=figures, title=f"History  {sparkline(prompts)}")
    for day in days:
        made.add_row(
            safe(day.day),
            safe(f"{day.n_prompts:,}"),
            safe(f"{day.n_accounts:,}"),
            safe(f"{day.score:.2f}"),
            tier_text(day.tier),
        )
    yield made
    if len(history.wordings) > 1:
        yield _wordings_over_time(history)
    for entry in _lineage(history):
        yield safe(entry)
    for other in history.related:
        yield safe(f"{other.day} {other.campaign_id} {other.event}: {other.reason}")


def _wordings_over_time(history: CampaignHistory) -> Table:
    made = table("wording", "first seen", "last seen", "days", right=("wording",), title="Wordings over time")
    for variant, days in history.wordings.items():
        bars = sparkline([int(day in days) for day in history.published or days])
        made.add_row(safe(variant + 1), safe(days[0]), safe(days[-1]), safe(f"{bars}  {len(days)}"))
    return made


def _lineage(history: CampaignHistory) -> Iterator[str]:
    """One line an event; days on which the id was simply kept in a row are one line, with the last reason.

    What a person said on a day stands before what the run of that day made of it.
    """
    from campaigns.entries import Event, LineageEntry, Said

    def kept(one: Said | LineageEntry) -> bool:
        return isinstance(one, LineageEntry) and one.event == Event.KEPT

    by_day: list[Said | LineageEntry] = sorted([*history.said, *history.lineage], key=lambda one: one.day)
    for in_a_row, group in groupby(by_day, key=kept):
        rows = list(group)
        if in_a_row and len(rows) > 1:
            yield f"{rows[0].day} to {rows[-1].day} kept, {len(rows)} days; the last time: {rows[-1].reason}"
            continue
        for one in rows:
            if isinstance(one, Said):
                yield f"{one.day} {one.sentence}: {one.reason}"
            else:
                other = f" ({one.other_id})" if one.other_id and one.other_id not in one.reason else ""
                yield f"{one.day} {one.event}: {one.reason}{other}"


def sparkline(values: Sequence[float], most: float | None = None) -> str:
    """One bar a value, from nothing to `most`, the largest of them by default."""
    most = max(values, default=0) if most is None else most
    return "".join(_BARS[round((len(_BARS) - 1) * value / most)] if most else _BARS[0] for value in values)
