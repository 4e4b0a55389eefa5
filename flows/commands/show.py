"""`shoal show`: one campaign for a person to read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from campaigns.errors import UsageError
from flows.commands.console import console, counted, print_json, safe, say, table, tier_text
from flows.commands.context import Call, Day, Json, published, run_folder, scope
from flows.commands.ids import resolve
from flows.commands.show_history import history_blocks

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

    from campaigns.entries import KnownMatcher
    from campaigns.labels import Label
    from review.campaign import CampaignReport

_PROMPT_CHARACTERS: Final = 600
_VALUE_CHARACTERS: Final = 60
_MOST_VALUES: Final = 5


def show(
    ctx: typer.Context,
    campaign: Annotated[str, typer.Argument(metavar="ID", help="A campaign id, or how it begins.")],
    day: Day = None,
    accounts: Annotated[int, typer.Option("--accounts", min=0, help="Most accounts to list.")] = 10,
    whole: Annotated[
        bool, typer.Option("--evidence", help="Only the evidence, all of it, with small plots.")
    ] = False,
    picture: Annotated[
        Path | None,
        typer.Option(
            "--picture", metavar="FILE", help="Draw the evidence into a .png or .svg; prints nothing else."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show one campaign: template with its slots, samples, accounts, reasons, evidence, history.

    The day is the campaign's latest unless --day names another. Characters that cannot be seen are spelled
    out, as in \\u200b. JSON holds everything, whatever else is asked.

    [bold]Examples[/bold]
      shoal show c-4f2a
      shoal show c-4f2a --evidence
      shoal show c-4f2a --picture evidence.png
      shoal show c-4f2a --day 2026-01-05 --accounts 50
      shoal show c-4f2a --json | jq '.accounts[].account_id'
    """
    from campaigns.labels import standing_labels
    from review.campaign import read_report
    from review.run_tables import RunTables

    call: Call = ctx.obj
    if picture is not None:
        _check(picture)
    with call.store() as store:
        history = store.campaign(resolve(store, campaign))
        entry = published(store, day or history.last_day)
        sought = store.known_matchers(campaign_id=history.campaign_id, skip_gone=True)
        seeds = store.seeds(removed=False)
        with store.reading() as session:
            called = standing_labels(session).get(history.campaign_id)
    report = read_report(RunTables(run_folder(call.settings, entry)), history, sought, seeds)
    counted_in = scope(entry, call.settings)
    if picture is not None:
        from review.evidence_image import write_picture

        write_picture(report.sheet, picture)
        typer.echo(picture, err=as_json)
    if as_json:
        print_json(report.as_json(accounts) | {"called": None if called is None else asdict(called)})
    elif picture is None:
        if called is not None:
            console().print(_called(called))
        _print(report, accounts, counted_in, whole=whole, quiet=call.quiet)


def _check(picture: Path) -> None:
    from review.evidence_image import ENDINGS

    if picture.suffix.lower() not in ENDINGS:
        raise UsageError(
            "evidence is drawn as PNG or SVG", where=str(picture), hint="End --picture with .png or .svg."
        )


def _called(label: Label) -> Text:
    """What people call the campaign; what follows is what its run does."""
    names = " and ".join(f"“{name}”" for name in (label.title, label.objective) if name is not None)
    return safe(f"called {names} by {label.author}: {label.reason}")


def _print(report: CampaignReport, accounts: int, counted_in: str, *, whole: bool, quiet: bool) -> None:
    printer, name = console(), report.history.campaign_id
    if whole:
        from flows.commands.evidence import whole as everything

        for block in everything(report.sheet, printer.width, ascii_only=printer.options.ascii_only):
            printer.print(block)
        say(
            f'next: shoal show {name} --picture evidence.png    shoal decide {name} watch --reason "..."',
            quiet=quiet,
        )
        return
    for block in _blocks(report, accounts, counted_in):
        printer.print(block)
    if len(report.accounts) > accounts:
        more = counted(len(report.accounts) - accounts, "more account")
        say(f"{more}: --accounts {len(report.accounts)}", quiet=quiet)
    say(
        f"all of the evidence: shoal show {name} --evidence\n"
        f'next: shoal decide {name} watch --reason "..."    shoal map {report.day}',
        quiet=quiet,
    )


