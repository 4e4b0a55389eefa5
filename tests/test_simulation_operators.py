"""What operators do is in the columns: pains, leaks, lives, rented accounts, dealt-out slots."""

from collections import Counter, defaultdict
from dataclasses import replace
from datetime import timedelta

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from campaigns.errors import UsageError
from simulation.parts import ADAPTIVE, CampaignPlan, Leak, Pains
from simulation.plan import FIRST_DAY, InnocentPlan, SimulationPlan
from simulation.prose import Language, language
from simulation.templates import template
from simulation.traffic import generate_with_truth
from simulation.truth import account_truth, campaign_truth

ONE_SLOT = "any-thoughts"


def simulated(plan: SimulationPlan) -> pl.DataFrame:
    """All days of a plan, traffic and truth side by side."""
    days = []
    for date in plan.dates:
        parts = list(generate_with_truth(plan, date))
        traffic = pl.DataFrame(pa.Table.from_batches([traffic for traffic, _ in parts]))
        truth = pl.DataFrame(pa.Table.from_batches([truth for _, truth in parts]))
        days.append(traffic.join(truth.drop("account_id"), on="prompt_id", maintain_order="left"))
    return pl.concat(days)


def planted(
    *campaigns: CampaignPlan, days: int = 1, innocents: tuple[InnocentPlan, ...] = ()
) -> pl.DataFrame:
    prompts = sum(c.prompts_per_day + c.cover_on(2) for c in campaigns) + 200
    return simulated(SimulationPlan(days, prompts, 5, campaigns, innocents))


def pool(**changes: object) -> CampaignPlan:
    base = CampaignPlan("pool", "brief-maker", accounts=120, prompts_per_day=600)
    return replace(base, **changes)  # type: ignore[arg-type]


