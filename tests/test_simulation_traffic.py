"""Generated traffic: reproducible, exact in its counts, diverse, and streamed."""

import re
import tracemalloc
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from campaigns.errors import UsageError
from campaigns.records import REQUIRED_COLUMNS, TRAFFIC
from simulation.plan import SimulationPlan, demo_plan, scaled, small_plan
from simulation.prose import LANGUAGES
from simulation.traffic import generate, generate_with_truth, write_day
from simulation.truth import CAMPAIGN_TRUTH, PROMPT_TRUTH


def day_of(plan: SimulationPlan, index: int = 0) -> tuple[pl.DataFrame, pl.DataFrame]:
    parts = list(generate_with_truth(plan, plan.dates[index]))
    traffic = pa.Table.from_batches([traffic for traffic, _ in parts], TRAFFIC)
    return pl.DataFrame(traffic), pl.DataFrame(
        pa.Table.from_batches([truth for _, truth in parts], PROMPT_TRUTH)
    )


@pytest.fixture(scope="module")
def demo() -> tuple[pl.DataFrame, pl.DataFrame]:
    return day_of(demo_plan())


def test_same_plan_same_rows_whatever_the_batch_size() -> None:
    plan = small_plan(3)
    whole = pa.Table.from_batches(generate(plan, plan.dates[0]))
    pieces = list(generate(plan, plan.dates[0], batch_rows=7))
    assert {batch.num_rows for batch in pieces[:-1]} == {7}
    assert pa.Table.from_batches(pieces).equals(whole)
    assert pa.Table.from_batches(generate(small_plan(3), plan.dates[0])).equals(whole)


def test_another_seed_is_another_day() -> None:
    one, other = (day_of(small_plan(seed))[0] for seed in (1, 2))
    assert not set(one["account_id"]) & set(other["account_id"])
    assert not set(one["prompt_id"]) & set(other["prompt_id"])


def test_a_campaign_does_not_change_the_rows_of_the_others() -> None:
    plan = small_plan()
    without = replace(plan, campaigns=plan.campaigns[1:], innocents=plan.innocents[:-1])
    rows, truth = day_of(plan)
    fewer, _ = day_of(without)
    kept = truth.filter(pl.col("campaign") == plan.campaigns[1].name).select("prompt_id")
    assert rows.join(kept, on="prompt_id").equals(fewer.join(kept, on="prompt_id"))


@pytest.mark.parametrize("index", [0, 1, 2])
def test_planted_counts_are_exact(index: int) -> None:
    plan = demo_plan()
    rows, truth = day_of(plan, index)
    assert rows.height == truth.height == plan.prompts_per_day
    assert rows["prompt_id"].equals(truth["prompt_id"])
    assert rows["prompt_id"].n_unique() == rows.height
    sent = dict(truth.filter(pl.col("kind") == "campaign").group_by("campaign").len().iter_rows())
    assert sent == {c.name: c.prompts_on(index) for c in plan.campaigns if c.prompts_on(index)}
    kinds = dict(truth.group_by("kind").len().iter_rows())
    for innocent in plan.innocents:
        assert kinds.get(f"benign:{innocent.kind}", 0) == innocent.prompts_per_day * innocent.active_on(index)
    assert kinds["cover"] == sum(c.cover_on(index) for c in plan.campaigns)
    ordinary = sum(i.ordinary for i in plan.innocents if i.active_on(index))
    assert kinds["organic"] == plan.organic_on(index) + ordinary


def test_two_campaigns_of_one_pool_share_its_accounts() -> None:
    _, truth = day_of(demo_plan())
    accounts = {
        name: set(truth.filter(pl.col("campaign") == name)["account_id"])
        for name in ("shells", "tests", "ledger")
    }
    assert accounts["shells"] == accounts["tests"]
    assert len(accounts["shells"]) == 28
    assert not accounts["shells"] & accounts["ledger"]


def test_replaced_accounts_never_come_back() -> None:
    first, second, third = (
        set(day_of(demo_plan(), index)[1].filter(pl.col("campaign") == "judges")["account_id"])
        for index in range(3)
    )
    assert first == second
    assert len(third) == len(first)
    assert not first & third


def test_rows_have_the_schema_and_the_day() -> None:
    plan = small_plan()
    for batch in generate(plan, plan.dates[0]):
        assert batch.schema.equals(TRAFFIC)
        batch.validate(full=True)
    rows, _ = day_of(plan)
    assert rows["created_at"].dt.date().unique().to_list() == [plan.dates[0]]
    assert (rows["account_created_at"] < rows["created_at"]).all()
    assert rows.filter(pl.col("prompt").str.strip_chars() == "").is_empty()
    assert rows.select(REQUIRED_COLUMNS).null_count().row(0) == (0,) * len(REQUIRED_COLUMNS)


def test_an_account_keeps_its_columns_over_days() -> None:
    plan = demo_plan()
    columns = ["organization_id", "asn", "country", "payment_fingerprint", "account_created_at", "user_agent"]
    both = pl.concat([day_of(plan, index)[0] for index in (0, 1)])
    assert (
        both.group_by("account_id").agg(pl.col(columns).n_unique()).select(columns).max().row(0) == (1,) * 6
    )
    returning = set(day_of(plan, 0)[0]["account_id"]) & set(day_of(plan, 1)[0]["account_id"])
    assert len(returning) > 300


