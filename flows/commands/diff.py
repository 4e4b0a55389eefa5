"""`shoal diff`: what changed between two days."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated, Final

import typer

from campaigns.errors import UsageError
from flows.commands.console import console, counted, print_json, safe, say, table, tier_text
from flows.commands.context import DAY_FORM, Call, Json, published, run_folder

if TYPE_CHECKING:
    from rich.text import Text

    from review.diff import Change, Difference, Side

_STYLES: Final = {"new": "bold red", "grown": "yellow", "shrunk": "cyan", "gone": "green"}
_TITLE_CHARACTERS: Final = 90


def diff(
    ctx: typer.Context,
    first: Annotated[date, typer.Argument(parser=date.fromisoformat, metavar="DAY", help=f"{DAY_FORM}.")],
    second: Annotated[
        date, typer.Argument(parser=date.fromisoformat, metavar="DAY", help="What it is compared with.")
    ],
    as_json: Json = False,
) -> None:
    """Show which campaigns are new, grown, shrunk or gone between two published days.

    The weightiest first: by tier, then by prompts that came or went. Grown and shrunk are only those whose counts
    differ by more than counting noise; with samples of different rates, counts are compared at those rates.

    [bold]Examples[/bold]
      shoal diff 2026-01-05 2026-01-06
      shoal diff 2026-01-05 2026-01-07 --json | jq '.changes[].campaign_id'
    """
    call: Call = ctx.obj
    if first >= second:
        raise UsageError(f"{first} is not before {second}", hint="Give the earlier day first.")
    with call.store() as store:
        entries = [published(store, day) for day in (first, second)]
        campaigns = [store.campaigns(day) for day in (first, second)]
    from review.diff import compare
    from review.report import rate_of_sizes

    one, two = (rate_of_sizes(run_folder(call.settings, entry)) for entry in entries)
    found = compare(campaigns[0], campaigns[1], (first, second), (one, two))
    if as_json:
        print_json(found.as_json())
    else:
        _print(found, quiet=call.quiet)


def _print(found: Difference, *, quiet: bool) -> None:
    from review.diff import Kind

    kinds = (Kind.NEW, Kind.GROWN, Kind.SHRUNK, Kind.GONE)
    counts = ", ".join(f"{found.count(kind)} {kind}" for kind in kinds)
    printer = console()
    printer.print(
        safe(f"{found.first} to {found.second}: {counts}; {counted(found.same, 'campaign')} as before")
    )
    if min(found.rates) < 1:
        rates = " and ".join(f"{100 * rate:g} %" for rate in found.rates)
        printer.print(safe(f"Counts are those of samples of {rates}.", "dim"))
    if not found.changes:
        return
    figures = ("prompts", "accounts")
    made = table("", "campaign", "tier", *figures, "objective", "title", right=figures)
    for change in found.changes:
        made.add_row(
            safe(change.kind, _STYLES.get(change.kind, "")),
            safe(change.campaign_id),
            _tier(change),
            safe(_from_to(change, "n_prompts")),
            safe(_from_to(change, "n_accounts")),
            safe(change.objective),
            safe(change.title, limit=_TITLE_CHARACTERS),
        )
    printer.print(made)
    say(f"next: shoal show {found.changes[0].campaign_id}", quiet=quiet)


def _tier(change: Change) -> Text:
    sides = [side for side in (change.before, change.after) if side is not None]
    if change.tier_changed:
        return tier_text(sides[0].tier) + safe(" → ") + tier_text(sides[1].tier)
    return tier_text(sides[-1].tier)


def _from_to(change: Change, name: str) -> str:
    def shown(side: Side | None) -> str:
        return "–" if side is None else f"{getattr(side, name):,}"

    return f"{shown(change.before)} → {shown(change.after)}"
