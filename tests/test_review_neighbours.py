"""Nearest campaigns, operators and accounts of a made-up day, against plain loops over its tables."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from run_examples import GRADES, HOSTILE, LEDGER, publish_example

from benchmarks.review_run import Sizes, publish_day
from campaigns import files
from campaigns.errors import UsageError
from campaigns.records import FAMILY_CORES, IDENTITIES, Tier
from campaigns.runs import Run
from clustering.overlap import Core, overlap_matrix
from review.account import read_account
from review.membership import membership
from review.neighbours import LEAST_OVERLAP, MOST, cores, neighbours
from review.operator import read_operator, read_operators
from review.run_tables import RunTables

N = 60


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return publish_day(tmp_path_factory.mktemp("home"), date(2026, 1, 5), Sizes(N, 3_000))


@pytest.fixture(scope="module")
def tables(day: Run) -> RunTables:
    return RunTables(day)


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> RunTables:
    return RunTables(publish_example(tmp_path_factory.mktemp("example")))


def accounts_of(day: Run) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for row in day.table("accounts").to_pylist():
        found[row["campaign_id"]].add(row["account_id"])
    return found


def rows_of(day: Run, name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = day.table(name).to_pylist()
    return rows


# -- neighbours ----------------------------------------------------------------------------------------


def test_accounts_in_common_are_counted_as_sets_count_them(day: Run, tables: RunTables) -> None:
    accounts = accounts_of(day)
    for name, own in accounts.items():
        expected = {other: len(own & theirs) for other, theirs in accounts.items() if other != name}
        assert membership(tables).shared_with(name) == {o: n for o, n in expected.items() if n}


def test_overlaps_are_those_that_identity_goes_by(day: Run, tables: RunTables) -> None:
    wordings = [Core(*core) for core in day.cores(N)]
    expected = overlap_matrix(wordings, wordings)
    names = [row["campaign_id"] for row in sorted(rows_of(day, "identities"), key=lambda r: r["family"])]
    assert expected[0, 1] > 0.05
    for place, name in enumerate(names):
        found = cores(tables).overlaps(name)
        ours = [1.0 if other == name else found.get(other, 0.0) for other in names]
        np.testing.assert_allclose(ours, expected[place], atol=1e-12)


def test_the_nearest_of_several_wordings_counts(tmp_path: Path) -> None:
    run = publish_example(tmp_path)
    ids = [
        {**row, "family": family, "lead": lead}
        for row, pairs in zip(rows_of(run, "identities"), ([(0, 0), (2, 0)], [(1, 1)]), strict=True)
        for family, lead in pairs
    ]
    features = {0: (1, 2), 1: (3, 4), 2: (4, 5)}
    core = [
        {"family": family, "feature": feature, "weight": 1.0}
        for family, pair in features.items()
        for feature in pair
    ]
    files.write_parquet(run.path / "identities.parquet", pa.Table.from_pylist(ids, IDENTITIES))
    files.write_parquet(run.path / "family_cores.parquet", pa.Table.from_pylist(core, FAMILY_CORES))
    (found,) = neighbours(RunTables(run), LEDGER)
    assert (found.campaign_id, found.tier, found.n_shared) == (GRADES, Tier.REVIEW, 0)
    assert found.overlap == pytest.approx(1 / 3)
    assert found.why == "33% of what marks their nearest wordings is the same."


def test_neighbours_are_few_near_and_sorted(day: Run, tables: RunTables) -> None:
    accounts = accounts_of(day)
    for name, own in accounts.items():
        found = neighbours(tables, name)
        overlaps = cores(tables).overlaps(name)
        near = {
            other: max(
                len(own & theirs) / min(len(own), len(theirs)), overlap if overlap >= LEAST_OVERLAP else 0
            )
            for other, theirs in accounts.items()
            for overlap in [overlaps.get(other, 0.0)]
            if other != name
        }
        expected = sorted((value for value in near.values() if value), reverse=True)[:MOST]
        assert [near[one.campaign_id] for one in found] == pytest.approx(expected)
        for one in found:
            assert one.n_shared == len(own & accounts[one.campaign_id])
            assert (f"{one.n_shared} of {len(own)} accounts" in one.why) == bool(one.n_shared)


# -- operators -----------------------------------------------------------------------------------------


def test_an_operator_counts_each_account_once(day: Run, tables: RunTables) -> None:
    accounts = accounts_of(day)
    campaigns: dict[str, list[str]] = defaultdict(list)
    for row in rows_of(day, "operators"):
        campaigns[row["operator_id"]].append(row["campaign_id"])
    prompts = {row["campaign_id"]: row["n_prompts"] for row in rows_of(day, "campaigns")}
    found = read_operators(tables)
    assert {one.operator_id for one in found} == set(campaigns)
    for one in found:
        names = campaigns[one.operator_id]
        assert one.n_campaigns == len(names)
        assert one.n_accounts == len(set.union(*(accounts[name] for name in names)))
        assert one.n_prompts == sum(prompts[name] for name in names)
        assert one.largest.n_prompts == max(prompts[name] for name in names)
        shown = read_operator(tables, one.operator_id)
        assert shown.summary == one
        several = {
            account: tuple(name for name in names if account in accounts[name])
            for account in set.union(*(accounts[name] for name in names))
        }
        assert shown.shared == {account: of for account, of in several.items() if len(of) > 1}
        assert shown.n_shared == len(shown.shared)
    assert [one.n_accounts for one in found] == sorted((one.n_accounts for one in found), reverse=True)


def test_an_operator_has_its_members_with_reasons_and_its_bridges(example: RunTables) -> None:
    found = read_operator(example, "o-aaaa1111")
    assert [(one.campaign.campaign_id, one.membership) for one in found.members] == [
        (GRADES, 0.75),
        (LEDGER, 0.25),
    ]
    assert found.members[0].reasons == (HOSTILE,)
    (bridge,) = found.bridges
    assert (bridge.inside.campaign_id, bridge.outside.campaign_id) == (GRADES, LEDGER)
    assert (bridge.n_shared, bridge.expected, bridge.account_ids) == (1, 0.5, (HOSTILE,))
    with pytest.raises(UsageError, match="no operator"):
        read_operator(example, "o-none")


# -- accounts ------------------------------------------------------------------------------------------


def test_an_account_has_every_campaign_that_names_it_on_each_day(day: Run, tables: RunTables) -> None:
    rows = rows_of(day, "accounts")
    busiest = max(
        {row["account_id"] for row in rows}, key=lambda name: sum(row["account_id"] == name for row in rows)
    )
    own = sorted((row for row in rows if row["account_id"] == busiest), key=lambda row: -row["strength"])
    assert len(own) > 1
    (today,) = read_account([tables], busiest)
    assert (today.day, today.run_id) == (day.day, day.run_id)
    assert [
        (one.campaign_id, one.n_prompts, one.share, one.strength, one.is_core, list(one.reasons))
        for one in today.campaigns
    ] == [
        tuple(row[key] for key in ("campaign_id", "n_prompts", "share", "strength", "is_core", "reasons"))
        for row in own
    ]


def test_days_keep_their_order_and_bridges_are_told(tables: RunTables, example: RunTables) -> None:
    unknown, bridging = read_account([tables, example], HOSTILE)
    assert (unknown.campaigns, unknown.bridges) == ((), ())
    ((left, right),) = bridging.bridges
    assert (left.campaign_id, right.campaign_id, bridging.campaigns) == (GRADES, LEDGER, ())
    (day,) = read_account([example], "acct-3")
    (one,) = day.campaigns
    assert (one.title, one.tier, one.strength, one.is_core) == ("Balance the ledger", Tier.BENIGN, 0.7, True)
