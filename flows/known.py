"""Who worked for the known campaigns, from the run folders of their latest days."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from campaigns import files
from campaigns.entries import KnownCampaign
from campaigns.settings import Settings

_NAMED = pl.Schema({"campaign_id": pl.String, "account_id": pl.String})


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
