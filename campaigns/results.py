"""The result files of a run: what stages found out about families, told by campaign id."""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa

from campaigns import files
from campaigns.entries import CampaignRecord, Event, Lineage
from campaigns.records import ACCOUNTS, CAMPAIGNS, EVIDENCE, MAP, MEMBERS, Objective, Tier
from campaigns.runs import Counts, Run


def write_results(run: Run) -> Counts:
    """Write `members`, `campaigns`, `accounts`, `evidence` and `map.parquet` from the stages' tables."""
    ids = pl.DataFrame(run.table("identities")).select("family", "campaign_id")
    members = pl.DataFrame(run.table("family_members"))
    sent = pl.DataFrame(run.prompts(["prompt_id", "account_id", "text_key"]))
    prompts = sent.join(members, on="text_key").join(ids, on="family")
    _write(run, "members", prompts, MEMBERS, ["campaign_id", "prompt_id"])

    campaigns = _campaigns(run, ids, prompts)
    _write(run, "campaigns", campaigns, CAMPAIGNS, ["campaign_id"])
    accounts = pl.DataFrame(run.table("family_accounts")).join(ids, on="family")
    _write(run, "accounts", accounts, ACCOUNTS, ["campaign_id", "account_id"])
    evidence = pl.DataFrame(run.table("family_evidence")).join(ids, on="family")
    _write(run, "evidence", evidence, EVIDENCE, ["campaign_id", "signal"])

    families = members.join(ids, on="family").select("text_key", "campaign_id")
    points = pl.DataFrame(run.table("representatives")).join(
        families, on="text_key", how="left", maintain_order="left"
    )
    places = np.load(run.path / "layout.npy")
    points = points.with_columns(
        x=pl.Series(places[:, 0], dtype=pl.Float32), y=pl.Series(places[:, 1], dtype=pl.Float32)
    )
    _write(run, "map", points, MAP, ["representative"])
    tiers = {f"tier_{tier}": int((campaigns["tier"] == tier).sum()) for tier in Tier}
    return {"campaigns": campaigns.height, "members": prompts.height, "accounts": accounts.height, **tiers}


def records(run: Run) -> list[CampaignRecord]:
    """The run's campaigns as the store keeps them, with their cores and why each has its id."""
    campaigns = {row["campaign_id"]: row for row in run.table("campaigns").to_pylist()}
    cores = pl.DataFrame(run.table("family_cores")).partition_by("family", as_dict=True)
    result = []
    for identity in run.table("identities").to_pylist():
        row = campaigns[identity["campaign_id"]]
        core = cores.get((identity["family"],))
        result.append(
            CampaignRecord(
                campaign_id=row["campaign_id"],
                n_prompts=row["n_prompts"],
                n_accounts=row["n_accounts"],
                tier=Tier(row["tier"]),
                score=row["score"],
                title=row["label"],
                objective=Objective(row["objective"]),
                template=row["template"],
                features=np.empty(0, np.uint64) if core is None else core["feature"].to_numpy(),
                weights=np.empty(0, np.float32) if core is None else core["weight"].to_numpy(),
                lineage=(_lineage(identity["event"], identity["overlap"]),),
            )
        )
    return result


def _lineage(event: str, overlap: float) -> Lineage:
    if event == Event.KEPT:
        reason = f"its scaffold overlaps the campaign's by {overlap:.0%}"
    else:
        reason = f"no known campaign's scaffold is near enough (the nearest overlaps by {overlap:.0%})"
    return Lineage(event=Event(event), reason=reason, figures={"overlap": overlap})


def _campaigns(run: Run, ids: pl.DataFrame, prompts: pl.DataFrame) -> pl.DataFrame:
    labels = pl.DataFrame(run.table("labels")).rename({"title": "label"})
    first = prompts.group_by("text_key").agg(pl.min("prompt_id").alias("exemplar"))
    exemplars = (
        labels.select("family", "exemplars")
        .explode("exemplars")
        .join(first, left_on="exemplars", right_on="text_key", how="left", maintain_order="left")
        .group_by("family", maintain_order=True)
        .agg(pl.col("exemplar").drop_nulls().alias("exemplar_prompt_ids"))
    )
    tiers = pl.DataFrame(run.table("family_tiers"))
    return (
        ids.join(tiers, on="family")
        .join(labels, on="family")
        .join(exemplars, on="family")
        .with_columns(operator_id=pl.lit(None, pl.String))
    )


def _write(run: Run, name: str, table: pl.DataFrame, schema: pa.Schema, order: list[str]) -> None:
    files.write_parquet(
        run.path / f"{name}.parquet", table.select(schema.names).sort(order).to_arrow().cast(schema)
    )
