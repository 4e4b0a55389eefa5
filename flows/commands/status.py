"""`shoal status`: what is published, where, and what to do next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

from flows.commands.console import console, print_json, safe, say, table
from flows.commands.context import Call, Json
from flows.commands.deliver import complaints, standing_json, standing_now
from flows.commands.schema import read_schema
from flows.commands.soundness import lines, soundness

if TYPE_CHECKING:
    from campaigns.entries import PublishedRun
    from campaigns.store import Store


def status(ctx: typer.Context, as_json: Json = False) -> None:
    """Say which days are published, what they hold, how far to trust them, and where the store is.

    The floor is the smallest campaign that the latest run could have seen. A canary is a small campaign that each
    run plants for itself; its bars are how much of it was found, day by day.

    [bold]Examples[/bold]
      shoal status
      shoal status --json | jq .latest_day
      shoal status --json | jq '.held_back, .missing_days'
    """
    from enforcement.sinks.made import names_of

    call: Call = ctx.obj
    settings = call.settings
    with call.store() as store:
        runs = [run for day in store.published_days() if (run := store.current_run(day))]
        days = _days(store, runs)
        known = store.known_matchers(skip_gone=True)
        handed = standing_now(store, names_of(settings.delivery))
    schema = read_schema(settings)
    latest = days[-1]["day"] if days else None
    hints = _next(latest)
    state = {
        "latest_day": latest,
        "days": days,
        **soundness(runs, known, settings),
        "handoff": {name: standing_json(one) for name, one in handed.items()},
        "home": str(settings.home),
        "store": schema.where,
        "schema": schema.current,
        "next": hints,
    }
    if as_json:
        print_json(state)
        return
    tiers = ("actionable", "review", "benign")
    figures = ("prompts", "campaigns", *tiers)
    made = table("day", "run", *figures, "digest", right=figures)
    for row in days:
        cells = (
            row["day"],
            row["run_id"] + (", second pass" if row["first_pass"] else ""),
            *("" if row[name] is None else f"{row[name]:,}" for name in figures),
        )
        made.add_row(*(safe(cell) for cell in cells), safe(row["digest"][:12], "dim"))
    printer = console()
    if days:
        printer.print(made)
    for line in lines(state):
        printer.print(line, soft_wrap=True)
    for told in complaints(handed):
        printer.print(safe("handoff ", "dim") + safe(told, "red"), soft_wrap=True)
    for name in ("home", "store", "schema"):
        printer.print(safe(f"{name:<7}", "dim") + safe(state[name]), soft_wrap=True)
    say("next: " + "    ".join(hints), quiet=call.quiet)


def _days(store: Store, runs: Sequence[PublishedRun]) -> list[dict[str, Any]]:
    rows = []
    for run in runs:
        found = store.campaigns(run.day)
        tiers = Counter(campaign.tier.value for campaign in found)
        rows.append(
            {
                "day": run.day.isoformat(),
                "run_id": run.run_id,
                "first_pass": run.first_pass,
                "prompts": run.counts.get("ingest.rows_in"),
                "minimum_accounts": run.counts.get("scaffold.minimum_accounts"),
                "campaigns": len(found),
                "actionable": tiers["actionable"],
                "review": tiers["review"],
                "benign": tiers["benign"],
                "digest": run.digest,
                "published_at": run.published_at.isoformat(),
            }
        )
    return rows


def _next(latest: str | None) -> list[str]:
    if latest is None:
        return ["shoal run --input PATH", "shoal demo"]
    return ["shoal campaigns --tier review", f"shoal map {latest}", "shoal verify"]
