"""`shoal verify`: is everything still what was written?"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from campaigns.errors import IntegrityError, UsageError
from flows.commands.console import console, counted, print_json, safe, say
from flows.commands.context import DAY_FORM, Call, Json

if TYPE_CHECKING:
    from pathlib import Path

    from campaigns.store import Store


def verify(
    ctx: typer.Context,
    day: Annotated[
        date | None,
        typer.Option("--day", parser=date.fromisoformat, metavar=DAY_FORM, help="Default: every day."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check every run folder against its manifest, the manifests against the store, and the store with its audit log.

    Leaves with 7 and a list when something is damaged.

    [bold]Examples[/bold]
      shoal verify
      shoal verify --day 2026-01-05 --json
    """
    from campaigns import runs
    from review.anchors import noted_anchors

    call: Call = ctx.obj
    home = call.settings.home
    with call.store() as store:
        known = set(store.published_days()) | set(runs.days(home))
        if day is not None and day not in known:
            raise UsageError(
                f"there is no run of {day}", where=str(home), hint="`shoal status` lists the days."
            )
        wanted = sorted(known) if day is None else [day]
        current = [run for one in store.published_days() if (run := store.current_run(one))]
        problems = [problem for one in wanted for problem in _of_day(store, home, one)]
        problems += store.verify(noted_anchors(home, current))
    checked = [one.isoformat() for one in wanted]
    if as_json:
        print_json({"ok": not problems, "days": checked, "problems": problems})
    else:
        for problem in problems:
            console().print(safe(problem), soft_wrap=True)
    if problems:
        raise IntegrityError(
            f"{counted(len(problems), 'problem')} found",
            where=str(home),
            hint="Restore the files from a backup, or run the days again with --force.",
        )
    days = counted(len(checked), "day")
    say(f"{days} and the store are as they were written", style="green", quiet=call.quiet)


def _of_day(store: Store, home: Path, day: date) -> list[str]:
    """What is wrong with the complete runs of a day; one that never finished has nothing to compare with."""
    from campaigns import runs

    current = store.current_run(day)
    problems = []
    digests, manifests = {}, {}
    try:
        for run in runs.attempts(home, day):
            if run.complete:
                problems += run.verify()
                digests[run.run_id] = run.manifest()["digest"]
                manifests[run.run_id] = run.manifest_sha256()
    except IntegrityError as error:
        problems.append(f"{day}: {error.what} ({error.where})")
    except (ValueError, KeyError, TypeError) as error:
        problems.append(f"{day}: a run folder cannot be read: {type(error).__name__}: {error}")
    if current is not None and current.run_id not in digests:
        problems.append(f"{day}: the folder of the published run {current.run_id} is missing or damaged")
    elif current is not None and digests[current.run_id] != current.digest:
        problems.append(
            f"{day}: the manifest of run {current.run_id} does not have the digest that was published"
        )
    elif current is not None and current.manifest_sha256 not in (None, manifests[current.run_id]):
        problems.append(f"{day}: the manifest of run {current.run_id} is not what was published")
    return problems
