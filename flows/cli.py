"""The `shoal` command: global options, errors in words, exit codes.

Commands live in `flows.commands`. This module and those import nothing heavy at the top, so that
`shoal --help` answers at once.
"""

from __future__ import annotations

import errno
import os
import select
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any

import typer

from campaigns.errors import DiskFullError, ShoalError
from flows.commands import (
    allow,
    audit,
    config,
    decide,
    deliver,
    demo,
    diff,
    doctor,
    erase,
    explain,
    explain_prompt,
    export,
    feed,
    init,
    listing,
    maps,
    match,
    prevalence,
    proposals,
    ranker,
    relabel,
    retain,
    review,
    run,
    same,
    seed,
    serve,
    show,
    split,
    status,
    verify,
)
from flows.commands.console import print_error
from flows.commands.context import Call, flags_of
from flows.commands.teaching import Command, Group

READER_GONE = 141
"""128 + SIGPIPE: what a shell reports of a command whose reader, such as `head`, left before the end."""


class ShoalGroup(Group):
    """Leaves with the exit code of a `ShoalError`, after saying what, where and what to do next."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except ShoalError as error:
            raise self._told(ctx, error) from error
        except BrokenPipeError as error:
            if not _reader_gone():
                raise
            raise typer.Exit(READER_GONE) from error
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            full = DiskFullError(
                "no room left on the disk",
                where=str(error.filename or ""),
                hint="Free some space and try again.",
            )
            raise self._told(ctx, full) from error

    @staticmethod
    def _told(ctx: Any, error: ShoalError) -> Exception:
        if ctx.params.get("debug"):
            return error
        print_error(error)
        return typer.Exit(error.exit_code)


app = typer.Typer(
    cls=ShoalGroup,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_COMMANDS: dict[str, Callable[..., None]] = {
    "init": init.init,
    "doctor": doctor.doctor,
    "demo": demo.demo,
    "run": run.run,
    "backfill": run.backfill,
    "status": status.status,
    "campaigns": listing.campaigns,
    "show": show.show,
    "review": review.review,
    "export": export.export,
    "report": prevalence.report,
    "diff": diff.diff,
    "decide": decide.decide,
    "decisions": decide.decisions,
    "proposals": proposals.proposals,
    "approve": proposals.approve,
    "decline": proposals.decline,
    "ranker": ranker.ranker,
    "same": same.same,
    "split": split.split,
    "relabel": relabel.relabel,
    "audit": audit.audit,
    "deliver": deliver.deliver,
    "match": match.match,
    "explain-prompt": explain_prompt.explain_prompt,
    "map": maps.map_day,
    "explain": explain.explain,
    "erase": erase.erase,
    "retain": retain.retain,
    "verify": verify.verify,
    "serve": serve.serve,
}
for _name, _command in _COMMANDS.items():
    app.command(_name, cls=Command)(_command)
app.add_typer(allow.app, name="allow")
app.add_typer(seed.app, name="seed")
app.add_typer(feed.app, name="feed")
app.add_typer(config.app, name="config")


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"shoal {version('shoal')}")
        raise typer.Exit


@app.callback()
def shoal(
    ctx: typer.Context,
    home: Annotated[
        Path | None,
        typer.Option("--home", metavar="PATH", help="Folder of store, runs and cache. Default: var."),
    ] = None,
    config_file: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="Settings file. Default: shoal.toml here.")
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="One setting, for example family.min_prompts=10. Repeatable."
        ),
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show a traceback when something fails.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no hints on stderr.")] = False,
    version: Annotated[  # noqa: ARG001 its callback does the work
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    """Find prompt campaigns: families of templated prompts that one operator sends through many accounts.

    Data goes to stdout, talk to stderr. Exit codes: 0 ok, 2 usage, 3 input invalid, 4 too much quarantined,
    5 another run holds the day, 6 disk full, 7 integrity, 8 delivery pending, 9 not published: looks like a failure.

    [bold]Examples[/bold]
      shoal demo                          three simulated days, with their truth
      shoal init                          write shoal.toml, make the store
      shoal run --input traffic.parquet   one day of traffic to campaigns
      shoal campaigns --tier review       what was found
      shoal show c-4f2a                   template, accounts, reasons
      shoal --home /srv/shoal status      the same in another home
    """
    call = Call(flags_of(home, assignments or []), config_file, debug, quiet)
    if debug:
        sys.excepthook = sys.__excepthook__
    ctx.obj = call
    ctx.with_resource(call.environment())


def main() -> None:
    """Entry point of the installed command."""
    sys.excepthook = _last_words
    typer.main.get_command(app)()


def _reader_gone() -> bool:
    """Whether stdout or stderr is a pipe that nobody reads. What still waits for it is thrown away.

    Else Python would complain when it flushes at exit: docs.python.org/3/library/signal.html#note-on-sigpipe.
    """
    pipes = select.poll()
    for stream in (sys.stdout, sys.stderr):
        pipes.register(stream.fileno(), 0)  # asks for no event: a broken pipe is told all the same
    broken = [descriptor for descriptor, _ in pipes.poll(0)]
    for descriptor in broken:
        os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
    return bool(broken)


def _last_words(kind: type[BaseException], error: BaseException, _: TracebackType | None) -> None:
    """An error nobody foresaw, in one line; Python then leaves with 1."""
    print_error(
        ShoalError(
            f"{kind.__name__}: {error}", hint="This is a bug. The same command with --debug shows where."
        )
    )


if __name__ == "__main__":
    main()
