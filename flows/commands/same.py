"""`shoal same`: is this campaign an older one gone on? People answer what the figures leave open."""

from __future__ import annotations

import getpass
from dataclasses import asdict
from typing import Annotated

import typer

from campaigns.errors import UsageError
from flows.commands.console import console, print_json, safe, say, table
from flows.commands.context import Call, Json
from flows.commands.ids import resolve


def same(
    ctx: typer.Context,
    newer: Annotated[
        str,
        typer.Argument(
            metavar="[NEW]", help="The newer campaign's id, or how it begins.", show_default=False
        ),
    ] = "",
    older: Annotated[
        str,
        typer.Argument(
            metavar="[OLD]", help="The older one's. Default: the one asked about.", show_default=False
        ),
    ] = "",
    no: Annotated[bool, typer.Option("--no", help="They are two campaigns.")] = False,
    reason: Annotated[str, typer.Option("--reason", help="What you saw.")] = "",
    author: Annotated[str | None, typer.Option("--author", help="Who says so. Default: you.")] = None,
    as_json: Json = False,
) -> None:
    """Say that a campaign is an older one gone on, or that it is not. Without ids: list what is asked.

    From the next run on what carries the newer template has the older id. Days already published stay as they
    are, and no decision about one campaign becomes one about the other. The latest answer stands.

    [bold]Examples[/bold]
      shoal same
      shoal same c-9k2d c-4f2a --reason "the same list of topics"
      shoal same c-9k2d --no --reason "another job of the pool"
    """
    call: Call = ctx.obj
    with call.store() as store:
        questions = store.questions()
        if not newer:
            _list([asdict(one) for one in questions], as_json=as_json, quiet=call.quiet)
            return
        name = resolve(store, newer)
        asked = next((one.other_id for one in questions if one.campaign_id == name), None)
        if not older and asked is None:
            raise UsageError(f"nothing is asked about {name}", hint=f'shoal same {name} OLD --reason "..."')
        answer = store.answer(
            name,
            resolve(store, older) if older else str(asked),
            same=not no,
            reason=reason,
            author=author or getpass.getuser(),
        )
    if as_json:
        print_json(asdict(answer))
        return
    told = "is" if answer.same else "is not"
    say(
        f"{answer.campaign_id} {told} {answer.other_id} gone on; this holds from the next run on",
        quiet=call.quiet,
    )


def _list(questions: list[dict[str, object]], *, as_json: bool, quiet: bool) -> None:
    if as_json:
        print_json(questions)
        return
    if not questions:
        say("nothing is asked", quiet=quiet)
        return
    made = table("day", "campaign", "possibly continues", "why", title=f"Questions, {len(questions)}")
    for one in questions:
        made.add_row(*(safe(one[name]) for name in ("day", "campaign_id", "other_id", "reason")))
    console().print(made)
    say('next: shoal same NEW --reason "..."    or    shoal same NEW --no --reason "..."', quiet=quiet)
