"""The evidence of a campaign on a terminal: each signal in words, with a plot of what ordinary accounts show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Final

from campaigns.records import Tier
from flows.commands.console import counted, safe, table, tier_text
from review.evidence import FOR_PEOPLE, PHRASES, Sheet, Signal, Standing, chance, figure

if TYPE_CHECKING:
    from rich.console import RenderableType

_BLOCKS: Final = (" ▁▂▃▄▅▆▇█", "◆", "┈")
_ASCII: Final = (" .:-=+*%#", "O", "_")
"""Heights of the plot, the campaign's own mark, the empty ground."""
_SECTIONS: Final = {
    Standing.SPEAKS: "What speaks",
    Standing.SILENT: "What does not speak",
    Standing.TEXTS: "What the texts are like",
}
_MOST_WIDE, _LEAST_WIDE, _INDENT = 48, 8, 4


def plot(controls: Sequence[float], value: float, width: int, *, ascii_only: bool = False) -> str:
    """Where a value lies among its controls, `width` characters: the density of the controls, and a mark.

    Args:
        controls: quantiles in equal steps, ascending. Between two of them lies the same part of all controls.
    """
    heights, mark, ground = _ASCII if ascii_only else _BLOCKS
    low, high = min(controls[0], value), max(controls[-1], value)

    def place(x: float) -> float:
        return width * ((x - low) / (high - low)) if high > low else width / 2

    density = [0.0] * width
    for left, right in pairwise(controls):
        _add(density, place(left), place(right))
    most = max(density)
    drawn = [heights[max(1, round((len(heights) - 1) * part / most))] if part else ground for part in density]
    drawn[min(int(place(value)), width - 1)] = mark
    return "".join(drawn)


def _add(density: list[float], left: float, right: float) -> None:
    """Spread one step over the columns from `left` to `right`; all in one column where they are the same."""
    last = len(density) - 1
    if right - left < 1e-9:
        density[min(int(left), last)] += 1
        return
    for column in range(min(int(left), last), min(int(right), last) + 1):
        density[column] += max(min(right, column + 1) - max(left, column), 0.0) / (right - left)


def speaking(sheet: Sheet) -> Iterator[RenderableType]:
    """What speaks, one line each."""
    found = sheet.of(Standing.SPEAKS)
    if not found:
        yield safe("Evidence", "bold")
        yield safe("· nothing about its accounts speaks")
        yield ""
        return
    made = table("signal", "group", "by chance", "in words", right=("by chance",), title="Evidence")
    for one in found:
        made.add_row(safe(one.name), safe(one.group), safe(chance(one.p_value)), safe(one.sentence))
    yield made


def whole(sheet: Sheet, columns: int, *, ascii_only: bool) -> Iterator[RenderableType]:
    """Everything: what speaks, what does not, the texts, what was not tested, and what counts together.

    Args:
        columns: width of the terminal.
    """
    width = max(min(_MOST_WIDE, columns - _INDENT), _LEAST_WIDE)
    yield safe(sheet.title, "bold")
    size = f"{counted(sheet.n_prompts, 'prompt')} from {counted(sheet.n_accounts, 'account')} on {sheet.day}"
    yield safe(f"{sheet.campaign_id}  ") + tier_text(sheet.tier) + safe(f"  {size}")
    heights, mark, _ = _ASCII if ascii_only else _BLOCKS
    yield safe(f"{heights[3:8:2]} ordinary accounts, or dealing at random   {mark} this campaign", "dim")
    yield ""
    for standing, title in _SECTIONS.items():
        found = sheet.of(standing)
        if found or standing == Standing.SPEAKS:
            yield _heading(title)
        if standing == Standing.SPEAKS and not found:
            yield safe("nothing about its accounts")
            yield ""
        for group, signals in groupby(found, key=lambda one: one.group):
            yield safe("") + safe(group, "bold") + safe(f"  {PHRASES[group]}", "dim")
            for one in signals:
                yield from _signal(one, width, ascii_only=ascii_only)
            yield ""
    yield from _untested(sheet.of(Standing.UNTESTED))
    yield from _together(sheet)
    yield from _verdict(sheet)


def _heading(text: str) -> RenderableType:
    return safe(text, "bold underline")


def _signal(one: Signal, width: int, *, ascii_only: bool) -> Iterator[RenderableType]:
    head = safe(f"  {one.name}")
    if one.p_value is not None:
        head += safe(f"  {chance(one.p_value)}", "bold" if one.standing == Standing.SPEAKS else "")
    if one.name in FOR_PEOPLE:
        head += safe(f"  ({FOR_PEOPLE[one.name]})", "dim")
    if one.controls:
        head += safe(f"  value {figure(one.value)}, ordinary {figure(one.control_median)}", "dim")
    yield head
    if one.controls and one.value is not None:
        yield _indented(plot(one.controls, one.value, width, ascii_only=ascii_only))
    yield _indented(one.sentence)


def _indented(text: str) -> RenderableType:
    from rich.padding import Padding

    return Padding(safe(text), (0, 0, 0, _INDENT), expand=False)


def _untested(found: Sequence[Signal]) -> Iterator[RenderableType]:
    """Signals by what kept them from being tested."""
    if not found:
        return
    yield _heading("What was not tested")
    by_reason: dict[str, list[str]] = {}
    for one in found:
        by_reason.setdefault(one.why_untested, []).append(one.name)
    yield _bullets(f"{', '.join(names)}: {why}" for why, names in by_reason.items())
    yield safe("What was not tested speaks against nobody.", "dim")
    yield ""


def _together(sheet: Sheet) -> Iterator[RenderableType]:
    made = table(
        "group", "tested", "by chance", "", right=("tested", "by chance"), title="What counts together"
    )
    for one in sheet.weights:
        said = "speaks" if one.speaks else "not tested" if one.p_value is None else "does not speak"
        cells = (one.group, one.n_tested, chance(one.p_value), said)
        made.add_row(*(safe(cell, "bold" if one.speaks else "") for cell in cells))
    yield made
    yield _bullets(_weighed(sheet))
    yield ""


def _weighed(sheet: Sheet) -> Iterator[str]:
    yield f"A group counts once, whatever the number of its signals; it speaks from {chance(sheet.speaks_at)}."
    if sheet.together is not None and sheet.q_value is not None:
        yield f"All groups together: {chance(sheet.together)}."
        day = counted(sheet.n_campaigns, "campaign")
        yield f"Corrected for {day} of the day: {chance(sheet.q_value)}; it takes {chance(sheet.q_at)}."


def _verdict(sheet: Sheet) -> Iterator[RenderableType]:
    spoken = sum(one.speaks for one in sheet.weights)
    if sheet.tier == Tier.ACTIONABLE:
        groups = counted(spoken, "independent group")
        yield from _listed(
            "Why it is actionable",
            [
                f"{groups} of facts about the accounts speak; it takes {sheet.needed}. Nothing explains them away."
            ],
        )
    elif sheet.tier == Tier.REVIEW:
        yield from _listed("What is missing for actionable", [_capital(text) for text in sheet.missing])
    else:
        yield from _listed("Why it is benign", sheet.explained)


def _listed(title: str, lines: Iterable[str]) -> Iterator[RenderableType]:
    yield _heading(title)
    yield _bullets(lines)


def _bullets(lines: Iterable[str]) -> RenderableType:
    from rich.table import Table

    made = Table.grid(padding=(0, 1))
    for line in lines:
        made.add_row(safe("-"), safe(line))
    return made


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