def one_per_account(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.filter(pl.col("operator") == "pool").unique("account_id", maintain_order=True)


def dispersion(rows: pl.DataFrame) -> float:
    """Variance over mean of prompts per account."""
    counts = rows.group_by("account_id").len()["len"].to_numpy()
    return float(counts.var() / counts.mean())


def share_missing(column: pl.Series) -> float:
    return column.null_count() / column.len()


def commonest(column: pl.Series) -> int:
    return max(Counter(column).values())


def age_days(accounts: pl.DataFrame) -> np.ndarray:
    ages = accounts["created_at"] - accounts["account_created_at"]
    return np.asarray(ages.dt.total_hours().to_numpy()) / 24


# -- pains ---------------------------------------------------------------------------------------------


def test_a_crude_pool_never_sleeps_and_is_dealt_evenly() -> None:
    rows = planted(pool()).filter(pl.col("campaign") == "pool")
    hours = np.bincount(rows["created_at"].dt.hour().to_numpy(), minlength=24)
    assert hours.min() > 0.4 * hours.mean()
    assert dispersion(rows) < 0.3
    assert rows["organization_id"].null_count() == rows.height


def test_a_diurnal_pool_sleeps_by_the_sun_of_its_countries_and_is_uneven() -> None:
    rows = planted(pool(pains=frozenset({"diurnal"}), prompts_per_day=1_200))
    rows = rows.filter(pl.col("campaign") == "pool")
    for countries, night in (
        (["US", "MX"], (8, 9)),
        (["DE", "FR", "NL", "PL", "ES"], (1, 3)),
        (["IN"], (21, 22)),
    ):
        hours = rows.filter(pl.col("country").is_in(countries))["created_at"].dt.hour().to_numpy()
        assert hours.size > 80, countries
        asleep = (night[0] <= hours) & (hours <= night[1])
        assert asleep.mean() < 0.04, countries
    assert dispersion(rows) > 2


@pytest.mark.parametrize("pains", [frozenset({"aged"}), ADAPTIVE])
def test_aged_accounts_were_made_over_years(pains: frozenset[Pains]) -> None:
    ages = age_days(one_per_account(planted(pool(pains=pains))))
    assert ages.min() >= 29
    assert np.ptp(ages) > 700
    assert np.percentile(ages, 90) - np.percentile(ages, 10) > 200
    made_within_a_day = max(np.sum(np.abs(ages - age) < 0.5) for age in ages)
    assert made_within_a_day <= 4


def test_residential_accounts_are_ordinary_in_every_column() -> None:
    rows = planted(pool(pains=frozenset({"residential"})))
    accounts = one_per_account(rows)
    everybody = rows.filter(pl.col("kind") == "organic").unique("account_id")
    assert 0.45 < share_missing(accounts["organization_id"]) < 0.75
    assert accounts["organization_id"].drop_nulls().is_unique().all()
    assert accounts["payment_fingerprint"].drop_nulls().is_unique().all()
    assert 0.1 < share_missing(accounts["payment_fingerprint"]) < 0.4
    assert commonest(accounts["asn"]) < 0.15 * accounts.height
    assert commonest(accounts["user_agent"]) < 0.1 * accounts.height
    assert 10 < accounts["country"].n_unique() <= 26
    assert set(accounts["country"].mode()) & {"US", "GB", "IN"}
    assert set(everybody["country"].mode()) & {"US", "GB", "IN"}


def test_a_blended_pool_hides_in_cover_that_is_nobodys_own() -> None:
    campaign = pool(cover=0.8, prompts_per_day=120, accounts=30)
    assert campaign.profile == ("blended",)
    rows = planted(campaign).filter(pl.col("operator") == "pool")
    assert rows["kind"].value_counts().sort("kind").rows() == [("campaign", 120), ("cover", 480)]
    cover = rows.filter(pl.col("kind") == "cover")
    assert set(Counter(cover["account_id"]).values()) == {16}


def test_an_operator_who_takes_all_pains_deals_no_account_alike() -> None:
    rows = planted(pool(cover=0.8, prompts_per_day=200, accounts=60, pains=ADAPTIVE))
    everything = rows.filter(pl.col("operator") == "pool")
    assert dispersion(everything) > 4
    assert dispersion(everything.filter(pl.col("kind") == "cover")) > 4


def test_cover_comes_from_everywhere_and_ordinary_accounts_keep_their_topics() -> None:
    rows = simulated(SimulationPlan(1, 6_000, 5, (pool(cover=0.9, prompts_per_day=250, accounts=60),)))
    english = pl.col("language") == "en"
    cover = topics(rows.filter((pl.col("kind") == "cover") & english))
    ordinary = topics(rows.filter((pl.col("kind") == "organic") & english))
    assert coherence(cover) < 1.6
    assert coherence(ordinary) > 10


def test_profiles_are_named_and_contradictions_refused() -> None:
    assert pool().profile == ()
    assert pool(pains=ADAPTIVE, cover=0.6).profile == ("aged", "blended", "diurnal", "residential")
    for pains, leak in (("aged", "creation"), ("residential", "payment"), ("residential", "asn")):
        with pytest.raises(UsageError, match=f"{pains} accounts do not leak {leak}"):
            planted(pool(pains=frozenset({pains}), leaks=frozenset({leak})))
    with pytest.raises(UsageError, match="unknown leak or pains"):
        planted(pool(pains=frozenset({"blended"})))
    with pytest.raises(UsageError, match="leaky"):
        planted(pool(leaky=0.0))


def test_only_the_careless_part_of_the_accounts_leaks() -> None:
    leaks: frozenset[Leak] = frozenset({"asn", "payment", "creation", "ua", "model"})
    accounts = one_per_account(planted(pool(leaks=leaks, leaky=0.6)))
    asn = accounts["asn"].mode()[0]
    careless = accounts.filter(pl.col("asn") == asn)
    careful = accounts.filter(pl.col("asn") != asn)
    assert 0.45 < careless.height / accounts.height < 0.75
    assert careless["user_agent"].n_unique() == 1
    assert np.ptp(age_days(careless)) < 3.5
    assert careful["user_agent"].n_unique() > 15
    assert careful["payment_fingerprint"].drop_nulls().is_unique().all()
    assert np.ptp(age_days(careful)) > 200


# -- lives ---------------------------------------------------------------------------------------------


def worked(rows: pl.DataFrame) -> dict[str, list[int]]:
    """Days on which each account of the pool sent something, counted from 0."""
    days: dict[str, set[int]] = defaultdict(set)
    for account, date in (
        rows.filter(pl.col("operator") == "pool")
        .select("account_id", pl.col("created_at").dt.date())
        .iter_rows()
    ):
        days[account].add((date - FIRST_DAY).days)
    return {account: sorted(found) for account, found in days.items()}


def test_hand_over_replaces_a_third_each_night() -> None:
    campaign = pool(accounts=30, prompts_per_day=60, life="hands_over", leaks=frozenset({"creation"}))
    rows = planted(campaign, days=6)
    spans = worked(rows)
    for day in range(6):
        assert sum(day in found for found in spans.values()) == 30
    for day in range(1, 6):
        ended = sum(found[-1] == day - 1 for found in spans.values())
        started = {account for account, found in spans.items() if found[0] == day}
        assert ended == len(started) == 10
        made = rows.filter(pl.col("account_id").is_in(list(started)))["account_created_at"].dt.date()
        assert set(made) == {FIRST_DAY + timedelta(days=day - 1)}
    assert all(found == [*range(found[0], found[-1] + 1)] and len(found) <= 3 for found in spans.values())


def test_replacements_of_an_aged_pool_are_old_accounts() -> None:
    campaign = pool(accounts=40, prompts_per_day=80, life="replaced_day3", pains=frozenset({"aged"}))
    rows = planted(campaign, days=3)
    spans = worked(rows)
    assert sorted(spans.values()) == [[0, 1]] * 40 + [[2]] * 40
    new = [account for account, found in spans.items() if found == [2]]
    ages = age_days(one_per_account(rows.filter(pl.col("account_id").is_in(new))))
    assert ages.min() > 29
    assert np.ptp(ages) > 200


def test_accounts_that_take_turns_rest_every_third_day() -> None:
    spans = worked(planted(pool(accounts=30, prompts_per_day=60, life="in_turns"), days=6))
    assert len(spans) == 30
    assert sorted(spans.values()) == [[0, 1, 3, 4]] * 10 + [[0, 2, 3, 5]] * 10 + [[1, 2, 4, 5]] * 10


# -- shared accounts -----------------------------------------------------------------------------------


def rented_plan(shared: int, days: int = 1, **changes: object) -> SimulationPlan:
    owner = replace(
        CampaignPlan("pool", "brief-maker", accounts=20, prompts_per_day=60, cover=0.2),
        **changes,  # type: ignore[arg-type]
    )
    tenant = CampaignPlan(
        "guests", "question-mill", accounts=15, prompts_per_day=45, shares_with="pool", shared=shared
    )
    return SimulationPlan(days, 400, 5, (tenant, owner))


@pytest.mark.parametrize("shared", [1, 6])
def test_rented_accounts_work_for_both_operators(shared: int) -> None:
    plan = rented_plan(shared)
    rows = simulated(plan)
    accounts = {
        name: set(rows.filter(pl.col("campaign") == name)["account_id"]) for name in ("pool", "guests")
    }
    both = accounts["pool"] & accounts["guests"]
    assert (len(both), len(accounts["pool"]), len(accounts["guests"])) == (shared, 20, 15)
    assert rows["prompt_id"].is_unique().all()
    columns = ["asn", "country", "payment_fingerprint", "account_created_at", "user_agent", "organization_id"]
    assert (
        rows.group_by("account_id").agg(pl.col(columns).n_unique()).select(columns).max().row(0) == (1,) * 6
    )
    sent = (
        rows.filter(pl.col("account_id").is_in(list(both))).group_by("account_id", "kind", "operator").len()
    )
    assert sent.filter(pl.col("operator") == "guests")["len"].to_list() == [3] * shared


def test_a_rented_account_works_by_the_clock_of_each_operator() -> None:
    owner = CampaignPlan(
        "pool", "brief-maker", accounts=60, prompts_per_day=600, pains=frozenset({"diurnal"})
    )
    tenant = CampaignPlan(
        "guests", "question-mill", accounts=60, prompts_per_day=600, shares_with="pool", shared=60
    )
    rows = planted(owner, tenant)
    owned, rented = (
        np.bincount(
            rows.filter((pl.col("campaign") == name) & pl.col("country").is_in(["US", "CA", "MX"]))[
                "created_at"
            ]
            .dt.hour()
            .to_numpy(),
            minlength=24,
        )
        for name in ("pool", "guests")
    )
    assert owned[8:10].sum() < 0.04 * owned.sum()
    assert rented[8:10].sum() > 0.05 * rented.sum()


def test_the_truth_says_who_shares_accounts_with_whom() -> None:
    plan = rented_plan(6, pains=frozenset({"aged"}))
    parts = pa.Table.from_batches([truth for _, truth in generate_with_truth(plan, plan.dates[0])])
    guests, owner = campaign_truth(plan, parts, plan.dates[0]).to_pylist()
    assert (guests["operator"], guests["shares_with"], guests["profile"]) == ("guests", ["pool"], [])
    assert (owner["operator"], owner["shares_with"], owner["profile"]) == ("pool", ["guests"], ["aged"])
    assert (owner["cover"], owner["leaky"], owner["life"]) == (0.2, 1.0, "steady")
    accounts = pl.DataFrame(account_truth(parts))
    both = accounts.filter(pl.col("operators").list.len() == 2)
    assert both["campaigns"].to_list() == [["guests", "pool"]] * 6
    assert both["operators"].to_list() == [["guests", "pool"]] * 6
    assert set(both["role"]) == {"campaign"}
    assert accounts.filter(pl.col("role") == "organic")["operators"].list.len().max() == 0


@pytest.mark.parametrize("life", ["hands_over", "in_turns", "starts_day2", "replaced_day3"])
def test_whatever_the_owner_does_the_counts_stay_exact(life: str) -> None:
    plan = rented_plan(6, days=3, life=life)
    rows = simulated(plan)
    for index, date in enumerate(plan.dates):
        sent = rows.filter((pl.col("day") == date.isoformat()) & (pl.col("kind") == "campaign"))
        counts = dict(sent.group_by("campaign").len().iter_rows())
        assert counts == {c.name: c.prompts_on(index) for c in plan.campaigns if c.prompts_on(index)}
        assert sent.filter(pl.col("campaign") == "guests")["account_id"].n_unique() == 15
    assert rows["prompt_id"].is_unique().all()


def test_what_cannot_be_rented_is_refused() -> None:
    for changes, message in (
        ({"shares_with": "nobody", "shared": 2}, "no other operator"),
        ({"shares_with": "guests", "shared": 2}, "no other operator"),
        ({"shares_with": "pool", "shared": 0}, "go together"),
        ({"shares_with": "", "shared": 2}, "go together"),
        ({"shares_with": "pool", "shared": 30, "accounts": 40}, "has 20 accounts of its own"),
    ):
        owner, tenant = rented_plan(3).campaigns[1], rented_plan(3).campaigns[0]
        with pytest.raises(UsageError, match=message):
            SimulationPlan(1, 400, 5, (replace(tenant, **changes), owner))  # type: ignore[arg-type]


def test_an_innocent_bridge_sends_one_prompt_of_each() -> None:
    first = CampaignPlan("pool", "brief-maker", accounts=10, prompts_per_day=30)
    second = CampaignPlan("guests", "question-mill", accounts=10, prompts_per_day=30)
    bridge = InnocentPlan("passer-by", 1, 2, imitates="pool", also_imitates="guests")
    rows = simulated(SimulationPlan(1, 200, 5, (first, second), (bridge,)))
    sent = rows.filter(pl.col("kind") == "benign:passer-by")
    assert sent["account_id"].n_unique() == 1
    assert sorted(sent["family"]) == ["passer-by:brief-maker/0", "passer-by:question-mill/0"]
    both = set(rows.filter(pl.col("kind") == "campaign")["account_id"])
    assert not both & set(sent["account_id"])


# -- whose topics --------------------------------------------------------------------------------------


def topics(rows: pl.DataFrame) -> list[tuple[str, str]]:
    """Account and topic of each prompt: the topic whose own words it holds most of; prompts in doubt left out."""
    vocabulary = own_words(language("en"))
    found = []
    for account, prompt in rows.select("account_id", "prompt").iter_rows():
        text = prompt.lower()
        hits = {name: sum(word in text for word in words) for name, words in vocabulary.items()}
        best, *others = sorted(hits, key=lambda name: -hits[name])
        if hits[best] > hits[others[0]] + 1:
            found.append((account, best))
    return found


def own_words(spoken: Language) -> dict[str, set[str]]:
    return {name: {noun.lower() for noun in words["n"]} for name, words in spoken.topics.items()}


def coherence(found: list[tuple[str, str]]) -> float:
    """How much oftener two prompts of one account are about one topic than two of different accounts."""
    pairs = {True: [0, 0], False: [0, 0]}
    for at, (account, topic) in enumerate(found):
        for other, second in found[at + 1 :]:
            pairs[account == other][0] += topic == second
            pairs[account == other][1] += 1
    (same, within), (equal, across) = pairs[True], pairs[False]
    assert within > 50
    return (same / within) / (equal / across)


def test_a_pool_deals_its_topics_out() -> None:
    rows = planted(pool(evasion="e4", accounts=40, prompts_per_day=1_600))
    assert coherence(topics(rows.filter(pl.col("kind") == "campaign"))) < 1.3


def slots_of(rows: pl.DataFrame, name: str) -> list[tuple[str, str]]:
    """Account and slot of each prompt of an exact template that has one slot."""
    before, _, after = template(name).wordings[0].parts
    assert all(text.startswith(before) and text.endswith(after) for text in rows["prompt"])
    return [
        (account, prompt[len(before) : len(prompt) - len(after)])
        for account, prompt in rows.select("account_id", "prompt").iter_rows()
    ]


def test_dealt_out_slots_do_not_overlap() -> None:
    rows = planted(pool(template=ONE_SLOT, accounts=40, prompts_per_day=400))
    slots = slots_of(rows.filter(pl.col("kind") == "campaign"), ONE_SLOT)
    assert len({slot for _, slot in slots}) == len(slots) == 400


def test_recurring_passages_recur_across_accounts_as_often_as_within() -> None:
    rows = planted(pool(template=ONE_SLOT, evasion="e1", accounts=40, prompts_per_day=800))
    slots = slots_of(rows.filter(pl.col("kind") == "campaign"), ONE_SLOT)
    seen: dict[str, list[str]] = defaultdict(list)
    for account, slot in slots:
        seen[slot].append(account)
    recurring = {slot: accounts for slot, accounts in seen.items() if len(accounts) > 1}
    assert len(recurring) <= 40
    assert 0.2 < sum(map(len, recurring.values())) / len(slots) < 0.4
    pairs = [
        (one == other)
        for accounts in recurring.values()
        for i, one in enumerate(accounts)
        for other in accounts[i + 1 :]
    ]
    assert abs(np.mean(pairs) - 1 / 40) < 0.02
