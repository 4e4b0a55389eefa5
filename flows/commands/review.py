"""`shoal review`: the analyst's page."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Annotated

import typer

from campaigns.errors import UsageError
from flows.commands.console import print_json, say
from flows.commands.context import Call, Json

if TYPE_CHECKING:
    from campaigns.settings import Settings

_HERE = frozenset({"127.0.0.1", "::1", "localhost"})


def review(
    ctx: typer.Context,
    host: Annotated[
        str,
        typer.Option(
            "--host", help="Address to listen on. Others than this machine's need a team's sign-in."
        ),
    ] = "127.0.0.1",
    as_json: Json = False,
) -> None:
    """Open the analyst's page: the queue, campaigns with their evidence, the map, and decisions.

    Prints a link that signs you in once, and serves the page until Ctrl-C. The page asks nothing of any network but
    its own server. For a team set `review.sign_in` to oidc or proxy, `review.url`, and the lists of users;
    `shoal config show` has them all.

    [bold]Examples[/bold]
      shoal review
      shoal --set review.port=9000 review
      shoal review --json                 {"url": ...} for a script that opens it
    """
    call: Call = ctx.obj
    settings = call.settings
    _refuse_open_door(host, settings)
    from campaigns.store import Store
    from review.web.app import create_app, origin_of
    from review.web.server import listen, serve
    from review.web.sign_in.local import issue_link
    from review.web.warm import warm_up

    with Store.open(settings) as store:
        app = create_app(settings, store)
        with listen(host, settings.review.port) as listener:
            url, hint = str(origin_of(settings)), "Ctrl-C ends the page."
            if settings.review.sign_in == "local":
                url = issue_link(store, url, getpass.getuser())
                hint = f"Open this link; it signs you in once. {hint}"
            if as_json:
                print_json({"url": url})
            else:
                typer.echo(url)
            say(hint, quiet=call.quiet)
            warm_up(app)
            serve(app, listener)


def _refuse_open_door(host: str, settings: Settings) -> None:
    """
    Raises:
        UsageError: a link for one would be good for anybody who listens.
    """
    if settings.review.sign_in == "local" and host not in _HERE:
        raise UsageError(
            "the sign-in by link is for this machine alone",
            where=host,
            hint="Set review.sign_in to oidc or proxy, and review.url to the https address of the page.",
        )
