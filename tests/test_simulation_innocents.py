"""Each look-alike looks like a pool for one reason and gives itself away by another."""

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from campaigns.errors import UsageError
from simulation.plan import InnocentPlan, SimulationPlan, demo_plan, scaled
from simulation.prose import LANGUAGES
from simulation.templates import template
from simulation.traffic import generate_with_truth

Rows = Callable[[str], pl.DataFrame]


def simulated(plan: SimulationPlan) -> pl.DataFrame:
    """All days of a plan, traffic and truth side by side."""
    parts = [pair for date in plan.dates for pair in generate_with_truth(plan, date)]
    traffic = pl.DataFrame(pa.Table.from_batches([traffic for traffic, _ in parts]))
    truth = pl.DataFrame(pa.Table.from_batches([truth for _, truth in parts]))
    return traffic.join(truth.drop("account_id"), on="prompt_id")


@pytest.fixture(scope="module")
def day() -> pl.DataFrame:
    """One day of the demo at four times its volume, traffic and truth side by side."""
    return simulated(replace(scaled(demo_plan(), 12_000), days=1))


@pytest.fixture
def of(day: pl.DataFrame) -> Rows:
    return lambda kind: day.filter(pl.col("kind") == f"benign:{kind}")


def hours(rows: pl.DataFrame) -> set[int]:
    return set(rows["created_at"].dt.hour())


def age_window_hours(rows: pl.DataFrame) -> float:
    return float(np.ptp(rows["account_created_at"].dt.timestamp("us").to_numpy())) / 3.6e9


def words_shared_within_and_across(rows: pl.DataFrame) -> tuple[float, float]:
    """Mean overlap of the rarer words of two prompts of one account, and of two accounts."""
    bags = [
        (account, {word.lower() for word in re.findall(r"[A-Z]?[a-z]{5,}", prompt)})
        for account, prompt in rows.select("account_id", "prompt").iter_rows()
    ][:300]
    common = {
        word for _, bag in bags for word in bag if sum(word in other for _, other in bags) > len(bags) / 4
    }
    within: list[float] = []
    across: list[float] = []
    for first, (account, bag) in enumerate(bags):
        for other_account, other in bags[first + 1 :]:
            pair = len((bag & other) - common) / max(1, len((bag | other) - common))
            (within if account == other_account else across).append(pair)
    return float(np.mean(within)), float(np.mean(across))


@pytest.mark.parametrize("kind", ["app", "team", "fleet", "gateway", "evaluator"])
def test_one_organization(of: Rows, kind: str) -> None:
    rows = of(kind)
    assert rows["organization_id"].n_unique() == 1
    assert rows["organization_id"].null_count() == 0
    assert rows["payment_fingerprint"].n_unique() == 1


def test_popular_is_one_text_from_old_unrelated_accounts_once_or_twice(of: Rows, day: pl.DataFrame) -> None:
    rows = of("popular")
    assert rows["prompt"].n_unique() == 1
    per_account = rows.group_by("account_id").len()["len"].to_numpy()
    assert per_account.max() <= 2
    assert rows["asn"].n_unique() > 30
    besides = day.filter(
        (pl.col("kind") == "organic") & pl.col("account_id").is_in(rows["account_id"].implode())
    )
    assert besides.height > rows.height
    assert age_window_hours(rows) > 24 * 100


