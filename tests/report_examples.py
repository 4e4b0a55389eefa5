"""Published days of counted traffic, made by hand: campaigns with accounts, models and countries, and no texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
from store_examples import MONDAY, a_wording

from campaigns import files, records
from campaigns.entries import CampaignRecord, Event, Lineage, PublishedRun
from campaigns.locks import held
from campaigns.prevalence import write_prevalence
from campaigns.publish import publish
from campaigns.records import Objective, Tier, text_key
from campaigns.runs import RESULTS, Counts, Run, open_run
from campaigns.store import Store


@dataclass(frozen=True, slots=True)
class Sent:
    """What one campaign, or with an empty id the ordinary traffic, sent on a day.

    `accounts` are numbers; each sends `each` prompts to `model` from `country`.
    """

    campaign_id: str
    accounts: Sequence[int]
    each: int = 3
    model: str | None = "large-1"
    country: str | None = "NL"
    tier: Tier = Tier.REVIEW
    title: str = "Grades essays"
    objective: Objective = Objective.GRADING
    operator: str | None = None
    tokens: int | None = 100


def publish_day(
    home: Path,
    day: date,
    sent: Sequence[Sent],
    *,
    rate: float = 1.0,
    by: str = "unknown",
    counted: bool = True,
    first_pass: str = "",
) -> Run:
    """Write, finish and publish a run; with `counted` false as a version without tables of prevalence did.

    With `first_pass`, the id of a run, it is a second pass.
    """
    run = open_run(home, day, "f1")
    rows = [row for n, one in enumerate(sent) for row in _prompts(one, n, day)]
    rows.sort(key=lambda row: row["account_id"])
    names = [row["account_id"] for row in rows]
    half = names.index(names[len(names) // 2])  # an account's prompts are all in one part
    for number, part in enumerate((rows[:half], rows[half:])):
        _write(run, f"prompts/part-{number:04}", part, records.PROMPTS)
    campaigns = _campaigns(sent)
    for name in RESULTS:
        if name not in ("campaigns", "accounts"):
            schema = getattr(records, name.upper())
            files.write_parquet(run.path / f"{name}.parquet", schema.empty_table())
    _write(run, "campaigns", campaigns, records.CAMPAIGNS)
    _write(run, "accounts", _accounts(sent), records.ACCOUNTS)
    active = sorted({row["account_id"] for row in rows})
    _write(run, "active_accounts", [{"account_id": name} for name in active], records.ACTIVE)
    texts = pl.DataFrame(
        {
            "text_key": [text_key(f"{n}") for n, one in enumerate(sent) if one.campaign_id],
            "campaign_id": [one.campaign_id for one in sent if one.campaign_id],
        },
        schema={"text_key": pl.Binary, "campaign_id": pl.String},
    )
    write_prevalence(run, texts, pl.DataFrame(run.table("campaigns")), by)
    second = {"second_pass": {"first_pass": first_pass}} if first_pass else {}
    run.finish({"sample": {"rate": rate, "by": by}, **second})
    if not counted:
        for name in ("prevalence", "prevalence_accounts"):
            (run.path / f"{name}.parquet").unlink()
    ledger: Counts = {"first_pass.run_id": first_pass} if first_pass else {}
    with (
        Store.open_url(f"sqlite:///{home / 'shoal.db'}") as store,
        held(store, day, lease_seconds=60) as lock,
    ):
        publish(store, lock, PublishedRun.of(run, home, ledger), [_record(row) for row in campaigns])
    return run


def publish_week(home: Path, *, title: str = "Grades essays", rate: float = 1.0, days: int = 7) -> list[Run]:
    """A release on Thursday that a grading pool moves to at once; its accounts are replaced every day.

    The third day is not published. A benign app and ordinary traffic stay as they are.
    """
    runs = []
    for n in range(days):
        if n == 2:
            continue
        new = n >= 3
        ordinary = [
            Sent("", range(1_000 + 100 * k, 1_060 + 100 * k), 4, model, country, tokens=80)
            for k, (model, country) in enumerate(
                [
                    ("large-1", "NL"),
                    ("large-1", "KE"),
                    ("small-1", "PT"),
                    ("large-2" if new else "small-1", "NL"),
                ]
            )
        ]
        pool = range(40 * n, 40 * n + 40)
        sent = [
            *ordinary,
            Sent(
                "c-aaaa",
                pool,
                4,
                "large-2" if new else "large-1",
                "KE",
                Tier.ACTIONABLE,
                title,
                operator="o-aaaa",
            ),
            Sent(
                "c-bbbb",
                range(500, 512),
                5 + n,
                "small-1",
                None,
                Tier.REVIEW,
                "Codes by the yard",
                Objective.CODE,
            ),
            Sent(
                "c-cccc", range(600, 603), 30, "large-1", "PT", Tier.BENIGN, "Support desk", Objective.UNCLEAR
            ),
        ]
        runs.append(publish_day(home, MONDAY + timedelta(days=n), sent, rate=rate))
    return runs


def _prompts(one: Sent, number: int, day: date) -> list[dict[str, Any]]:
    return [
        {
            "prompt_id": f"p-{number}-{account}-{i}",
            "account_id": f"acct-{account}",
            "created_at": datetime(day.year, day.month, day.day, 12, tzinfo=UTC),
            "prompt": "",
            "model": one.model,
            "country": one.country,
            "input_tokens": one.tokens,
            "output_tokens": one.tokens,
            "text_key": text_key(f"{number}"),
        }
        for account in one.accounts
        for i in range(one.each)
    ]


def _campaigns(sent: Sequence[Sent]) -> list[dict[str, Any]]:
    return [
        {
            "campaign_id": one.campaign_id,
            "tier": one.tier.value,
            "score": 0.5,
            "n_prompts": one.each * len(one.accounts),
            "n_accounts": len(one.accounts),
            "template": "",
            "label": one.title,
            "summary": "",
            "objective": one.objective.value,
            "objective_confidence": 0.8,
            "keyphrases": [],
            "exemplar_prompt_ids": [],
            "operator_id": one.operator,
            "reasons": [],
        }
        for one in sorted(sent, key=lambda one: one.campaign_id)
        if one.campaign_id
    ]


def _accounts(sent: Sequence[Sent]) -> list[dict[str, Any]]:
    return [
        {
            "account_id": f"acct-{account}",
            "campaign_id": one.campaign_id,
            "n_prompts": one.each,
            "share": 1.0,
            "strength": 0.9,
            "is_core": True,
            "reasons": [],
        }
        for one in sent
        if one.campaign_id
        for account in one.accounts
    ]


def _record(row: dict[str, Any]) -> CampaignRecord:
    return CampaignRecord(
        campaign_id=row["campaign_id"],
        n_prompts=row["n_prompts"],
        n_accounts=row["n_accounts"],
        tier=Tier(row["tier"]),
        score=row["score"],
        title=row["label"],
        objective=Objective(row["objective"]),
        template=row["template"],
        wordings=(a_wording(),),
        lineage=(Lineage(event=Event.MINTED, reason="new", figures={}),),
    )


def _write(run: Run, name: str, rows: list[dict[str, Any]], schema: pa.Schema) -> None:
    files.write_parquet(run.path / f"{name}.parquet", pa.Table.from_pylist(rows, schema))
