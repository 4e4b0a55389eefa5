"""`shoal demo`: three simulated days, and what was found against the truth."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from flows.commands.console import TIER_STYLES, console, print_json, safe, say, table, tier_text, watched
from flows.commands.context import Call, Json

if TYPE_CHECKING:
    from flows.demo import DemoDay, Innocents, Planted

HOME: Final = Path("var/demo")

_EVASIONS: Final = {
    "e0": "exact template",
    "e1": "long slots",
    "e2": "Unicode noise",
    "e3": "padding",
    "e4": "several wordings",
    "e5": "several languages",
    "e6": "every request reworded",
    "e7": "two campaigns, one pool",
    "e8": "relayed prompts",
    "e9": "wordings, each reworded",
}
_OUTCOMES: Final = {"whole": "green", "in parts": "yellow", "not found": "bold red"}


def demo(ctx: typer.Context, as_json: Json = False) -> None:
    """Simulate three days with planted campaigns, run all three, and compare with the truth.

    Takes a minute or two. Everything lands in var/demo unless --home names another folder; a second time
    the days are there already.

    [bold]Examples[/bold]
      shoal demo
      shoal --home /tmp/demo demo --json
    """
    from flows.prefect_settings import prepare

    call: Call = ctx.obj
    flags = {**call.flags, "home": str(call.flags.get("home", HOME))}
    home = Path(str(flags["home"]))
    prepare(home, debug=call.debug)
    from flows.demo import run_demo

    days = []
    with watched(quiet=call.quiet):
        for day in run_demo(home, flags):
            note = "published already" if day.result.already_published else "published"
            say(
                f"{day.result.day} {note}: {day.found} of {len(day.campaigns)} campaigns found",
                quiet=call.quiet,
            )
            days.append(day)
    if as_json:
        print_json(
            [
                {"day": day.result.day, "campaigns": _rows(day.campaigns), "innocents": _rows(day.innocents)}
                for day in days
            ]
        )
        return
    for day in days:
        _print(day)
    last = days[-1]
    named = next((row.campaign_id for row in last.campaigns if row.whole), None)
    shoal = f"shoal --home {home}"
    say("Look around:", style="bold", quiet=call.quiet)
    for line in (
        "review",
        "campaigns",
        *([f"show {named}"] if named else []),
        f"map {last.result.day} --out map.html",
    ):
        say(f"  {shoal} {line}", quiet=call.quiet)


def _rows(values: Iterable[Planted] | Iterable[Innocents]) -> list[dict[str, Any]]:
    return [asdict(value) for value in values]


def _print(day: DemoDay) -> None:
    figures = ("prompts", "accounts", "covered")
    planted = table(
        *("planted", "evasion", *figures, "found", "campaign", "tier", "template"),
        right=figures,
        title=f"{day.result.day}: {day.found} of {len(day.campaigns)} planted campaigns found",
    )
    for row in day.campaigns:
        planted.add_row(
            safe(row.name),
            safe(f"{row.evasion} {_EVASIONS[row.evasion]}"),
            safe(f"{row.n_prompts:,}"),
            safe(f"{row.n_accounts:,}"),
            safe(f"{row.covered:.0%}"),
            safe(row.outcome, _OUTCOMES[row.outcome]),
            safe(row.campaign_id or ""),
            tier_text(row.tier or ""),
            safe(row.template or "", limit=40),
        )
    tiers = tuple(TIER_STYLES)
    innocents = table("innocents", "prompts", *tiers, right=("prompts",))
    for innocent in day.innocents:
        innocents.add_row(
            safe(innocent.kind),
            safe(f"{innocent.n_prompts:,}"),
            *(safe(_families(innocent.reports.get(tier, 0)), TIER_STYLES[tier]) for tier in tiers),
        )
    printer = console()
    printer.print(planted)
    printer.print(innocents)


def _families(count: int) -> str:
    return "" if count == 0 else f"{count} famil{'y' if count == 1 else 'ies'}"
