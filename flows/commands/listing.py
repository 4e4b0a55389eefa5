"""`shoal campaigns`: the list to review."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer

from flows.commands.console import console, print_json, safe, say, table, tier_text
from flows.commands.context import Call, Day, Json, scope

if TYPE_CHECKING:
    from campaigns.entries import CampaignSummary
    from campaigns.store import Store

Sort = Literal["score", "prompts", "accounts", "title", "seen"]
TierName = Literal["actionable", "review", "benign"]

_KEYS: Final[dict[str, Callable[[CampaignSummary], Any]]] = {
    "score": lambda c: (-c.score, c.campaign_id),
    "prompts": lambda c: (-c.n_prompts, c.campaign_id),
    "accounts": lambda c: (-c.n_accounts, c.campaign_id),
    "title": lambda c: (c.title, c.campaign_id),
    "seen": lambda c: (-c.first_day.toordinal(), c.campaign_id),
}


def campaigns(
    ctx: typer.Context,
    day: Day = None,
    every: Annotated[
        bool, typer.Option("--all", help="Campaigns of all days, each as of its latest.")
    ] = False,
    tier: Annotated[TierName | None, typer.Option("--tier", help="Only this tier.")] = None,
    sort: Annotated[Sort, typer.Option("--sort", help="seen: the newest campaigns first.")] = "score",
    limit: Annotated[int, typer.Option("--limit", min=0, help="Most rows; 0: all.")] = 50,
    as_json: Json = False,
) -> None:
    """List the campaigns of a day, the most suspicious first.

    [bold]Examples[/bold]
      shoal campaigns
      shoal campaigns --day 2026-01-05 --tier review --sort accounts
      shoal campaigns --all --limit 0 --json
    """
    from campaigns.records import Tier

    call: Call = ctx.obj
    with call.store() as store:
        wanted = None if every else day or store.latest_day()
        found = store.campaigns(wanted, tier=None if tier is None else Tier(tier))
        entry = None if wanted is None else store.current_run(wanted)
        found.sort(key=_KEYS[sort])
        shown = found[: limit or None]
        if as_json:
            told = _told(call, store, shown)
            print_json(
                [
                    asdict(campaign) | {"seeds": told.get((campaign.run_id, campaign.campaign_id), [])}
                    for campaign in shown
                ]
            )
            return
    if not found:
        say("no campaigns" if wanted else "no day is published yet: shoal run --input PATH", quiet=call.quiet)
        return
    counted_in = "" if entry is None else scope(entry, call.settings)
    title = ", ".join(part for part in (str(wanted or ""), counted_in) if part)
    figures = ("score", "prompts", "accounts")
    made = table("campaign", "tier", *figures, "objective", "title", "since", right=figures, title=title)
    for campaign in shown:
        made.add_row(
            safe(campaign.campaign_id, "bold"),
            tier_text(campaign.tier),
            safe(f"{campaign.score:.2f}"),
            safe(f"{campaign.n_prompts:,}"),
            safe(f"{campaign.n_accounts:,}"),
            safe(campaign.objective),
            safe(campaign.title),
            safe(campaign.first_day),
        )
    console().print(made)
    if len(shown) < len(found):
        say(f"{len(found) - len(shown)} more: --limit 0 shows all", quiet=call.quiet)
    say(f"next: shoal show {shown[0].campaign_id}", quiet=call.quiet)


def _told(
    call: Call, store: Store, shown: Sequence[CampaignSummary]
) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """By run and campaign what partners told of it; nothing where the files of a run are gone."""
    from campaigns.runs import Run
    from review.campaign import partners_told

    seeds = store.seeds(removed=False)
    found = {}
    for run_id in {campaign.run_id for campaign in shown} if seeds else ():
        entry = store.run(run_id)
        if entry is not None:
            run = Run(call.settings.home / entry.path, entry.day, entry.attempt, entry.fingerprint)
            found.update({(run_id, name): rows for name, rows in partners_told(run, seeds).items()})
    return found
