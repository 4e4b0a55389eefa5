"""`shoal erase`: take an account out of everything that Shoal keeps, and prove it."""

from __future__ import annotations

import getpass
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.commands.console import console, counted, print_json, safe, say, table
from flows.commands.context import Call, Json

if TYPE_CHECKING:
    from flows.erase import Erased


def erase(
    ctx: typer.Context,
    reason: Annotated[str, typer.Option("--reason", help="Why, such as the number of the request.")],
    account: Annotated[
        list[str] | None,
        typer.Option("--account", metavar="ID", help="As in the traffic, or its pseudonym. Repeatable."),
    ] = None,
    account_file: Annotated[
        Path | None,
        typer.Option(
            "--account-file", metavar="FILE", help="Ids, one a line; keeps them off the command line."
        ),
    ] = None,
    author: Annotated[str | None, typer.Option("--author", help="Who erases. Default: you.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what is there, and change nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Take accounts out of runs, store, vectors, matches and files handed off, and prove that they are gone.

    Their rows go, and every text that nobody else sent. Counts of days stay as they were found. A tombstone is kept, a
    digest of the id: runs to come set rows of the account aside. Cut short, the same command ends what was begun. It
    leaves with 7 if the proof finds anything that Shoal wrote. What other systems have is named in `docs/how-to.md`.

    [bold]Examples[/bold]
      shoal erase --account acct-17 --reason "request 4711" --dry-run
      shoal erase --account acct-17 --reason "request 4711"
      shoal erase --account-file ids.txt --reason "closed accounts of May" --json
    """
    from flows.erase import account_ids_of, erase

    call: Call = ctx.obj
    asked = [*(account or []), *(account_ids_of(account_file) if account_file else [])]
    with call.store() as store:
        done = erase(
            call.settings, store, asked, reason=reason, author=author or getpass.getuser(), dry_run=dry_run
        )
    if as_json:
        print_json(_as_json(done))
        return
    _show(done, quiet=call.quiet)


def _as_json(done: Erased) -> dict[str, Any]:
    found = done.scan
    return {
        "dry_run": done.dry_run,
        "accounts": done.accounts,
        "prompts": done.prompts,
        "texts": done.texts,
        "changed": dict(sorted(done.changed.items())),
        "scanned": {"files": found.files, "bytes": found.bytes, "rows": found.rows, "tables": found.tables},
        "found": [asdict(hit) for hit in found.hits],
    }


def _show(done: Erased, *, quiet: bool) -> None:
    found = done.scan
    if done.dry_run:
        made = table("where", "what", "found", right=("found",))
        for hit in found.ours:
            made.add_row(safe(hit.where), safe(hit.kind), safe(f"{hit.count:,}"))
        console().print(made)
    elif done.changed:
        made = table("where", "changed", right=("changed",))
        for where, number in sorted(done.changed.items()):
            made.add_row(safe(where), safe(f"{number:,}"))
        console().print(made)
    what = f"{counted(done.prompts, 'prompt')}, {counted(done.texts, 'text')} that nobody else sent"
    say(f"{counted(done.accounts, 'account')}: {what}", quiet=quiet)
    looked = (
        f"looked through {counted(found.files, 'file')} ({found.bytes:,} bytes), {counted(found.tables, 'table')} of"
        f" the store, {counted(found.rows, 'row')}"
    )
    left = sum(hit.count for hit in found.ours)
    say(f"{looked}: {counted(left, 'trace')}", style="green" if not left else "", quiet=quiet)
    for hit in found.foreign:
        say(f"left: {hit.where} ({hit.kind}, {hit.count:,}), which is not Shoal's to change", quiet=quiet)
    if done.dry_run:
        say("next: the same without --dry-run", quiet=quiet)
