"""Idioms are said by many unrelated people, each about something of their own; plans have none unless they ask."""

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from campaigns.errors import UsageError
from simulation.draws import stream
from simulation.idioms import idiom
from simulation.organic import voice
from simulation.plan import SimulationPlan, demo_plan, small_plan
from simulation.prose import LANGUAGES, language
from simulation.templates import templates
from simulation.traffic import generate_with_truth


@pytest.fixture(scope="module")
def day() -> pl.DataFrame:
    plan = SimulationPlan(1, 8_000, 3, idioms=0.1)
    parts = list(generate_with_truth(plan, plan.dates[0]))
    traffic = pl.DataFrame(pa.Table.from_batches([traffic for traffic, _ in parts]))
    truth = pl.DataFrame(pa.Table.from_batches([truth for _, truth in parts]))
    return traffic.join(truth.drop("account_id"), on="prompt_id")


def test_the_ready_made_plans_have_none() -> None:
    assert (demo_plan().idioms, small_plan().idioms) == (0.0, 0.0)
    plan = small_plan()
    truth = pa.Table.from_batches([truth for _, truth in generate_with_truth(plan, plan.dates[0])])
    assert not any((family or "").startswith("idiom:") for family in truth["family"].to_pylist())


def test_their_part_of_the_traffic_is_as_planned_whatever_an_account_sends(day: pl.DataFrame) -> None:
    idioms = day.filter(pl.col("family").is_not_null())
    assert set(idioms["kind"]) == {"organic"}
    assert abs(idioms.height / day.height - 0.1) < 0.015
    volumes = day.group_by("account_id").agg(n=pl.len(), said=pl.col("family").count())
    busy, quiet = volumes.filter(pl.col("n") >= 20), volumes.filter(pl.col("n") < 20)
    for part in (busy, quiet):
        assert abs(part["said"].sum() / part["n"].sum() - 0.1) < 0.025


def test_many_accounts_of_many_countries_share_one_each_with_topics_of_their_own(day: pl.DataFrame) -> None:
    commonest = day.filter(pl.col("family") == "idiom:like-i-am-five")
    assert commonest["account_id"].n_unique() > 40
    assert commonest["country"].n_unique() > 8
    assert np.mean(commonest["prompt"].is_unique().to_numpy()) > 0.99
    constant = templates("idioms")["like-i-am-five"].wordings[0].constants[0].strip().lower()
    exact = [constant in prompt.lower() for prompt in commonest["prompt"]]
    assert np.mean(exact) > 0.6  # the rest is mistyped


@pytest.mark.parametrize("spoken", LANGUAGES)
def test_every_language_has_its_own(spoken: str) -> None:
    draws = stream(2, "idioms", spoken)
    people = [voice(draws, spoken) for _ in range(200)]
    families = {
        written.family
        for person in people
        if person.language is language(spoken)
        for written in [idiom(person, draws)]
        if written.language == spoken
    }
    assert len(families) >= 3


def test_an_interest_has_phrases_of_its_own() -> None:
    known = templates("idioms")
    draws = stream(2, "interests")
    said = set()
    for _ in range(600):
        person = voice(draws)
        family = idiom(person, draws).family or ""
        objective = known[family.removeprefix("idiom:")].objective
        assert objective in {"any", *person.topics}
        said.add(objective)
    assert len(said) >= 5
    topics = set(language("en").topics)
    assert {one.objective for one in known.values()} - {"any"} <= topics


def test_no_more_than_half_of_the_traffic_can_be_idioms() -> None:
    with pytest.raises(UsageError, match="idioms"):
        SimulationPlan(1, 10, 1, idioms=0.6)