def _blocks(report: CampaignReport, most_accounts: int, counted_in: str) -> Iterator[RenderableType]:
    from flows.commands.evidence import speaking

    campaign = report.campaign
    yield safe(campaign["label"], "bold")
    yield safe(campaign["summary"])
    yield ""
    yield _facts(report, counted_in)
    yield _heading("Reasons")
    for reason in campaign["reasons"]:
        yield safe("· ") + safe(reason)
    yield ""
    yield _heading("Template")
    yield marked_template(report)
    if report.slots:
        yield ""
        yield _slots(report)
    if len(report.variants) > 1:
        yield _wordings(report.variants)
    if report.exemplars:
        yield _heading("Examples")
        for row in report.exemplars:
            yield safe(f"{row['prompt_id']} from {row['account_id']}", "dim")
            yield safe(row["prompt"], limit=_PROMPT_CHARACTERS, multiline=True)
            yield ""
    yield _accounts(report.accounts[:most_accounts], len(report.accounts))
    yield from speaking(report.sheet)
    if report.operators:
        yield _operators(report)
    if report.bridges:
        yield _bridges(report.bridges)
    yield from history_blocks(report.history)


def _heading(text: str) -> Text:
    return safe(text, "bold underline")


def _facts(report: CampaignReport, counted_in: str) -> Table:
    from rich.table import Table

    campaign, history = report.campaign, report.history
    sure = f" ({campaign['objective_confidence']:.0%} sure)" if campaign["objective"] != "unclear" else ""
    grid = Table.grid(padding=(0, 2))
    rows: list[tuple[str, Text]] = [
        ("campaign", safe(campaign["campaign_id"])),
        ("tier", tier_text(campaign["tier"]) + safe(f"  score {campaign['score']:.2f}")),
        (
            "size",
            safe(
                f"{counted(campaign['n_prompts'], 'prompt')} from "
                f"{counted(campaign['n_accounts'], 'account')} on {report.day}{counted_in and f', {counted_in}'}"
            ),
        ),
        ("objective", safe(campaign["objective"] + sure)),
        ("keyphrases", safe(", ".join(campaign["keyphrases"]) or "none")),
        ("operator", safe(campaign["operator_id"] or "not known")),
        ("seen", safe(f"{history.first_day} to {history.last_day}, {counted(len(history.days), 'day')}")),
        ("template", safe(_strength(report))),
        *([("matcher", _matcher(report.matcher))] if report.matcher else []),
        *(("sought", _sought(known)) for known in report.sought),
        ("hash", safe(report.template_hash, "dim")),
    ]
    if report.evasion_marks:
        marks = f"{report.evasion_marks:,} in {report.marked_texts:,} of the members' texts"
        rows.append(("evasion marks", safe(marks)))
    rows += [("told of by", safe(_told(row))) for row in report.told]
    for name, value in rows:
        grid.add_row(safe(name, "dim"), value)
    grid.add_row("")
    return grid


def _told(row: dict[str, Any]) -> str:
    return (
        f"{row['partner']}, TLP:{row['tlp'].upper()}, {row['how']} ({row['seed_id']}); this decides nothing"
    )


def _strength(report: CampaignReport) -> str:
    template = report.template
    said = (
        f"{template.constant_share:.0%} of the words, held by {template.accepted:.0%}, "
        f"saves {template.saved_bits:,.0f} bits a prompt"
    )
    too_little = report.matcher is not None and not report.matcher["is_template"]
    return said + (": too few to call it a template" if too_little else "")


def _matcher(row: dict[str, Any]) -> Text:
    return safe(row["state"], "bold") + safe(f": {row['reason']}")


