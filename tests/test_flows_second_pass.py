"""The second pass over a simulated day: more of the operators, the same ids, and nothing said of traffic at large."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from console import data, keep_apart, shoal
from pipeline import counts, discover
from report_examples import Sent, publish_day
from run_examples import publish_example
from store_examples import MONDAY, TUESDAY

from campaigns import files
from campaigns.errors import InputError, UsageError
from campaigns.failpoints import KILLED
from campaigns.records import MATCHERS, Tier
from campaigns.runs import Run
from campaigns.settings import Settings, load
from campaigns.store import Store
from flows.discover import first_pass_of
from flows.health import DayFigures
from flows.resources import Flags, SecondPass
from flows.second_pass import changes, choose_accounts
from flows.trailing import trailing_days
from review.report import read_report
from simulation.plan import CampaignPlan, InnocentPlan, SimulationPlan
from simulation.traffic import DayFiles, write_day

HERE = Path(__file__).parent
PLAN = SimulationPlan(
    days=2,
    prompts_per_day=2_800,
    seed=5,
    campaigns=(
        CampaignPlan(
            "ledger", "stepwise-ledger", "e1", 36, 150, 0.1, frozenset({"creation", "asn", "payment"})
        ),
        CampaignPlan("korrektur", "lehrkraft-korrektur", "e0", 28, 110, 0.0, frozenset({"creation", "ua"})),
    ),
    innocents=(
        InnocentPlan("app", 2, 50, template="meal-planner"),
        InnocentPlan("harness", 16, 50, 16, template="notes-copilot"),
        InnocentPlan("popular", 20, 24, 20, template="tiny-king"),
        InnocentPlan("passer-by", 3, 3, 9, imitates="ledger"),
    ),
)
DAY, NEXT = PLAN.dates
SAMPLED = 0.4
FLAGS: Flags = {
    "match.second_controls": 100,
    "sample_rate": SAMPLED,
    "sample_by": "prompt",
    "embedding.backend": "torch",
}


@dataclass(frozen=True)
class Traffic:
    whole: dict[date, DayFiles]
    sample: dict[date, Path]

    def prompts(self, day: date) -> pl.DataFrame:
        return pl.read_parquet(self.whole[day].traffic)


def sampled(prompts: pl.DataFrame, rate: float) -> pl.DataFrame:
    def kept(name: str) -> bool:
        return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=4).digest(), "big") < rate * 2**32

    return prompts.filter(pl.Series([kept(name) for name in prompts["prompt_id"]]))


@pytest.fixture(scope="module")
def traffic(tmp_path_factory: pytest.TempPathFactory) -> Traffic:
    folder = tmp_path_factory.mktemp("traffic")
    whole = {day: write_day(PLAN, day, folder) for day in PLAN.dates}
    sample = {day: folder / f"sample-{day}.parquet" for day in PLAN.dates}
    for day, path in sample.items():
        sampled(pl.read_parquet(whole[day].traffic), SAMPLED).write_parquet(path)
    return Traffic(whole, sample)


def flags_of(home: Path) -> Flags:
    return {**FLAGS, "home": str(home)}


def settings_of(home: Path) -> Settings:
    return load(flags_of(home), environment={}).settings


def second_of(home: Path, source: Path, day: date = DAY) -> SecondPass:
    settings = settings_of(home)
    with Store.open(settings) as store:
        return choose_accounts(store, str(source), day, settings).second()


def update(home: Path, source: Path, day: date = DAY, *, force: bool = False) -> Run:
    return discover(
        home, source, day=day, flags=flags_of(home), second=second_of(home, source, day), force=force
    )


@dataclass(frozen=True)
class Passes:
    home: Path
    first: Run
    second: Run


@pytest.fixture(scope="module")
def passes(traffic: Traffic, tmp_path_factory: pytest.TempPathFactory) -> Passes:
    home = tmp_path_factory.mktemp("home")
    first = discover(home, traffic.sample[DAY], flags=flags_of(home))
    return Passes(home, first, update(home, traffic.whole[DAY].traffic))


@pytest.fixture
def copy(passes: Passes, tmp_path: Path) -> Path:
    """The home after the second pass, to be changed."""
    return shutil.copytree(passes.home, tmp_path / "home")


@pytest.fixture
def only_first(passes: Passes, traffic: Traffic, tmp_path: Path) -> Path:
    """A home where the sample alone is published, which shares the vectors of the other."""
    home = tmp_path / "once"
    home.mkdir()
    shutil.copytree(passes.home / "cache", home / "cache")
    discover(home, traffic.sample[DAY], flags=flags_of(home))
    return home


def ids(run: Run) -> set[str]:
    return set(run.table("campaigns", ["campaign_id"])["campaign_id"].to_pylist())


def named(run: Run) -> set[str]:
    """Accounts named in campaigns that are not benign."""
    campaigns = pl.DataFrame(run.table("campaigns", ["campaign_id", "tier"])).filter(
        pl.col("tier") != Tier.BENIGN
    )
    accounts = pl.DataFrame(run.table("accounts")).filter("is_core")
    return set(accounts.join(campaigns, on="campaign_id")["account_id"])


def roles(traffic: Traffic, day: date = DAY) -> dict[str, str]:
    return dict(pl.read_parquet(traffic.whole[day].accounts).select("account_id", "role").iter_rows())


def current(home: Path, day: date = DAY) -> Any:
    with Store.open(settings_of(home)) as store:
        return store.current_run(day)


# -- what it finds -------------------------------------------------------------------------------------


@pytest.mark.slow
def test_nearly_every_account_of_the_operators_is_named_and_no_innocent_one(
    passes: Passes, traffic: Traffic
) -> None:
    role = roles(traffic)
    operators = {name for name, of in role.items() if of == "campaign"}
    before, after = named(passes.first), named(passes.second)
    assert len(after & operators) >= 0.95 * len(operators) > len(before & operators)
    assert {name for name in after - before if role[name] != "campaign"} == set()


@pytest.mark.slow
def test_sizes_are_those_of_all_traffic(passes: Passes, traffic: Traffic) -> None:
    truth = pl.read_parquet(traffic.whole[DAY].prompts).filter(pl.col("kind") == "campaign")
    sent = dict(truth.group_by("campaign").len().iter_rows())
    found = pl.DataFrame(passes.second.table("members")).join(truth, on="prompt_id")
    held = dict(found.group_by("campaign").len().iter_rows())
    assert all(held[name] >= 0.95 * n for name, n in sent.items())
    told = {row["campaign_id"]: row for row in changes(passes.first, passes.second)}
    assert all(
        row["after"]["n_prompts"] > row["before"]["n_prompts"] for row in told.values() if row["before"]
    )


@pytest.mark.slow
def test_rows_are_all_accounted_for(passes: Passes, traffic: Traffic) -> None:
    told = counts(passes.second, "ingest")
    rows = traffic.prompts(DAY).height
    assert int(told["rows_in"]) + int(told["other_accounts"]) == rows
    assert int(told["rows_in"]) == sum(int(told[name]) for name in ("accepted", "copies", "quarantined"))
    chosen = set(passes.second.table("chosen")["account_id"].to_pylist())
    sent = traffic.prompts(DAY).filter(pl.col("account_id").is_in(chosen))
    assert set(passes.second.prompts(["prompt_id"])["prompt_id"].to_pylist()) == set(sent["prompt_id"])
    assert passes.second.manifest()["second_pass"]["rows_passed_over"] == rows - sent.height > 0


# -- what it takes over --------------------------------------------------------------------------------


@pytest.mark.slow
def test_ids_and_their_story_are_those_of_the_first_pass(passes: Passes) -> None:
    assert ids(passes.first) <= ids(passes.second)
    why = ["campaign_id", "event", "reason"]
    first, second = (
        pl.DataFrame(run.table("identities")).filter(pl.col("family") == pl.col("lead")).select(why)
        for run in (passes.first, passes.second)
    )
    assert first.join(second, on=why).height == first.height
    with Store.open(settings_of(passes.home)) as store:
        for name in ids(passes.first):
            history = store.campaign(name)
            assert (history.first_day, [str(entry.event) for entry in history.lineage]) == (DAY, ["minted"])
            assert history.latest.run_id == passes.second.run_id


@pytest.mark.slow
def test_prevalence_is_that_of_the_sample(passes: Passes) -> None:
    first, second = (pl.DataFrame(run.table("prevalence")) for run in (passes.first, passes.second))
    assert second.equals(first)
    manifest = passes.second.manifest()
    for name in ("sample", "detection_floor"):
        assert manifest[name] == passes.first.manifest()[name]
    before, after = (read_report(DAY, DAY, [run], {}) for run in (passes.first, passes.second))
    assert after.prompts == before.prompts
    assert after.whole == before.whole
    assert after.suspected.account_share <= 1
    by_kind = (pl.DataFrame(run.table("prevalence_accounts")) for run in (passes.first, passes.second))
    seen, counted = (
        table.filter(pl.col("by").is_in(["all", "campaign", "model", "country"])) for table in by_kind
    )
    assert counted.equals(seen)


@pytest.mark.slow
def test_days_are_compared_by_their_first_pass(passes: Passes) -> None:
    published = current(passes.home)
    usual, own = DayFigures.as_usual(DAY, published.counts), DayFigures.of(DAY, published.counts)
    assert usual is not None
    assert own is not None
    assert usual.rows == int(counts(passes.first, "ingest")["rows_in"]) < own.rows
    [before] = trailing_days(settings_of(passes.home), NEXT, "cluster", "background.parquet")
    assert before.run_id == published.first_pass == passes.first.run_id


# -- again, and the day after --------------------------------------------------------------------------


@pytest.mark.slow
def test_made_again_it_comes_to_the_same(copy: Path, passes: Passes, traffic: Traffic) -> None:
    again = update(copy, traffic.whole[DAY].traffic)
    assert again.run_id == passes.second.run_id
    anew = update(copy, traffic.whole[DAY].traffic, force=True)
    assert anew.run_id != passes.second.run_id
    assert anew.manifest()["digest"] == passes.second.manifest()["digest"]
    assert anew.manifest()["second_pass"] == passes.second.manifest()["second_pass"]
    assert current(copy).first_pass == passes.first.run_id

    tuesday = discover(copy, traffic.sample[NEXT], day=NEXT, flags=flags_of(copy))
    assert ids(passes.first) & ids(tuesday)
    second = update(copy, traffic.whole[NEXT].traffic, NEXT)
    operators = {name for name, of in roles(traffic, NEXT).items() if of == "campaign"}
    assert len(named(second) & operators) >= 0.9 * len(operators)
    assert ids(tuesday) <= ids(second)
    with Store.open(settings_of(copy)) as store:
        assert store.verify() == []


@pytest.mark.slow
def test_rows_in_any_order_are_chosen_alike(
    copy: Path, passes: Passes, traffic: Traffic, tmp_path: Path
) -> None:
    shuffled = traffic.prompts(DAY).sample(fraction=1.0, shuffle=True, seed=3)
    folder = tmp_path / "parts"
    folder.mkdir()
    shuffled.head(400).write_parquet(folder / "b.parquet")
    shuffled.slice(400).write_parquet(folder / "a.parquet")
    chosen = files.read_parquet(Path(second_of(copy, folder).chosen))
    assert chosen.equals(passes.second.table("chosen"))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_killed_on_the_way_it_goes_on_and_ends_the_same(
    only_first: Path, passes: Passes, traffic: Traffic
) -> None:
    code = "import sys, pathlib, test_flows_second_pass as t; t.update(*map(pathlib.Path, sys.argv[1:]))"
    source = traffic.whole[DAY].traffic
    # Whatever the stages share with a first pass dies in `test_crashes`.
    points = ["match:finished", "second_pass:chosen", "ingest:done", "identify:done", "publish:committed"]
    for point in points:
        environment = {
            **os.environ,
            "PYTHONPATH": f"{HERE}{os.pathsep}{HERE.parent}",
            "SHOAL_FAILPOINT": point,
        }
        died = subprocess.run(
            [sys.executable, "-c", code, str(only_first), str(source)], env=environment, check=False
        )
        assert died.returncode == KILLED, point
        assert (current(only_first).first_pass is not None) == (point == "publish:committed"), point
    resumed = update(only_first, source)
    assert resumed.attempt == 2
    assert resumed.manifest()["digest"] == passes.second.manifest()["digest"]
    assert resumed.verify() == []


@pytest.mark.slow
@pytest.mark.usefixtures("server")
def test_the_command_tells_what_changed_and_the_second_time_that_nothing_did(
    copy: Path, passes: Passes, traffic: Traffic
) -> None:
    knobs = [f"--set={name}={value}" for name, value in FLAGS.items()]
    command = ["--home", str(copy), *knobs, "match", "--update", "--input", str(traffic.whole[DAY].traffic)]
    told = data(*command)
    assert (told["day"], told["run_id"], told["already"]) == (str(DAY), f"{DAY}.3", False)
    assert told["digest"] == passes.second.manifest()["digest"]
    assert told["second_pass"]["first_pass"] == passes.first.run_id
    assert told["second_pass"]["rows_passed_over"] > 0
    assert told["campaigns"] == changes(passes.first, passes.second)
    again = data(*command)
    assert again == {**told, "already": True}
    shown = shoal(*command)
    assert "was counted again already" in shown.stderr
    assert "accounts seen; looked at" in shown.stderr
    checks = Run(copy / "runs" / str(DAY) / "3", DAY, 3, "").manifest()["health"]["checks"]
    assert not [check for check in checks if check["failed"]]
    assert shoal("--home", str(copy), "verify").exit_code == 0


# -- what is refused -----------------------------------------------------------------------------------


@pytest.mark.slow
def test_other_traffic_is_refused(copy: Path, traffic: Traffic, tmp_path: Path) -> None:
    other = tmp_path / "other.parquet"
    strangers = traffic.prompts(DAY).with_columns(account_id=pl.lit("x-") + pl.col("account_id"))
    strangers.write_parquet(other)
    with pytest.raises(InputError, match="holds nobody of the campaigns"):
        second_of(copy, other)
    with pytest.raises(InputError, match="holds no prompt of 2026-01-05"):
        second_of(copy, traffic.whole[NEXT].traffic)


@pytest.fixture
def apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    keep_apart(tmp_path, monkeypatch)
    monkeypatch.setenv("SHOAL_HOME", str(tmp_path / "home"))
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--update", "--list"], "Give all of the day with --input"),
        (["--update", "--input", "-"], "standard input can be read once"),
        (["--update", "--input", "x.parquet", "--campaign", "c-1"], "takes the place of the whole day"),
        (["--input", "x.parquet", "--accept-health", "fine"], "--accept-health needs --update"),
    ],
)
@pytest.mark.usefixtures("apart")
def test_a_call_that_cannot_be_meant_is_refused(arguments: list[str], message: str) -> None:
    result = shoal("match", *arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())


@pytest.mark.usefixtures("apart")
def test_a_day_that_nobody_discovered_is_refused(apart: Path) -> None:
    pl.DataFrame({"prompt_id": ["p"], "account_id": ["a"], "created_at": ["2026-01-05T10:00:00Z"],
                  "prompt": ["Good day"]}).write_parquet(apart / "one.parquet")  # fmt: skip
    result = shoal("match", "--update", "--input", "one.parquet")
    assert result.exit_code == 2
    assert "2026-01-05 is not published" in result.stderr
    assert "shoal run --day 2026-01-05" in result.stderr


def test_a_day_run_again_since_the_choice_is_refused(apart: Path) -> None:
    publish_example(apart / "home")
    publish_example(apart / "home", force=True)
    stale = SecondPass(f"{MONDAY}.1", "", "", "")
    with Store.open(load().settings) as store, pytest.raises(UsageError, match="was run again"):
        first_pass_of(store, MONDAY, stale)


def test_a_sample_and_whole_accounts_are_compared_at_their_rates(apart: Path) -> None:
    home = apart / "home"
    ordinary = Sent("", range(1_000, 1_200))
    publish_day(home, MONDAY, [Sent("c-a", range(20), 5), ordinary], rate=0.1)
    publish_day(home, TUESDAY, [Sent("c-a", range(200), 5), ordinary], rate=0.1, first_pass=f"{TUESDAY}.1")
    found = data("diff", str(MONDAY), str(TUESDAY))
    assert found["rates"] == [0.1, 1.0]
    assert found["changes"] == []
    told = data("report")
    assert [day["sample_rate"] for day in told["days"]] == [0.1, 0.1]
    assert told["turnovers"] == []
    assert told["suspected"]["accounts"] == (20 + 200) / 2
    assert f"{MONDAY}, in a sample of 10 %" in shoal("campaigns", "--day", str(MONDAY)).stdout
    assert f"{TUESDAY}, in all traffic" in shoal("campaigns").stdout
    status = data("status")
    assert [day["first_pass"] for day in status["days"]] == [None, f"{TUESDAY}.1"]
    assert "second pass" in shoal("status").stdout


def test_only_rows_of_the_day_are_matched_when_one_is_named(apart: Path) -> None:
    publish_example(apart / "home")
    files.write_parquet(apart / "home/runs/2026-01-05/1/matchers.parquet", MATCHERS.empty_table())
    times = ["2026-01-05T10:00:00Z", "2026-01-06T10:00:00Z", "2026-01-06T11:00:00Z"]
    pl.DataFrame({"prompt_id": ["p", "q", "r"], "account_id": ["a", "a", "b"], "created_at": times,
                  "prompt": ["Good day", "Good night", "Good"]}).write_parquet(apart / "days.parquet")  # fmt: skip
    told = data("match", "--input", "days.parquet", "--day", "2026-01-06", "--out", "out")
    assert (told["rows_in"], told["unmatched"], told["other_days"]) == (2, 2, 1)
    totals = pl.read_parquet(apart / "out/accounts.parquet")
    assert totals.rows() == [("a", 1), ("b", 1)]
