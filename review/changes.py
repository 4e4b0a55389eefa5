"""What changes within campaigns from day to day: the models they ask, and the accounts they use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from campaigns.estimates import REPLICATES, share_change
from campaigns.records import Tier
from campaigns.runs import Run

FEWEST_PROMPTS: Final = 30
FEWEST_GROUPS: Final = 5
LEAST_CHANGE: Final = 0.2
LEVEL: Final = 0.01
"""A move is told where both sides have as many prompts from as many random groups of accounts, the share changed by as
much, and chance is ruled out at this level over every operator, model and day that was looked at."""


@dataclass(frozen=True, slots=True)
class Move:
    """An operator whose prompts went to another model.

    Attributes:
        operator: its id, or that of a campaign that belongs to none.
        title: that of its largest campaign.
        day: the first of the days after the change.
        model: the one that gained; `from_model` lost most, None if none did.
        before, after: the model's share of the operator's prompts.
        others_before, others_after: the same of all other prompts, on the same days.
        first_seen: the day on which the model came into the traffic, if it was not there on the first day.
        by_day: the model's share on each day that the operator was seen.
        p_value: corrected for everything that was looked at.
    """

    operator: str
    title: str
    day: date
    model: str
    from_model: str | None
    before: float
    after: float
    n_before: int
    n_after: int
    others_before: float
    others_after: float
    first_seen: date | None
    by_day: tuple[tuple[date, float], ...]
    p_value: float


@dataclass(frozen=True, slots=True)
class Turnover:
    """Accounts of a campaign that are new since the day before, and gone, over the pairs of days that it was seen on.

    `accounts` is the mean of the later days, `new_share` of their accounts, `gone_share` of those of the earlier ones.
    The usual figures are those of all accounts of the traffic on the same days, None where runs do not keep them.
    """

    campaign_id: str
    title: str
    tier: str
    pairs: int
    accounts: float
    new_share: float
    gone_share: float
    usual_new: float | None
    usual_gone: float | None


def moves(cells: pl.DataFrame, days: Sequence[date], known: Mapping[str, dict[str, Any]]) -> tuple[Move, ...]:
    """Operators that are not benign and changed their model, the surest first.

    Args:
        cells: `PREVALENCE` of all days with a `day`, the position in `days`.
        known: label, tier and operator_id of each campaign.
    """
    told = cells.filter(pl.col("model").is_not_null())
    models = told["model"].unique().sort().to_list()
    if len(days) < 2 or len(models) < 2:
        return ()
    parties = {
        name: row["operator_id"] or name for name, row in known.items() if row["tier"] != Tier.BENIGN.value
    }
    party = pl.col("campaign_id").replace_strict(parties, default=None, return_dtype=pl.String)
    told = told.with_columns(party=party)
    every = _counts(told, models, len(days))
    looked_at, found = 0, []
    for (name,), part in told.drop_nulls("party").partition_by("party", as_dict=True).items():
        counts = _counts(part, models, len(days))
        looks, best = _best(counts)
        looked_at += looks
        if best is not None:
            largest = part.group_by("campaign_id").agg(pl.sum("n_prompts")).sort("n_prompts", "campaign_id")
            found.append((name, known[largest["campaign_id"][-1]]["label"], counts, *best))
    made = [
        _move(name, title, counts, every, split, model, p * looked_at, models, days)
        for name, title, counts, split, model, p in found
        if p * looked_at <= LEVEL
    ]
    return tuple(sorted(made, key=lambda move: (move.p_value, move.operator)))


def _counts(cells: pl.DataFrame, models: Sequence[str], n_days: int) -> NDArray[np.float64]:
    """(days, models, REPLICATES) prompts."""
    model = cells["model"].replace_strict(models, list(range(len(models))), return_dtype=pl.Int64).to_numpy()
    place = (cells["day"].to_numpy() * len(models) + model) * REPLICATES + cells["replicate"].to_numpy()
    size = n_days * len(models) * REPLICATES
    counts = np.bincount(place, cells["n_prompts"].to_numpy(), size)
    return counts.astype(np.float64).reshape(n_days, len(models), REPLICATES)


def _best(counts: NDArray[np.float64]) -> tuple[int, tuple[int, int, float] | None]:
    """(splits and models looked at, the likeliest change as (first day after, model that gained, p))."""
    looks, best = 0, None
    for split in range(1, len(counts)):
        before, after = counts[:split].sum(axis=0), counts[split:].sum(axis=0)
        if min(before.sum(), after.sum()) < FEWEST_PROMPTS or not (
            counts[split - 1].sum() and counts[split].sum()
        ):
            continue
        if min(np.count_nonzero(side.sum(axis=0)) for side in (before, after)) < FEWEST_GROUPS:
            continue
        looks += len(before)
        gained = after.sum(axis=1) / after.sum() - before.sum(axis=1) / before.sum()
        for model in np.flatnonzero(gained >= LEAST_CHANGE):
            _, p = share_change(before[model], before.sum(axis=0), after[model], after.sum(axis=0))
            if best is None or p < best[2]:
                best = (split, int(model), p)
    return looks, best


def _move(
    operator: str,
    title: str,
    counts: NDArray[np.float64],
    every: NDArray[np.float64],
    split: int,
    model: int,
    p_value: float,
    models: Sequence[str],
    days: Sequence[date],
) -> Move:
    sent = counts.sum(axis=2)
    others = every.sum(axis=2) - sent
    before, after = sent[:split].sum(axis=0), sent[split:].sum(axis=0)
    lost = before / before.sum() - after / after.sum()
    came = int(np.flatnonzero(every[:, model].sum(axis=1))[0])
    return Move(
        operator=operator,
        title=title,
        day=days[split],
        model=models[model],
        from_model=models[int(lost.argmax())] if lost.max() > 0 else None,
        before=float(before[model] / before.sum()),
        after=float(after[model] / after.sum()),
        n_before=int(before.sum()),
        n_after=int(after.sum()),
        others_before=_part(others[:split], model),
        others_after=_part(others[split:], model),
        first_seen=days[came] if came else None,
        by_day=tuple(
            (day, float(row[model] / row.sum())) for day, row in zip(days, sent, strict=True) if row.sum()
        ),
        p_value=float(p_value),
    )


def _part(sent: NDArray[np.float64], model: int) -> float:
    return float(sent[:, model].sum() / sent.sum()) if sent.sum() else 0.0


def turnovers(
    runs: Sequence[Run], known: Mapping[str, dict[str, Any]], tiers: Sequence[str]
) -> tuple[Turnover, ...]:
    """Campaigns of these tiers that were seen on two days in a row, those with most accounts replaced first.

    A day of which a sample was seen and one of which whole accounts were do not tell who came and who went.
    """
    pairs = [
        (first, second)
        for first, second in pairwise(runs)
        if second.day - first.day == timedelta(days=1) and first.second_pass == second.second_pass
    ]
    if not pairs:
        return ()
    seen = pl.concat([_pair(first, second) for first, second in pairs])
    usual = _usual(pairs)
    sums = (
        seen.group_by("campaign_id")
        .agg(pl.len().alias("pairs"), pl.sum("n_before", "n_after", "stayed"))
        .with_columns(
            new=1 - pl.col("stayed") / pl.col("n_after"), gone=1 - pl.col("stayed") / pl.col("n_before")
        )
        .sort([pl.col("new") * pl.col("n_after"), pl.col("campaign_id")], descending=[True, False])
    )
    return tuple(
        Turnover(
            campaign_id=row["campaign_id"],
            title=known[row["campaign_id"]]["label"],
            tier=known[row["campaign_id"]]["tier"],
            pairs=row["pairs"],
            accounts=row["n_after"] / row["pairs"],
            new_share=row["new"],
            gone_share=row["gone"],
            usual_new=usual[0],
            usual_gone=usual[1],
        )
        for row in sums.iter_rows(named=True)
        if known[row["campaign_id"]]["tier"] in tiers
    )


def _pair(first: Run, second: Run) -> pl.DataFrame:
    """Campaigns of both days: accounts before, after, and on both."""
    key = ["campaign_id", "account_id"]
    before, after = (pl.DataFrame(run.table("accounts", key)) for run in (first, second))
    return (
        before.group_by("campaign_id")
        .len("n_before")
        .join(after.group_by("campaign_id").len("n_after"), on="campaign_id")
        .join(before.join(after, on=key).group_by("campaign_id").len("stayed"), on="campaign_id", how="left")
        .with_columns(pl.col("n_before", "n_after", "stayed").cast(pl.Int64).fill_null(0))
    )


def _usual(pairs: Sequence[tuple[Run, Run]]) -> tuple[float | None, float | None]:
    name = "active_accounts"
    if not all((run.path / f"{name}.parquet").exists() for pair in pairs for run in pair):
        return None, None
    n_before = n_after = stayed = 0
    for first, second in pairs:
        before, after = (pl.DataFrame(run.table(name, ["account_id"])) for run in (first, second))
        n_before, n_after = n_before + before.height, n_after + after.height
        stayed += before.join(after, on="account_id").height
    return (1 - stayed / n_after if n_after else None, 1 - stayed / n_before if n_before else None)
