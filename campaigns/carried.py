"""What a second pass takes over from the first pass of its day.

The first pass discovers a day on a sample. The second counts it again over all prompts of some accounts, chosen because
they are in campaigns, or to compare these with. So it knows more of every campaign, and nothing of traffic at large.
What became of the campaigns' ids, and how much of all traffic is in campaigns, the first pass has settled.
"""

from __future__ import annotations

import polars as pl

from campaigns import files
from campaigns.entries import Event
from campaigns.prevalence import write_prevalence
from campaigns.records import IDENTITIES, UNSEEN
from campaigns.runs import Counts, Run
from campaigns.settings import Settings

_WHY = ("event", "reason", "other_id", "overlap", "shared", "expected", "cosine")
_BORN = (Event.MINTED, Event.SPLIT, Event.POSSIBLY_CONTINUES)


def carry_lineage(run: Run, first_pass: Run) -> Counts:
    """Rewrite `identities` and `unseen.parquet` of a second pass, so that each campaign's day has one story.

    A campaign of the first pass is told as it was told then: that it was found again an hour later is no news. What the
    first pass said of campaigns unseen stands for those still unseen. Nothing is said of ids that it gave for the first
    time and that are gone: no day knows them.
    """
    own, told = (pl.DataFrame(one.table("identities")) for one in (run, first_pass))
    leads = told.filter(pl.col("family") == pl.col("lead"))
    why = leads.select("campaign_id", *(pl.col(name).alias(f"{name}_then") for name in _WHY))
    own = own.join(why, on="campaign_id", how="left", maintain_order="left")
    known = pl.col("event_then").is_not_null()
    own = own.with_columns(
        pl.when(known).then(pl.col(f"{name}_then")).otherwise(pl.col(name)).alias(name) for name in _WHY
    )
    files.write_parquet(
        run.path / "identities.parquet", own.select(IDENTITIES.names).to_arrow().cast(IDENTITIES)
    )

    seen = own["campaign_id"].unique().to_list()
    born = leads.filter(pl.col("event").is_in(_BORN))["campaign_id"].to_list()
    unseen = (
        pl.concat([pl.DataFrame(one.table("unseen")) for one in (run, first_pass)])
        .unique("campaign_id", keep="first", maintain_order=True)
        .filter(~pl.col("campaign_id").is_in([*seen, *born]))
        .filter((pl.col("event") != Event.MERGED) | pl.col("other_id").is_in(seen))
        .sort("campaign_id")
    )
    files.write_parquet(run.path / "unseen.parquet", unseen.to_arrow().cast(UNSEEN))
    by_campaign = own.unique("campaign_id")["event"].to_list()
    events = by_campaign + unseen["event"].to_list()
    return {str(event): events.count(event) for event in Event}


def carry_prevalence(run: Run, first_pass: Run, campaigns: pl.DataFrame, settings: Settings) -> None:
    """Count prevalence in the first pass' prompts: which campaign a text is in it says, under today's ids and tiers.

    Args:
        campaigns: `campaign_id`, `tier` and `objective` of the second pass.
    """
    ids = pl.DataFrame(first_pass.table("identities", ["family", "campaign_id"]))
    texts = (
        pl.DataFrame(first_pass.table("family_members", ["text_key", "family"]))
        .join(ids, on="family")
        .join(successors(run, first_pass), on="campaign_id")
        .select("text_key", campaign_id="successor")
    )
    sample_by = first_pass.manifest().get("sample", {}).get("by", settings.sample_by)
    write_prevalence(run, texts, campaigns, sample_by, first_pass.prompt_parts())


def successors(run: Run, first_pass: Run) -> pl.DataFrame:
    """`campaign_id` of the first pass and `successor`, the campaign of the second that it is now.

    The same id if it is still there, else the campaign that most of its prompts are in. A campaign is left out if none
    of its prompts is in any. Sorted by campaign_id.
    """
    now = pl.DataFrame(run.table("members", ["prompt_id", "campaign_id"]))
    then = pl.DataFrame(first_pass.table("members", ["prompt_id", "campaign_id"]))
    kept = then.select("campaign_id").unique().join(now.select("campaign_id").unique(), on="campaign_id")
    moved = (
        then.join(kept, on="campaign_id", how="anti")
        .join(now.rename({"campaign_id": "successor"}), on="prompt_id")
        .group_by("campaign_id", "successor")
        .len()
        .sort("campaign_id", "len", "successor", descending=[False, True, False])
        .unique("campaign_id", keep="first", maintain_order=True)
        .select("campaign_id", "successor")
    )
    return pl.concat([kept.with_columns(successor="campaign_id"), moved]).sort("campaign_id")
