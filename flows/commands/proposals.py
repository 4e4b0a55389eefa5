"""`shoal proposals`, `shoal approve`, `shoal decline`: confirmations that one person may not decide alone."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands.console import console, counted, print_json, safe, say, table
from flows.commands.context import Call, Json

if TYPE_CHECKING:
    from campaigns.proposals import Proposal

Number = Annotated[int, typer.Argument(metavar="ID", help="Number of the proposal in `shoal proposals`.")]
Reason = Annotated[str, typer.Option("--reason", help="What you saw.")]
Author = Annotated[str | None, typer.Option("--author", help="Who says so. Default: you.")]
_NAMES = 3


def proposals(
    ctx: typer.Context,
    every: Annotated[bool, typer.Option("--all", help="Also those that were settled.")] = False,
    as_json: Json = False,
) -> None:
    """List what waits for a second person, the latest first.

    A confirmation becomes a proposal where it names more accounts than `review.second_person_accounts`.

    [bold]Examples[/bold]
      shoal proposals
      shoal proposals --all --json
    """
    from campaigns.proposals import select_proposals

    call: Call = ctx.obj
    with call.store() as store, store.reading() as session:
        found = select_proposals(session, waiting=not every)
    if as_json:
        print_json([asdict(one) for one in found])
        return
    if not found:
        say("nothing waits for a second person", quiet=call.quiet)
        return
    made = table(
        "proposal", "campaigns", "accounts", "verdict", "", "reason", "author", "at",
        right=("proposal", "accounts"),
    )  # fmt: skip
    for one in found:
        state = "waits" if one.outcome is None else f"{one.outcome} by {one.settled_by}"
        at = f"{one.created_at:%Y-%m-%d %H:%M}"
        cells = (one.id, _names(one), f"{one.n_accounts:,}", one.verdict, state, one.reason, one.author, at)
        made.add_row(*(safe(cell) for cell in cells))
    console().print(made)
    waiting = [one for one in found if one.outcome is None]
    if waiting:
        say(f'next: shoal approve {waiting[0].id} --reason "..."', quiet=call.quiet)


def approve(
    ctx: typer.Context, proposal: Number, reason: Reason, author: Author = None, as_json: Json = False
) -> None:
    """Decide what somebody else proposed.

    Nothing is decided if another run of one of its campaigns was published since. The command line believes who
    you say you are; where that matters let people decide on the page alone, signed in.

    [bold]Examples[/bold]
      shoal show c-4f2a --evidence
      shoal approve 3 --reason "looked at ten of its accounts"
    """
    from campaigns.proposals import approve

    call: Call = ctx.obj
    with call.store() as store, store.writing() as session:
        acted = approve(session, proposal, reason=reason, author=author or getpass.getuser())
    if as_json:
        print_json([asdict(one) for one in acted.decisions])
        return
    campaigns = counted(len(acted.decisions), "campaign")
    say(f"proposal {proposal} approved: {campaigns} confirmed", quiet=call.quiet)
    say(f"next: shoal decisions {acted.decisions[0].campaign_id}", quiet=call.quiet)


def decline(
    ctx: typer.Context, proposal: Number, reason: Reason, author: Author = None, as_json: Json = False
) -> None:
    """Let a proposal fall. Who proposed it withdraws it so.

    [bold]Examples[/bold]
      shoal decline 3 --reason "one customer's own job"
    """
    from campaigns.proposals import decline

    call: Call = ctx.obj
    with call.store() as store, store.writing() as session:
        settled = decline(session, proposal, reason=reason, author=author or getpass.getuser())
    if as_json:
        print_json(asdict(settled))
        return
    say(f"proposal {proposal} {settled.outcome}; nothing is decided", quiet=call.quiet)


def _names(proposal: Proposal) -> str:
    names: Sequence[str] = [target.campaign_id for target in proposal.targets]
    more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
    return ", ".join(names[:_NAMES]) + more
