"""`shoal status`: what is published, where, and what to do next."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import typer

from flows.commands.console import console, print_json, safe, say, table
from flows.commands.context import Call, Json
from flows.commands.schema import read_schema

if TYPE_CHECKING:
    from campaigns.store import Store


def status(ctx: typer.Context, as_json: Json = False) -> None:
    """Say which days are published, what they hold, and where the store is.

    [bold]Examples[/bold]
      shoal status
      shoal status --json | jq .latest_day
    """
    call: Call = ctx.obj
    settings = call.settings
    with call.store() as store:
        days = _days(store)
    schema = read_schema(settings)
    latest = days[-1]["day"] if days else None
    hints = _next(latest)
    state = {
        "latest_day": latest,
        "days": days,
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
            row["run_id"],
            *("" if row[name] is None else f"{row[name]:,}" for name in figures),
        )
        made.add_row(*(safe(cell) for cell in cells), safe(row["digest"][:12], "dim"))
    printer = console()
    if days:
        printer.print(made)
    for name in ("home", "store", "schema"):
        printer.print(safe(f"{name:<7}", "dim") + safe(state[name]), soft_wrap=True)
    say("next: " + "    ".join(hints), quiet=call.quiet)


def _days(store: Store) -> list[dict[str, Any]]:
    rows = []
    for day in store.published_days():
        run = store.current_run(day)
        if run is None:  # another process moved the day meanwhile
            continue
        found = store.campaigns(day)
        tiers = Counter(campaign.tier.value for campaign in found)
        rows.append(
            {
                "day": day.isoformat(),
                "run_id": run.run_id,
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
