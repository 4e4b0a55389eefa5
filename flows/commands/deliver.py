"""`shoal deliver`: confirmed campaigns to enforcement, and what became of them there."""

from __future__ import annotations

import getpass
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from campaigns.errors import UsageError
from flows.commands.console import console, counted, print_json, safe, say, table
from flows.commands.context import Call, Json

if TYPE_CHECKING:
    from campaigns.store import Store
    from enforcement.outbox import Drained
    from enforcement.rounds import Round
    from enforcement.standing import Letter, Standing

FEED: Final = "feed"
"""What receivers pull from is a sink too; it is served, and never drained."""
_FIGURES: Final = ("waiting", "overdue", "delivered", "dead", "superseded")


def deliver(
    ctx: typer.Context,
    show: Annotated[bool, typer.Option("--list", help="Say how far each sink is; send nothing.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would leave now, as JSON Lines; send nothing.")
    ] = False,
    replay: Annotated[
        bool, typer.Option("--replay", help="First let dead and failed messages be tried anew, at once.")
    ] = False,
    enable: Annotated[str, typer.Option("--enable", metavar="SINK", help="Switch a sink on.")] = "",
    disable: Annotated[
        str, typer.Option("--disable", metavar="SINK", help="Switch a sink off; its messages wait.")
    ] = "",
    sink: Annotated[str, typer.Option("--sink", metavar="SINK", help="Only this one. Default: all.")] = "",
    campaign: Annotated[
        str, typer.Option("--campaign", metavar="ID", help="With --replay: only this campaign.")
    ] = "",
    reason: Annotated[str, typer.Option("--reason", help="With --disable: why.")] = "",
    author: Annotated[str | None, typer.Option("--author", help="Who does it. Default: you.")] = None,
    as_json: Json = False,
) -> None:
    """Send confirmed campaigns, and undos, to the sinks of the setting `delivery.sinks`: webhook, jsonl, csv, stdout.

    Each message is sent until its sink has it; a receiver may get one twice, with the same id. Leaves with 8 if
    something that should have left did not. `shoal serve` does this every few minutes.

    [bold]Examples[/bold]
      shoal deliver --dry-run
      shoal --set delivery.sinks=jsonl,csv deliver
      shoal deliver --list
      shoal deliver --replay --sink webhook
      shoal deliver --disable webhook --reason "the receiver is being moved"
    """
    call: Call = ctx.obj
    modes = [show, dry_run, replay, bool(enable), bool(disable)]
    if sum(modes) > 1:
        raise UsageError("--list, --dry-run, --replay, --enable and --disable go one at a time")
    if campaign and not replay:
        raise UsageError(
            "--campaign goes with --replay", hint=f"shoal deliver --replay --campaign {campaign}"
        )
    if reason and not disable:
        raise UsageError("--reason goes with --disable")
    _check_names(sink, enable, disable)
    by = author or getpass.getuser()
    if enable or disable:
        _switch(call, enable, disable, reason, by)
    elif show:
        _list(call, sink, as_json=as_json)
    elif dry_run:
        _dry_run(call, sink, as_json=as_json)
    else:
        _drain(call, sink, campaign, by if replay else "", as_json=as_json)


# -- sending -------------------------------------------------------------------------------------------


def _drain(call: Call, sink: str, campaign: str, replayed_by: str, *, as_json: bool) -> None:
    """
    Args:
        replayed_by: who lets dead letters be tried anew; empty: nobody.

    Raises:
        DeliveryPendingError: something that should have left did not.
    """
    from enforcement.receivers import replay
    from enforcement.rounds import deliver as deliver_round

    names = _wanted(call, sink)
    if as_json and "stdout" in names:
        raise UsageError(
            "the sink stdout and --json both write to standard output", hint="Leave one of them out."
        )
    with call.store() as store:
        if replayed_by:
            with store.writing() as session:
                tried = replay(session, author=replayed_by, sink=sink, campaign_id=campaign)
            told = f"{counted(tried.dead, 'dead letter')} and {counted(tried.waiting, 'failed message')}"
            say(f"{told} to be tried anew", quiet=call.quiet)
        with _progress(quiet=call.quiet) as progress:
            made = deliver_round(store, call.settings, names, progress=progress)
    if as_json:
        print_json({name: _done(made.done, name) | standing_json(one) for name, one in made.standing.items()})
    else:
        _show_done(made, stderr="stdout" in names)
    made.refuse_if_pending()


def _wanted(call: Call, sink: str) -> list[str]:
    """
    Raises:
        UsageError: no sink is set, or not this one.
    """
    from enforcement.sinks.made import names_of

    names = names_of(call.settings.delivery)
    if not names:
        raise UsageError(
            "nothing says where confirmed campaigns go",
            where="delivery.sinks",
            hint="Set it to webhook, jsonl, csv or stdout; commas between.",
        )
    if sink and sink not in names:
        raise UsageError(
            f"the sink {sink!r} is not set", where="delivery.sinks", hint=f"Set are {', '.join(names)}."
        )
    return [sink] if sink else names


def _done(done: Drained, name: str) -> dict[str, int]:
    return {
        f"{what}_now": getattr(done, what)[name] for what in ("delivered", "failed", "dead", "superseded")
    }


