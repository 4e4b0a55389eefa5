"""Lives that turn: who sends what from which day on, and what the truth says of it."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from typing import get_args

import polars as pl
import pyarrow as pa
import pytest

from campaigns.errors import UsageError
from campaigns.records import TRAFFIC
from simulation.draws import stream
from simulation.evasion import replaceable, worded, wordings
from simulation.lives import POOLS, long_plan
from simulation.parts import DRIFT, CampaignPlan, Evasion
from simulation.plan import SimulationPlan, demo_plan
from simulation.templates import templates
from simulation.traffic import generate_with_truth
from simulation.trials import LEVELS
from simulation.truth import EVENT_TRUTH, PROMPT_TRUTH, event_truth
from simulation.turns import COURSES, HALVES, WHOLE, Life

GOLDEN = "4e660566a0d9405d"
"""Of the rows that `test_plans_without_turns_send_what_they_always_sent` makes."""
WORD = re.compile(r"[a-z][a-z'-]*")


def campaign(life: Life, *turns: int, evasion: Evasion = "e0", accounts: int = 8) -> CampaignPlan:
    return CampaignPlan(
        "c", "stepwise-ledger", evasion, accounts, 41, leaks=frozenset({"creation"}), life=life, turns=turns
    )


def plan_of(*campaigns: CampaignPlan, days: int = 4) -> SimulationPlan:
    return SimulationPlan(days, 150, 3, campaigns)


def sent(plan: SimulationPlan, index: int) -> pl.DataFrame:
    """What campaigns send on a day: traffic and truth side by side."""
    parts = list(generate_with_truth(plan, plan.dates[index]))
    traffic = pl.DataFrame(pa.Table.from_batches([one for one, _ in parts], TRAFFIC))
    truth = pl.DataFrame(pa.Table.from_batches([one for _, one in parts], PROMPT_TRUTH))
    return traffic.join(truth.drop("account_id"), on="prompt_id").filter(pl.col("kind") == "campaign")


def accounts(rows: pl.DataFrame) -> set[str]:
    return set(rows["account_id"])


def events(plan: SimulationPlan) -> list[tuple[int, str, str, str | None]]:
    found = []
    for index, day in enumerate(plan.dates):
        table = event_truth(plan, day)
        assert table.schema.equals(EVENT_TRUTH)
        rows = pl.DataFrame(table).select("day", "event", "campaign", "other").rows()
        assert {row[0] for row in rows} <= {day.isoformat()}
        found += [(index, *row[1:]) for row in rows]
    return found


# -- schedules -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("life", "turns", "prompts", "generations", "marks"),
    [
        ("pauses", (1, 3), [41, 0, 0, 41], [0, 0, 0, 0], ["", "", "", ""]),
        ("renews", (1, 3), [41] * 4, [0, 1, 1, 2], ["", "", "", ""]),
        ("rewrites", (1, 3), [41] * 4, [0, 0, 0, 0], ["", "", "", ""]),
        ("vanishes_anew", (2,), [41] * 4, [0, 0, 1, 1], ["", "", "+1", "+1"]),
        ("splits", (2,), [41] * 4, [0] * 4, ["", "", "+a +b", "+a +b"]),
        ("merges", (2,), [41] * 4, [0] * 4, ["+a +b", "+a +b", "", ""]),
    ],
)
def test_lives_turn_on_the_days_they_are_given(
    life: Life, turns: tuple[int, ...], prompts: list[int], generations: list[int], marks: list[str]
) -> None:
    plan = campaign(life, *turns)
    days = range(4)
    assert [plan.prompts_on(day) for day in days] == prompts
    assert [plan.generation_on(day) for day in days] == generations
    assert [" ".join(part.mark for part in plan.parts_on(day)) for day in days] == marks
    assert plan.opening(0) == 0
    assert all(plan.opening(generation) == turns[generation - 1] for generation in generations if generation)


def test_every_life_has_a_course() -> None:
    assert set(COURSES) == set(get_args(Life))


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (campaign("splits"), "cannot turn"),
        (campaign("steady", 2), "cannot turn"),
        (campaign("replaced_day3", 2), "cannot turn"),
        (campaign("splits", 2, 3), "cannot turn"),
        (campaign("renews", 3, 2), "cannot turn"),
        (campaign("pauses", 0, 2), "cannot turn"),
        (campaign("merges", 2, accounts=1), "no halves"),
        (campaign("rewrites", 2, evasion="e8"), "no wordings"),
        (replace(campaign("drifts"), drift=0.0), "drift"),
    ],
)
def test_turns_that_do_not_fit_are_refused(plan: CampaignPlan, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        plan_of(plan)


def test_campaigns_of_one_pool_turn_together() -> None:
    one = replace(campaign("renews", 2), pool="p")
    with pytest.raises(UsageError, match="one pool"):
        plan_of(one, replace(one, name="d", template="brief-maker", turns=(3,)))


def test_wordings_follow_the_life_and_the_evasion() -> None:
    def numbers(plan: CampaignPlan, day: int, which: int | None = None) -> list[str]:
        return [name for name, _ in wordings(plan, day, WHOLE if which is None else HALVES[which])]

    assert numbers(campaign("steady"), 0) == ["0"]
    assert numbers(campaign("steady", evasion="e4"), 0) == ["0", "1", "2", "3"]
    assert [numbers(campaign("rewrites", 1, 2), day) for day in range(3)] == [["0"], ["1"], ["2"]]
    assert [numbers(campaign("rewrites", 1, evasion="e4"), day) for day in (0, 1)] == [["0", "2"], ["1", "3"]]
    splits = campaign("splits", 1)
    assert [numbers(splits, 0), numbers(splits, 1, 0), numbers(splits, 1, 1)] == [["0", "1"], ["0"], ["1"]]
    assert numbers(campaign("splits", 1, evasion="e4"), 1, 1) == ["1", "3"]


# -- traffic -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("life", ["splits", "merges"])
def test_a_pool_parts_into_halves_with_a_wording_each(life: Life) -> None:
    plan = plan_of(campaign(life, 2))
    one, two = (sent(plan, index) for index in ((0, 3) if life == "splits" else (3, 0)))
    assert one.height == two.height == 41
    assert set(one["lasting"]) == {"c"}
    assert set(one["family"]) == {"stepwise-ledger/0", "stepwise-ledger/1"}
    senders = one.group_by("account_id").agg(pl.col("family").n_unique())
    assert senders["family"].max() == 2  # the whole pool deals both
    first, second = (two.filter(pl.col("lasting") == name) for name in ("c+a", "c+b"))
    assert (first.height, second.height) == (20, 21)
    assert set(first["family"]) == {"stepwise-ledger/0"}
    assert set(second["family"]) == {"stepwise-ledger/1"}
    assert not accounts(first) & accounts(second)
    assert accounts(first) | accounts(second) == accounts(one)
    assert set(two["campaign"]) == {"c"}


def test_a_pause_is_silent_and_then_all_is_as_it_was() -> None:
    plan = plan_of(replace(campaign("pauses", 1, 3), cover=0.5))
    before, silent, after = (sent(plan, index) for index in (0, 1, 3))
    assert silent.is_empty()
    assert plan.campaigns[0].cover_on(1) == 0
    assert accounts(before) == accounts(after)
    assert set(before["family"]) == set(after["family"])


def test_renewed_accounts_send_the_same_and_are_new_each_time() -> None:
    plan = plan_of(campaign("renews", 1, 3))
    days = [sent(plan, index) for index in range(4)]
    assert accounts(days[1]) == accounts(days[2])
    for one, other in ((0, 1), (2, 3), (0, 3)):
        assert not accounts(days[one]) & accounts(days[other])
    assert {family for day in days for family in day["family"]} == {"stepwise-ledger/0"}
    eve = plan.dates[2]
    assert set(days[3]["account_created_at"].dt.date()) == {eve}  # bought the day before they work


def test_a_rewritten_template_comes_from_the_same_accounts() -> None:
    plan = plan_of(campaign("rewrites", 2))
    before, after = sent(plan, 1), sent(plan, 2)
    assert accounts(before) == accounts(after)
    assert set(before["family"]) == {"stepwise-ledger/0"}
    assert set(after["family"]) == {"stepwise-ledger/1"}
    assert set(after["lasting"]) == {"c"}


def test_who_vanishes_comes_back_with_nothing_of_before() -> None:
    plan = plan_of(campaign("vanishes_anew", 2))
    before, after = sent(plan, 1), sent(plan, 2)
    assert not accounts(before) & accounts(after)
    assert not set(before["family"]) & set(after["family"])
    assert (set(before["lasting"]), set(after["lasting"])) == ({"c"}, {"c+1"})


def test_halves_of_a_pool_with_rented_accounts_and_two_campaigns_send_what_is_planned() -> None:
    owner = replace(campaign("steady"), name="owner", template="brief-maker", accounts=9)
    one = replace(campaign("splits", 1), pool="p", shares_with="owner", shared=3)
    plan = SimulationPlan(2, 300, 3, (owner, one, replace(one, name="d", template="question-mill")))
    rows = sent(plan, 1)
    assert dict(rows.group_by("lasting").len().iter_rows()) == {
        "owner": 41, "c+a": 20, "c+b": 21, "d+a": 20, "d+b": 21,
    }  # fmt: skip
    shared = accounts(rows.filter(pl.col("campaign") == "owner")) & accounts(
        rows.filter(pl.col("campaign") == "c")
    )
    assert len(shared) == 3


def content(text: str) -> list[str]:
    """Words but for the shortest, which hold sentences together."""
    return [word for word in WORD.findall(text.lower()) if len(word) > 3]


def drifted(name: str, day: int, share: float = DRIFT) -> set[str]:
    plan = CampaignPlan("c", name, life="drifts", drift=share)
    text = sent_wording(plan, day)
    return set(content(text))


def sent_wording(plan: CampaignPlan, day: int) -> str:
    """A request of that day with empty slots."""
    wording, _ = worded(plan, 1, day, stream(1, "request"))
    return wording.fill(lambda _slot: " ")


def test_drift_changes_most_words_in_a_month_and_few_in_a_day() -> None:
    """Of the templates whose words have synonyms; the others cannot drift far, and long plans leave them out."""
    names = [
        one.name for one in templates().values()
        if one.language == "en" and replaceable(" ".join(one.wordings[0].constants)) >= 0.45
    ]  # fmt: skip
    assert len(names) >= 8
    gone = {share: {1: 0.0, 29: 0.0} for share in (DRIFT, 2 * DRIFT)}
    for name in names:
        first = drifted(name, 0)
        for share, after in gone.items():
            for day in after:
                after[day] += len(first - drifted(name, day, share)) / len(first) / len(names)
    assert gone[DRIFT][1] < 0.15
    assert gone[DRIFT][29] > 0.5
    assert 1.3 * gone[DRIFT][1] < gone[2 * DRIFT][1] < 3 * gone[DRIFT][1]


# -- truth ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        (campaign("steady"), [(0, "new", "c", None)]),
        (campaign("starts_day2"), [(1, "new", "c", None)]),
        (campaign("stops_after_day1"), [(0, "new", "c", None), (1, "pause", "c", None)]),
        (campaign("replaced_day3"), [(0, "new", "c", None), (2, "renew", "c", None)]),
        (
            campaign("pauses", 1, 3),
            [(0, "new", "c", None), (1, "pause", "c", None), (3, "return", "c", None)],
        ),
        (campaign("renews", 1, 2), [(0, "new", "c", None), (1, "renew", "c", None), (2, "renew", "c", None)]),
        (campaign("rewrites", 2), [(0, "new", "c", None), (2, "rewrite", "c", None)]),
        (
            campaign("vanishes_anew", 1, 3),
            [(0, "new", "c", None), (1, "new", "c+1", "c"), (3, "new", "c+2", "c+1")],
        ),
        (campaign("splits", 2), [(0, "new", "c", None), (2, "split", "c+a", "c"), (2, "split", "c+b", "c")]),
        (
            campaign("merges", 2),
            [
                (0, "new", "c+a", None),
                (0, "new", "c+b", None),
                (2, "merge", "c", "c+a"),
                (2, "merge", "c", "c+b"),
            ],
        ),
    ],
)
def test_the_truth_tells_what_happened(
    plan: CampaignPlan, expected: list[tuple[int, str, str, str | None]]
) -> None:
    assert events(plan_of(plan)) == expected


def test_what_lasts_is_a_campaign_or_a_group_with_a_text_of_its_own() -> None:
    plan = demo_plan()
    parts = [truth for _, truth in generate_with_truth(plan, plan.dates[0])]
    truth = pl.DataFrame(pa.Table.from_batches(parts))
    lasting = truth.group_by("kind").agg(pl.col("lasting").drop_nulls().unique())
    by_kind = {kind: set(names) for kind, names in lasting.iter_rows()}
    assert by_kind["campaign"] == {c.name for c in plan.campaigns if c.prompts_on(0)}
    assert by_kind["benign:harness"] == {"harness-repo-agent"}
    for kind in ("organic", "cover", "benign:gateway", "benign:passer-by"):
        assert by_kind[kind] == set()


def test_plans_without_turns_send_what_they_always_sent() -> None:
    """Golden: rows of every older life and of the evasions that choose among wordings."""
    lives: tuple[tuple[Evasion, Life], ...] = (
        ("e9", "drifts"), ("e4", "drifts"), ("e5", "in_turns"), ("e8", "hands_over"), ("e3", "stops_after_day1"),
        ("e4", "replaced_day3"), ("e7", "starts_day2"),
    )  # fmt: skip
    plan = SimulationPlan(
        3,
        700,
        5,
        tuple(
            CampaignPlan(f"c{number}", "stepwise-ledger", evasion, 12, 40, 0.2, life=life)
            for number, (evasion, life) in enumerate(lives)
        ),
    )
    digest = hashlib.sha256()
    for day in plan.dates:
        for traffic, _ in generate_with_truth(plan, day):
            digest.update(repr(traffic.to_pydict()).encode())
    assert digest.hexdigest()[:16] == GOLDEN


# -- the long plan -------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(8))
def test_a_long_plan_holds_every_life_and_every_level_of_both_operators(seed: int) -> None:
    plan = long_plan(seed)
    assert (plan.days, plan.prompts_per_day) == (30, 4_000)
    assert {c.life for c in plan.campaigns} == set(get_args(Life)) == set(POOLS)
    pools = [pool[0] for pool in plan.pools().values()]
    assert len(pools) == sum(POOLS.values())
    for adaptive in (False, True):
        mine = [pool for pool in pools if bool(pool.pains) == adaptive]
        assert len({pool.evasion for pool in mine}) >= 5
    assert {pool.evasion for pool in pools} == set(LEVELS)
    for life, course in COURSES.items():
        if course.most:
            assert len({pool.evasion for pool in pools if pool.life == life}) > 1, life
    sending = [c.template for c in plan.campaigns] + [i.template for i in plan.innocents]
    assert len(sending) == len(set(sending))
    assert min(plan.organic_on(index) for index in range(plan.days)) > 0.2 * plan.prompts_per_day
    planted = [event for _, event, _, _ in events(plan)]
    assert set(planted) == {"new", "pause", "return", "renew", "rewrite", "split", "merge"}


def test_a_long_plan_depends_on_its_seed_alone() -> None:
    assert long_plan(4) == long_plan(4)
    assert long_plan(4) != long_plan(5)


def test_a_short_long_plan_runs() -> None:
    plan = long_plan(2, 4, 1_500)
    for index in range(plan.days):
        rows = sent(plan, index)
        counts = dict(rows.group_by("campaign").len().iter_rows())
        assert counts == {c.name: c.prompts_on(index) for c in plan.campaigns if c.prompts_on(index)}
        marks = {
            c.name + part.mark for c in plan.campaigns for part in c.parts_on(index) if c.prompts_on(index)
        }
        assert set(rows["lasting"]) == marks
