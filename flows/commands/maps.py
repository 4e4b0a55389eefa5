"""`shoal map`: a day as a picture."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from campaigns.errors import UsageError
from flows.commands.console import say
from flows.commands.context import DAY_FORM, Call, published, run_folder


def map_day(
    ctx: typer.Context,
    day: Annotated[
        date | None,
        typer.Argument(
            parser=date.fromisoformat, metavar="DAY", help=f"{DAY_FORM}. Default: the latest published day."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help=".html or .png. Default: map-DAY.html here.")
    ] = None,
) -> None:
    """Draw the map of a day: a page to explore, or a picture.

    The page is one file that asks nothing of the network. The place of a mark is for eyes only: no decision
    rests on it.

    [bold]Examples[/bold]
      shoal map
      shoal map 2026-01-05 --out monday.html
      shoal map 2026-01-05 --out monday.png
    """
    call: Call = ctx.obj
    if out is not None and out.suffix.lower() not in (".html", ".png"):
        raise UsageError("a map is a page or a picture", where=str(out), hint="End --out with .html or .png.")
    with call.store() as store:
        entry = published(store, day)
    path = out or Path(f"map-{entry.day}.html")
    from review.map import read_picture

    picture = read_picture(run_folder(call.settings, entry))
    if path.suffix.lower() == ".png":
        from review.image import write_png

        write_png(picture, path)
    else:
        from review.map import write_page

        write_page(picture, path)
    typer.echo(path)
    say("open it in a browser" if path.suffix == ".html" else "", quiet=call.quiet or path.suffix != ".html")
