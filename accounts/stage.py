"""The linking stages: wordings to campaigns, campaigns to accounts, tiers, operators and the figures behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

from accounts.case import Case
from accounts.evidence import Evidence
from accounts.history import active_accounts
from accounts.judging import DayCases, judge_campaigns
from accounts.link import campaign_accounts
from accounts.members import Members
from accounts.operators import find_operators
from accounts.ranking import Ranker, feature_table, rerank
from accounts.strength import CORE_STRENGTH
from accounts.tiers import AllowRule, Verdict
from accounts.wordings import join_wordings
from campaigns import files
from campaigns.entries import template_hash
from campaigns.records import (
    ACCOUNTS,
    ACTIVE,
    BRIDGES,
    EVIDENCE,
    OPERATORS,
    SLOT_WORDS,
    TIERS,
    WORDINGS,
    Tier,
)
from campaigns.runs import Counts, Run
from campaigns.settings import Settings

OUTPUTS = (
    "accounts.parquet", "evidence.parquet", "operators.parquet", "bridges.parquet", "tiers.parquet",
    "slot_words.parquet", "active_accounts.parquet",
)  # fmt: skip


def join_families(run: Run, settings: Settings) -> Counts:  # noqa: ARG001 a stage takes both
    """Families that one pool sends in several wordings, told by shared accounts: write `wordings.parquet`."""
    members = Members.read(run)
    objectives = run.table("labels", ["objective"])["objective"].to_pylist()
    leads, joins = join_wordings(members, objectives, np.load(run.path / "directions.npy"))
    why = {join.right: join for join in joins}
    rows = [
        {"family": family, "lead": lead}
        | (
            {}
            if family not in why
            else {
                "shared": why[family].shared,
                "expected": round(why[family].expected, 6),
                "log_p": round(why[family].log_p, 6),
                "cosine": round(why[family].cosine, 6),
                "by_direction": why[family].by_direction,
            }
        )
        for family, lead in enumerate(leads.tolist())
    ]
    files.write_parquet(run.path / "wordings.parquet", pa.Table.from_pylist(rows, WORDINGS))
    return {"families": len(leads), "campaigns": len(set(leads.tolist())), "joined": len(joins)}


def link_campaigns(
    run: Run,
    settings: Settings,
    allowed: Sequence[AllowRule],
    *,
    trailing: Sequence[Path] = (),
    first_days: Mapping[str, date] | None = None,
    ranker: Ranker | None = None,
) -> Counts:
    """Read members, labels, wordings and identities; write `OUTPUTS`.

    Args:
        allowed: what is known to be benign on the day.
        trailing: folders of the runs of the days before, the oldest first.
        first_days: since when each known campaign is known.
        ranker: what earlier decisions teach about the order of the review queue.
    """
    day = DayCases.read(run, trailing, settings.seed)
    found, ids = day.found, day.ids
    first = day.evidence()
    templates = run.table("labels", ["template"])["template"].to_pylist()
    states = run.table("matchers", ["state"])["state"].to_pylist()
    judged = judge_campaigns(
        day,
        first,
        [_names(case, ids[i], first[i], templates) for i, case in enumerate(found)],
        [states[case.lead] for case in found],
        settings.tier,
        allowed,
    )
    operators = find_operators(
        ids, found, day.shared, judged.suspected, day.history, first_days or {}, run.day
    )
    accounts = campaign_accounts(found, ids, judged.belonging)
    readings = _readings(ids, judged.evidence)
    tiers = _tiers(ids, found, judged.verdicts, operators.of_campaign)
    if ranker is not None:
        features = feature_table(readings.drop_nulls("p_value"), tiers, ranker.signals)[1]
        tiers = tiers.with_columns(
            score=rerank(tiers["score"].to_numpy(), tiers["tier"].to_list(), ranker, features)
        )
    for name, table, schema in (
        ("accounts", accounts, ACCOUNTS),
        ("evidence", readings, EVIDENCE),
        ("operators", operators.members, OPERATORS),
        ("bridges", operators.bridges, BRIDGES),
        ("tiers", tiers, TIERS),
        ("slot_words", _slot_words(ids, judged.evidence), SLOT_WORDS),
        ("active_accounts", active_accounts(day.members.population), ACTIVE),
    ):
        files.write_parquet(run.path / f"{name}.parquet", table.to_arrow().cast(schema))
    return {
        "campaigns": len(found),
        "accounts": accounts["account_id"].n_unique(),
        "named": int((accounts["strength"] >= CORE_STRENGTH).sum()),
        "operators": operators.members["operator_id"].n_unique(),
        "trailing_days": day.history.n_days,
        **{f"tier_{tier}": int((tiers["tier"] == tier).sum()) for tier in Tier},
    }


def _names(
    case: Case, campaign_id: str, evidence: Evidence, templates: Sequence[str]
) -> dict[str, list[str]]:
    """What an allow-list entry may call the campaign: kind to values."""
    named = {
        "campaign": [campaign_id],
        "template_hash": [template_hash(templates[family]) for family in case.families.tolist()],
    }
    if evidence.tenant > 0.5:
        named["organization"] = [case.members.population.organization_names[evidence.tenant_row]]
    return named


def _tiers(
    ids: Sequence[str], found: Sequence[Case], verdicts: Sequence[Verdict], operator_of: Mapping[str, str]
) -> pl.DataFrame:
    rows = [
        {
            "campaign_id": name,
            "tier": str(verdict.tier),
            "score": verdict.score,
            "n_prompts": len(case.rows),
            "n_accounts": len(case.accounts),
            "operator_id": operator_of.get(name),
            "reasons": list(verdict.reasons),
        }
        for name, case, verdict in zip(ids, found, verdicts, strict=True)
    ]
    return pl.DataFrame(pa.Table.from_pylist(rows, TIERS)).sort("campaign_id")


def _readings(ids: Sequence[str], evidence: Sequence[Evidence]) -> pl.DataFrame:
    """Schema EVIDENCE."""

    def known(value: float) -> float | None:
        return None if value != value else float(f"{value:.6g}")  # NaN differs from itself

    rows = [
        {
            "campaign_id": name,
            "signal": reading.signal,
            "group": str(reading.group),
            "value": known(reading.value),
            "control_median": known(reading.controls[10]) if len(reading.controls) else None,
            "control_p95": known(reading.controls[19]) if len(reading.controls) else None,
            "controls": [round(float(value), 6) for value in reading.controls],
            "p_value": known(reading.p_value),
            "sentence": reading.sentence,
        }
        for name, one in zip(ids, evidence, strict=True)
        for reading in one.readings
    ]
    return pl.DataFrame(pa.Table.from_pylist(rows, EVIDENCE)).sort("campaign_id", "signal")


def _slot_words(ids: Sequence[str], evidence: Sequence[Evidence]) -> pl.DataFrame:
    """Schema SLOT_WORDS: what the days to come compare with."""
    tables = [pl.DataFrame(SLOT_WORDS.empty_table())]
    for name, one in zip(ids, evidence, strict=True):
        members, places = one.case.members, one.sampled.places
        rows = one.case.rows[places]
        tables.append(
            pl.DataFrame(
                {
                    "campaign_id": pl.Series([name] * len(rows), dtype=pl.String),
                    "account_id": members.population.ids.gather(members.accounts[rows]),
                    "text_key": pl.Series(members.keys.take(pa.array(members.texts[rows]))),
                    "stratum": one.case.strata[places],
                    "words": pl.Series(
                        [words.tolist() for words in one.sampled.words], dtype=pl.List(pl.UInt64)
                    ),
                }
            )
        )
    return pl.concat(tables).sort("campaign_id", "account_id", "text_key")
