"""`shoal retain`: clear what was kept long enough."""

from __future__ import annotations

import getpass
from dataclasses import asdict
from typing import Annotated, Final

import typer

from flows.commands.console import console, print_json, safe, say, table
from flows.commands.context import Call, Json

_WHAT: Final = {
    "prompts": ("prompt_days", "runs whose texts go"),
    "runs": ("run_days", "folders of attempts that nothing rests on"),
    "cache": ("cache_days", "files of vectors"),
    "messages": ("message_days", "bodies of messages that are settled"),
    "sessions": ("session_days", "sessions and sign-ins that are over"),
}


def retain(
    ctx: typer.Context,
    author: Annotated[str | None, typer.Option("--author", help="Who clears. Default: you.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count, and change nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Clear what is older than the settings of the section `retention` say. Each is 0, for good, unless it is set.

    Findings stay: campaigns, accounts with their reasons, evidence, decisions, the audit log. `shoal serve` does it
    every night. Cut short, the next call ends what was begun.

    [bold]Examples[/bold]
      shoal retain --dry-run
      shoal --set retention.prompt_days=90 retain --dry-run
      shoal retain --json
    """
    from campaigns.retention import retain

    call: Call = ctx.obj
    settings = call.settings
    with call.store() as store:
        found = asdict(retain(settings, store, author=author or getpass.getuser(), dry_run=dry_run))
    if as_json:
        print_json({"dry_run": dry_run, **found})
        return
    made = table(
        "what", "setting", "days", "would go" if dry_run else "gone", right=("days", "would go", "gone")
    )
    for name, (setting, what) in _WHAT.items():
        days = getattr(settings.retention, setting)
        made.add_row(safe(what), safe(f"retention.{setting}"), safe(days or "kept"), safe(f"{found[name]:,}"))
    console().print(made)
    if dry_run:
        say("next: shoal retain", quiet=call.quiet)
