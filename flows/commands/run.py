"""`shoal run` and `shoal backfill`: days of traffic through the flow."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from campaigns.errors import ShoalError, UsageError
from flows.commands.console import console, counted, print_json, say, watched
from flows.commands.context import DAY_FORM, Call, Json
from flows.commands.summary import counts_table, stages_table, summary

if TYPE_CHECKING:
    from flows.discover import DayResult
    from flows.gate import Acceptance
    from flows.resources import SecondPass

Format = Literal["auto", "traffic", "chat", "otel", "litellm"]
InputOption = Annotated[
    str,
    typer.Option(
        "--input", "-i", metavar="PATH", help="File, folder, glob or URL; {day} stands for the day."
    ),
]
ForceOption = Annotated[bool, typer.Option("--force", help="Do a published day again.")]
FormatOption = Annotated[
    Format, typer.Option("--format", help="Shape of the traffic; auto: each file tells.")
]
AcceptOption = Annotated[
    str | None,
    typer.Option(
        "--accept-health",
        metavar="REASON",
        help="Publish although the health gate stopped it; your name and the reason are kept.",
    ),
]


def discover(
    call: Call,
    source: str,
    day: date | None,
    force: bool,
    out: Path | None,
    form: Format,
    accept: Acceptance | None = None,
    second: SecondPass | None = None,
) -> DayResult:
    """One day through the flow, with progress on stderr."""
    from flows.prefect_settings import prepare

    prepare(call.settings.home, debug=call.debug)  # before Prefect is imported
    from flows.discover import discover_day

    with watched(quiet=call.quiet):
        shape = "" if form == "auto" else form
        return discover_day(
            source, day, flags=call.flags, force=force, out=out, shape=shape, accept=accept, second=second
        )


def run(
    ctx: typer.Context,
    source: InputOption = "",
    day: Annotated[
        date | None,
        typer.Option(
            "--day", parser=date.fromisoformat, metavar=DAY_FORM, help="Default: the one day of the traffic."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Copy the result files there too.")
    ] = None,
    force: ForceOption = False,
    form: FormatOption = "auto",
    accept_health: AcceptOption = None,
    as_json: Json = False,
) -> None:
    """Find the campaigns of one day of traffic and publish them.

    Reads Parquet, JSONL (.gz, .zst) and CSV. A day that is published already is not done again without
    --force; a run that died goes on where it stopped. Without --input the setting `input` is read. A run that
    looks like a failure is not published (exit code 9).

    [bold]Examples[/bold]
      shoal run --input traffic.parquet
      shoal run --input 'logs/*.jsonl.gz' --day 2026-01-05 --out results/
      shoal --set family.min_prompts=10 run --input day.csv --force --json
    """
    call: Call = ctx.obj
    accept = acceptance(accept_health)
    result = discover(call, source, day, force, out, form, accept)
    if as_json:
        print_json(summary(result))
        return
    if result.already_published:
        say(f"{result.day} is published already; --force does it again", quiet=call.quiet)
    printer = console()
    printer.print(counts_table(result))
    printer.print(stages_table(result))
    say(f"next: shoal campaigns --day {result.day}    shoal map {result.day}", quiet=call.quiet)


def backfill(
    ctx: typer.Context,
    first: Annotated[
        date, typer.Option("--from", parser=date.fromisoformat, metavar=DAY_FORM, help="First day.")
    ],
    last: Annotated[
        date, typer.Option("--to", parser=date.fromisoformat, metavar=DAY_FORM, help="Last day, included.")
    ],
    source: InputOption = "",
    force: ForceOption = False,
    form: FormatOption = "auto",
    as_json: Json = False,
) -> None:
    """Run many days in order, so that each day meets the campaigns of the days before.

    Days that are published already are passed over. It stops at the first day that fails; the same command
    then goes on from there.

    [bold]Examples[/bold]
      shoal backfill -i 'traffic/day={day}' --from 2026-01-05 --to 2026-01-11
      shoal backfill -i january.parquet --from 2026-01-01 --to 2026-01-31
    """
    call: Call = ctx.obj
    if last < first:
        raise UsageError(f"--to {last} lies before --from {first}", hint="Give the earlier day with --from.")
    done: list[DayResult] = []
    for day in _days(first, last):
        try:
            result = discover(call, source, day, force, None, form)
        except ShoalError:
            say(
                f"{day} failed; published before it: {counted(len(done), 'day')}",
                style="red",
                quiet=call.quiet,
            )
            raise
        done.append(result)
        if not as_json and result.already_published:
            say(f"{day} is published already", quiet=call.quiet)
        elif not as_json:
            console().print(counts_table(result))
    if as_json:
        print_json([summary(result) for result in done])
    say("next: shoal status    shoal campaigns", quiet=call.quiet)


def acceptance(reason: str | None) -> Acceptance | None:
    if reason is None:
        return None
    from flows.gate import Acceptance

    return Acceptance(getpass.getuser(), reason)


def _days(first: date, last: date) -> Iterator[date]:
    for offset in range((last - first).days + 1):
        yield first + timedelta(days=offset)
