"""The tables of prevalence, against a count by hand."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from report_examples import Sent, publish_day, publish_week
from store_examples import MONDAY

from campaigns import files
from campaigns.estimates import REPLICATES
from campaigns.prevalence import replicates, write_prevalence
from campaigns.records import PREVALENCE, PREVALENCE_ACCOUNTS, Objective, Tier, text_key
from campaigns.runs import DIGESTED, RESULTS, Run

SENT = [
    Sent("", range(40), 2, "large-1", "NL"),
    Sent("", range(10, 30), 1, None, None, tokens=None),
    Sent("c-1", range(20, 50), 1, "large-1", "KE", Tier.ACTIONABLE),
    Sent("c-2", range(5, 25), 3, "small-1", None, Tier.BENIGN, objective=Objective.CODE, tokens=7),
]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return publish_day(tmp_path_factory.mktemp("home"), MONDAY, SENT)


def by_hand(sent: list[Sent]) -> list[dict[str, Any]]:
    return [
        {"campaign": one.campaign_id or None, "account": account, "model": one.model, "country": one.country,
         "tier": one.tier.value, "objective": one.objective.value, "tokens": one.tokens}
        for one in sent for account in one.accounts for _ in range(one.each)
    ]  # fmt: skip


def test_cells_hold_every_prompt_once(run: Run) -> None:
    table = run.table("prevalence")
    assert table.schema.equals(PREVALENCE)
    found = pl.DataFrame(table)
    assert found.equals(found.sort("campaign_id", "model", "country", "replicate"))
    prompts = by_hand(SENT)
    expected: defaultdict[tuple[Any, ...], Counter[str]] = defaultdict(Counter)
    for row in prompts:
        tally = expected[row["campaign"], row["model"], row["country"]]
        tally["n_prompts"] += 1
        if row["tokens"] is not None:
            tally.update(
                input_tokens=row["tokens"], input_counted=1, output_tokens=row["tokens"], output_counted=1
            )
    sums = found.drop("replicate").group_by("campaign_id", "model", "country").sum()
    told = {tuple(row[:3]): dict(zip(sums.columns[3:], row[3:], strict=True)) for row in sums.iter_rows()}
    assert told == {key: {name: tally[name] for name in sums.columns[3:]} for key, tally in expected.items()}


def test_accounts_are_distinct_by_every_kind(run: Run) -> None:
    table = run.table("prevalence_accounts")
    assert table.schema.equals(PREVALENCE_ACCOUNTS)
    prompts = by_hand(SENT)
    expected: Counter[tuple[Any, ...]] = Counter()
    for within, kinds in (
        (False, ("all", "model", "country")),
        (True, ("all", "campaign", "tier", "objective", "model", "country")),
    ):
        for kind in kinds:
            sent = Counter(
                (row.get(kind), row["account"])
                for row in prompts
                if row["campaign"] is not None or not within
            )
            for (value, _), n in sent.items():
                expected[kind, value, within, ("once", "twice", "more")[min(n, 3) - 1]] += 1
    suspected = Counter(row["account"] for row in prompts if row["campaign"] == "c-1")
    for n in suspected.values():
        expected["suspected", None, True, ("once", "twice", "more")[min(n, 3) - 1]] += 1
    told = {
        (row["by"], row["value"], row["in_campaigns"], times): row[f"accounts_{times}"]
        for row in table.to_pylist()
        for times in ("once", "twice", "more")
        if row[f"accounts_{times}"]
    }
    assert told == dict(expected)


def test_groups_are_dealt_evenly_and_stay_with_their_account() -> None:
    names = pl.Series([f"acct-{n}" for n in range(20_000)])
    dealt = replicates(names)
    sizes = np.bincount(dealt["replicate"].to_numpy(), minlength=REPLICATES)
    assert len(sizes) == REPLICATES
    assert ((sizes - 20_000 / REPLICATES) ** 2).sum() / (20_000 / REPLICATES) < 110  # chi-squared, 63 degrees
    again = replicates(names.sample(fraction=1.0, shuffle=True, seed=1))
    assert dealt.sort("unit").equals(again.sort("unit"))


def test_prompts_of_one_account_share_a_group_unless_prompts_were_drawn(tmp_path: Path) -> None:
    sent = [Sent("c-1", [1], 200)]
    by_account = publish_day(tmp_path / "a", MONDAY, sent).table("prevalence")
    by_prompt = publish_day(tmp_path / "b", MONDAY, sent, rate=0.5, by="prompt").table("prevalence")
    assert by_account.num_rows == 1
    assert by_prompt.num_rows > 40
    assert sum(by_prompt["n_prompts"].to_pylist()) == 200


def test_the_order_of_rows_changes_nothing(tmp_path: Path) -> None:
    first = publish_day(tmp_path / "a", MONDAY, SENT[:3])
    second = publish_day(tmp_path / "b", MONDAY, SENT[:3])
    for part in second.prompt_parts():
        rows = pl.DataFrame(files.read_parquet(part)).sample(fraction=1.0, shuffle=True, seed=3)
        files.write_parquet(part, rows.to_arrow())
    texts = pl.DataFrame({"text_key": [text_key("2")], "campaign_id": ["c-1"]})
    write_prevalence(second, texts, pl.DataFrame(second.table("campaigns")), "unknown")
    for name in ("prevalence", "prevalence_accounts"):
        assert first.table(name).equals(second.table(name))


def test_a_day_without_campaigns_or_columns_is_counted_all_the_same(tmp_path: Path) -> None:
    run = publish_day(tmp_path, MONDAY, [Sent("", range(3), 1, None, None, tokens=None)])
    found = pl.DataFrame(run.table("prevalence"))
    assert found["n_prompts"].sum() == 3
    assert found["campaign_id"].null_count() == found.height
    assert found["input_counted"].sum() == 0


def test_manifest_and_digest_cover_the_tables(tmp_path: Path) -> None:
    (run, *_) = publish_week(tmp_path, days=1)
    assert {"prevalence", "prevalence_accounts"} <= set(RESULTS) & set(DIGESTED)
    assert {"prevalence.parquet", "prevalence_accounts.parquet"} <= set(run.manifest()["files"])
    assert run.verify() == []
