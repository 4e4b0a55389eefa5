"""`shoal split`: wordings that a person parts from their campaign."""

from __future__ import annotations

import getpass
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from campaigns.errors import UsageError
from flows.commands.console import print_json, say
from flows.commands.context import Call, Json
from flows.commands.ids import resolve

if TYPE_CHECKING:
    from campaigns.entries import Split
    from campaigns.store import Store


def split(
    ctx: typer.Context,
    campaign: Annotated[str, typer.Argument(metavar="ID", help="A campaign id, or how it begins.")],
    reason: Annotated[str, typer.Option("--reason", help="What you saw.")],
    wordings: Annotated[
        list[int] | None,
        typer.Option("--wording", min=1, help="Number of a wording in `shoal show ID`. Repeatable."),
    ] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Take back its latest split that stands.")] = False,
    author: Annotated[str | None, typer.Option("--author", help="Who says so. Default: you.")] = None,
    as_json: Json = False,
) -> None:
    """Part wordings from their campaign: from the next run on they are a campaign of their own.

    Days that are published stay as they are, and no run joins the two again. No decision about the one becomes one
    about the other.

    [bold]Examples[/bold]
      shoal split c-4f2a --wording 3 --reason "other accounts, other hours"
      shoal split c-4f2a --wording 2 --wording 3 --reason "a course"
      shoal split c-4f2a --undo --reason "one pool after all"
    """
    if undo == bool(wordings):
        raise UsageError("say --wording or --undo", hint=f"`shoal show {campaign}` lists the wordings.")
    call: Call = ctx.obj
    by = author or getpass.getuser()
    with call.store() as store:
        made = _split(store, resolve(store, campaign), wordings or [], reason, by)
    if as_json:
        print_json(asdict(made))
        return
    numbers = ", ".join(str(one + 1) for one in made.variants)
    told = f"wording {numbers}" if len(made.variants) == 1 else f"wordings {numbers}"
    if made.new_id is None:
        say(
            f"split {made.undoes} taken back: {told} of {made.campaign_id} again, from the next run on",
            quiet=call.quiet,
        )
        return
    say(
        f"split {made.id}: {told} of {made.campaign_id} will be {made.new_id}, from the next run on",
        quiet=call.quiet,
    )
    say(f'next: to take it back, shoal split {made.campaign_id} --undo --reason "..."', quiet=call.quiet)


def _split(store: Store, name: str, wordings: list[int], reason: str, author: str) -> Split:
    """Part these wordings; none: take the latest split of the campaign back."""
    from campaigns.splits import record_split, standing_splits, take_split_back

    with store.writing() as session:
        if wordings:
            return record_split(session, name, [one - 1 for one in wordings], reason=reason, author=author)
        standing = standing_splits(session, name)
        if not standing:
            raise UsageError(f"no split of {name} stands", hint=f"`shoal audit {name}` tells what was done.")
        return take_split_back(session, standing[-1].id, reason=reason, author=author)