def _show_done(made: Round, *, stderr: bool) -> None:
    columns = ("delivered", "failed", "dead", "passed over", "waiting")
    shown = table("sink", *columns, "", right=columns)
    for name, one in made.standing.items():
        counts = (*_done(made.done, name).values(), one.waiting)
        shown.add_row(safe(name), *(safe(f"{count:,}") for count in counts), safe(_off(one), "red"))
    console(stderr=stderr).print(shown)


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Any]:
    """What `enforcement.outbox.drain` is to call."""
    printer = console(stderr=True)
    if quiet or not printer.is_terminal:
        yield lambda *_: None
        return
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description:<8}", markup=False),
        TimeElapsedColumn(),
        TextColumn("{task.completed:>9,.0f} sent", style="dim", markup=False),
    )
    with Progress(*columns, console=printer) as bar:
        tasks: dict[str, Any] = {}

        def show(sink: str, sent: int) -> None:
            if sink not in tasks:
                tasks[sink] = bar.add_task(sink, total=None)
            bar.advance(tasks[sink], sent)

        yield show


# -- looking -------------------------------------------------------------------------------------------


def _dry_run(call: Call, sink: str, *, as_json: bool) -> None:
    from enforcement.outbox import due_now

    settings = call.settings
    rows = []
    with call.store() as store:
        for name in _wanted(call, sink):
            due = due_now(store, settings.home, name, settings.delivery)
            bodies = [body for _, body in due if not isinstance(body, str)]
            accounts = sum(len(body["accounts"]) for body in bodies)
            told = (
                f"{name}: {counted(len(bodies), 'message')} with {counted(accounts, 'account')} would leave"
            )
            say(told, quiet=call.quiet)
            for message, body in due:
                if isinstance(body, str):
                    say(f"{name}: {message.message_id} cannot: {body}", style="yellow", quiet=call.quiet)
            rows += [{"sink": name, "body": body} for body in bodies]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        typer.echo(json.dumps(row))


def _list(call: Call, sink: str, *, as_json: bool) -> None:
    from enforcement.sinks.made import names_of
    from enforcement.standing import letters

    with call.store() as store:
        found = standing_now(store, names_of(call.settings.delivery))
        with store.reading() as session:
            written = letters(session, sink)
    if sink:
        found = {name: one for name, one in found.items() if name == sink}
    if as_json:
        sinks = {name: standing_json(one) for name, one in found.items()}
        print_json({"sinks": sinks, "letters": [asdict(one) for one in written]})
        return
    if not found:
        say("no sink is set, and nothing was ever sent: set delivery.sinks", quiet=call.quiet)
        return
    made = table("sink", *_FIGURES, "", right=_FIGURES)
    for name, one in found.items():
        counts = (safe(f"{getattr(one, figure):,}") for figure in _FIGURES)
        made.add_row(safe(name), *counts, safe(_off(one), "red"))
    printer = console()
    printer.print(made)
    if written:
        printer.print(_letters(written))
        say("next: shoal deliver --replay", quiet=call.quiet)


def _letters(written: Sequence[Letter]) -> Any:
    numbers = ("version", "attempts")
    made = table("sink", "campaign", "version", "effect", "state", "attempts", "next", "error", right=numbers)
    for one in written:
        due = "" if one.due_at is None else f"{one.due_at:%Y-%m-%d %H:%M:%S}"
        cells = (one.sink, one.campaign_id, one.version, one.effect, one.state, one.attempts, due, one.error)
        made.add_row(*(safe(cell) for cell in cells))
    return made


def standing_json(one: Standing) -> dict[str, Any]:
    return asdict(one) | {"pending": one.pending}


def standing_now(store: Store, names: Sequence[str]) -> dict[str, Standing]:
    """How far each of these sinks is, and any other that was ever sent to."""
    from campaigns.entries import utc_now
    from enforcement.standing import standing

    with store.reading() as session:
        return standing(session, utc_now(), names)


def complaints(found: dict[str, Standing]) -> Iterator[str]:
    """What a person has to see to."""
    for name, one in found.items():
        if one.dead:
            yield f"{name}: {counted(one.dead, 'dead letter')}: shoal deliver --list"
        if one.off_since:
            yield f"{name}: {_off(one)}"


def _off(one: Standing) -> str:
    if one.off_since is None:
        return ""
    return f"switched off {one.off_since:%Y-%m-%d %H:%M} by {one.off_by}: {one.off_because}"


# -- switches ------------------------------------------------------------------------------------------


def _switch(call: Call, enable: str, disable: str, reason: str, by: str) -> None:
    from enforcement.receivers import switch_off, switch_on

    with call.store() as store, store.writing() as session:
        if enable:
            switch_on(session, enable, author=by)
        else:
            switch_off(session, disable, reason=reason, author=by)
    said = (
        f"{enable} is on; what waited leaves with the next `shoal deliver`" if enable else f"{disable} is off"
    )
    say(said, quiet=call.quiet)


def _check_names(*names: str) -> None:
    """
    Raises:
        UsageError: there is no such sink.
    """
    from enforcement.sinks.made import MAKERS

    for name in names:
        if name and name not in (*MAKERS, FEED):
            raise UsageError(f"no sink is called {name!r}", hint=f"There are {', '.join(MAKERS)} and {FEED}.")
