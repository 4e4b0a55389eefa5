"""The known campaigns as run folders tell of them: who worked for them, and what a first pass found."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from campaigns import files
from campaigns.entries import KnownCampaign
from campaigns.results import known_of
from campaigns.runs import Run
from campaigns.settings import Settings
from flows.resources import encoder

_NAMED = pl.Schema({"campaign_id": pl.String, "account_id": pl.String})


def known_then(first_pass: Run, settings: Settings) -> list[KnownCampaign]:
    """The campaigns of the first pass of a day, for the second.

    Vectors are compared only if the first pass had the same model.
    """
    then = first_pass.manifest().get("settings", {}).get("embedding", {}).get("model")
    name = encoder(settings).fingerprint if then == settings.embedding.model else ""
    return known_of(first_pass, first_pass.path.relative_to(settings.home).as_posix(), name)


def workers_of(known: Sequence[KnownCampaign], settings: Settings) -> tuple[pl.DataFrame, list[str]]:
    """Accounts named in each campaign on its latest days, columns campaign_id and account_id.

    For a campaign that was split off and has no day of its own, those who sent its wordings in the other's name. A run
    folder that is gone has nobody to tell of. Also returned: what was asked, for the record of the stage.
    """
    wanted: dict[str, list[KnownCampaign]] = {}
    for one in known:
        for run in one.runs:
            wanted.setdefault(run, []).append(one)
    tables, asked = [pl.DataFrame(schema=_NAMED)], []
    for run, campaigns in sorted(wanted.items()):
        path = settings.home / run / "accounts.parquet"
        if not path.exists():
            continue
        table = pl.DataFrame(files.read_parquet(path, ["campaign_id", "account_id", "is_core"]))
        named = table.filter("is_core").select(*_NAMED)
        tables.append(named.filter(pl.col("campaign_id").is_in([one.campaign_id for one in campaigns])))
        tables += [_parted(path.parent, named, one) for one in campaigns if one.formerly is not None]
        asked.append(f"{run} {len(campaigns)}")
    return pl.concat(tables).unique().sort("campaign_id", "account_id"), asked


def _parted(folder: Path, named: pl.DataFrame, campaign: KnownCampaign) -> pl.DataFrame:
    """Those `named` in the campaign that it was split from, and who sent the wordings that were parted."""
    variants = [one.variant for one in campaign.wordings]
    ids = pl.DataFrame(
        files.read_parquet(folder / "identities.parquet", ["family", "campaign_id", "variant"])
    )
    families = ids.filter((pl.col("campaign_id") == campaign.formerly) & pl.col("variant").is_in(variants))
    members = pl.DataFrame(files.read_parquet(folder / "family_members.parquet", ["text_key", "family"]))
    texts = members.join(families, on="family", how="semi")
    senders = [
        pl.DataFrame(files.read_parquet(part, ["account_id", "text_key"]))
        .join(texts, on="text_key", how="semi")
        .select("account_id")
        for part in sorted((folder / "prompts").glob("part-*.parquet"))
    ]
    if not senders:
        return pl.DataFrame(schema=_NAMED)
    return (
        named.filter(pl.col("campaign_id") == campaign.formerly)
        .join(pl.concat(senders), on="account_id", how="semi")
        .select(pl.lit(campaign.campaign_id).alias("campaign_id"), "account_id")
    )
