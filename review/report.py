"""How much of all traffic is in campaigns, over the days that were published.

Counts come from `prevalence.parquet` and `prevalence_accounts.parquet` of each day's run, estimates for all traffic
from `campaigns.estimates`. Nothing is decided here: tiers, objectives and operators are those of the runs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from campaigns.errors import UsageError
from campaigns.estimates import REPLICATES, AccountBounds, Estimate, accounts, share, total
from campaigns.records import PREVALENCE, PREVALENCE_ACCOUNTS, Tier
from campaigns.runs import Run
from review.changes import moves, turnovers
from review.report_records import DayFigures, Largest, Report, Row

KINDS: Final = ("tier", "objective", "model", "country")
SUSPECTED: Final = (Tier.ACTIONABLE.value, Tier.REVIEW.value)
_TABLES: Final = (("prevalence", PREVALENCE), ("prevalence_accounts", PREVALENCE_ACCOUNTS))
_KNOWN: Final = ("campaign_id", "tier", "objective", "operator_id", "label")


@dataclass(frozen=True, slots=True, eq=False)
class _Day:
    run: Run
    rate: float
    by: str
    cells: pl.DataFrame
    reached: pl.DataFrame
    known: pl.DataFrame


def read_report(
    first: date, last: date, runs: Sequence[Run], seen: Mapping[str, tuple[date, date]]
) -> Report:
    """
    Args:
        runs: the published runs of the period, oldest first.
        seen: first and last day of each campaign.

    Raises:
        UsageError: no day of the period has the tables.
    """
    counted = [run for run in runs if all((run.path / f"{name}.parquet").exists() for name, _ in _TABLES)]
    if not counted:
        raise UsageError(
            f"no day from {first} to {last} was published with figures of prevalence",
            hint="Runs of earlier versions lack them. Do a day again: shoal run --day DAY --force --input PATH",
        )
    days = [_read(run) for run in counted]
    cells = pl.concat(
        [day.cells.with_columns(day=pl.lit(n, pl.Int32)) for n, day in enumerate(days)]
    ).with_columns(tokens=pl.col("input_tokens") + pl.col("output_tokens"))
    rates = np.array([day.rate for day in days])
    spread = _Spread(cells, rates)
    published = {run.day for run in runs}
    period = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    suspected = cells["tier"].is_in(SUSPECTED).fill_null(value=False)
    return Report(
        first=first,
        last=last,
        not_published=tuple(day for day in period if day not in published),
        without_table=tuple(run.day for run in runs if run not in counted),
        prompts=total(spread.prompts(cells), rates),
        token_coverage=_coverage(cells),
        whole=spread.row(None, spread.inside, cells, *_accounts(days, "all", None)),
        suspected=spread.row(None, cells.filter(suspected), cells, *_suspected_accounts(days)),
        days=tuple(_figures(day, n, spread) for n, day in enumerate(days)),
        kinds={kind: _rows(kind, days, spread) for kind in KINDS},
        largest=_largest(days, spread, seen),
        moves=moves(cells, [day.run.day for day in days], _titles(days)),
        turnovers=turnovers([day.run for day in days], _titles(days), SUSPECTED),
    )


def sample_of(run: Run) -> tuple[float, str]:
    """(part of all prompts that the input held, what it was drawn by); runs of earlier versions do not say: all."""
    sample = run.manifest().get("sample", {})
    return float(sample.get("rate", 1.0)), str(sample.get("by", "unknown"))


def rate_of_sizes(run: Run) -> float:
    """The part of all prompts that the sizes of the run's campaigns were counted in: all of them in a second pass."""
    return 1.0 if run.second_pass else sample_of(run)[0]


class _Spread:
    """Cells of all days, laid out as (days, REPLICATES)."""

    def __init__(self, cells: pl.DataFrame, rates: NDArray[np.float64]) -> None:
        self.cells = cells
        self.rates = rates
        self.inside = cells.filter(pl.col("campaign_id").is_not_null())

    def prompts(self, cells: pl.DataFrame) -> NDArray[np.float64]:
        return self._laid_out(cells, "n_prompts")

    def row(
        self, name: str | None, part: pl.DataFrame, whole: pl.DataFrame, reached: float, account_share: float
    ) -> Row:
        prompts, tokens = self.prompts(part), self._laid_out(part, "tokens")
        every = self.prompts(whole)
        suspected = part.filter(pl.col("tier").is_in(SUSPECTED))
        return Row(
            name=name,
            prompts=total(prompts, self.rates),
            prompt_share=share(prompts, every, self.rates),
            suspected_share=share(self.prompts(suspected), every, self.rates),
            tokens=total(tokens, self.rates),
            token_share=share(tokens, self._laid_out(whole, "tokens"), self.rates),
            accounts=reached,
            account_share=account_share,
        )

    def _laid_out(self, cells: pl.DataFrame, measure: str) -> NDArray[np.float64]:
        place = cells["day"].to_numpy().astype(np.int64) * REPLICATES + cells["replicate"].to_numpy()
        size = len(self.rates) * REPLICATES
        counts = np.bincount(place, cells[measure].to_numpy(), size)
        return counts.astype(np.float64).reshape(len(self.rates), REPLICATES)


