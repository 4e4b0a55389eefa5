"""What people do on the command line besides deciding: proposals, titles, splits, and the log of all of it."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
from console import data, keep_apart, shoal
from run_examples import GRADES, HOSTILE, LEDGER, publish_example
from store_examples import TUESDAY, a_campaign, a_run, a_wording, publish_now
from typer.testing import Result

from campaigns import files
from campaigns.named import accounts_file
from campaigns.records import ACCOUNTS, Objective
from campaigns.runs import Run
from campaigns.settings import Settings
from campaigns.store import Store
from flows.commands import relabel

DANGEROUS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
ONE_ALONE = ("--set", "review.second_person_accounts=1")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    keep_apart(tmp_path, monkeypatch)
    made = tmp_path / "var"
    made.mkdir()
    return made


@pytest.fixture
def monday(home: Path) -> Run:
    """GRADES and LEDGER; each names two accounts, and they share one."""
    run = publish_example(home)
    rows = [
        row | {"account_id": f"acct-{number}", "is_core": True}
        for number, row in zip((1, 2, 2, 3), run.table("accounts").to_pylist(), strict=True)
    ]
    files.write_parquet(
        accounts_file(home, run.run_id), run.table("accounts").from_pylist(rows, schema=ACCOUNTS)
    )
    return run


@pytest.fixture
def opened(home: Path, monday: Run) -> Iterator[Store]:
    with Store.open(Settings(home=home)) as store:
        yield store


def told(*arguments: str) -> list[str]:
    result = shoal(*arguments)
    assert result.exit_code == 0, result.stderr
    assert not result.stdout
    return result.stderr.splitlines()


def refused(*arguments: str, code: int = 2) -> Result:
    result = shoal(*arguments)
    assert result.exit_code == code, result.output
    return result


def confirm(*more: str) -> list[str]:
    return told(*ONE_ALONE, "decide", GRADES, "confirm", "--reason", "cards", "--author", "ada", *more)


# -- two people ----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("monday")
def test_a_large_confirmation_waits_until_somebody_else_approves_it() -> None:
    assert confirm() == [
        f"proposal 1: {GRADES} names 2 accounts, more than one person confirms alone; it waits for a second one",
        'next: somebody else: shoal approve 1 --reason "..."',
    ]
    assert data("decisions") == []
    (waiting,) = data("proposals")
    assert (waiting["n_accounts"], waiting["author"], waiting["outcome"]) == (2, "ada", None)
    assert re.search(rf"1 +{GRADES} +2 +confirmed +waits +cards +ada", shoal("proposals").stdout)

    own = refused("approve", "1", "--reason", "sure", "--author", " Ada")
    assert "proposal 1 is ada's own" in own.stderr
    assert told("approve", "1", "--reason", "looked at both", "--author", "bob") == [
        "proposal 1 approved: 1 campaign confirmed",
        f"next: shoal decisions {GRADES}",
    ]
    (decision,) = data("decisions")
    assert (decision["verdict"], decision["author"], decision["proposal_id"]) == ("confirmed", "ada", 1)
    assert "proposal 1 was approved by bob" in refused("decline", "1", "--reason", "no").stderr
    assert told("proposals") == ["nothing waits for a second person"]
    assert "approved by bob" in shoal("proposals", "--all").stdout


@pytest.mark.usefixtures("monday")
def test_up_to_the_limit_one_person_decides() -> None:
    shoal("--set", "review.second_person_accounts=2", "decide", GRADES, "confirm", "--reason", "r")
    shoal(*ONE_ALONE, "decide", LEDGER, "dismiss", "--reason", "r")
    shoal("--set", "review.second_person_accounts=0", "decide", LEDGER, "confirm", "--reason", "r")
    assert [one["verdict"] for one in data("decisions")] == ["confirmed", "dismissed", "confirmed"]
    assert data("proposals", "--all") == []


@pytest.mark.usefixtures("monday")
def test_a_proposal_is_declined_by_others_and_withdrawn_by_its_author() -> None:
    confirm()
    assert told("decline", "1", "--reason", "one customer", "--author", "bob") == [
        "proposal 1 declined; nothing is decided"
    ]
    confirm()
    assert data("decline", "2", "--reason", "too early", "--author", "ADA")["outcome"] == "withdrawn"
    assert data("decisions") == []
    assert [one["outcome"] for one in data("proposals", "--all")] == ["withdrawn", "declined"]


def test_what_is_proposed_is_not_approved_of_another_run(opened: Store) -> None:
    confirm()
    publish_now(opened, a_run(TUESDAY), [a_campaign(GRADES)])
    changed = refused("approve", "1", "--reason", "r", "--author", "bob", code=10)
    assert "changed since you looked" in changed.stderr
    assert data("decisions") == []
    assert [one["id"] for one in data("proposals")] == [1]


def test_an_earlier_day_is_no_way_round_the_second_person(opened: Store, home: Path) -> None:
    """Whatever day is named: the accounts of the latest run are those that a confirmation is about."""
    publish_now(opened, a_run(TUESDAY), [a_campaign(GRADES), a_campaign(LEDGER)])
    for name in ("2026-01-06.1", "2026-01-05.1"):
        table = Run(home / "runs" / "2026-01-05" / "1", TUESDAY, 1, "f1").table("accounts")
        files.write_parquet(accounts_file(home, name), table)
    earlier = refused(*ONE_ALONE, "decide", GRADES, "confirm", "--reason", "r", "--day", "2026-01-05")
    assert "a confirmation of 2 accounts needs a second person" in earlier.stderr
    made = data("decide", GRADES, "confirm", "--reason", "r", "--day", "2026-01-05")
    assert (made["day"], made["run_id"]) == ("2026-01-05", "2026-01-05.1")
    assert data("proposals", "--all") == []


def test_a_confirmation_whose_accounts_nobody_can_count_is_refused(monday: Run) -> None:
    (monday.path / "accounts.parquet").unlink()
    gone = refused("decide", GRADES, "confirm", "--reason", "r", code=7)
    assert "the accounts of a run are gone" in gone.stderr
    assert data("decide", GRADES, "watch", "--reason", "r")["verdict"] == "watch"


# -- titles --------------------------------------------------------------------------------------------


def test_the_objectives_are_those_that_there_are() -> None:
    assert list(get_args(relabel.ObjectiveName)) == [str(one) for one in Objective]


@pytest.mark.usefixtures("monday")
def test_a_campaign_is_called_what_a_person_calls_it() -> None:
    def called() -> tuple[str, str, bool]:
        (row,) = [one for one in data("campaigns") if one["campaign_id"] == LEDGER]
        return row["title"], row["objective"], row["labelled"]

    found = called()
    assert told("relabel", "c-b", "--title", " Month-end \n books ", "--reason", "asked them") == [
        f"{LEDGER} has the title “Month-end books”",
        f"next: shoal show {LEDGER}",
    ]
    assert called() == ("Month-end books", found[1], True)
    assert data("relabel", LEDGER, "--objective", "code", "--reason", "r")["title"] == "Month-end books"
    assert called() == ("Month-end books", "code", True)
    shown = shoal("show", LEDGER).stdout
    assert shown.startswith("called “Month-end books” and “code” by ")
    assert data("show", LEDGER)["called"]["title"] == "Month-end books"
    assert (
        told("relabel", LEDGER, "--undo", "--reason", "r")[0] == f"{LEDGER} is called what its runs call it"
    )
    assert called() == found
    assert data("show", LEDGER)["called"] is None


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ([GRADES, "--reason", "r"], "say --title, --objective or both, or --undo"),
        ([GRADES, "--title", "t", "--undo", "--reason", "r"], "say --title, --objective or both, or --undo"),
        ([GRADES, "--title", "t"], "--reason"),
        ([GRADES, "--title", " ", "--reason", "r"], "a label needs a title"),
        ([GRADES, "--title", "x" * 201, "--reason", "r"], "longer than 200 characters"),
        ([GRADES, "--title", "t", "--reason", " "], "a label needs reason"),
        ([GRADES, "--objective", "gardening", "--reason", "r"], "gardening"),
        (["c-none", "--title", "t", "--reason", "r"], "no campaign 'c-none'"),
    ],
)
@pytest.mark.usefixtures("monday")
def test_a_wrong_title_leaves_with_2_and_no_trace(arguments: list[str], what: str) -> None:
    assert what in refused("relabel", *arguments).stderr
    assert data("audit")["rows"] == []


# -- splits --------------------------------------------------------------------------------------------


@pytest.fixture
def wordings(opened: Store) -> Store:
    """GRADES has three of them on Tuesday."""
    three = tuple(a_wording(number, number) for number in range(3))
    publish_now(opened, a_run(TUESDAY), [replace(a_campaign(GRADES), wordings=three)])
    return opened


@pytest.mark.usefixtures("wordings")
def test_wordings_are_split_off_and_taken_back_by_the_numbers_that_people_see() -> None:
    first = told("split", "c-a", "--wording", "3", "--wording", "2", "--reason", "other hours")
    made = re.fullmatch(
        rf"split 1: wordings 2, 3 of {GRADES} will be (c-[a-z2-7]{{16}}), from the next run on", first[0]
    )
    assert made
    assert first[1] == f'next: to take it back, shoal split {GRADES} --undo --reason "..."'
    (row,) = data("audit", GRADES)["rows"]
    assert (row["details"]["wordings"], row["details"]["new campaign"]) == ([2, 3], made[1])
    assert told("split", GRADES, "--undo", "--reason", "one pool") == [
        f"split 1 taken back: wordings 2, 3 of {GRADES} again, from the next run on"
    ]
    assert f"no split of {GRADES} stands" in refused("split", GRADES, "--undo", "--reason", "r").stderr


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ([GRADES, "--reason", "r"], "say --wording or --undo"),
        ([GRADES, "--wording", "1", "--undo", "--reason", "r"], "say --wording or --undo"),
        ([GRADES, "--wording", "4", "--reason", "r"], "has no such wordings to part"),
        ([GRADES, "--wording", "0", "--reason", "r"], "Usage"),
        ([GRADES, *("--wording", "1", "--wording", "2", "--wording", "3"), "--reason", "r"], "nothing would be left"),
        ([GRADES, "--wording", "2", "--reason", " "], "a split needs reason"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("wordings")
def test_a_wrong_split_leaves_with_2_and_no_trace(arguments: list[str], what: str) -> None:
    assert what in refused("split", *arguments).stderr
    assert data("audit")["rows"] == []


# -- the log -------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("monday")
def test_the_log_tells_who_did_what() -> None:
    assert told("audit") == ["nothing was done"]
    shoal("decide", GRADES, "watch", "--reason", "it grows", "--author", "ada")
    shoal("allow", "add", "organization", "org-17", "--reason", "load test", "--author", "bob")
    rows = data("audit")["rows"]
    assert [(one["sequence"], one["actor"], one["action"], one["subject"]) for one in rows] == [
        (2, "bob", "added to the allow-list", "organization org-17"),
        (1, "ada", "decided", GRADES),
    ]
    assert [one["sequence"] for one in data("audit", "c-a")["rows"]] == [1]
    assert [one["sequence"] for one in data("audit", "organization org-17")["rows"]] == [2]
    assert [one["sequence"] for one in data("audit", "--limit", "1")["rows"]] == [2]
    assert re.search(
        rf"1 +[-\d]+ [:\d]+ +ada +decided +{GRADES} +decision: 1; reason: it grows;", shoal("audit").stdout
    )
    assert "no campaign 'c-zz'" in refused("audit", "c-zz").stderr


def test_the_log_is_verified_against_what_runs_noted(monday: Run, home: Path) -> None:
    shoal("decide", GRADES, "watch", "--reason", "r", "--author", "ada")
    manifest = monday.path / "manifest.json"
    with Store.open(Settings(home=home)) as store:
        noted = store.audit_head().as_json()
    manifest.write_text(json.dumps(json.loads(manifest.read_bytes()) | {"audit": noted}))
    assert told("audit", "--verify") == [
        "the log of 1 row is whole; 1 run noted where it stood",
        "made without a secret key: this shows accidents, and nobody who can compute checksums",
    ]
    shoal("decide", GRADES, "watch", "--reason", "r", SHOAL_SECRET_KEY="k" * 32)
    keyed = shoal("audit", "--verify", SHOAL_SECRET_KEY="k" * 32)
    assert "rows before 2 were made without the secret key" in keyed.stderr

    database = sqlite3.connect(home / "shoal.db")
    database.execute("DROP TRIGGER audit_no_update")
    database.execute("UPDATE audit SET actor = 'eve' WHERE sequence = 1")
    database.commit()
    database.close()
    damaged = refused("audit", "--verify", code=7)
    assert "audit: row 1 is not what was written" in damaged.stdout
    assert data_of_damage()["problems"][0] == "audit: row 1 is not what was written"


def data_of_damage() -> dict[str, list[str]]:
    return dict(json.loads(refused("audit", "--verify", "--json", code=7).stdout)["verified"])


# -- hostile words -------------------------------------------------------------------------------------


@pytest.mark.usefixtures("wordings")
def test_hostile_words_never_reach_the_terminal() -> None:
    said = ["--reason", HOSTILE, "--author", HOSTILE]
    calls = [
        ["decide", LEDGER, "dismiss", *said],
        [*ONE_ALONE, "decide", LEDGER, "confirm", *said],
        [*ONE_ALONE, "decide", LEDGER, "confirm", *said, "--json"],
        ["proposals"],
        ["proposals", "--json"],
        ["approve", "1", "--reason", HOSTILE],
        ["decline", "2", *said],
        ["proposals", "--all"],
        ["relabel", LEDGER, "--title", HOSTILE, *said],
        ["campaigns", "--all"],
        ["show", LEDGER],
        ["split", GRADES, "--wording", "2", *said],
        ["split", GRADES, "--undo", *said, "--json"],
        ["allow", "list"],
        ["audit", "--limit", "0"],
        ["audit", "--json"],
        ["audit", "--verify"],
    ]
    for arguments in calls:
        result = shoal(*arguments)
        assert result.exit_code == 0, (arguments, result.output)
        assert not DANGEROUS.search(result.output), arguments
    for command in ("relabel", "split", "audit", "approve"):
        wrong = shoal(command, HOSTILE, *([] if command == "audit" else ["--reason", "r"]))
        assert wrong.exit_code == 2
        assert not DANGEROUS.search(wrong.output)
