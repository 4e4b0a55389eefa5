"""`shoal audit`: who changed what, and whether the log of it is whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from campaigns.errors import IntegrityError
from flows.commands.console import console, counted, print_json, safe, say, table
from flows.commands.context import Call, Json
from flows.commands.ids import resolve

if TYPE_CHECKING:
    from pathlib import Path

    from campaigns.audit import AuditRecord, Verified
    from campaigns.store import Store


def audit(
    ctx: typer.Context,
    subject: Annotated[
        str,
        typer.Argument(
            metavar="[ID]",
            help="A campaign id, or how it begins; or another subject, whole. Default: all.",
            show_default=False,
        ),
    ] = "",
    verify: Annotated[
        bool, typer.Option("--verify", help="Check the whole log; leave with 7 if it is damaged.")
    ] = False,
    limit: Annotated[int, typer.Option("--limit", min=0, help="Most rows; 0: all.")] = 50,
    as_json: Json = False,
) -> None:
    """List who did what, the latest first: decisions, proposals, splits, titles, the allow-list, seeds, sign-ins.

    Rows are only added, each with a code over itself and the row before it; runs note the code of the last row. So an
    edit, a gap or a cut is found, by its row. With `secret_key` set nobody without the key can make the codes anew.

    [bold]Examples[/bold]
      shoal audit c-4f2a
      shoal audit --verify
      shoal audit --limit 0 --json | jq '.rows[] | select(.actor == "ada")'
    """
    from campaigns.audit import select_audit

    call: Call = ctx.obj
    with call.store() as store:
        rows: list[AuditRecord] = []
        if subject or not verify:
            with store.reading() as session:
                rows = select_audit(session, subjects=[subject] if subject else [], limit=limit or None)
        if subject and not rows:
            name = resolve(store, subject)
            with store.reading() as session:
                rows = select_audit(session, subjects=[name], limit=limit or None)
        checked = _verified(store, call.settings.home) if verify else None
    if as_json:
        verified = None if checked is None else asdict(checked) | {"sound": checked.sound}
        print_json({"rows": [asdict(row) for row in rows], "verified": verified})
    else:
        _print(rows)
        for problem in checked.problems if checked else ():
            console().print(safe(problem), soft_wrap=True)
    if checked is None:
        say("next: shoal audit --verify" if rows else "nothing was done", quiet=call.quiet)
        return
    if not checked.sound:
        raise IntegrityError(
            f"{counted(len(checked.problems), 'problem')} found",
            where=store.where,
            hint="Keep this store as it is, and compare it with a backup from before.",
        )
    for line in _told(checked):
        say(line, style="green", quiet=call.quiet)


def _verified(store: Store, home: Path) -> Verified:
    """The whole chain, held against what the published runs noted."""
    from campaigns.audit import verify_audit
    from campaigns.published import select_published
    from review.anchors import noted_anchors

    with store.reading() as session:
        return verify_audit(session, noted_anchors(home, select_published(session)))


def _told(checked: Verified) -> Iterator[str]:
    yield f"the log of {counted(checked.rows, 'row')} is whole; {counted(checked.anchors, 'run')} noted where it stood"
    if checked.keyed_from is None:
        yield "made without a secret key: this shows accidents, and nobody who can compute checksums"
    elif checked.keyed_from > 1:
        yield f"rows before {checked.keyed_from} were made without the secret key"


def _print(rows: list[AuditRecord]) -> None:
    if not rows:
        return
    made = table("row", "at", "who", "did", "what", "more", right=("row",))
    for row in rows:
        more = "; ".join(
            f"{name}: {_shown(value)}" for name, value in row.details.items() if value is not None
        )
        cells = (row.sequence, f"{row.at:%Y-%m-%d %H:%M}", row.actor, row.action, row.subject, more)
        made.add_row(*(safe(cell) for cell in cells))
    console().print(made)


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
