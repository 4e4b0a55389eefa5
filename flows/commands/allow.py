"""`shoal allow`: what is known to be benign, on whose word, and until when."""

from __future__ import annotations

import getpass
from dataclasses import asdict
from datetime import date
from typing import Annotated, Literal

import typer

from flows.commands.console import console, print_json, safe, say, table
from flows.commands.context import DAY_FORM, Call, Json
from flows.commands.teaching import Command, Group

app = typer.Typer(cls=Group, no_args_is_help=True, rich_markup_mode="rich")

Kind = Literal["campaign", "organization", "template_hash"]


@app.callback()
def allow() -> None:
    """Keep the list of what is known to be benign. Entries count from the next run on.

    [bold]Examples[/bold]
      shoal allow add organization org-17 --reason "our own load test"
      shoal allow list
      shoal allow remove 3
    """


@app.command(cls=Command)
def add(
    ctx: typer.Context,
    kind: Annotated[Kind, typer.Argument(help="What VALUE is.", show_default=False)],
    value: Annotated[
        str,
        typer.Argument(help="A campaign id, an organization as it stands in the run, or a template's hash."),
    ],
    reason: Annotated[str, typer.Option("--reason", help="Why it is benign.")],
    author: Annotated[str | None, typer.Option("--author", help="Who says so. Default: you.")] = None,
    until: Annotated[
        date | None,
        typer.Option(
            "--until", parser=date.fromisoformat, metavar=DAY_FORM, help="Last day it holds. Default: no end."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Add an entry.

    `shoal show ID` prints the hash of a campaign's template.

    [bold]Examples[/bold]
      shoal allow add campaign c-4f2a --reason homework --until 2026-06-30
      shoal allow add organization org-17 --reason "load test" --author ada
    """
    from campaigns.entries import AllowKind

    call: Call = ctx.obj
    with call.store() as store:
        entry = store.add_allow(
            AllowKind(kind), value, reason=reason, author=author or getpass.getuser(), expires_on=until
        )
    if as_json:
        print_json(asdict(entry))
    else:
        say(f"entry {entry.id} added; it counts from the next run on", quiet=call.quiet)


@app.command("list", cls=Command)
def list_entries(
    ctx: typer.Context,
    on: Annotated[
        date | None,
        typer.Option(
            "--day", parser=date.fromisoformat, metavar=DAY_FORM, help="Only what holds on this day."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """List the entries, expired ones too.

    [bold]Examples[/bold]
      shoal allow list
      shoal allow list --day 2026-01-05 --json
    """
    call: Call = ctx.obj
    with call.store() as store:
        entries = store.allow_list() if on is None else store.allowed(on)
    if as_json:
        print_json([asdict(entry) for entry in entries])
        return
    made = table("entry", "kind", "value", "reason", "author", "until", right=("entry",))
    for entry in entries:
        cells = (
            entry.name,
            entry.kind,
            entry.value,
            entry.reason,
            entry.author,
            entry.expires_on or "no end",
        )
        made.add_row(*(safe(cell) for cell in cells))
    console().print(made)


@app.command(cls=Command)
def remove(
    ctx: typer.Context,
    entry: Annotated[int, typer.Argument(help="Number of the entry in `shoal allow list`.")],
    author: Annotated[str | None, typer.Option("--author", help="Who removes it. Default: you.")] = None,
) -> None:
    """Remove an entry. One that is a dismissal goes when the decision is undone.

    [bold]Examples[/bold]
      shoal allow remove 3
      shoal decide c-4f2a --undo --reason "not a course after all"
    """
    call: Call = ctx.obj
    with call.store() as store:
        store.remove_allow(entry, author=author or getpass.getuser())
    say(f"entry {entry} removed", quiet=call.quiet)
