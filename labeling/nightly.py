"""Whom the known matchers meet on a day.

A matcher is judged on the day it was found (`labeling.collisions`). What it meets later shows on later days only, and
only many days together show a rate that no single one can; `campaigns.collisions` judges the sums.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
import pyarrow as pa

from campaigns import files
from campaigns.entries import KnownMatcher
from campaigns.records import COLLISIONS, UNFIT, MatcherState
from campaigns.runs import Counts, Run
from labeling.sought import matchers_of
from labeling.template import template_from_json
from labeling.tried import tried

_STRANGER = pl.col("family").is_null() & pl.col("named").is_null()


def collide(
    run: Run, before: Sequence[KnownMatcher], today: Sequence[KnownMatcher], named: pl.DataFrame
) -> Counts:
    """Try the matchers on the prompts of a run; write `collisions.parquet`, schema COLLISIONS.

    A wording that was known and was seen again is tried as it was and as the day found it, since one was sought on this
    day and the other will be on the next; what either accepts counts once. Matchers that are unfit whatever they meet
    are left out; those refused for whom they met are tried, and may become live.

    Args:
        before: of any owners, as the days before left them.
        today: of the families of the run.
        named: columns campaign_id and account_id: whom the campaigns name already, no strangers to them.

    Returns:
        Among the counts: the wordings that were `live` before the day, the distinct prompts of strangers that they
        `met`, and `met_suspected`, those that wordings of campaigns met that were not benign.

    Raises:
        IntegrityError: a template is damaged.
    """
    entries = [entry for entry in [*before, *today] if entry.state not in UNFIT]
    owners = _owners(entries, before)
    place = {
        (name, variant): k for k, name, variant in owners.select("owner", "campaign_id", "variant").rows()
    }
    ids = pl.DataFrame(run.table("identities", ["family", "campaign_id"]))
    found = tried(
        run,
        run.table("family_members", ["text_key", "family"]),
        matchers_of([template_from_json(entry.template_json) for entry in entries]),
        np.array([place[entry.campaign_id, entry.variant] for entry in entries], np.int64),
    )
    hits = (
        found.hits.join(owners, on="owner")
        .join(ids.rename({"campaign_id": "of"}), on="family", how="left")
        .join(named.unique().with_columns(named=True), on=["campaign_id", "account_id"], how="left")
    )
    table = _figures(hits, owners, found.organic)
    files.write_parquet(run.path / "collisions.parquet", table)
    sought = hits.filter(_STRANGER & pl.col("live") & (pl.col("whole") | pl.col("anywhere")))
    return {
        "wordings": owners.height,
        "live": int(owners["live"].sum()),
        "prompts": found.organic,
        "met": _prompts(sought),
        "met_accounts": sought["account_id"].n_unique(),
        "met_suspected": _prompts(sought.filter("suspected")),
    }


def _prompts(hits: pl.DataFrame) -> int:
    """Each prompt once, whoever of the owners accepts it. A text may stand in several slices."""
    sent = hits.group_by("owner", "account_id", "text_key").agg(pl.col("prompts").sum())
    return int(sent.unique(["account_id", "text_key"])["prompts"].sum())


def _owners(entries: Sequence[KnownMatcher], before: Sequence[KnownMatcher]) -> pl.DataFrame:
    """Columns owner, campaign_id, variant, and of each before the day: live, anywhere, suspected."""
    sought = {
        (entry.campaign_id, entry.variant): entry for entry in before if entry.state is MatcherState.USABLE
    }
    rows = []
    for k, wording in enumerate(sorted({(entry.campaign_id, entry.variant) for entry in entries})):
        entry = sought.get(wording)
        how = (False, False, False)
        if entry is not None:
            how = (True, entry.anywhere, entry.suspected)
        rows.append((k, *wording, *how))
    schema = {
        "owner": pl.Int64,
        "campaign_id": pl.String,
        "variant": pl.Int32,
        "live": pl.Boolean,
        "anywhere": pl.Boolean,
        "suspected": pl.Boolean,
    }
    return pl.DataFrame(rows, schema, orient="row")


def _figures(hits: pl.DataFrame, owners: pl.DataFrame, organic: int) -> pa.Table:
    whole = pl.col("whole")
    prompts, accounts = pl.col("prompts"), pl.col("account_id")
    sums = hits.group_by("owner").agg(
        matches=prompts.filter(_STRANGER & whole).sum(),
        accounts=accounts.filter(_STRANGER & whole).n_unique(),
        loose_matches=prompts.filter(_STRANGER).sum(),
        loose_accounts=accounts.filter(_STRANGER).n_unique(),
        of_members=prompts.filter(pl.col("family").is_null() & pl.col("named").is_not_null()).sum(),
        own=prompts.filter(whole & (pl.col("of") == pl.col("campaign_id"))).sum(),
        of_others=prompts.filter(whole & (pl.col("of") != pl.col("campaign_id"))).sum(),
    )
    table = (
        owners.join(sums, on="owner", how="left")
        .with_columns(prompts=pl.lit(organic))
        .with_columns(pl.col(set(COLLISIONS.names) - {"campaign_id", "variant"}).fill_null(0))
    )
    return table.sort("campaign_id", "variant").select(COLLISIONS.names).to_arrow().cast(COLLISIONS)
