"""The evidence of a campaign, sorted for eyes: what speaks, what does not, and which facts count together.

Nothing is decided here. Tiers are those of the run; groups and the day are put together once more, as `accounts.tiers`
does, so that a reader sees what each part weighs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from accounts.combine import benjamini_hochberg, cauchy
from accounts.signals.reading import COUNTED, NOT_ACTIONABLE, NOT_TESTED, Group
from campaigns.records import Tier
from campaigns.runs import Run
from campaigns.settings import TierSettings
from review.run_tables import RunTables

Row = dict[str, Any]

ORDER: Final = (*COUNTED, Group.VOLUME, Group.CLIENT, Group.CONTENT)
"""How groups follow each other on a page."""
PHRASES: Final = {
    Group.REGISTRATION: "when the accounts were made",
    Group.INFRASTRUCTURE: "networks, addresses and payment cards",
    Group.TIMING: "when the accounts are there",
    Group.EVENNESS: "how prompts fall on the accounts",
    Group.GRAPH: "where else the accounts meet",
    Group.VOLUME: "what else the accounts send; speaks for review at most",
    Group.CLIENT: "comes with the tool that sends the template; never counts",
    Group.CONTENT: "what the prompts say; may explain, never accuses alone",
}
FOR_PEOPLE: Final = {
    "slot topics": "rare: topics of their own",
    "slot partition": "rare: people copy one text",
}
"""Signals of which a small chance speaks for an innocent reason."""


class Standing(StrEnum):
    SPEAKS = "speaks"
    SILENT = "does not speak"
    TEXTS = "the texts"
    UNTESTED = "not tested"


@dataclass(frozen=True, slots=True)
class Signal:
    """One row of `evidence.parquet`; `controls` holds 21 quantiles, or nothing."""

    name: str
    group: Group
    value: float | None
    controls: tuple[float, ...]
    p_value: float | None
    sentence: str
    standing: Standing

    @property
    def control_median(self) -> float | None:
        return self.controls[len(self.controls) // 2] if self.controls else None

    @property
    def why_untested(self) -> str:
        return self.sentence.removeprefix(NOT_TESTED).rstrip(".")


@dataclass(frozen=True, slots=True)
class Weight:
    """A counted group: its signals that were tested, put together; `p_value` is None where none was."""

    group: Group
    n_tested: int
    p_value: float | None
    speaks: bool


@dataclass(frozen=True, slots=True)
class Sheet:
    """What is known of a campaign on one day.

    Attributes:
        signals: by `ORDER`, within a group the least likely first.
        together: p-value of all counted groups; None where nothing was tested.
        q_value: the same, corrected for the campaigns of the day.
        missing: what `actionable` lacks, a sentence each.
        needed: counted groups that must speak for `actionable`.
        speaks_at, q_at: the bounds of the run.
    """

    campaign_id: str
    title: str
    tier: Tier
    day: date
    n_prompts: int
    n_accounts: int
    signals: tuple[Signal, ...]
    weights: tuple[Weight, ...]
    together: float | None
    q_value: float | None
    n_campaigns: int
    reasons: tuple[str, ...]
    needed: int
    speaks_at: float
    q_at: float

    def of(self, standing: Standing) -> list[Signal]:
        return [one for one in self.signals if one.standing == standing]

    @property
    def missing(self) -> list[str]:
        return [text.removeprefix(NOT_ACTIONABLE) for text in self.reasons if text.startswith(NOT_ACTIONABLE)]

    @property
    def explained(self) -> list[str]:
        """Why a benign campaign is benign."""
        said = [text for text in self.reasons if not text.startswith(NOT_TESTED)]
        return said if self.tier == Tier.BENIGN else []

    def as_json(self) -> Row:
        """What adds to the rows of `evidence.parquet`."""
        return {
            "groups": [
                {"group": str(one.group), "p_value": one.p_value, "speaks": one.speaks}
                for one in self.weights
            ],
            "groups_needed": self.needed,
            "p_together": self.together,
            "q_value": self.q_value,
            "missing_for_actionable": self.missing,
        }


@dataclass(frozen=True, slots=True)
class DayWeights:
    """What the signals of each campaign of a day come to, as the tiers weigh them.

    Attributes:
        places: the row of each campaign in the arrays, by id.
        n_tested: int64 (n, groups), signals that have a p-value; the groups are those of `COUNTED`.
        groups: float64 (n, groups), their p-values put together; NaN where none was tested.
        together, q_values: float64 (n,), of all groups; NaN where nothing was tested.
        bounds: those that the run went by.
    """

    places: dict[str, int]
    n_tested: NDArray[np.int64]
    groups: NDArray[np.float64]
    together: NDArray[np.float64]
    q_values: NDArray[np.float64]
    bounds: TierSettings

    @property
    def nbytes(self) -> int:
        arrays = (self.n_tested, self.groups, self.together, self.q_values)
        return sum(array.nbytes for array in arrays) + _PLACE_BYTES * len(self.places)


_PLACE_BYTES: Final = 150


def day_weights(tables: RunTables) -> DayWeights:
    """Computed once for a run."""
    return tables.made("day weights", lambda: _weigh(tables))


def _weigh(tables: RunTables) -> DayWeights:
    given = tables.run.manifest().get("settings", {}).get("tier", {})
    bounds = TierSettings(
        **{name: value for name, value in given.items() if name in TierSettings.model_fields}
    )
    names = pc.unique(tables.table("campaigns", ["campaign_id"], keep=False)["campaign_id"])
    evidence = tables.table("evidence", ["campaign_id", "group", "p_value"], keep=False)
    place = pc.index_in(evidence["campaign_id"], value_set=names)
    column = pc.index_in(evidence["group"], value_set=pa.array([str(group) for group in COUNTED]))
    p_values = evidence["p_value"]
    counts = pc.and_(pc.and_(pc.is_valid(place), pc.is_valid(column)), pc.is_valid(p_values))
    cells = len(COUNTED) * place.filter(counts).to_numpy().astype(np.int64) + column.filter(counts).to_numpy()
    order = np.argsort(cells, kind="stable")
    sorted_p = p_values.filter(counts).to_numpy()[order]
    n_tested = np.bincount(cells, minlength=len(names) * len(COUNTED))
    starts = np.cumsum(n_tested) - n_tested
    found = np.full(len(n_tested), np.nan)
    for size in np.unique(n_tested[n_tested > 0]):  # all cells of a size at once, with nothing to fill up
        of_size = np.flatnonzero(n_tested == size)
        found[of_size] = cauchy(sorted_p[starts[of_size, None] + np.arange(size)])
    groups = found.reshape(len(names), len(COUNTED))
    together = cauchy(groups)
    return DayWeights(
        {name: row for row, name in enumerate(names.to_pylist())},
        n_tested.reshape(groups.shape),
        groups,
        together,
        benjamini_hochberg(together),
        bounds,
    )


def read_sheet(run: Run | RunTables, campaign: Row) -> Sheet:
    """The evidence of a row of `campaigns.parquet`, by the bounds that the run went by."""
    tables = RunTables.of(run)
    weights = day_weights(tables)
    bounds = weights.bounds
    mine = weights.places[campaign["campaign_id"]]
    rows = tables.rows("evidence", "campaign_id", campaign["campaign_id"]).to_pylist()
    return Sheet(
        campaign_id=campaign["campaign_id"],
        title=campaign["label"],
        tier=Tier(campaign["tier"]),
        day=tables.day,
        n_prompts=campaign["n_prompts"],
        n_accounts=campaign["n_accounts"],
        signals=_signals(rows, bounds.group_p),
        weights=tuple(
            Weight(
                group,
                int(weights.n_tested[mine, i]),
                _known(weights.groups[mine, i]),
                bool(weights.groups[mine, i] <= bounds.group_p),
            )
            for i, group in enumerate(COUNTED)
        ),
        together=_known(weights.together[mine]),
        q_value=_known(weights.q_values[mine]),
        n_campaigns=int(np.count_nonzero(~np.isnan(weights.together))),
        reasons=tuple(campaign["reasons"]),
        needed=bounds.action_groups,
        speaks_at=bounds.group_p,
        q_at=bounds.q,
    )


def chance(p_value: float | None) -> str:
    """A p-value for people: `1 in 5,000`, `38 in 100`. Rounded towards the likelier, to two digits."""
    if p_value is None:
        return ""
    if p_value < 1e-6:
        return "under 1 in 1,000,000"
    if p_value >= 0.5:  # put together, such are never told apart; see `accounts.combine`
        return "over 50 in 100"
    if p_value > 0.1:
        return f"{round(100 * p_value)} in 100"
    times = int((1 + 1e-9) / p_value)
    unit = 10 ** max(len(str(times)) - 2, 0)
    return f"1 in {times // unit * unit:,}"


def figure(value: float | None) -> str:
    """Three digits, with commas."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.3g}"


def _known(value: float) -> float | None:
    return None if value != value else float(value)  # NaN differs from itself


def _signals(rows: Sequence[Row], speaks_at: float) -> tuple[Signal, ...]:
    found = [
        Signal(
            name=row["signal"],
            group=Group(row["group"]),
            value=row["value"],
            controls=tuple(row.get("controls") or ()),
            p_value=row["p_value"],
            sentence=_sentence(row["sentence"]),
            standing=_standing(row, speaks_at),
        )
        for row in rows
    ]
    found.sort(key=lambda one: (ORDER.index(one.group), 2 if one.p_value is None else one.p_value, one.name))
    return tuple(found)


def _standing(row: Row, speaks_at: float) -> Standing:
    if row["value"] is None:
        return Standing.UNTESTED
    if row["group"] == Group.CONTENT:
        return Standing.TEXTS
    counts = row["group"] in (*COUNTED, Group.VOLUME)
    speaks = counts and row["p_value"] is not None and row["p_value"] <= speaks_at
    return Standing.SPEAKS if speaks else Standing.SILENT


def _sentence(text: str) -> str:
    """With a capital and a full stop."""
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")
