"""The second pass over a day: known templates sought in all traffic, and the day counted again over whole accounts.

    all traffic ─ match ─ choose accounts ─ discover the day among their prompts ─ publish in place of the first pass

What is asked of the store is what the first pass asked, and what the first pass itself found. So a second pass that is
made again comes to the same, whatever it has published meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from campaigns import files
from campaigns.carried import successors
from campaigns.entries import KnownMatcher, PublishedRun
from campaigns.errors import InputError, IntegrityError, UsageError
from campaigns.failpoints import failpoint
from campaigns.records import MatcherState
from campaigns.runs import Run
from campaigns.settings import Settings
from campaigns.store import Store
from flows.resources import SecondPass
from ingest.adapters import Shape
from matching.folder import CHOSEN
from matching.second_pass import Budget, Choice, choose
from matching.stream import MatchRun, match_traffic, pass_fingerprint

if TYPE_CHECKING:
    from matching.stream import Progress


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which accounts of a day are to be counted again, and the pass over all traffic that told."""

    first_pass: PublishedRun
    matched: MatchRun
    choice: Choice

    def second(self) -> SecondPass:
        return SecondPass(
            first_pass=self.first_pass.run_id,
            folder=self.first_pass.path,
            chosen=str(self.matched.path / CHOSEN),
            digest=self.choice.digest,
            counts=self.choice.counts(),
        )


def choose_accounts(
    store: Store,
    source: str,
    day: date,
    settings: Settings,
    *,
    out: Path | None = None,
    shape: Shape | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> Chosen:
    """Match the day's traffic and choose the accounts; leaves a folder of matches with `chosen.parquet` in it.

    Args:
        source: all traffic of the day; other days are passed over.
        out: the folder; by default one in `matches` of the home that is named by what it depends on.

    Raises:
        UsageError: the day is not published.
        IntegrityError: the files of its first pass are gone.
        InputError: the traffic holds nothing of the day, or nobody of its campaigns.
    """
    first_pass = store.first_pass(day)
    if first_pass is None:
        raise UsageError(
            f"{day} is not published",
            where=store.where,
            hint=f"Discover it on a sample first: shoal run --day {day} --input SAMPLE",
        )
    members = _members(settings.home / first_pass.path, first_pass)
    known = [_sought(entry) for entry in store.known_matchers(day, first_pass=first_pass)]
    if out is None:
        mark = pass_fingerprint(source, known, settings, shape=shape, day=day)[:12]
        out = settings.home / "matches" / f"{day}-second-pass-{mark}"
    matched = match_traffic(
        source, known, out, settings, progress=progress, shape=shape, day=day, force=force
    )
    failpoint("second_pass:matched")
    knobs = settings.match
    choice = choose(
        pl.DataFrame(files.read_parquet(out / "accounts.parquet")),
        members,
        pl.DataFrame(files.read_parquet(out / "counts.parquet", ["campaign_id", "account_id"])),
        settings.seed,
        Budget(knobs.second_prompts, knobs.second_controls),
    )
    _refuse_other_traffic(choice, members, source, day)
    files.write_parquet(out / CHOSEN, choice.table())
    failpoint("second_pass:chosen")
    return Chosen(first_pass, matched, choice)


def _sought(entry: KnownMatcher) -> KnownMatcher:
    """A wording that met no stranger in a sample too small to tell is sought too.

    What matches here is not said of anybody: it is what the second pass looks at, and judges for itself.
    """
    if entry.state is MatcherState.UNTESTED and not entry.organic_matches:
        return replace(entry, state=MatcherState.USABLE)
    return entry


def _members(folder: Path, first_pass: PublishedRun) -> pl.DataFrame:
    try:
        return pl.DataFrame(files.read_parquet(folder / "accounts.parquet", ["campaign_id", "account_id"]))
    except FileNotFoundError:
        raise IntegrityError(
            f"the files of run {first_pass.run_id} are gone",
            where=str(folder),
            hint=f"Restore them, or discover the day again: shoal run --day {first_pass.day} --force --input SAMPLE",
        ) from None


def _refuse_other_traffic(choice: Choice, members: pl.DataFrame, source: str, day: date) -> None:
    if not choice.accounts_seen:
        raise InputError(
            f"the traffic holds no prompt of {day}",
            where=source,
            hint="Give all traffic of the day, or name another with --day.",
        )
    if choice.absent and choice.absent == members["account_id"].n_unique():
        raise InputError(
            f"the traffic holds nobody of the campaigns of {day}",
            where=source,
            hint="Is it the traffic that the sample was drawn from, and is `secret_key` the same?",
        )


# -- what changed --------------------------------------------------------------------------------------


def changes(first_pass: Run, second: Run) -> list[dict[str, Any]]:
    """Campaigns of either pass, by prompts of the second: sizes, tier and accounts named, before and after.

    `before` or `after` is None where the pass has no such campaign. `now` is the campaign that one of the first pass
    has become, None if its prompts are in none.
    """
    sides = [_sizes(run) for run in (first_pass, second)]
    became = dict(successors(second, first_pass).iter_rows())
    names = sorted({*sides[0], *sides[1]})
    rows = [
        {
            "campaign_id": name,
            "title": (sides[1].get(name) or sides[0][name])["title"],
            "before": _told(sides[0].get(name)),
            "after": _told(sides[1].get(name)),
            "now": became.get(name) if name in sides[0] else name,
        }
        for name in names
    ]
    return sorted(rows, key=_largest_first)


def _largest_first(row: dict[str, Any]) -> tuple[int, int, str]:
    after, before = row["after"] or {}, row["before"] or {}
    return -after.get("n_prompts", 0), -before.get("n_prompts", 0), row["campaign_id"]


def _sizes(run: Run) -> dict[str, dict[str, Any]]:
    named = (
        pl.DataFrame(run.table("accounts", ["campaign_id", "is_core"]))
        .group_by("campaign_id")
        .agg(named=pl.col("is_core").sum().cast(pl.Int64))
    )
    columns = ["campaign_id", "n_prompts", "n_accounts", "tier", "label"]
    table = pl.DataFrame(run.table("campaigns", columns)).join(named, on="campaign_id", how="left")
    table = table.with_columns(pl.col("named").fill_null(0)).rename({"label": "title"})
    return {row["campaign_id"]: row for row in table.iter_rows(named=True)}


def _told(row: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if row is None else {name: row[name] for name in ("n_prompts", "n_accounts", "named", "tier")}
