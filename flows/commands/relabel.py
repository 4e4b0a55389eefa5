"""`shoal relabel`: what people call a campaign, over all its runs."""

from __future__ import annotations

import getpass
from dataclasses import asdict
from typing import Annotated, Literal

import typer

from campaigns.errors import UsageError
from flows.commands.console import print_json, say
from flows.commands.context import Call, Json
from flows.commands.ids import resolve

ObjectiveName = Literal[
    "reasoning traces",
    "grading and reward data",
    "safety or censorship rewriting",
    "code",
    "agentic tool use",
    "translation",
    "extraction",
    "classification",
    "summarization",
    "question and data generation",
    "roleplay or jailbreak",
    "benchmark",
    "unclear",
]


def relabel(
    ctx: typer.Context,
    campaign: Annotated[str, typer.Argument(metavar="ID", help="A campaign id, or how it begins.")],
    reason: Annotated[str, typer.Option("--reason", help="Why it is called so.")],
    title: Annotated[str | None, typer.Option("--title", help="At most 200 characters.")] = None,
    objective: Annotated[
        ObjectiveName | None, typer.Option("--objective", help="What it is after.", show_default=False)
    ] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Call it what its runs call it.")] = False,
    author: Annotated[str | None, typer.Option("--author", help="Who says so. Default: you.")] = None,
    as_json: Json = False,
) -> None:
    """Give a campaign another title or objective. Holds at once, and for the runs to come.

    What is not named stays as it is. No tier depends on it. The files of runs keep what the runs found.

    [bold]Examples[/bold]
      shoal relabel c-4f2a --title "Essay grader" --reason "as in May"
      shoal relabel c-4f2a --objective code --reason "they are pull requests"
      shoal relabel c-4f2a --undo --reason "the runs got it right"
    """
    from campaigns.labels import relabel, standing_labels
    from campaigns.records import Objective

    if undo == (title is not None or objective is not None):
        raise UsageError("say --title, --objective or both, or --undo", hint="shoal relabel --help")
    call: Call = ctx.obj
    with call.store() as store:
        name = resolve(store, campaign)
        wanted = None if objective is None else Objective(objective)
        with store.writing() as session:
            stands = None if undo else standing_labels(session).get(name)
            label = relabel(
                session,
                name,
                title=stands.title if stands and title is None else title,
                objective=stands.objective if stands and wanted is None else wanted,
                reason=reason,
                author=author or getpass.getuser(),
            )
    if as_json:
        print_json(asdict(label))
        return
    if undo:
        say(f"{name} is called what its runs call it", quiet=call.quiet)
    else:
        called = {"title": label.title, "objective": label.objective}
        told = " and ".join(f"the {what} “{text}”" for what, text in called.items() if text is not None)
        say(f"{name} has {told}", quiet=call.quiet)
    say(f"next: shoal show {name}", quiet=call.quiet)
