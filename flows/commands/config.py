"""`shoal config`: the settings in force, and where each comes from."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.commands.console import console, print_json, safe, table
from flows.commands.context import Call, Json
from flows.commands.teaching import Command, Group

app = typer.Typer(cls=Group, no_args_is_help=True, rich_markup_mode="rich")


@app.callback()
def config() -> None:
    """Look at the settings: shoal.toml, over that the environment (SHOAL_...), over that flags.

    [bold]Examples[/bold]
      shoal config show
      shoal config show --origin
    """


@app.command(cls=Command)
def show(
    ctx: typer.Context,
    origin: Annotated[bool, typer.Option("--origin", help="Say where each value comes from.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Say what each setting does.")] = False,
    as_json: Json = False,
) -> None:
    """Show every setting and its value; secrets are masked.

    [bold]Examples[/bold]
      shoal config show --origin
      shoal --set seed=7 config show --origin
      shoal config show --json | jq '."embedding.model".value'
    """
    call: Call = ctx.obj
    rows = call.load().rows()
    if as_json:
        print_json({key: {"value": value, "origin": where, "help": text} for key, value, where, text in rows})
        return
    extra = [name for name, wanted in (("origin", origin), ("what it does", explain)) if wanted]
    made = table("setting", "value", *extra)
    for key, value, where, text in rows:
        cells = [safe(key, "bold"), safe(value)]
        if origin:
            cells.append(safe(where, "dim" if where == "default" else "cyan"))
        if explain:
            cells.append(safe(text))
        made.add_row(*cells)
    console().print(made)