def test_organic_volumes_have_a_heavy_tail(demo: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    _, truth = demo
    planted = truth.filter(pl.col("kind") != "organic").select("account_id").unique()
    volumes = truth.join(planted, on="account_id", how="anti").group_by("account_id").len()["len"].to_numpy()
    assert np.median(volumes) <= 3
    assert volumes.max() >= 20
    assert np.sort(volumes)[-len(volumes) // 10 :].sum() > 0.35 * volumes.sum()


def test_organic_text_is_no_template_itself(demo: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    """Measured: the commonest run of eight words is shared by two accounts (by five at 20,000 prompts)."""
    rows, truth = demo
    organic = rows.join(truth.filter(pl.col("kind") == "organic"), on="prompt_id")
    accounts: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for prompt, account in organic.select("prompt", "account_id").iter_rows():
        words = re.findall(r"[\u4e00-\u9fff]|\w+|[^\w\s]", prompt.lower())
        for start in range(len(words) - 7):
            accounts[tuple(words[start : start + 8])].add(account)
    assert max(map(len, accounts.values())) <= 5
    assert sum(len(shared) > 1 for shared in accounts.values()) < 0.002 * len(accounts)


def test_organic_text_has_many_languages_lengths_and_openings(
    demo: tuple[pl.DataFrame, pl.DataFrame],
) -> None:
    rows, truth = demo
    organic = rows.join(truth.filter(pl.col("kind") == "organic"), on="prompt_id")
    shares = Counter(organic["language"])
    assert set(shares) == set(LANGUAGES)
    assert 0.5 < shares["en"] / organic.height < 0.9
    lengths = organic["prompt"].str.len_chars().to_numpy()
    assert lengths.min() < 10
    assert np.quantile(lengths, 0.95) > 400
    openings = organic["prompt"].str.to_lowercase().str.extract(r"^(\S+\s+\S+)").drop_nulls()
    assert max(Counter(openings).values()) < 0.03 * organic.height
    assert organic["prompt"].n_unique() > 0.9 * organic.height


def test_a_day_is_streamed_not_held() -> None:
    """Rows are a kilobyte and more each: held, a day would peak at thrice the memory, and above 3 MB."""

    def peak(volume: int) -> int:
        plan = scaled(small_plan(), volume)
        tracemalloc.start()
        try:
            for _ in generate(plan, plan.dates[0], batch_rows=100):
                pass
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(3_000)  # fills the bounded caches of phrases
    small, large = peak(1_000), peak(3_000)
    assert large < 2 * small
    assert large < 1_000_000


def test_long_organic_texts_do_not_repeat_as_the_volume_grows() -> None:
    """Greetings and one-word requests recur, as they do in real traffic; whatever is longer is said once."""
    plan = SimulationPlan(1, 12_000, 5)
    rows, _ = day_of(plan)
    assert 0 < rows.height - rows["prompt"].n_unique() < 0.04 * rows.height
    for prompts in (3_000, 12_000):
        said = rows.head(prompts)["prompt"]
        longer = said.filter(said.str.len_chars() > 30)
        assert longer.len() - longer.n_unique() < 0.001 * prompts


def test_a_written_day_is_what_was_generated(tmp_path: Path) -> None:
    plan = small_plan()
    written = write_day(plan, plan.dates[0], tmp_path)
    rows, truth = day_of(plan)
    assert written.traffic == tmp_path / "day=2026-01-05" / "traffic.parquet"
    assert written.rows == plan.prompts_per_day
    table = pq.read_table(written.traffic, partitioning=None, page_checksum_verification=True)
    assert table.schema.equals(TRAFFIC)
    assert pl.DataFrame(table).equals(rows)
    assert pl.DataFrame(pq.read_table(written.prompts, partitioning=None)).equals(truth)
    campaigns = pq.read_table(written.campaigns, partitioning=None)
    assert campaigns.schema.equals(CAMPAIGN_TRUTH)
    assert campaigns["campaign"].to_pylist() == [c.name for c in plan.campaigns]
    assert campaigns["n_prompts"].to_pylist() == [c.prompts_per_day for c in plan.campaigns]
    roles = dict(
        pl.DataFrame(pq.read_table(written.accounts, partitioning=None))
        .select("account_id", "role")
        .iter_rows()
    )
    assert set(roles) == set(rows["account_id"])
    planted = {account for accounts in campaigns["accounts"].to_pylist() for account in accounts}
    assert {account for account, role in roles.items() if role == "campaign"} >= planted
    first = written.traffic.read_bytes()
    assert write_day(plan, plan.dates[0], tmp_path).traffic.read_bytes() == first


def test_a_day_outside_the_plan_is_refused() -> None:
    plan = small_plan()
    with pytest.raises(UsageError, match="not a day"):
        next(generate(plan, plan.dates[0] - timedelta(days=1)))
