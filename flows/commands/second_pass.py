"""`shoal match --update`: the second pass over a day, and what it changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.commands.console import console, counted, print_json, safe, say, table, tier_text
from flows.commands.context import Call
from flows.commands.match_progress import match_progress
from flows.commands.run import Format, discover

if TYPE_CHECKING:
    from rich.text import Text

    from flows.gate import Acceptance


def second_pass(
    call: Call,
    source: str,
    day: date | None,
    out: Path | None,
    form: Format,
    *,
    force: bool,
    accept: Acceptance | None,
    as_json: bool,
) -> None:
    """Match, choose, run the day again, and print what changed.

    Raises:
        ShoalError: see `flows.second_pass.choose_accounts` and `flows.discover.discover_campaigns`.
    """
    from flows.second_pass import changes, choose_accounts
    from ingest.adapters import Shape
    from ingest.stage import only_day

    settings = call.settings
    shape = None if form == "auto" else Shape(form)
    if day is not None:
        source = source.replace("{day}", day.isoformat())
    wanted = day or only_day(source, settings, shape=shape)
    with call.store() as store, match_progress(quiet=call.quiet) as progress:
        chosen = choose_accounts(
            store, source, wanted, settings, out=out, shape=shape, force=force, progress=progress
        )
    second = chosen.second()
    result = discover(call, source, wanted, force, None, form, accept, second)
    from campaigns.runs import Run

    made = Run(result.path, wanted, 0, "")
    changed = changes(second.first_run(settings.home, wanted), made)
    told = {
        "day": wanted.isoformat(),
        "run_id": result.run_id,
        "already": result.already_published,
        "digest": result.digest,
        "matches": str(chosen.matched.path),
        "counts": asdict(chosen.matched.counts),
        "second_pass": result.manifest["second_pass"],
        "campaigns": changed,
    }
    if as_json:
        print_json(told)
    else:
        _show(call, told, changed)


def _show(call: Call, told: dict[str, Any], changed: Sequence[dict[str, Any]]) -> None:
    if told["already"]:
        say(f"{told['day']} was counted again already; --force does it anew", quiet=call.quiet)
    figures = ("prompts", "accounts", "named")
    shown = table(
        "campaign", "tier", *figures, "title", right=figures, title=f"{told['day']}  run {told['run_id']}"
    )
    for row in changed:
        shown.add_row(
            safe(row["campaign_id"], "bold"),
            _tiers(row),
            *(safe(_from_to(row, name)) for name in ("n_prompts", "n_accounts", "named")),
            safe(row["title"]) if row["after"] else safe(_gone(row)),
        )
    console().print(shown)
    counts = told["second_pass"]
    say(
        f"{counts['accounts_seen']:,} accounts seen; looked at {counts['member_accounts']:,} of campaigns, "
        f"{counts['matched_accounts']:,} more that match, {counts['control_accounts']:,} others; "
        f"{counted(counts['rows_passed_over'], 'row')} of the rest passed over",
        quiet=call.quiet,
    )
    if counts["left_out"]:
        say(
            f"{counted(counts['left_out'], 'account')} of campaigns left out: more prompts than "
            "match.second_prompts allows",
            style="yellow",
            quiet=call.quiet,
        )
    if counts["absent"]:
        say(
            f"{counted(counts['absent'], 'account')} of campaigns not in this traffic",
            style="yellow",
            quiet=call.quiet,
        )
    say(f"next: shoal campaigns --day {told['day']}", quiet=call.quiet)


def _gone(row: dict[str, Any]) -> str:
    return f"now part of {row['now']}" if row["now"] else "not found again"


def _tiers(row: dict[str, Any]) -> Text:
    tiers = [row[side]["tier"] for side in ("before", "after") if row[side]]
    if len(set(tiers)) == 1:
        return tier_text(tiers[0])
    return tier_text(tiers[0]) + safe(" → ") + tier_text(tiers[1])


def _from_to(row: dict[str, Any], name: str) -> str:
    before, after = (f"{row[side][name]:,}" if row[side] else "–" for side in ("before", "after"))
    return f"{before} → {after}"