def _read(run: Run) -> _Day:
    rate, by = sample_of(run)
    known = pl.DataFrame(run.table("campaigns", list(_KNOWN)))
    cells = pl.DataFrame(run.table("prevalence")).join(
        known.select("campaign_id", "tier", "objective", "operator_id"),
        on="campaign_id",
        how="left",
        maintain_order="left",
    )
    return _Day(
        run=run,
        rate=rate,
        by=by,
        cells=cells,
        reached=pl.DataFrame(run.table("prevalence_accounts")),
        known=known,
    )


def _coverage(cells: pl.DataFrame) -> float:
    prompts = int(cells["n_prompts"].sum())
    told = int(cells["input_counted"].sum()) + int(cells["output_counted"].sum())
    return told / (2 * prompts) if prompts else 0.0


def _rows(kind: str, days: Sequence[_Day], spread: _Spread) -> tuple[Row, ...]:
    rows = []
    of_all = kind in ("tier", "objective")
    parts = spread.inside.partition_by(kind, as_dict=True)
    wholes = {} if of_all else spread.cells.partition_by(kind, as_dict=True)
    for (value,), part in parts.items():
        whole = spread.cells if of_all else wholes[(value,)]
        rows.append(spread.row(value, part, whole, *_accounts(days, kind, value)))
    rows.sort(key=lambda row: (-row.prompts.value, row.name or ""))
    return tuple(rows)


_SEEN: Final = pl.col("accounts_once") + pl.col("accounts_twice") + pl.col("accounts_more")


def _accounts(days: Sequence[_Day], kind: str, value: str | None) -> tuple[float, float]:
    """(mean of a day's distinct accounts in campaigns, their part of all accounts seen)."""
    inside = every = 0
    for day in days:
        of_value = day.reached.filter((pl.col("by") == kind) & pl.col("value").eq_missing(pl.lit(value)))
        inside += int(of_value.filter("in_campaigns").select(_SEEN).sum().item())
        whole = of_value if kind in ("model", "country") else _all_accounts(day)
        every += int(whole.filter(~pl.col("in_campaigns")).select(_SEEN).sum().item())
    return inside / len(days), inside / every if every else math.nan


def _suspected_accounts(days: Sequence[_Day]) -> tuple[float, float]:
    """The same for the suspected tiers: an account in campaigns of both counts once."""
    inside = every = 0
    for day in days:
        inside += _suspected_seen(day)
        every += int(_all_accounts(day).filter(~pl.col("in_campaigns")).select(_SEEN).sum().item())
    return inside / len(days), inside / every if every else math.nan


def _suspected_seen(day: _Day) -> int:
    counted = day.reached.filter(pl.col("by") == "suspected")
    if counted.height or day.run.second_pass:
        return int(counted.select(_SEEN).sum().item())
    # None, or a run of an earlier version, which did not count them.
    suspected = day.known.filter(pl.col("tier").is_in(SUSPECTED))
    members = pl.DataFrame(day.run.table("accounts", ["campaign_id", "account_id"]))
    return members.join(suspected, on="campaign_id", how="semi")["account_id"].n_unique()


def _all_accounts(day: _Day) -> pl.DataFrame:
    return day.reached.filter(pl.col("by") == "all")


def _figures(day: _Day, number: int, spread: _Spread) -> DayFigures:
    cells = spread.cells.filter(pl.col("day") == number)
    alone = _Spread(cells.with_columns(day=pl.lit(0, pl.Int32)), np.array([day.rate]))
    every = alone.prompts(alone.cells)

    def of(tiers: Sequence[str]) -> Estimate:
        return share(alone.prompts(alone.inside.filter(pl.col("tier").is_in(tiers))), every, alone.rates)

    def bounds(*, inside: bool) -> AccountBounds:
        row = _all_accounts(day).filter(pl.col("in_campaigns") == inside)
        once, twice, more = (int(row[f"accounts_{name}"].sum()) for name in ("once", "twice", "more"))
        return accounts(once, twice, more, day.rate)

    return DayFigures(
        day=day.run.day,
        run_id=day.run.run_id,
        sample_rate=day.rate,
        sample_by=day.by,
        prompts=total(every, alone.rates),
        suspected=of(SUSPECTED),
        tiers={tier.value: of([tier.value]) for tier in Tier},
        accounts=bounds(inside=True),
        all_accounts=bounds(inside=False),
    )


def _titles(days: Sequence[_Day]) -> dict[str, dict[str, Any]]:
    """What the latest day of the period says of each campaign."""
    return {row["campaign_id"]: row for day in days for row in day.known.iter_rows(named=True)}


def _largest(
    days: Sequence[_Day], spread: _Spread, seen: Mapping[str, tuple[date, date]]
) -> tuple[Largest, ...]:
    titles = _titles(days)
    members = pl.concat(
        [pl.DataFrame(day.run.table("accounts", ["campaign_id", "account_id"])) for day in days]
    )
    reached = dict(members.group_by("campaign_id").agg(pl.n_unique("account_id")).iter_rows())
    made = []
    for (name,), part in spread.inside.partition_by("campaign_id", as_dict=True).items():
        on = [days[number].run.day for number in part["day"].unique().sort()]
        first, last = seen.get(name, (on[0], on[-1]))
        known = titles[name]
        made.append(
            Largest(
                campaign_id=name,
                title=known["label"],
                objective=known["objective"],
                tier=known["tier"],
                prompts=total(spread.prompts(part), spread.rates),
                accounts=reached[name],
                first_seen=first,
                last_seen=last,
            )
        )
    return tuple(sorted(made, key=lambda one: (-one.prompts.value, one.campaign_id)))
