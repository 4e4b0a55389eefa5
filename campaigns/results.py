"""The result files of a run: what stages found out about families, told by campaign id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from campaigns import files
from campaigns.carried import carry_prevalence
from campaigns.collisions import Met
from campaigns.entries import CampaignRecord, Event, KnownCampaign, KnownWording, Lineage, WordingRecord
from campaigns.known_matchers import FIGURES
from campaigns.prevalence import write_prevalence
from campaigns.records import CAMPAIGNS, MAP, MEMBERS, VARIANTS, Objective, Tier
from campaigns.runs import Counts, Run
from campaigns.settings import Settings


def write_results(run: Run, settings: Settings, first_pass: Run | None = None) -> Counts:
    """Write `members`, `campaigns`, `variants`, `map` and the prevalence tables from the stages' tables.

    Args:
        first_pass: of a second pass, whose accounts are no even sample: the run that tells of prevalence.
    """
    ids = pl.DataFrame(run.table("identities")).select("family", "campaign_id", "lead", "variant")
    members = pl.DataFrame(run.table("family_members"))
    sent = pl.DataFrame(run.prompts(["prompt_id", "account_id", "text_key"]))
    prompts = sent.join(members, on="text_key").join(ids, on="family")
    _write(run, "members", prompts, MEMBERS, ["campaign_id", "prompt_id"])
    labels = _labels(run, prompts)
    campaigns = ids.filter(pl.col("family") == pl.col("lead")).join(labels, on="family")
    campaigns = campaigns.join(pl.DataFrame(run.table("tiers")), on="campaign_id")
    _write(run, "campaigns", campaigns, CAMPAIGNS, ["campaign_id"])
    _write(run, "variants", _variants(run, ids, labels, prompts), VARIANTS, ["campaign_id", "variant"])

    families = members.join(ids, on="family").select("text_key", "campaign_id")
    if first_pass is None:
        write_prevalence(run, families, campaigns, settings.sample_by)
    else:
        carry_prevalence(run, first_pass, campaigns, settings)
    points = pl.DataFrame(run.table("representatives")).join(
        families, on="text_key", how="left", maintain_order="left"
    )
    places = np.load(run.path / "layout.npy")
    points = points.with_columns(
        x=pl.Series(places[:, 0], dtype=pl.Float32), y=pl.Series(places[:, 1], dtype=pl.Float32)
    )
    of_traffic = points.filter(~pl.col("text_key").is_in(run.planted()["text_key"].to_pylist()))
    _write(run, "map", of_traffic, MAP, ["representative"])
    tiers = {f"tier_{tier}": int((campaigns["tier"] == tier).sum()) for tier in Tier}
    return {"campaigns": campaigns.height, "members": prompts.height, "variants": ids.height, **tiers}


def records(run: Run, encoder: str = "") -> list[CampaignRecord]:
    """The run's campaigns as the store keeps them, with their wordings and why each has its id.

    Args:
        encoder: fingerprint of what made the run's vectors.
    """
    campaigns = {row["campaign_id"]: row for row in run.table("campaigns").to_pylist()}
    ids = pl.DataFrame(run.table("identities"))
    wordings = wordings_of(run, encoder)
    result = []
    for identity in ids.filter(pl.col("family") == pl.col("lead")).iter_rows(named=True):
        row = campaigns[identity["campaign_id"]]
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
                wordings=wordings[row["campaign_id"]],
                lineage=(_lineage(identity),),
                operator_id=row["operator_id"],
            )
        )
    return result


def unseen(run: Run) -> dict[str, list[Lineage]]:
    """What became of known campaigns that the run did not see, by id."""
    return {row["campaign_id"]: [_lineage(row)] for row in run.table("unseen").to_pylist()}


def met(run: Run) -> dict[tuple[str, int], Met]:
    """Whom the known matchers met on the day of the run, by campaign and wording."""
    return {
        (row["campaign_id"], row["variant"]): Met(**{name: row[name] for name in FIGURES})
        for row in run.table("collisions").to_pylist()
    }


def wordings_of(run: Run, encoder: str = "") -> dict[str, tuple[WordingRecord, ...]]:
    """The wordings of each campaign by its id, in the order of their lasting numbers."""
    ids = pl.DataFrame(run.table("identities", ["family", "campaign_id", "variant"]))
    cores = run.cores(ids.height)
    directions = np.load(run.path / "directions.npy")
    found: dict[str, list[WordingRecord]] = {}
    for row in ids.sort("campaign_id", "variant").iter_rows(named=True):
        features, weights = cores[row["family"]]
        direction = directions[row["family"]]
        if not direction.any():
            direction = direction[:0]
        wording = WordingRecord(
            variant=row["variant"],
            features=features,
            weights=weights,
            direction=direction,
            encoder=encoder if len(direction) else "",
        )
        found.setdefault(row["campaign_id"], []).append(wording)
    return {name: tuple(wordings) for name, wordings in found.items()}


def known_of(run: Run, path: str, encoder: str = "") -> list[KnownCampaign]:
    """The run's campaigns as a second pass over its day knows them.

    Args:
        path: of the run folder, relative to the home folder.
        encoder: as for `records`; empty: its vectors are not compared.
    """
    return [
        KnownCampaign(
            campaign_id=name,
            last_day=run.day,
            runs=(path,),
            merged_into=None,
            wordings=tuple(
                KnownWording(
                    campaign_id=name,
                    day=run.day,
                    variant=one.variant,
                    features=one.features,
                    weights=one.weights,
                    direction=one.direction if encoder else one.direction[:0],
                    encoder=one.encoder,
                )
                for one in wordings
            ),
            first_free=wordings[-1].variant + 1,
            born_today=True,
        )
        for name, wordings in wordings_of(run, encoder).items()
    ]


def _lineage(row: Mapping[str, Any]) -> Lineage:
    figures = {
        name: row[name] for name in ("overlap", "shared", "expected", "cosine") if row[name] is not None
    }
    return Lineage(event=Event(row["event"]), reason=row["reason"], figures=figures, other_id=row["other_id"])


def _labels(run: Run, prompts: pl.DataFrame) -> pl.DataFrame:
    """The labels of the families, with prompts for examples: label, exemplar_prompt_ids and what the run has."""
    labels = pl.DataFrame(run.table("labels")).rename({"title": "label"})
    first = prompts.group_by("text_key").agg(pl.min("prompt_id").alias("exemplar"))
    exemplars = (
        labels.select("family", "exemplars")
        .explode("exemplars")
        .join(first, left_on="exemplars", right_on="text_key", how="left", maintain_order="left")
        .group_by("family", maintain_order=True)
        .agg(pl.col("exemplar").drop_nulls().alias("exemplar_prompt_ids"))
    )
    return labels.join(exemplars, on="family")


def _variants(run: Run, ids: pl.DataFrame, labels: pl.DataFrame, prompts: pl.DataFrame) -> pl.DataFrame:
    """One row per family: the wordings of campaigns, and what joined each."""
    sizes = prompts.group_by("family").agg(
        pl.len().cast(pl.Int64).alias("n_prompts"),
        pl.n_unique("account_id").cast(pl.Int64).alias("n_accounts"),
    )
    joined = pl.format(
        "{} accounts also send other wordings; by chance {} would",
        pl.col("shared"),
        pl.col("expected").round(1),
    )
    # The figures stand with the family that joined; where that was the lead, they tell of the one it joined.
    why = (
        pl.when(pl.col("family") == pl.col("lead"))
        .then(pl.lit("the wording the others were joined to"))
        .when(pl.col("shared").is_null())
        .then(pl.lit("a wording that the campaign is known by"))
        .otherwise(joined)
    )
    alone = pl.len().over("campaign_id") == 1
    wordings = (
        pl.DataFrame(run.table("wordings"))
        .join(ids, on="family")
        .sort("campaign_id", "variant")
        .select(
            "family",
            *(
                pl.coalesce(name, pl.col(name).first().over("campaign_id")).alias(name)
                for name in ("shared", "expected")
            ),
        )
    )
    return (
        ids.join(sizes, on="family")
        .join(labels.select("family", "template", "label", "exemplar_prompt_ids"), on="family")
        .join(wordings, on="family")
        .with_columns(
            exemplar_prompt_id=pl.col("exemplar_prompt_ids").list.first(),
            reason=pl.when(alone).then(pl.lit("the only wording")).otherwise(why),
        )
    )


def _write(run: Run, name: str, table: pl.DataFrame, schema: pa.Schema, order: list[str]) -> None:
    files.write_parquet(
        run.path / f"{name}.parquet", table.select(schema.names).sort(order).to_arrow().cast(schema)
    )
