"""`shoal report`: how much of all traffic is in campaigns."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from campaigns.errors import UsageError
from flows.commands.console import console, print_json, safe, say, table, tier_text
from flows.commands.context import DAY_FORM, Call, Json, published, run_folder

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from campaigns.runs import Run
    from review.report_records import Report, Row

Format = Literal["terminal", "markdown", "html"]
_WEEK: Final = 7


def report(
    ctx: typer.Context,
    first: Annotated[
        date | None,
        typer.Option(
            "--from",
            parser=date.fromisoformat,
            metavar=DAY_FORM,
            help="Default: the first published day of the week that ends with --to.",
        ),
    ] = None,
    last: Annotated[
        date | None,
        typer.Option(
            "--to",
            parser=date.fromisoformat,
            metavar=DAY_FORM,
            help="Default: the latest published day.",
        ),
    ] = None,
    form: Annotated[
        Format, typer.Option("--format", help="html: one page that needs nothing else.")
    ] = "terminal",
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Write Markdown, HTML or JSON there; prints the name."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Report how much of all prompts, accounts and tokens is in campaigns, and how it changes.

    By tier, objective, model, country and day; the largest campaigns, operators that moved to another model, accounts
    that were replaced. Where the setting `sample_rate` says that the input was a sample, prompts, tokens and shares
    are estimates for all traffic with 95 % intervals. Days that are not published are named.

    [bold]Examples[/bold]
      shoal report
      shoal report --from 2026-01-05 --to 2026-01-07
      shoal report --from 2026-01-05 --to 2026-01-07 --format html --out week.html
      shoal report --format markdown | less
      shoal report --json | jq '.suspected.prompt_share'
    """
    call: Call = ctx.obj
    if out is not None and form == "terminal" and not as_json:
        raise UsageError(
            "what a terminal shows is not written to a file",
            where=str(out),
            hint="Add --format markdown, --format html or --json.",
        )
    start, end, runs, seen = _chosen(call, first, last)
    from review.report import read_report

    made = read_report(start, end, runs, seen)
    if as_json:
        if out is None:
            print_json(made.as_json())
        else:
            from campaigns import files

            files.write_json(out, made.as_json())
    elif form == "terminal":
        for block in _blocks(made):
            console().print(block)
        say(
            f"as a page: shoal report --from {start} --to {end} --format html --out report.html",
            quiet=call.quiet,
        )
    else:
        _write(made, form, out)
    if out is not None:
        typer.echo(out)


def _chosen(
    call: Call, first: date | None, last: date | None
) -> tuple[date, date, list[Run], dict[str, tuple[date, date]]]:
    """(first day, last day, their published runs, since and until when each campaign is known)."""
    with call.store() as store:
        end = last or published(store, None).day
        within = [day for day in store.published_days() if end - timedelta(days=_WEEK) < day <= end]
        start = first or (within[0] if within else end)
        if start > end:
            raise UsageError(f"--from {start} is after --to {end}", hint="Give the earlier day first.")
        days = [day for day in store.published_days() if start <= day <= end]
        if not days:
            raise UsageError(
                f"no day from {start} to {end} is published",
                where=store.where,
                hint="`shoal status` lists the days that are.",
            )
        entries = [published(store, day) for day in days]
        seen = {one.campaign_id: (one.first_day, one.last_day) for one in store.campaigns()}
    return start, end, [run_folder(call.settings, entry) for entry in entries], seen


def _write(made: Report, form: Format, out: Path | None) -> None:
    if form == "html":
        from review.report_page import page

        text = page(made)
    else:
        from review.report_words import markdown

        text = markdown(made)
    if out is None:
        typer.echo(text, nl=False)
    else:
        from campaigns import files

        files.write_bytes(out, text.encode())


# -- terminal ------------------------------------------------------------------------------------------


def _blocks(made: Report) -> Iterator[RenderableType]:
    from review import report_words as words

    yield safe(f"Prevalence of campaigns, {made.first} to {made.last}", "bold underline")
    yield safe(words.headline(made))
    for note in words.notes(made):
        yield safe(f"· {note}", "dim")
    yield ""
    yield _days(made)
    for kind, rows in made.kinds.items():
        yield _kind(kind, rows)
        if len(rows) > words.MOST_ROWS:
            yield _more(len(rows))
    yield _largest(made)
    if len(made.largest) > words.MOST_ROWS:
        yield _more(len(made.largest))
    yield safe("Moved to another model", "bold")
    for move in made.moves[: words.MOST_ROWS]:
        yield safe(f"· {move.operator} ") + safe(move.title, "bold", limit=words.TITLE_CHARACTERS)
        yield safe(f"  {words.told(move)}")
    if not made.moves:
        yield safe(words.NO_MOVES)
    if len(made.moves) > words.MOST_ROWS:
        yield _more(len(made.moves))
    yield ""
    if made.turnovers:
        yield _turnovers(made)
    else:
        yield safe("Accounts replaced since the day before", "bold")
        yield safe(words.NO_TURNOVERS)
    if len(made.turnovers) > words.MOST_ROWS:
        yield _more(len(made.turnovers))


def _days(made: Report) -> Table:
    from review import report_words as words

    figures = words.day_columns(list(made.days[0].tiers))
    shown = table("day", *figures, right=("day", *figures), title="By day, share of prompts")
    for day in made.days:
        shown.add_row(safe(day.day), *(safe(cell) for cell in words.day_cells(day)))
    return shown


def _kind(kind: str, rows: tuple[Row, ...]) -> Table:
    from review import report_words as words

    figures = words.kind_columns(kind)
    shown = table(kind, *figures, right=figures, title=words.HEADINGS[kind])
    for row in rows[: words.MOST_ROWS]:
        name = tier_text(words.name_of(row)) if kind == "tier" else safe(words.name_of(row))
        shown.add_row(name, *(safe(cell) for cell in words.kind_cells(kind, row)))
    return shown


def _largest(made: Report) -> Table:
    from review import report_words as words

    figures = ("prompts", "accounts", "first seen", "last seen")
    shown = table(
        "campaign", "tier", *figures, "objective", "title", right=figures, title="Largest campaigns"
    )
    for one in made.largest[: words.MOST_ROWS]:
        shown.add_row(
            safe(one.campaign_id),
            tier_text(one.tier),
            safe(words.amount(one.prompts)),
            safe(f"{one.accounts:,}"),
            safe(one.first_seen),
            safe(one.last_seen),
            safe(one.objective),
            safe(one.title, limit=words.TITLE_CHARACTERS),
        )
    return shown


def _turnovers(made: Report) -> Table:
    from review import report_words as words

    figures = words.REPLACED_COLUMNS
    heading = "Accounts replaced since the day before"
    shown = table("campaign", *figures, "title", right=figures, title=heading)
    for turnover in made.turnovers[: words.MOST_ROWS]:
        shown.add_row(
            safe(turnover.campaign_id),
            *(safe(cell) for cell in words.replaced(turnover)),
            safe(turnover.title, limit=words.TITLE_CHARACTERS),
        )
    return shown


def _more(rows: int) -> RenderableType:
    from review import report_words as words

    return safe(f"and {rows - words.MOST_ROWS:,} more; --json holds all", "dim")
