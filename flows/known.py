"""The known campaigns as run folders tell of them: who worked for them, and what a first pass found."""

from __future__ import annotations

from collections.abc import Sequence

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

    A run folder that is gone has nobody to tell of. Also returned: what was asked, for the record of the stage.
    """
    wanted: dict[str, list[str]] = {}
    for one in known:
        for run in one.runs:
            wanted.setdefault(run, []).append(one.campaign_id)
    tables, asked = [pl.DataFrame(schema=_NAMED)], []
    for run, ids in sorted(wanted.items()):
        path = settings.home / run / "accounts.parquet"
        if not path.exists():
            continue
        table = pl.DataFrame(files.read_parquet(path, ["campaign_id", "account_id", "is_core"]))
        tables.append(table.filter(pl.col("is_core") & pl.col("campaign_id").is_in(ids)).select(*_NAMED))
        asked.append(f"{run} {len(ids)}")
    return pl.concat(tables).unique().sort("campaign_id", "account_id"), asked