def _sought(known: KnownMatcher) -> Text:
    """What the days together say of a wording, which that of its day alone does not."""
    from flows.commands.matchers import met_in_words

    told = f" as of now, wording {known.variant}: strangers met, {met_in_words(known)}"
    by_words = f"; by its words {known.cover.state}: {known.cover.reason}" if known.cover is not None else ""
    return safe(known.state.value, "bold") + safe(told + by_words)


def marked_template(report: CampaignReport) -> Text:
    """The template on several lines; a slot stands out and bears its number and kind."""
    made = safe("")
    number = 0
    for part in report.template.parts:
        if isinstance(part, str):
            made.append_text(safe(part, multiline=True))
        else:
            number += 1
            made.append_text(safe(f"{{{number}:{part.kind}}}", "bold black on yellow"))
    return made


def _slots(report: CampaignReport) -> Table:
    made = table("slot", "kind", "values", "most common", right=("slot", "values"))
    for number, slot in enumerate(report.slots):
        values = [
            safe(row["value"], limit=_VALUE_CHARACTERS) + safe(f"  {_sent(row)}", "dim")
            for row in report.common(number)[:_MOST_VALUES]
        ]
        values = values or [safe(value, limit=_VALUE_CHARACTERS) for value in slot.values]
        shown = safe("\n", multiline=True).join(values)
        made.add_row(safe(number + 1), safe(slot.kind), safe(f"{slot.n_values:,}"), shown)
    return made


def _sent(row: dict[str, Any]) -> str:
    return f"{counted(row['n_prompts'], 'prompt')}, {counted(row['n_accounts'], 'account')}"


def _accounts(rows: Sequence[dict[str, Any]], total: int) -> Table:
    figures = ("prompts", "share", "strength")
    made = table(
        "account", *figures, "", "reasons", right=figures, title=f"Accounts, {len(rows)} of {total:,}"
    )
    for row in rows:
        made.add_row(
            safe(row["account_id"]),
            safe(f"{row['n_prompts']:,}"),
            safe(f"{row['share']:.0%}"),
            safe(f"{row['strength']:.2f}"),
            safe("core" if row["is_core"] else "border", "" if row["is_core"] else "dim"),
            safe("; ".join(row["reasons"])),
        )
    return made


def _wordings(rows: Sequence[dict[str, Any]]) -> Table:
    figures = ("wording", "prompts", "accounts")
    made = table(*figures, "template", "why it is one of them", right=figures, title=f"Wordings, {len(rows)}")
    for row in rows:
        made.add_row(
            safe(row["variant"] + 1),
            safe(f"{row['n_prompts']:,}"),
            safe(f"{row['n_accounts']:,}"),
            safe(row["template"], limit=_VALUE_CHARACTERS),
            safe(row["reason"]),
        )
    return made


def _operators(report: CampaignReport) -> Table:
    """The operators of the campaign, and who else belongs to them."""
    made = table(
        "operator", "campaign", "membership", "title", "why", right=("membership",), title="Operators"
    )
    for row in report.operators:
        own = row["campaign_id"] == report.campaign["campaign_id"]
        made.add_row(
            safe(row["operator_id"]),
            safe("this one" if own else row["campaign_id"]),
            safe(f"{row['membership']:.2f}"),
            safe(row["label"], limit=_VALUE_CHARACTERS),
            safe("; ".join(row["reasons"]) if own else ""),
        )
    return made


def _bridges(rows: Sequence[dict[str, Any]]) -> Table:
    figures = ("accounts", "by chance")
    made = table(
        "campaign",
        *figures,
        "title",
        "which",
        right=figures,
        title="Bridges",
    )
    for row in rows:
        named = row["account_ids"][:_MOST_VALUES]
        more = len(row["account_ids"]) - len(named)
        made.add_row(
            safe(row["other_id"]),
            safe(f"{row['n_shared']:,}"),
            safe(f"{row['expected']:.1f}"),
            safe(row["label"], limit=_VALUE_CHARACTERS),
            safe(", ".join(named) + (f" and {more:,} more" if more else "")),
        )
    return made
