"""`shoal match`: known campaigns over any traffic, from files, from a stream, or for a gateway that asks."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from campaigns.errors import UsageError
from flows.commands.console import console, counted, print_json, safe, say, table, watched
from flows.commands.context import DAY_FORM, Call, Json, run_folder
from flows.commands.match_progress import match_progress
from flows.commands.matchers import list_known
from flows.commands.run import AcceptOption, Format, acceptance
from flows.commands.second_pass import second_pass

if TYPE_CHECKING:
    from campaigns.entries import KnownMatcher
    from campaigns.store import Store
    from flows.resources import Flags
    from matching.stream import MatchRun


def match(
    ctx: typer.Context,
    source: Annotated[
        str,
        typer.Option(
            "--input", "-i", metavar="PATH", help="File, folder, glob or URL; -: JSON Lines from stdin."
        ),
    ] = "",
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="DIR", help="Where to write. Default: a folder in `matches` of the home."
        ),
    ] = None,
    campaigns: Annotated[
        list[str] | None, typer.Option("--campaign", metavar="ID", help="Only this campaign. Repeatable.")
    ] = None,
    form: Annotated[
        Format, typer.Option("--shape", help="Shape of the traffic; auto: each file tells.")
    ] = "auto",
    update: Annotated[
        bool,
        typer.Option(
            "--update",
            help="Count a published day again over whole accounts, those of its campaigns and others.",
        ),
    ] = False,
    day: Annotated[
        date | None,
        typer.Option(
            "--day",
            parser=date.fromisoformat,
            metavar=DAY_FORM,
            help="Only rows of this day. Default: any; with --update the one day of the traffic.",
        ),
    ] = None,
    accept_health: AcceptOption = None,
    resume: Annotated[
        bool, typer.Option("--resume/--force", help="Go on after the last finished part, or start anew.")
    ] = True,
    show_known: Annotated[
        bool,
        typer.Option(
            "--list", help="Show what is known, whether it is sought, and how often it met strangers."
        ),
    ] = False,
    address: Annotated[
        str, typer.Option("--serve", metavar="HOST:PORT", help="Answer POST /v1/match instead.")
    ] = "",
    workers: Annotated[int, typer.Option("--workers", min=1, max=64, help="Processes that answer.")] = 1,
    no_token: Annotated[bool, typer.Option("--no-token", help="Answer anybody; on 127.0.0.1 only.")] = False,
    benign: Annotated[
        bool,
        typer.Option("--benign", help="Also campaigns that never were more than benign, and dismissed ones."),
    ] = False,
    no_seeds: Annotated[
        bool, typer.Option("--no-seeds", help="Leave out what partners told of; see `shoal seed`.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Find prompts of known campaigns in any traffic.

    Reads Parquet, JSONL (.gz, .zst), CSV, or JSON Lines from stdin, in little memory. A prompt matches when it holds
    a campaign's template: its words in order, other text in the slots, most of them where a few were changed. A
    wording that is reworded each time is found by its words in any order, and such a match says so (`how`). Only what
    hardly ever met strangers is sought, and, without --benign, only campaigns that were more than benign on a day and
    that nobody has dismissed. Writes `matches/part-*.parquet`, `counts.parquet` (each account's prompts by
    campaign, and in all), `accounts.parquet` (everybody's prompts), `quarantine.parquet` with what could not be read
    and why, and `manifest.json` last. A match that was killed goes on when the same command is given again.

    Live seeds, templates that partners told of, are sought likewise and decide nothing: a seed's id, s-..., stands in
    `campaign_id`, and they are shown apart.

    With --update the traffic is all of a day that was discovered on a sample. The accounts of its campaigns, those that
    match, and others to compare with are taken whole, the day is run again over their prompts, and takes the place of
    the run on the sample; campaigns keep their ids. Needs all columns, as `shoal run` does.

    As a service it takes {"prompts": [{"id": "p1", "text": "..."}]} with the token of SHOAL_MATCH__TOKEN.

    [bold]Examples[/bold]
      shoal match --list
      shoal match --input 'logs/*.jsonl.gz' --out found/
      shoal match --input - --campaign c-4f2a < gateway.jsonl
      shoal match --input everything/ --day 2026-01-05 --update
      shoal match --serve 0.0.0.0:8100 --workers 2
    """
    call: Call = ctx.obj
    if sum((bool(source), show_known, bool(address))) != 1:
        raise UsageError("say what to match", hint="Give one of --input PATH, --list and --serve HOST:PORT.")
    if update:
        _refuse_part(source, campaigns)
        second_pass(
            call, source, day, out, form, force=not resume, accept=acceptance(accept_health), as_json=as_json
        )
        return
    if accept_health is not None:
        raise UsageError(
            "nothing is published that could be accepted", hint="--accept-health needs --update."
        )
    if address:
        asked = {"match.seeds": "false"} if no_seeds else {}
        asked |= {"match.benign": "true"} if benign else {}
        _serve(call, address, workers, {**call.flags, **asked}, no_token=no_token)
        return
    with call.store() as store:
        with_seeds = call.settings.match.seeds and not no_seeds
        everything = store.known_matchers(), store.seed_matchers() if with_seeds else []
        known, seeds = _chosen(*everything, campaigns or [])
        if not (benign or campaigns or show_known or call.settings.match.benign):
            known = [entry for entry in known if entry.suspected]
        if show_known:
            list_known(known, seeds, store.seeds(), as_json=as_json)
            return
        made = _match(call, source, out, known, seeds, form, day, force=not resume)
        found = _found(call, store, made)
    if as_json:
        print_json(
            {"out": str(made.path), "already": made.already, **asdict(made.counts), "campaigns": found}
        )
    else:
        _show_found(call, made, found)


