from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from erasure_examples import CANARY, OTHER, plant, settings_of
from run_examples import GRADES
from store_examples import MONDAY, TUESDAY
from typer.testing import CliRunner

from campaigns.entries import AllowKind, Verdict
from campaigns.store import Store
from flows.cli import app
from flows.erase import erase
from review.appeal import read_known


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("planted") / "home"
    home.mkdir()
    plant(home)
    return home


@pytest.fixture
def home(planted: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(planted, tmp_path / "home"))


def explained(home: Path, account: str, *flags: str) -> str:
    result = CliRunner().invoke(app, ["--home", str(home), "explain", account, *flags])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_days_decisions_and_messages_are_told(home: Path) -> None:
    said = explained(home, CANARY)
    assert said.startswith("On 2 days of 2 its prompts are in a campaign; on 2 it is named")
    assert f"Enforcement was told to act on it, for {GRADES}." in said
    assert f"{GRADES}.1 confirmed, names it (csv: delivered" in said
    assert "ada: c-aaaa1111 confirmed, stands; the run 2026-01-06.1 names it" in said


def test_the_figures_are_those_of_the_runs(home: Path) -> None:
    with Store.open(settings_of(home)) as store:
        known = read_known(store, home, [CANARY])
    assert [day.day for day in known.days] == [TUESDAY, MONDAY]
    (belonging,) = known.days[0].campaigns
    assert (belonging.n_prompts, belonging.share, belonging.strength) == (2, 1.0, 0.9)
    (told,) = known.messages
    assert (told.message_id, told.named, told.known) == (f"{GRADES}.1", True, True)
    assert [(one.sink, one.state) for one in told.deliveries] == [
        ("csv", "delivered"),
        ("jsonl", "delivered"),
    ]
    assert known.unread == ()


def test_an_undo_is_told_with_what_it_ends(home: Path) -> None:
    with Store.open(settings_of(home)) as store:
        store.undo(store.standing(GRADES)[GRADES].id, reason="a course", author="bo")
    said = explained(home, CANARY)
    assert "that this no longer stands." in said
    assert f"{GRADES}.2 withdrawn, names it; the body is not kept (has not left)" in said


def test_one_who_passed_by_is_told_apart(home: Path) -> None:
    with Store.open(settings_of(home)) as store:
        store.decide("c-bbbb2222", Verdict.WATCH, reason="small", author="ada")
    said = explained(home, "acct-4")
    assert "on 0 it is named" in said
    assert "does not name it: it passed by" in said
    assert "Enforcement was never told to act on it." in said


def test_an_account_of_no_campaign_is_known_and_in_none(home: Path) -> None:
    assert explained(home, OTHER).startswith("It sent prompts on 2 days and is in no campaign of them.")


def test_the_allow_list_is_told(home: Path) -> None:
    with Store.open(settings_of(home)) as store:
        store.add_allow(AllowKind.CAMPAIGN, GRADES, reason="a course after all", author="bo")
    assert f"campaign {GRADES}, for good: a course after all (bo)" in explained(home, CANARY)


def test_what_cannot_be_seen_is_said(home: Path) -> None:
    shutil.rmtree(home / "runs" / str(MONDAY))
    said = explained(home, CANARY)
    assert "What 1 run said of it cannot be read" in said
    assert f"{MONDAY}.1" in said


def test_nothing_known_is_said_and_no_failure(home: Path) -> None:
    assert explained(home, "nobody") == "Nothing is known of this account.\n"
    assert json.loads(explained(home, "nobody", "--json"))["known"] is False


def test_an_erased_account_has_its_tombstone_and_nothing_else(home: Path) -> None:
    settings = settings_of(home)
    with Store.open(settings) as store:
        erase(settings, store, [CANARY], reason="request 4711", author="ada")
    said = explained(home, CANARY).splitlines()
    assert said[0].startswith("The account was erased on ")
    assert said[0].endswith("by ada: request 4711")
    assert said[1:] == ["Nothing else is known of it."]
