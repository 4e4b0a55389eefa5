"""What the decisions of analysts teach: the evidence they looked at, read back from its runs, and a ranker from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from campaigns.entries import Verdict
from campaigns.runs import Run
from campaigns.settings import Settings
from campaigns.store import Store

if TYPE_CHECKING:
    from accounts.ranking import Ranker, Tally

_LABELS: Final = {Verdict.CONFIRMED: True, Verdict.DISMISSED: False}
_CAMPAIGN: Final = ["campaign_id", "operator_id", "n_accounts", "n_prompts"]


@dataclass(frozen=True, slots=True)
class Lesson:
    """`tally` counts what could be learned from; `unreadable` more rest on runs whose files are gone or damaged.

    `ranker` is None while there are too few.
    """

    tally: Tally
    unreadable: int
    ranker: Ranker | None


def learn(store: Store, settings: Settings) -> Lesson:
    """Train on every campaign that stands confirmed or dismissed.

    A row is a campaign in a run that a decision in force is about, with the evidence of that run. Its label is the
    verdict that stands: the last word counts for earlier days too.
    """
    from accounts.ranking import SIZES, feature_table, tally, train

    decided = _decided(store)
    runs = {run_id: _results(store, settings, run_id) for run_id in sorted({run_id for run_id, _ in decided})}
    readable = {run_id: tables for run_id, tables in runs.items() if tables is not None}
    signals = sorted({name for evidence, _ in readable.values() for name in evidence["signal"].unique()})

    features = [np.empty((0, len(signals) + len(SIZES)))]
    labels: list[bool] = []
    campaigns: list[str] = []
    operators: list[str | None] = []
    for run_id, (evidence, results) in readable.items():
        wanted = [campaign_id for run, campaign_id in decided if run == run_id]
        rows = results.filter(pl.col("campaign_id").is_in(wanted)).sort("campaign_id")
        ids, table = feature_table(evidence, rows, signals)
        features.append(table)
        labels += [decided[run_id, campaign_id] for campaign_id in ids]
        campaigns += ids
        operators += rows["operator_id"].to_list()
    truth = np.array(labels, dtype=np.bool_)
    groups = tied(campaigns, operators)
    ranker = train(np.vstack(features), truth, groups, [*signals, *SIZES], settings.seed)
    return Lesson(tally(truth, groups), len(decided) - len(labels), ranker)


def tied(campaigns: list[str], operators: list[str | None]) -> list[str]:
    """For each row the smallest campaign id that it hangs together with, through any row of the same operator."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    names, campaign = np.unique(np.array(campaigns, dtype=np.str_), return_inverse=True)
    owned = [
        f"operator {operator}" if operator is not None else f"campaign {name}"
        for name, operator in zip(campaigns, operators, strict=True)
    ]
    owners, owner = np.unique(np.array(owned, dtype=np.str_), return_inverse=True)
    size = len(names) + len(owners)
    ties = coo_array((np.ones(len(campaign)), (campaign, len(names) + owner)), shape=(size, size))
    part = connected_components(ties, directed=False)[1][: len(names)]
    _, smallest = np.unique(part, return_index=True)  # every part holds a campaign, and names are sorted
    found: list[str] = names[smallest][part[campaign]].tolist()
    return found


def _decided(store: Store) -> dict[tuple[str, str], bool]:
    """(run_id, campaign_id) of every decision in force to whether the campaign stands confirmed."""
    decisions = store.decisions(in_force=True)
    standing = {one.campaign_id: one.verdict for one in decisions}
    return {
        (one.run_id, one.campaign_id): _LABELS[verdict]
        for one in decisions
        if one.verdict in _LABELS and (verdict := standing[one.campaign_id]) in _LABELS
    }


def _results(store: Store, settings: Settings, run_id: str) -> tuple[pl.DataFrame, pl.DataFrame] | None:
    """What was tested, and the campaigns, of a run; None if its files are not what they were."""
    entry = store.run(run_id)
    if entry is None:
        return None
    run = Run(settings.home / entry.path, entry.day, entry.attempt, entry.fingerprint)
    if run.completed("results") is None:
        return None
    evidence = pl.DataFrame(run.table("evidence", ["campaign_id", "signal", "p_value"]))
    return evidence.drop_nulls("p_value"), pl.DataFrame(run.table("campaigns", _CAMPAIGN))
