"""A campaign by the day and by the hour: what was not looked at is a gap, not a zero."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import pytest
from run_examples import GRADES, publish_example

from benchmarks.review_run import Sizes, publish_day
from campaigns.entries import CampaignDay, CampaignHistory
from campaigns.records import Objective, Tier
from campaigns.store import Store
from review.campaign import read_report
from review.run_tables import RunTables
from review.timeline import hours, timeline

MONDAY = date(2026, 1, 5)


def seen(day: date, n_prompts: int, tier: Tier) -> CampaignDay:
    return CampaignDay(
        campaign_id=GRADES,
        day=day,
        run_id=f"{day}.1",
        n_prompts=n_prompts,
        n_accounts=n_prompts // 2,
        tier=tier,
        score=0.5,
        title="Grade",
        objective=Objective.GRADING,
        template="Grade {text}",
    )


def test_days_without_the_campaign_are_zero_and_days_without_a_run_are_gaps() -> None:
    days = [MONDAY + timedelta(days=n) for n in range(4)]
    found = timeline(
        CampaignHistory(
            campaign_id=GRADES,
            first_day=days[0],
            last_day=days[3],
            state="open",
            days=(seen(days[0], 8, Tier.REVIEW), seen(days[3], 4, Tier.ACTIONABLE)),
            lineage=(),
            published=(days[0], days[1], days[3]),
        )
    )
    assert list(found.days) == days
    assert found.prompts.tolist() == [8, 0, 0, 4]
    assert found.accounts.tolist() == [4, 0, 0, 2]
    assert found.published.tolist() == [True, True, False, True]
    assert found.tiers == (Tier.REVIEW, None, None, Tier.ACTIONABLE)


def test_prompts_fall_on_the_hours_at_which_they_were_sent(tmp_path: Path) -> None:
    run = publish_day(tmp_path, MONDAY, Sizes(20, 1_000))
    tables = RunTables(run)
    members = {row["prompt_id"]: row["campaign_id"] for row in run.table("members").to_pylist()}
    sent = run.prompts(["prompt_id", "created_at"]).to_pylist()
    expected = Counter((members[row["prompt_id"]], row["created_at"].hour) for row in sent)
    assert expected.total() == 1_000
    for name in set(members.values()):
        assert hours(tables, name).tolist() == [expected[name, hour] for hour in range(24)]
    assert hours(tables, "c-none").sum() == 0


def test_hours_are_those_of_utc(tmp_path: Path) -> None:
    found = hours(RunTables(publish_example(tmp_path)), GRADES)
    assert found.nonzero()[0].tolist() == [12]
    assert found.sum() == 3


@pytest.mark.parametrize("place", [0, 7, 19])
def test_a_made_up_day_can_be_read_like_any_other(tmp_path: Path, place: int) -> None:
    run = publish_day(tmp_path, MONDAY, Sizes(20, 1_000))
    with Store.open_url(f"sqlite:///{tmp_path / 'shoal.db'}", tmp_path) as store:
        known = store.campaigns(MONDAY)
        assert len(known) == 20
        report = read_report(RunTables(run), store.campaign(known[place].campaign_id))
    assert len(report.accounts) == report.campaign["n_accounts"]
    assert [row["prompt_id"] for row in report.exemplars] == report.campaign["exemplar_prompt_ids"]
    assert len(report.sheet.signals) == 25
    assert {row["slot"] for row in report.slot_values} == {0, 1, 2}
    assert report.template.display() == report.campaign["template"]
