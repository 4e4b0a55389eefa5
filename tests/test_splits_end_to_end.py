"""A person splits a pool's wordings after the first of three days, and one takes it back after the second."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from pipeline import RECIPE, discover

from campaigns import files
from campaigns.entries import CampaignHistory, CampaignState, Event, Saying, Split
from campaigns.runs import Run, open_run
from campaigns.settings import load
from campaigns.splits import record_split, take_split_back
from campaigns.store import Store
from flows import steps
from flows.known import workers_of
from flows.resources import Flags, RunRef
from simulation.plan import CampaignPlan, InnocentPlan, SimulationPlan
from simulation.traffic import write_day

pytestmark = pytest.mark.slow

PLAN = SimulationPlan(
    days=3,
    prompts_per_day=500,
    seed=11,
    campaigns=(
        CampaignPlan(
            "judges", "pairwise-judge", "e4", 18, 90, 0.0, frozenset({"creation", "payment", "model"})
        ),
    ),
    innocents=(InnocentPlan("app", 2, 40, template="meal-planner"),),
)
FIRST, SECOND, THIRD = PLAN.dates
WORDINGS = {f"pairwise-judge/{n}" for n in range(4)}


@dataclass
class Pool:
    """Three days of one pool in four wordings, and the home that its runs are in."""

    traffic: Path
    home: Path

    def source(self, day: date) -> Path:
        return self.traffic / f"day={day}" / "traffic.parquet"

    def run(self, day: date, *, force: bool = False) -> Run:
        return discover(self.home, self.source(day), day=day, force=force)

    def die_after_identify(self, day: date) -> Run:
        """A run that another one of the day goes on with."""
        given: Flags = {"home": str(self.home), "embedding.backend": "torch"}
        run = open_run(self.home, day, "fingerprint")
        run.reopen()
        ref = RunRef.of(run, str(self.source(day)), "", given, settings=load(given).settings)
        for step in RECIPE[: RECIPE.index(steps.identify) + 1]:
            step.fn(ref)
        return run

    def store(self) -> Store:
        return Store.open(load({"home": str(self.home)}, environment={}).settings)

    def history(self, campaign_id: str) -> CampaignHistory:
        with self.store() as store:
            return store.campaign(campaign_id)

    def sides(self, run: Run) -> dict[str, set[str]]:
        """By campaign the planted wordings of the pool that it has a prompt of."""
        truth = pl.DataFrame(
            files.read_parquet(self.traffic / "truth" / f"day={run.day}" / "prompts.parquet")
        )
        planted = truth.filter(pl.col("campaign") == "judges").select("prompt_id", "family")
        found = pl.DataFrame(run.table("members", ["prompt_id", "campaign_id"])).join(planted, on="prompt_id")
        return {str(name): set(of["family"]) for (name,), of in found.group_by("campaign_id")}


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Pool:
    folder = tmp_path_factory.mktemp("pool")
    for day in PLAN.dates:
        write_day(PLAN, day, folder / "traffic")
    return Pool(folder / "traffic", folder / "home")


@pytest.fixture(scope="module")
def whole(pool: Pool) -> str:
    """The campaign of the first day, which has all wordings."""
    ((name, wordings),) = pool.sides(pool.run(FIRST)).items()
    assert wordings == WORDINGS
    return name


@pytest.fixture(scope="module")
def split(pool: Pool, whole: str) -> Split:
    """Of one wording, while a run of the second day had died that did not know of it."""
    died = pl.DataFrame(pool.die_after_identify(SECOND).table("identities"))
    assert died.filter(pl.col("campaign_id") == whole).height == len(WORDINGS)
    with pool.store() as store, store.writing() as session:
        return record_split(session, whole, [1], reason="another job", author="ada")


@pytest.fixture(scope="module")
def second(pool: Pool, split: Split) -> Run:
    return pool.run(SECOND)


@pytest.fixture(scope="module")
def copy(pool: Pool, second: Run, tmp_path_factory: pytest.TempPathFactory) -> Pool:
    """The same as of the second day, for another third one."""
    home = tmp_path_factory.mktemp("copy") / "home"
    shutil.copytree(pool.home, home)
    return Pool(pool.traffic, home)


@pytest.fixture(scope="module")
def third(pool: Pool, copy: Pool) -> Run:
    return pool.run(THIRD)


def test_the_next_run_parts_what_accounts_join(pool: Pool, whole: str, split: Split, second: Run) -> None:
    joined = pl.DataFrame(second.table("wordings"))
    assert joined["lead"].n_unique() == 1
    assert joined.height == len(WORDINGS)
    sides = pool.sides(second)
    assert set(sides) == {whole, split.new_id}
    assert [len(sides[whole]), len(sides[str(split.new_id)])] == [3, 1]
    assert sides[whole] | sides[str(split.new_id)] == WORDINGS


def test_each_wording_goes_on_under_its_number(whole: str, split: Split, second: Run, third: Run) -> None:
    for run in (second, third):
        rows = pl.DataFrame(run.table("identities")).sort("variant")
        assert rows["campaign_id"].to_list() == [whole, split.new_id, whole, whole]
        assert rows["variant"].to_list() == [0, 1, 2, 3]


def test_it_is_sought_and_has_workers_before_a_run_finds_it(
    pool: Pool, whole: str, split: Split, second: Run
) -> None:
    new = str(split.new_id)
    with pool.store() as store:
        sought = store.known_matchers(SECOND)
        known = store.known_campaigns(SECOND, latest_days=3)
    assert [(one.campaign_id, one.variant) for one in sought if one.variant == 1] == [(new, 1)]
    assert {one.campaign_id for one in sought if one.variant != 1} == {whole}
    assert len({one.suspected for one in sought}) == 1

    workers, _ = workers_of(known, load({"home": str(pool.home)}, environment={}).settings)
    named = {str(name): set(of["account_id"]) for (name,), of in workers.group_by("campaign_id")}
    truth = pl.DataFrame(files.read_parquet(pool.traffic / "truth" / f"day={FIRST}" / "prompts.parquet"))
    (wording,) = pool.sides(second)[new]
    senders = set(truth.filter(pl.col("family") == wording)["account_id"])
    assert named[new] == named[whole] & senders != named[whole]


def test_the_two_stay_apart(pool: Pool, second: Run, third: Run) -> None:
    assert pool.sides(third) == pool.sides(second)
    assert third.table("unseen").num_rows == 0


def test_lineage_says_who_split_it_and_why(pool: Pool, whole: str, split: Split, third: Run) -> None:
    new = pool.history(str(split.new_id))
    assert [(one.day, one.event, one.other_id) for one in new.lineage] == [
        (SECOND, Event.SPLIT, whole),
        (third.day, Event.KEPT, None),
    ]
    assert new.lineage[0].reason.startswith(
        f"ada split it from {whole}: another job; its wording overlaps by "
    )
    assert [(one.saying, one.other_id, one.author) for one in new.said] == [(Saying.SPLIT, whole, "ada")]
    old = pool.history(whole)
    assert [one.event for one in old.lineage] == [Event.MINTED, Event.KEPT, Event.KEPT]
    assert old.said == new.said
    with pool.store() as store:
        assert store.questions() == []


def test_the_same_store_gives_the_same_ids(copy: Pool, second: Run) -> None:
    again = copy.run(SECOND, force=True)
    assert again.path != second.path
    assert again.manifest()["digest"] == second.manifest()["digest"]


def test_taken_back_the_third_day_has_one_campaign(copy: Pool, whole: str, split: Split) -> None:
    with copy.store() as store:
        with store.writing() as session:
            take_split_back(session, split.id, reason="one job after all", author="eve")
        assert {one.campaign_id for one in store.known_matchers()} == {whole}
    assert copy.sides(copy.run(THIRD)) == {whole: WORDINGS}
    gone = copy.history(str(split.new_id))
    assert gone.state == CampaignState.MERGED
    told = gone.lineage[-1]
    assert (told.day, told.event, told.other_id) == (THIRD, Event.MERGED, whole)
    assert told.reason == f"eve took back that it was split from {whole}: one job after all"
    assert set(copy.history(whole).wordings) == {0, 1, 2, 3}
