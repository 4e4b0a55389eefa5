"""Drawn plans: what must be in them is, and seeds differ in everything else."""

from dataclasses import replace
from itertools import pairwise
from typing import get_args

import pytest

from campaigns.errors import UsageError
from simulation.parts import ADAPTIVE, BLENDED, CampaignPlan, InnocentPlan, Kind, Leak
from simulation.plan import SimulationPlan
from simulation.templates import template
from simulation.traffic import generate_with_truth
from simulation.trials import LEVELS, STRESS_LEAKS, stress_plan, trial_plan
from simulation.turns import COURSES

SEEDS = range(20)


@pytest.fixture(scope="module")
def trials() -> list[SimulationPlan]:
    return [trial_plan(seed) for seed in SEEDS]


def test_a_trial_has_every_evasion_twice_and_every_look_alike(trials: list[SimulationPlan]) -> None:
    for plan in trials:
        assert (plan.days, plan.prompts_per_day) == (3, 8_000)
        for level in LEVELS:
            crude, adaptive = (
                [c for c in plan.campaigns if c.evasion == level and bool(c.profile) is pains]
                for pains in (False, True)
            )
            assert len(crude) == len(adaptive) == 1 + (level == "e7")
            assert len({c.operator for c in crude}) == len({c.operator for c in adaptive}) == 1
        kinds = [innocent.kind for innocent in plan.innocents]
        assert set(kinds) == set(get_args(Kind))
        assert (kinds.count("team"), kinds.count("harness")) == (2, 2)
        assert [i.personal for i in plan.innocents if i.kind == "team"] == [False, True]
        assert any(
            c.profile == ("aged", "blended", "diurnal", "residential") and not c.leaks for c in plan.campaigns
        )


def test_no_two_groups_of_a_trial_send_one_template(trials: list[SimulationPlan]) -> None:
    for plan in trials:
        names = [c.template for c in plan.campaigns] + [i.template for i in plan.innocents if i.template]
        assert len(set(names)) == len(names)


def test_most_of_a_trial_is_ordinary(trials: list[SimulationPlan]) -> None:
    for plan in trials:
        for day in range(3):
            assert plan.organic_on(day) > 0.45 * plan.prompts_per_day


def test_trials_differ_in_every_respect_that_matters(trials: list[SimulationPlan]) -> None:
    def distinct(value: object) -> int:
        return len(set(value))  # type: ignore[call-overload,no-any-return]

    for index in range(len(trials[0].campaigns)):
        same_role = [plan.campaigns[index] for plan in trials]
        assert len({(c.evasion, c.name) for c in same_role}) == 1
        assert distinct(c.template for c in same_role) > (2 if same_role[0].evasion == "e5" else 8)
        assert distinct(c.accounts for c in same_role) > 8
        assert distinct(c.prompts_per_day for c in same_role) > 12
        assert distinct(c.leaks for c in same_role) > 3
    campaigns = [c for plan in trials for c in plan.campaigns]
    assert {c.life for c in campaigns} == {life for life, course in COURSES.items() if not course.most}
    assert {leak for c in campaigns for leak in c.leaks} == set(get_args(Leak))
    assert {template(c.template).language for c in campaigns} >= {"en", "de", "es", "fr", "zh", "ru", "pt"}
    assert len({c.profile for c in campaigns}) > 10
    assert max(c.cover for c in campaigns) > 0.85
    assert min(c.accounts for c in campaigns) <= 6
    assert max(c.accounts for c in campaigns) > 70
    shared = [max(c.shared for c in plan.campaigns) for plan in trials]
    assert min(shared) == 0
    assert max(shared) > 5
    assert any(c.shared == 1 for c in campaigns)
    for kind in set(get_args(Kind)) - {"evaluator", "gateway"}:
        groups = [next(i for i in plan.innocents if i.kind == kind) for plan in trials]
        assert distinct(i.prompts_per_day for i in groups) > 5
        if kind != "passer-by":
            assert distinct(i.template for i in groups) > 2, kind
    assert distinct(plan.idioms for plan in trials) > 10


def test_a_trial_depends_on_its_seed_alone(trials: list[SimulationPlan]) -> None:
    assert trials[3] == trial_plan(3)
    bigger = trial_plan(3, 24_000)
    for small, large in zip(trials[3].campaigns, bigger.campaigns, strict=True):
        assert (small.template, small.leaks, small.pains) == (large.template, large.leaks, large.pains)
        assert large.prompts_per_day == pytest.approx(3 * small.prompts_per_day, rel=0.2)


def test_a_trial_runs() -> None:
    plan = trial_plan(1, 2_000, 3)
    for index, date in enumerate(plan.dates):
        truths = [truth for _, truth in generate_with_truth(plan, date)]
        assert sum(truth.num_rows for truth in truths) == 2_000
        sent = {name for truth in truths for name in truth["campaign"].to_pylist()} - {None}
        assert sent == {c.name for c in plan.campaigns if c.prompts_on(index)}


# -- stress --------------------------------------------------------------------------------------------


def pool_of(plan: SimulationPlan) -> CampaignPlan:
    (pool,) = plan.campaigns
    return pool


def test_a_stress_changes_one_thing_at_a_time() -> None:
    base = stress_plan(4)
    assert {i.kind for i in base.innocents} == set(get_args(Kind))
    for changes, expected in (
        ({"cover": 0.9}, {"cover": 0.9}),
        ({"cover": 0.0}, {"cover": 0.0}),
        ({"accounts": 5}, {"accounts": 5}),
        ({"accounts": 400}, {"accounts": 400}),
        ({"prevalence": 0.0002}, {"prompts_per_day": 4}),
        ({"prevalence": 0.03}, {"prompts_per_day": 600}),
        ({"leaks": 0}, {"leaks": frozenset()}),
        ({"leaks": 4}, {"leaks": frozenset(STRESS_LEAKS)}),
    ):
        changed = stress_plan(4, **changes)  # type: ignore[arg-type]
        assert changed.innocents == base.innocents
        assert pool_of(changed) == replace(pool_of(base), **expected)  # type: ignore[arg-type]


def test_a_stress_adds_leak_by_leak() -> None:
    leaks = [pool_of(stress_plan(1, leaks=count)).leaks for count in range(5)]
    assert [len(found) for found in leaks] == [0, 1, 2, 3, 4]
    assert all(fewer < more for fewer, more in pairwise(leaks))
    with pytest.raises(UsageError, match="leaks 0 to 4"):
        stress_plan(1, leaks=5)


def test_stresses_of_other_seeds_have_other_innocents_and_another_template() -> None:
    plans = [stress_plan(seed) for seed in range(10)]
    assert len({pool_of(plan).template for plan in plans}) > 5
    assert len({plan.innocents for plan in plans}) == 10
    full = pool_of(stress_plan(1, pains=ADAPTIVE, cover=BLENDED, leaks=0))
    assert full.profile == ("aged", "blended", "diurnal", "residential")


def test_a_stress_counts_exactly() -> None:
    plan = stress_plan(2, prompts_per_day=4_000, prevalence=0.02, cover=0.6, accounts=30)
    kinds = [
        kind for _, truth in generate_with_truth(plan, plan.dates[0]) for kind in truth["kind"].to_pylist()
    ]
    assert (len(kinds), kinds.count("campaign"), kinds.count("cover")) == (4_000, 80, 120)
    assert isinstance(plan.innocents[0], InnocentPlan)