def _chosen(
    known: list[KnownMatcher], seeds: list[KnownMatcher], names: Sequence[str]
) -> tuple[list[KnownMatcher], list[KnownMatcher]]:
    if not names:
        return known, seeds
    for name in names:
        if all(entry.campaign_id != name for entry in (*known, *seeds)):
            raise UsageError(
                f"no campaign {name!r} is known", hint="`shoal match --list` shows those that are."
            )
    return [one for one in known if one.campaign_id in names], [
        one for one in seeds if one.campaign_id in names
    ]


def _refuse_part(source: str, campaigns: Sequence[str] | None) -> None:
    if not source:
        raise UsageError("--update counts traffic again", hint="Give all of the day with --input PATH.")
    if source == "-":
        raise UsageError(
            "--update reads the traffic twice, and standard input can be read once",
            hint="Write it to a file and give that with --input.",
        )
    if campaigns:
        raise UsageError(
            "--update takes the place of the whole day, not of some of its campaigns",
            hint="Leave --campaign out.",
        )


def _match(
    call: Call,
    source: str,
    out: Path | None,
    known: Sequence[KnownMatcher],
    seeds: Sequence[KnownMatcher],
    form: Format,
    day: date | None,
    *,
    force: bool,
) -> MatchRun:
    from ingest.adapters import Shape
    from matching.stream import match_traffic

    settings = call.settings
    if out is None:
        out = settings.home / "matches" / datetime.now(UTC).strftime("%Y-%m-%dT%H%M%S")
    with watched(quiet=True), match_progress(quiet=call.quiet) as progress:
        return match_traffic(
            source,
            known,
            out,
            settings,
            seeds=seeds,
            progress=progress,
            shape=None if form == "auto" else Shape(form),
            day=day,
            force=force,
            stdin=sys.stdin.buffer if source == "-" else None,
        )


def _found(call: Call, store: Store, made: MatchRun) -> list[dict[str, Any]]:
    """What was found of each campaign and seed, most prompts first; `new_accounts` were not in its latest run."""
    import polars as pl

    counts = pl.read_parquet(made.path / "counts.parquet")
    by_campaign = (
        counts.group_by("campaign_id")
        .agg(n_prompts=pl.col("n_prompts").sum(), n_accounts=pl.len(), accounts=pl.col("account_id"))
        .sort("n_prompts", "campaign_id", descending=[True, False])
    )
    last = {campaign.campaign_id: campaign for campaign in store.campaigns()}
    told = {seed.seed_id: seed for seed in store.seeds()}
    before: dict[Any, pl.DataFrame] = {}
    rows = []
    for row in by_campaign.iter_rows(named=True):
        campaign = last.get(row["campaign_id"])
        known: set[str] = set()
        if campaign is not None:
            run = store.current_run(campaign.day)
            if run is not None:
                if run.run_id not in before:
                    columns = ["campaign_id", "account_id"]
                    before[run.run_id] = pl.DataFrame(
                        run_folder(call.settings, run).table("accounts", columns)
                    )
                accounts = before[run.run_id].filter(campaign_id=row["campaign_id"])["account_id"]
                known = set(accounts.to_list())
        rows.append(
            {
                "campaign_id": row["campaign_id"],
                "n_prompts": row["n_prompts"],
                "n_accounts": row["n_accounts"],
                "new_accounts": len(set(row["accounts"]) - known),
                "title": campaign.title if campaign is not None else "",
                "seed": row["campaign_id"] in told,
                "partner": told[row["campaign_id"]].partner if row["campaign_id"] in told else None,
                "tlp": told[row["campaign_id"]].tlp if row["campaign_id"] in told else None,
            }
        )
    return rows


def _show_found(call: Call, made: MatchRun, found: Sequence[dict[str, Any]]) -> None:
    if made.already:
        say("matched before; --force does it again", quiet=call.quiet)
    counts = made.counts
    figures = ("prompts", "accounts", "new accounts")
    shown = table(
        "campaign", *figures, "title", right=figures, title=f"{counted(counts.matched, 'prompt')} matched"
    )
    told = table(
        "seed", "prompts", "accounts", "told by", right=figures, title="Seeds, what partners told of"
    )
    for row in found:
        cells = (f"{row['n_prompts']:,}", f"{row['n_accounts']:,}", f"{row['new_accounts']:,}")
        if row["seed"]:
            by = f"{row['partner']}, TLP:{row['tlp'].upper()}"
            told.add_row(safe(row["campaign_id"], "bold"), *map(safe, cells[:2]), safe(by))
        else:
            shown.add_row(safe(row["campaign_id"], "bold"), *map(safe, cells), safe(row["title"]))
    console().print(shown)
    if told.row_count:
        console().print(told)
    say(
        f"{counted(counts.rows_in, 'row')}: {counts.matched:,} matched, {counts.unmatched:,} did not, "
        f"{counts.quarantined:,} set aside",
        quiet=call.quiet,
    )
    for reason, number in counts.by_reason.items():
        say(f"  {number:,}: {reason}", style="yellow", quiet=call.quiet)
    say(f"written: {made.path}", quiet=call.quiet)


def _serve(call: Call, address: str, workers: int, flags: Flags, *, no_token: bool) -> None:
    from flows.match_service import serve
    from matching.service import refuse_open_door

    host, colon, port = address.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65_535:
        raise UsageError(f"cannot read the address {address!r}", hint="Write it as --serve 127.0.0.1:8100.")
    host = host.strip("[]")
    token = call.settings.match.token.get_secret_value()
    refuse_open_door(host, token, without_token=no_token)
    say(f"answering POST /v1/match on {address}; Ctrl-C stops", quiet=call.quiet)
    serve(host, int(port), workers, flags)
