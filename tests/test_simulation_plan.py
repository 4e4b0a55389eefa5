from dataclasses import replace
from datetime import date

import pytest

from campaigns.errors import UsageError
from simulation.plan import CampaignPlan, InnocentPlan, SimulationPlan, demo_plan, scaled, small_plan


def test_the_demo_plants_many_evasions_languages_objectives_and_every_look_alike() -> None:
    plan = demo_plan(1)
    assert (plan.days, plan.prompts_per_day, plan.seed) == (3, 3_000, 1)
    assert len({c.evasion for c in plan.campaigns}) >= 6
    assert len({i.kind for i in plan.innocents}) == 12
    assert len(plan.pools()) == 6
    assert len(plan.pools()["twins"]) == 2


def test_the_small_plan_is_one_day_of_600() -> None:
    plan = small_plan(1)
    assert (plan.days, plan.prompts_per_day) == (1, 600)
    assert 2 <= len(plan.campaigns) <= 3


@pytest.mark.parametrize("volume", [600, 3_000, 60_000])
def test_scaling_keeps_the_mixture(volume: int) -> None:
    plan, bigger = demo_plan(1), scaled(demo_plan(1), volume)
    assert bigger.prompts_per_day == volume
    for before, after in zip(plan.campaigns, bigger.campaigns, strict=True):
        assert after.prompts_per_day / volume == pytest.approx(before.prompts_per_day / 3_000, rel=0.1)
        busier = (after.prompts_per_day / after.accounts) / (before.prompts_per_day / before.accounts)
        assert 0.7 < busier < 1.4


def test_scaling_keeps_what_pools_share() -> None:
    campaigns = (
        CampaignPlan("owner", "brief-maker", accounts=40),
        CampaignPlan("tenant", "question-mill", accounts=20, shares_with="owner", shared=10),
        CampaignPlan("guest", "seed-tasks", accounts=20, shares_with="owner", shared=1),
    )
    plan = SimulationPlan(1, 1_000, 1, campaigns)
    assert [c.shared for c in scaled(plan, 3_000).campaigns] == [0, 30, 1]
    assert [c.shared for c in scaled(plan, 500).campaigns] == [0, 5, 1]


def test_lives_say_when_a_campaign_sends_and_with_whom() -> None:
    def days(life: str) -> list[tuple[int, int]]:
        campaign = CampaignPlan("c", "stepwise-ledger", life=life, prompts_per_day=50)  # type: ignore[arg-type]
        return [(campaign.prompts_on(day), campaign.generation_on(day)) for day in range(3)]

    assert days("steady") == [(50, 0), (50, 0), (50, 0)]
    assert days("starts_day2") == [(0, 0), (50, 0), (50, 0)]
    assert days("stops_after_day1") == [(50, 0), (0, 0), (0, 0)]
    assert days("hands_over") == [(50, 0), (50, 0), (50, 0)]  # of the first seat; others change earlier
    assert days("in_turns") == [(50, 0), (50, 0), (50, 0)]
    assert days("replaced_day3") == [(50, 0), (50, 0), (50, 1)]


def test_cover_is_its_share_of_the_pools_traffic() -> None:
    campaign = CampaignPlan("c", "stepwise-ledger", prompts_per_day=40, cover=0.6)
    assert campaign.cover_on(0) == 60


@pytest.mark.parametrize(
    ("campaign", "message"),
    [
        (CampaignPlan("c", "no-such-template"), "unknown template"),
        (CampaignPlan("c", "unit-test-farm", "e5"), "no translations"),
        (CampaignPlan("c", "lehrkraft-korrektur", "e6"), "only English"),
        (CampaignPlan("c", "lehrkraft-korrektur", life="drifts"), "only English"),
        (CampaignPlan("c", "lehrkraft-korrektur", "e9"), "only English"),
        (CampaignPlan("c", "stepwise-ledger", appended="no-such-template"), "unknown template"),
        (CampaignPlan("c", "stepwise-ledger", appended="schubladen"), "it lacks en"),
        (CampaignPlan("c", "stepwise-ledger", "e5", appended="brief-maker"), "it lacks de"),
        (CampaignPlan("c", evasion="e8", appended="brief-maker"), "no template to append"),
        (CampaignPlan("c", "stepwise-ledger", cover=1.0), "cover"),
        (CampaignPlan("c", "stepwise-ledger", prompts_per_day=5_000), "plants 4800 prompts more"),
    ],
)
def test_what_does_not_fit_is_refused(campaign: CampaignPlan, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        SimulationPlan(1, 200, 1, (campaign,))


def test_campaigns_of_one_pool_agree_and_names_are_unique() -> None:
    first = CampaignPlan("a", "stepwise-ledger", pool="p")
    with pytest.raises(UsageError, match="one pool"):
        SimulationPlan(1, 500, 1, (first, CampaignPlan("b", "brief-maker", pool="p", accounts=7)))
    with pytest.raises(UsageError, match="called 'a'"):
        SimulationPlan(1, 500, 1, (first, replace(first, pool="q")))


def test_innocents_are_checked() -> None:
    with pytest.raises(UsageError, match="imitates"):
        SimulationPlan(1, 500, 1, (), (InnocentPlan("passer-by", 2, 2, imitates="nobody"),))
    with pytest.raises(UsageError, match="unknown template"):
        SimulationPlan(1, 500, 1, (), (InnocentPlan("app", 2, 2),))


def test_days_are_dates_from_the_first_on() -> None:
    plan = SimulationPlan(2, 10, 1, first_day=date(2026, 2, 28))
    assert plan.dates == (date(2026, 2, 28), date(2026, 3, 1))
    assert plan.index_of(date(2026, 3, 1)) == 1
    with pytest.raises(UsageError, match="not a day of the simulation"):
        plan.index_of(date(2026, 3, 2))
