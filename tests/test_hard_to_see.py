"""What hides best: requests reworded in ten wordings, and one task in eight languages, among 5,000 prompts."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest
from pipeline import DAY

from campaigns import files
from campaigns.runs import open_run
from campaigns.settings import load
from clustering.stage import TextTable, group
from flows.resources import RunRef
from flows.steps import ingest, scaffold
from simulation.plan import CampaignPlan, demo_plan, scaled
from simulation.traffic import write_day

PURE = 0.8


@pytest.fixture(scope="module")
def grouped(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    """One row per planted prompt of the two campaigns: campaign, family, group (null for none), pure."""
    base = scaled(demo_plan(5), 5_000)
    planted = (
        CampaignPlan("cards", "reward-cards", "e9", 30, 100, 0.2),
        CampaignPlan("recast", "neutral-recast", "e5", 30, 8 * 16, 0.1),
    )
    innocents = tuple(one for one in base.innocents if one.kind != "passer-by")
    folder, home = tmp_path_factory.mktemp("traffic"), tmp_path_factory.mktemp("home")
    write_day(replace(base, days=1, campaigns=planted, innocents=innocents), DAY, folder)
    settings = load({"home": str(home)}).settings
    run = open_run(home, DAY, "fingerprint")
    run.reopen()
    ref = RunRef.of(
        run, str(folder / f"day={DAY}" / "traffic.parquet"), "", {"home": str(home)}, settings=settings
    )
    ingest.fn(ref)
    scaffold.fn(ref)
    group(run, settings, {})
    assert len(TextTable.read(run)) > 4_000
    found = pl.DataFrame(run.table("groups")).filter(pl.col("is_family"))
    sent = pl.DataFrame(run.prompts(["prompt_id", "text_key"])).join(found, on="text_key", how="left")
    truth = pl.DataFrame(files.read_parquet(folder / "truth" / f"day={DAY}" / "prompts.parquet"))
    rows = truth.join(sent, on="prompt_id")
    share = (pl.col("campaign") == pl.col("campaign").drop_nulls().mode().sort().first()).mean().over("group")
    return rows.with_columns(pure=share >= PURE).filter(pl.col("campaign").is_not_null())


@pytest.mark.slow
def test_requests_reworded_in_ten_wordings_are_found_by_the_words_of_their_ends(
    grouped: pl.DataFrame,
) -> None:
    cards = grouped.filter(pl.col("campaign") == "cards")
    assert cards.height == 100
    assert cards["family"].n_unique() == 10
    assert (cards["group"].is_not_null() & cards["pure"]).mean() >= 0.7


@pytest.mark.slow
def test_each_of_eight_languages_is_a_group(grouped: pl.DataFrame) -> None:
    recast = grouped.filter(pl.col("campaign") == "recast")
    held = recast.group_by("family").agg(pl.len(), pl.col("group").is_not_null().mean().alias("held"))
    assert held.height == 8
    assert held.filter(pl.col("len") >= 12)["held"].min() >= 0.9
