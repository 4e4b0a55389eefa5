"""`shoal feed`: what receivers pull from, and the tokens that let them."""

from __future__ import annotations

import getpass
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from campaigns.errors import UsageError
from flows.commands.console import console, print_json, safe, say, table
from flows.commands.context import Call, Json
from flows.commands.teaching import Command, Group

if TYPE_CHECKING:
    from enforcement.tokens import FeedToken, Scope

app = typer.Typer(cls=Group, rich_markup_mode="rich")
tokens = typer.Typer(cls=Group, no_args_is_help=True, rich_markup_mode="rich")
app.add_typer(tokens, name="token")

_HERE = frozenset({"127.0.0.1", "::1", "localhost"})


@app.callback(invoke_without_command=True)
def feed(
    ctx: typer.Context,
    serve: Annotated[bool, typer.Option("--serve", help="Answer until Ctrl-C.")] = False,
    host: Annotated[
        str,
        typer.Option("--host", help="Address to listen on. Others than this machine's need --behind-tls."),
    ] = "127.0.0.1",
    port: Annotated[
        int | None,
        typer.Option("--port", min=1, max=65_535, help="Port to listen on. Default: delivery.feed_port."),
    ] = None,
    behind_tls: Annotated[
        bool, typer.Option("--behind-tls", help="A proxy in front speaks https to those who ask.")
    ] = False,
) -> None:
    """Let enforcement tools pull what people confirmed, and ask about an account.

    `GET /v1/campaigns` has the messages in a lasting order, with a cursor to go on from; `GET /v1/accounts/ID` the
    confirmed campaigns that name an account now; `GET /openapi.json` describes both for programs. Whoever asks sends a
    token. Tokens and account ids travel in requests: beyond this machine put a proxy with https in front, and see that
    it logs no paths.

    [bold]Examples[/bold]
      shoal feed token issue blocklist --scope campaigns:read
      shoal feed --serve
      shoal feed --serve --host 10.0.0.5 --behind-tls
    """
    if ctx.invoked_subcommand is not None:
        return
    if not serve:
        typer.echo(ctx.get_help())
        return
    if host not in _HERE and not behind_tls:
        raise UsageError(
            "tokens would be sent in the open",
            where=host,
            hint="Put a proxy with https in front and say so with --behind-tls, or listen on 127.0.0.1.",
        )
    from enforcement.feed import create_app
    from review.web.server import listen
    from review.web.server import serve as answer

    call: Call = ctx.obj
    settings = call.settings
    with (
        call.store() as store,
        listen(host, port or settings.delivery.feed_port, "delivery.feed_port") as listener,
    ):
        say(
            f"answering GET /v1/campaigns on {host}:{listener.getsockname()[1]}; Ctrl-C stops",
            quiet=call.quiet,
        )
        answer(create_app(store, settings.home, settings.delivery), listener)


@tokens.callback()
def token() -> None:
    """Say who may pull. A token is shown once, when it is issued; the store keeps its SHA-256.

    [bold]Examples[/bold]
      shoal feed token issue blocklist --scope campaigns:read
      shoal feed token list
      shoal feed token revoke 3
    """


@tokens.command("issue", cls=Command)
def issue_token(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Whose it is.")],
    scopes: Annotated[
        list[str],
        typer.Option(
            "--scope",
            metavar="SCOPE",
            help="What it opens: campaigns:read all messages, accounts:read what stands about an account. Repeatable.",
        ),
    ],
    days: Annotated[int, typer.Option("--days", min=1, max=3_650, help="How long it is good.")] = 365,
    author: Annotated[str | None, typer.Option("--author", help="Who issues it. Default: you.")] = None,
    as_json: Json = False,
) -> None:
    """Issue a token and print it. It cannot be printed again; give each receiver its own.

    [bold]Examples[/bold]
      shoal feed token issue blocklist --scope campaigns:read --days 90
      shoal feed token issue support --scope accounts:read
    """
    from enforcement.tokens import issue

    call: Call = ctx.obj
    with call.store() as store, store.writing() as session:
        secret, kept = issue(
            session,
            name,
            [_scope(name) for name in scopes],
            author=author or getpass.getuser(),
            life=timedelta(days=days),
        )
    if as_json:
        print_json({"token": secret, **asdict(kept)})
        return
    typer.echo(secret)
    say(f"token {kept.id} is good until {_when(kept.expires_at)}", quiet=call.quiet)


@tokens.command("list", cls=Command)
def list_tokens(ctx: typer.Context, as_json: Json = False) -> None:
    """List the tokens: whose, what they open, and whether they are still good.

    [bold]Examples[/bold]
      shoal feed token list
    """
    from enforcement.tokens import select_tokens

    call: Call = ctx.obj
    with call.store() as store, store.reading() as session:
        found = select_tokens(session)
    now = datetime.now(UTC)
    if as_json:
        print_json([_row(one, now) for one in found])
        return
    if not found:
        say("no tokens; `shoal feed token issue NAME --scope SCOPE` makes one", quiet=call.quiet)
        return
    made = table("id", "name", "scopes", "state", "until", "issued", "by", right=("id",))
    for one in found:
        cells = (
            one.id,
            one.name,
            ", ".join(one.scopes),
            _state(one, now),
            _when(one.expires_at),
            _when(one.created_at),
            one.author,
        )
        made.add_row(*(safe(cell) for cell in cells))
    console().print(made)


@tokens.command("revoke", cls=Command)
def revoke_token(
    ctx: typer.Context,
    token_id: Annotated[int, typer.Argument(metavar="ID", help="As `shoal feed token list` shows it.")],
    author: Annotated[str | None, typer.Option("--author", help="Who says so. Default: you.")] = None,
    as_json: Json = False,
) -> None:
    """Let a token open nothing any more, from the next request on.

    [bold]Examples[/bold]
      shoal feed token revoke 3
    """
    from enforcement.tokens import revoke

    call: Call = ctx.obj
    with call.store() as store, store.writing() as session:
        gone = revoke(session, token_id, author=author or getpass.getuser())
    if as_json:
        print_json(_row(gone, datetime.now(UTC)))
    else:
        say(f"token {gone.id} of {gone.name} opens nothing any more", quiet=call.quiet)


def _scope(name: str) -> Scope:
    from enforcement.tokens import Scope

    if name not in list(Scope):
        raise UsageError(f"there is no scope {name!r}", hint=f"There are {' and '.join(Scope)}.")
    return Scope(name)


def _row(one: FeedToken, now: datetime) -> dict[str, Any]:
    return {**asdict(one), "state": _state(one, now)}


def _state(one: FeedToken, now: datetime) -> str:
    if one.revoked_at is not None:
        return "revoked"
    return "good" if one.good(now) else "over"


def _when(at: datetime | None) -> str:
    return "it is revoked" if at is None else f"{at:%Y-%m-%d}"