def columns_of_accounts(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.unique("account_id", maintain_order=True)


def test_harness_is_used_in_many_organizations(of: Rows) -> None:
    accounts = columns_of_accounts(of("harness"))
    assert accounts["organization_id"].null_count() == 0
    assert accounts["organization_id"].is_unique().all()
    assert accounts["user_agent"].n_unique() == 1
    assert accounts["payment_fingerprint"].drop_nulls().is_unique().all()


def test_harness_is_one_tool_with_each_accounts_own_topics(of: Rows) -> None:
    rows = of("harness")
    assert rows["system_prompt"].n_unique() == 1
    assert rows["asn"].n_unique() > 10
    within, across = words_shared_within_and_across(rows)
    assert within > 1.5 * across


def test_pools_deal_topics_out_and_innocents_keep_theirs(of: Rows, day: pl.DataFrame) -> None:
    within, across = words_shared_within_and_across(day.filter(pl.col("campaign") == "ledger"))
    assert within < 1.3 * across
    for kind in ("saas", "team", "hackathon", "harness"):
        within, across = words_shared_within_and_across(of(kind))
        assert within > 1.5 * across, kind


def test_evaluator_asks_the_same_every_night_in_even_gaps() -> None:
    plan = SimulationPlan(2, 100, 3, (), (InnocentPlan("evaluator", 2, 40),))
    rows = simulated(plan).filter(pl.col("kind") == "benign:evaluator")
    nights = rows.partition_by("day", maintain_order=True)
    assert nights[0]["prompt"].to_list() == nights[1]["prompt"].to_list()
    for account in nights[0].partition_by("account_id"):
        assert account["prompt"].n_unique() == 20
        assert account["created_at"].diff().drop_nulls().n_unique() == 1


def test_gateway_has_no_template(of: Rows) -> None:
    rows = of("gateway")
    assert rows["account_id"].n_unique() == 1
    assert set(rows["language"]) == set(LANGUAGES)
    assert rows["prompt"].n_unique() > 0.9 * rows.height


def test_course_asks_the_same_questions_by_day_from_one_network(of: Rows) -> None:
    rows = of("course")
    assert rows["asn"].n_unique() == 1
    assert age_window_hours(rows) <= 160
    questions = [wording.fill(str) for wording in template("ml-course").wordings]
    assert all(any(question in prompt for question in questions) for prompt in rows["prompt"])
    assert len(hours(rows)) <= 18


def access_network(asn: int) -> bool:
    """Not a cloud, not a hoster."""
    return asn < 64_900


def ranges(rows: pl.DataFrame) -> set[str]:
    return {ip.rsplit(".", 1)[0] for ip in rows["ip"]}


def test_course_is_on_campus_and_students_have_no_organization(of: Rows) -> None:
    accounts = columns_of_accounts(of("course"))
    assert access_network(accounts["asn"][0])
    assert len(ranges(accounts)) == 1
    assert accounts["organization_id"].null_count() == accounts.height
    assert accounts["user_agent"].n_unique() > 5


def test_team_of_personal_accounts_shares_office_tool_and_week_but_no_card() -> None:
    company = InnocentPlan("team", 60, 240, template="team-standup")
    rows = simulated(
        SimulationPlan(1, 600, 3, (), (company, replace(company, name="personal", personal=True)))
    )
    team = rows.filter(pl.col("kind") == "benign:team")
    with_organization = columns_of_accounts(team.filter(pl.col("organization_id").is_not_null()))
    personal = columns_of_accounts(team.filter(pl.col("organization_id").is_null()))
    assert (with_organization.height, personal.height) == (60, 60)
    assert with_organization["payment_fingerprint"].n_unique() == 1
    assert personal["payment_fingerprint"].drop_nulls().is_unique().all()
    assert personal["payment_fingerprint"].null_count() > 5
    for accounts in (with_organization, personal):
        assert access_network(accounts["asn"][0])
        assert len(ranges(accounts)) == accounts["user_agent"].n_unique() == accounts["asn"].n_unique() == 1
        assert 24 < age_window_hours(accounts) <= 160
    with pytest.raises(UsageError, match="only a team"):
        SimulationPlan(
            1, 100, 3, (), (InnocentPlan("saas", 5, 20, template="clinic-letters", personal=True),)
        )


def test_team_keeps_office_hours(of: Rows) -> None:
    assert len(hours(of("team"))) <= 12
    assert of("team").group_by("account_id").len()["len"].to_numpy().max() <= 5


def test_fleet_runs_round_the_clock_and_was_made_in_two_days(of: Rows) -> None:
    rows = of("fleet")
    assert len(hours(rows)) == 24
    assert age_window_hours(rows) <= 44
    assert len(ranges(rows)) == 1
    assert 64_900 <= rows["asn"][0] < 65_000
    counts = rows.group_by("account_id").len()["len"].to_numpy()
    assert np.ptp(counts) <= 1


def test_saas_customers_pay_for_themselves_and_came_over_years(of: Rows) -> None:
    rows = of("saas")
    assert rows["asn"].n_unique() == 1
    assert rows["payment_fingerprint"].n_unique() > 0.6 * rows["account_id"].n_unique()
    assert age_window_hours(rows) > 24 * 365
    counts = rows.group_by("account_id").len()["len"].to_numpy()
    assert counts.var() > 3 * counts.mean()


def test_hackathon_is_one_night() -> None:
    plan = demo_plan()
    counts = []
    for date in plan.dates:
        truth = pa.Table.from_batches([truth for _, truth in generate_with_truth(plan, date)])
        counts.append(truth["kind"].to_pylist().count("benign:hackathon"))
    assert counts == [60, 0, 0]


def test_hackathon_accounts_are_of_one_day_and_city(of: Rows) -> None:
    rows = of("hackathon")
    assert age_window_hours(rows) <= 9
    assert rows["country"].n_unique() == 1
    assert len(hours(rows)) <= 9
    accounts = columns_of_accounts(rows)
    assert access_network(accounts["asn"][0])
    assert accounts["asn"].n_unique() == 1
    assert len(ranges(accounts)) > 20
    assert accounts["organization_id"].null_count() == accounts.height
    assert accounts["payment_fingerprint"].null_count() > 0.75 * accounts.height


def test_release_is_few_questions_at_the_same_hours_on_one_model(of: Rows) -> None:
    rows = of("release")
    assert hours(rows) <= {16, 17, 18, 19}
    assert rows["model"].n_unique() == 1
    assert rows["country"].n_unique() > 10
    assert rows.group_by("account_id").len()["len"].to_numpy().max() <= 2


def test_a_release_changes_neither_hours_nor_model_of_anything_else(of: Rows, day: pl.DataFrame) -> None:
    rows = of("release")
    besides = day.filter(
        (pl.col("kind") == "organic") & pl.col("account_id").is_in(rows["account_id"].implode())
    )
    assert len(hours(besides)) > 16
    assert besides["model"].n_unique() == 5
    assert besides["day"].len() > rows.height


@pytest.mark.parametrize("kind", ["popular", "release", "passer-by"])
def test_a_crowd_is_of_other_accounts_each_day_and_they_go_on_as_ever(kind: str) -> None:
    plan = replace(scaled(demo_plan(), 6_000), days=2)
    rows = simulated(plan)
    ours, first, second = (
        rows.filter((pl.col("kind") == f"benign:{kind}") & pl.col("day").is_in(days))
        for days in (
            [d.isoformat() for d in plan.dates],
            [plan.dates[0].isoformat()],
            [plan.dates[1].isoformat()],
        )
    )
    before, after = set(first["account_id"]), set(second["account_id"])
    assert len(before & after) < 0.2 * len(before)
    elsewhere = rows.filter((pl.col("kind") == "organic") & (pl.col("day") == plan.dates[1].isoformat()))
    assert len(before & set(elsewhere["account_id"])) > 0.2 * len(before)
    assert ours.group_by("account_id", "day").len()["len"].to_numpy().max() <= 2


def test_a_crowd_round_a_german_text_mostly_speaks_german_at_home() -> None:
    crowd = InnocentPlan("popular", 100, 110, 300, template="zwergenrat")
    rows = simulated(SimulationPlan(1, 6_000, 3, (), (crowd,)))
    sent = columns_of_accounts(rows.filter(pl.col("kind") == "benign:popular"))
    assert sent.height == 100
    assert sent["country"].is_in(["DE", "AT"]).sum() > 60


def test_a_course_in_german_is_where_german_is_spoken() -> None:
    for seed in range(4):
        course = InnocentPlan("course", 20, 40, template="rechnungswesen")
        rows = simulated(SimulationPlan(1, 60, seed, (), (course,)))
        countries = set(rows.filter(pl.col("kind") == "benign:course")["country"])
        assert len(countries) == 1


def test_passer_by_sends_the_campaigns_template_once_or_twice_in_between(of: Rows, day: pl.DataFrame) -> None:
    rows = of("passer-by")
    opening = template("stepwise-ledger").wordings[0].constants[0]
    assert all(prompt.startswith(opening) for prompt in rows["prompt"])
    assert rows.group_by("account_id").len()["len"].to_numpy().max() <= 2
    assert age_window_hours(rows) > 24 * 100
    besides = day.filter(
        (pl.col("kind") == "organic") & pl.col("account_id").is_in(rows["account_id"].implode())
    )
    assert besides.height >= rows.height
