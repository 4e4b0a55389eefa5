"""`shoal seed`: templates and fingerprints that partners told of, who told, and whether they are sought."""

from __future__ import annotations

import getpass
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from campaigns.errors import UsageError
from flows.commands.console import console, counted, print_json, safe, say, table
from flows.commands.context import Call, Json
from flows.commands.teaching import Command, Group

if TYPE_CHECKING:
    from rich.table import Table

    from campaigns.entries import Seed
    from flows.seeds import ImportedSeeds

app = typer.Typer(cls=Group, no_args_is_help=True, rich_markup_mode="rich")

TlpName = Literal["clear", "green", "amber", "red"]
_TEXT_CHARACTERS = 80


@app.callback()
def seed() -> None:
    """Keep what partners told of. Seeds are sought and compared; they decide nothing and name nobody.

    [bold]Examples[/bold]
      shoal seed import seeds.json --partner "Tide Lab" --tlp amber
      shoal seed list
      shoal seed remove s-4f2a --reason "the partner took it back"
    """


@app.command("import", cls=Command)
def import_file(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="JSON or JSON Lines, as docs/seeds.md describes.")],
    partner: Annotated[str, typer.Option("--partner", metavar="NAME", help="Who told us.")],
    tlp: Annotated[
        TlpName | None,
        typer.Option(
            "--tlp", help="How far it may be passed on; of this and the file's the stricter. Else amber."
        ),
    ] = None,
    note: Annotated[str, typer.Option("--note", help="For seeds that have no note of their own.")] = "",
    author: Annotated[str | None, typer.Option("--author", help="Who brings it in. Default: you.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Bring back seeds that were removed.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done; write nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Take templates, example texts or fingerprints from a partner's file.

    A template is sought once it is known how often it meets prompts of no family on the published days; one that
    meets too many, or says too little, is kept and not sought. Importing a file again changes nothing. What cannot
    be read is refused with the reason, seed by seed; the rest is written at once.

    [bold]Examples[/bold]
      shoal seed import seeds.json --partner "Tide Lab" --dry-run
      shoal seed import seeds.jsonl --partner "Tide Lab" --tlp red
    """
    from campaigns.entries import Tlp
    from flows.seeds import Provenance, import_seeds

    call: Call = ctx.obj
    provenance = Provenance(partner, author or getpass.getuser(), None if tlp is None else Tlp(tlp), note)
    with call.store() as store:
        made = import_seeds(store, call.settings, file, provenance, again=again, dry_run=dry_run)
    if as_json:
        print_json(_imported(made, dry_run=dry_run))
        return
    if made.taken:
        console().print(_table(made.taken))
    _say_imported(made, dry_run=dry_run, quiet=call.quiet)


@app.command("list", cls=Command)
def list_seeds(
    ctx: typer.Context,
    removed: Annotated[bool, typer.Option("--removed", help="Those that were removed, too.")] = False,
    as_json: Json = False,
) -> None:
    """List the seeds, and whether each is sought.

    [bold]Examples[/bold]
      shoal seed list
      shoal seed list --removed --json
    """
    call: Call = ctx.obj
    with call.store() as store:
        seeds = store.seeds(removed=removed)
    if as_json:
        print_json([as_row(one) for one in seeds])
        return
    if not seeds:
        say("no seeds; `shoal seed import FILE --partner NAME` takes some", quiet=call.quiet)
        return
    console().print(_table(seeds))


@app.command(cls=Command)
def show(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="ID", help="A seed's id, or how it begins.")],
    as_json: Json = False,
) -> None:
    """Show a seed: what it is, where it comes from, what was measured, and who did what to it.

    [bold]Examples[/bold]
      shoal seed show s-4f2a
    """
    call: Call = ctx.obj
    with call.store() as store:
        found = store.seed(_resolve(store.seeds(), name))
        records = store.seed_records(found.seed_id)
    if as_json:
        print_json({**as_row(found), "records": [asdict(record) for record in records]})
        return
    printer = console()
    printer.print(_facts(found))
    printer.print(safe(content_of(found), multiline=True))
    made = table("when", "what", "who", "why")
    for record in records:
        cells = (f"{record.at:%Y-%m-%d %H:%M}", record.event.value, record.author, record.reason)
        made.add_row(*(safe(cell) for cell in cells))
    printer.print(made)


@app.command(cls=Command)
def measure(ctx: typer.Context, as_json: Json = False) -> None:
    """Measure anew whom the templates would match, on the days that are published by now.

    Seeds that came before any day was published are sought from then on; those that meet too many by now are not.

    [bold]Examples[/bold]
      shoal seed measure
    """
    from flows.seeds import measure_seeds

    call: Call = ctx.obj
    with call.store() as store:
        seeds = measure_seeds(store, call.settings)
    if as_json:
        print_json([as_row(one) for one in seeds])
        return
    console().print(_table(seeds))


@app.command(cls=Command)
def remove(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="ID", help="A seed's id, or how it begins.")],
    reason: Annotated[str, typer.Option("--reason", help="Why it goes.")],
    author: Annotated[str | None, typer.Option("--author", help="Who says so. Default: you.")] = None,
    as_json: Json = False,
) -> None:
    """Seek a seed no longer. It stays on record, and an import brings it back only with --again.

    [bold]Examples[/bold]
      shoal seed remove s-4f2a --reason "it is our own load test"
    """
    call: Call = ctx.obj
    with call.store() as store:
        seed_id = _resolve(store.seeds(), name)
        gone = store.remove_seed(seed_id, reason=reason, author=author or getpass.getuser())
    if as_json:
        print_json(as_row(gone))
    else:
        say(f"{seed_id} is not sought any longer", quiet=call.quiet)


def as_row(one: Seed) -> dict[str, Any]:
    """For JSON. Features are written as in a partner's file."""
    row = asdict(one)
    mark = one.fingerprint
    if mark is not None:
        row["fingerprint"]["features"] = [f"{feature:016x}" for feature in mark.features]
    return row


def content_of(one: Seed) -> str:
    """The template with its slots, or what a fingerprint has."""
    from labeling.template import template_from_json

    if one.fingerprint is None:
        return template_from_json(one.template_json).display()
    features = counted(len(one.fingerprint.features), "hashed feature")
    return f"fingerprint: {features} of {counted(one.fingerprint.tokens, 'word')}"


def marking(one: Seed) -> str:
    return f"TLP:{one.tlp.upper()}"


def standing(one: Seed) -> str:
    """Whether it is sought, in a word or two."""
    if one.removed_at is not None:
        return "removed"
    return "compared" if one.state is None else one.state.value


def _resolve(seeds: Sequence[Seed], given: str) -> str:
    ids = [one.seed_id for one in seeds]
    found = [given] if given in ids else [name for name in ids if given and name.startswith(given)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise UsageError(f"no seed {given!r}", hint="`shoal seed list --removed` lists them all.")
    raise UsageError(
        f"{len(found)} seeds begin with {given!r}", hint=f"For example {found[0]} and {found[1]}."
    )


def _table(seeds: Iterable[Seed]) -> Table:
    made = table("seed", "partner", "marking", "state", "why", "content")
    for one in seeds:
        made.add_row(
            safe(one.seed_id, "bold"),
            safe(one.partner),
            safe(marking(one)),
            safe(standing(one)),
            safe(one.removed_reason or one.reason),
            safe(content_of(one), limit=_TEXT_CHARACTERS),
        )
    return made


def _facts(one: Seed) -> Table:
    from rich.table import Table

    grid = Table.grid(padding=(0, 2))
    seen = (
        f"{one.first_seen or '?'} to {one.last_seen or '?'}"
        if one.first_seen or one.last_seen
        else "not told"
    )
    rows = [
        ("seed", one.seed_id),
        ("partner", one.partner),
        ("marking", marking(one)),
        ("note", one.note or "none"),
        ("objective", one.objective or "not told"),
        ("seen there", seen),
        ("imported", f"{one.imported_at:%Y-%m-%d %H:%M} by {one.imported_by} from {one.source}"),
        ("SHA-256", one.source_sha256),
        ("state", f"{standing(one)}: {one.removed_reason or one.reason}"),
    ]
    for name, value in rows:
        grid.add_row(safe(name, "dim"), safe(value))
    grid.add_row("")
    return grid


def _imported(made: ImportedSeeds, *, dry_run: bool) -> dict[str, Any]:
    return {
        "dry_run": dry_run,
        "source": made.file.name,
        "sha256": made.file.sha256,
        **asdict(made.added),
        "repeated": made.repeated,
        "refused": [asdict(one) for one in made.refused],
        "seeds": [as_row(one) for one in made.taken],
    }


def _say_imported(made: ImportedSeeds, *, dry_run: bool, quiet: bool) -> None:
    added = made.added
    figures = [
        f"{len(added.imported):,} imported",
        *([f"{len(added.brought_back):,} brought back"] if added.brought_back else []),
        f"{len(added.known):,} known",
        *([f"{made.repeated:,} repeated"] if made.repeated else []),
        f"{len(made.refused):,} refused",
    ]
    say(("dry run: " if dry_run else "") + ", ".join(figures), quiet=quiet)
    for one in made.refused:
        say(f"  {one.place}: {one.reason}", style="yellow", quiet=quiet)
