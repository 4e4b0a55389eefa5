"""`shoal init`: a settings file that explains itself, the home folder and the store."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from campaigns.errors import UsageError
from flows.commands.console import say
from flows.commands.context import SECRETS, Call

if TYPE_CHECKING:
    from pydantic import BaseModel

    from flows.resources import Flags

_HEAD = """\
# Settings of Shoal. A line that starts with "#" and a key shows a default; take the "#" away to change it.
# Over this file goes the environment (SHOAL_SEED, SHOAL_EMBEDDING__BATCH_SIZE), over that go flags (--set).
# `shoal config show --origin` tells where each value comes from.
# Secrets do not belong here: set SHOAL_SECRET_KEY and SHOAL_STORE_URL in the environment.
"""


def init(
    ctx: typer.Context,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a settings file that is there.")] = False,
) -> None:
    """Write a commented settings file, and make the home folder and the store.

    The file is shoal.toml in the working folder, or the one named by --config. Values given with --home and
    --set before the command are written into it.

    [bold]Examples[/bold]
      shoal init
      shoal --home /srv/shoal --set flow.timezone=Europe/Vienna init
      shoal --config night.toml init --force
    """
    from campaigns import files
    from campaigns.settings import CONFIG_FILE, CONFIG_VARIABLE, load
    from campaigns.store import Store

    call: Call = ctx.obj
    path = call.config or Path(os.environ.get(CONFIG_VARIABLE) or CONFIG_FILE)
    if path.exists() and not force:
        raise UsageError(
            "there is a settings file already", where=str(path), hint="`shoal init --force` overwrites it."
        )
    with tempfile.NamedTemporaryFile(suffix=".toml") as empty:  # the file to be replaced must not count
        given = load(call.flags, environment={}, config=Path(empty.name)).settings
    files.write_bytes(path, settings_file(given, call.flags).encode())
    settings = load(call.flags, config=path).settings
    with Store.open(settings) as store:
        say(f"settings  {path}\nhome      {settings.home}\nstore     {store.where}", quiet=call.quiet)
    if not settings.secret_key.get_secret_value():
        say(
            "Account ids will be stored as they are. Set SHOAL_SECRET_KEY to store pseudonyms.",
            quiet=call.quiet,
        )
    say("next: shoal doctor, then shoal run --input PATH", quiet=call.quiet)


def settings_file(settings: Any, flags: Flags) -> str:
    """TOML with every setting, its help and its default; those in `flags` stand as values."""
    return "\n".join([_HEAD, *_lines(settings, flags, "")]) + "\n"


def _lines(model: BaseModel, flags: Flags, prefix: str) -> Iterator[str]:
    from pydantic import BaseModel

    sections: list[tuple[str, BaseModel]] = []
    for name, info in type(model).model_fields.items():
        value = getattr(model, name)
        key = f"{prefix}{name}"
        if isinstance(value, BaseModel):
            sections.append((key, value))
        elif key not in SECRETS:
            mark = "" if key in flags else "# "
            shown = json.dumps(str(value) if isinstance(value, Path) else value, ensure_ascii=False)
            yield f"# {info.description or ''}"
            yield f"{mark}{name} = {shown}"
            yield ""
    for key, section in sections:
        yield f"[{key}]"
        yield from _lines(section, flags, f"{key}.")
