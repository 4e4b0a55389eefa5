"""`shoal match`: what is found, what is known, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest
from console import data, keep_apart, shoal
from match_examples import published
from matching_cases import json_lines, row, write_parquet
from run_examples import GRADES, HOSTILE, LEDGER, publish_example
from store_examples import MONDAY, TUESDAY
from typer.testing import CliRunner

from campaigns import files
from campaigns.entries import KnownMatcher, Verdict
from campaigns.errors import IntegrityError
from campaigns.records import COVERS, MatcherState
from campaigns.settings import load
from campaigns.store import Store
from flows import cli
from flows.match_service import StoreSource, application, as_environment


@pytest.fixture(autouse=True)
def apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    keep_apart(tmp_path, monkeypatch)
    monkeypatch.setenv("SHOAL_HOME", str(tmp_path / "home"))
    return tmp_path


def traffic(folder: Path) -> Path:
    rows = [
        row(0, "Grade this essay: a lamp", account_id="acct-2"),
        row(1, "Grade this essay: a lantern", account_id="acct-9"),
        row(2, "Good day to you", account_id="acct-9"),
        row(3, "Balance the ledger of July", account_id="acct-3"),
        row(4, None),
    ]
    return write_parquet(folder / "traffic.parquet", rows)


def test_what_is_found_is_told_with_its_new_accounts(apart: Path) -> None:
    published(apart / "home")
    told = data("match", "--input", str(traffic(apart)), "--out", str(apart / "out"), "--benign")
    assert {key: told[key] for key in ("rows_in", "matched", "unmatched", "quarantined")} == {
        "rows_in": 5,
        "matched": 3,
        "unmatched": 1,
        "quarantined": 1,
    }
    assert [
        (c["campaign_id"], c["n_prompts"], c["n_accounts"], c["new_accounts"]) for c in told["campaigns"]
    ] == [(GRADES, 2, 2, 1), (LEDGER, 1, 1, 0)]
    again = shoal("match", "--input", str(traffic(apart)), "--out", str(apart / "other"), "--benign")
    assert again.exit_code == 0
    assert "3 prompts matched" in again.stdout
    assert "\x1b" not in again.stdout
    assert "5 rows: 3 matched, 1 did not, 1 set aside" in again.stderr


def test_benign_and_dismissed_campaigns_are_sought_on_demand(apart: Path) -> None:
    published(apart / "home")

    def found(*more: str) -> list[str]:
        told = data("match", "--force", "-i", str(traffic(apart)), "--out", str(apart / "out"), *more)
        return [campaign["campaign_id"] for campaign in told["campaigns"]]

    assert found() == [GRADES]
    assert found("--benign") == [GRADES, LEDGER]
    assert found("--campaign", LEDGER) == [LEDGER]
    assert "sought with --benign" in " ".join(shoal("match", "--list").stdout.split())
    with Store.open(load().settings) as store:
        store.decide(GRADES, Verdict.DISMISSED, reason="a course", author="ada")
        store.decide(LEDGER, Verdict.CONFIRMED, reason="shared cards", author="ada")
    assert found() == [LEDGER]


def test_only_the_campaigns_that_are_asked_for(apart: Path) -> None:
    published(apart / "home")
    call = ["match", "-i", str(traffic(apart)), "--campaign", LEDGER]
    told = data(*call)
    assert [campaign["campaign_id"] for campaign in told["campaigns"]] == [LEDGER]
    assert Path(told["out"]).parent == apart / "home" / "matches"
    unknown = shoal("match", "-i", "x", "--campaign", "c-none")
    assert unknown.exit_code == 2
    assert "no campaign 'c-none' is known" in unknown.stderr


def test_standard_input_is_matched_line_by_line(apart: Path) -> None:
    published(apart / "home")
    lines = json_lines([row(0, "Grade this essay: a lamp")]) + b"{broken\n"
    result = CliRunner().invoke(cli.app, ["match", "-i", "-", "--out", "out", "--json"], input=lines)
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert (told["matched"], told["quarantined"]) == (1, 1)


def test_what_is_known_is_listed_with_its_figures(apart: Path) -> None:
    published(apart / "home", (MatcherState.USABLE, MatcherState.COLLIDES))
    listed = data("match", "--list")
    assert [(entry["campaign_id"], entry["state"]) for entry in listed] == [
        (GRADES, "usable"),
        (LEDGER, "matches others"),
    ]
    told = shoal("match", "--list").stdout
    assert "9,000" in told
    assert "\x1b" not in told
    assert "matches others: 1 of 9000" in told


def test_covers_of_the_run_are_known_and_listed(apart: Path) -> None:
    run = published(apart / "home", (MatcherState.USABLE, MatcherState.TOO_SHORT))
    cover = {
        "family": 1, "state": "usable", "reason": f"all do {HOSTILE}", "words": [3, 2**64 - 1], "weights": [40_000, 5],
        "least": 30_000, "typical": 40_000, "by_template": 0.0, "held_out": 1.0, "organic_most": 9_000,
        "organic_matches": 0, "organic_prompts": 9_000, "collision_bound": 0.0003, "other_families": [],
        "other_matches": [],
    }  # fmt: skip
    files.write_parquet(run.path / "covers.parquet", pa.Table.from_pylist([cover], COVERS))
    with Store.open(load().settings) as store:
        [grades, ledger] = store.known_matchers()
    assert grades.cover is None
    assert ledger.cover is not None
    assert (ledger.cover.words, ledger.cover.weights, ledger.cover.least) == (
        (3, 2**64 - 1),
        (40_000, 5),
        30_000,
    )
    [_, listed] = data("match", "--list")
    assert "words" not in listed["cover"]
    assert listed["cover"]["reason"] == f"all do {HOSTILE}"
    told = shoal("match", "--list")
    assert told.exit_code == 0
    assert "by its words" in told.stdout
    assert "\x1b" not in told.stdout


def test_the_store_tells_the_latest_day_of_each_campaign(apart: Path) -> None:
    published(apart / "home")
    with Store.open(load().settings) as store:
        before = store.published_state()
        [grades, ledger] = store.known_matchers()
        assert isinstance(grades, KnownMatcher)
        assert (grades.campaign_id, grades.variant, grades.day) == (GRADES, 0, MONDAY)
        assert (grades.organic_matches, grades.organic_prompts, grades.collision_bound) == (1, 9_000, 0.0005)
        assert ledger.state is MatcherState.USABLE
        assert store.known_matchers(before=MONDAY) == []
        assert store.known_matchers(before=TUESDAY) == [grades, ledger]
        published_again = publish_example(apart / "home", force=True)
        assert store.published_state() != before
        with pytest.raises(IntegrityError, match="are gone"):
            store.known_matchers()
    assert not (published_again.path / "matchers.parquet").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "say what to match"),
        (["--list", "--input", "x"], "say what to match"),
        (["--serve", "8100"], "cannot read the address"),
        (["--serve", "127.0.0.1:http"], "cannot read the address"),
        (["--serve", "0.0.0.0:8100"], "needs a token"),
        (["--serve", "127.0.0.1:8100"], "has no token"),
        (["--serve", "0.0.0.0:8100", "--no-token"], "needs a token"),
    ],
)
def test_a_call_that_cannot_be_meant_is_refused(arguments: list[str], message: str) -> None:
    result = shoal("match", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr


def test_the_token_is_never_a_flag() -> None:
    result = shoal("--set", "match.token=abc", "match", "--list")
    assert result.exit_code == 2
    assert "SHOAL_MATCH__TOKEN" in result.stderr


def test_traffic_that_is_not_there_is_an_error(apart: Path) -> None:
    published(apart / "home")
    assert shoal("match", "--input", "nowhere.parquet").exit_code == 3


def test_the_service_is_made_from_the_environment(apart: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    published(apart / "home")
    from starlette.testclient import TestClient

    monkeypatch.setenv("SHOAL_MATCH__TOKEN", "secret")
    for name, value in as_environment(
        {"match.max_batch": 1, "match.benign": True, "home": str(apart / "home")}
    ).items():
        monkeypatch.setenv(name, value)
    with TestClient(application()) as client:
        assert client.get("/v1/health").json()["wordings"] == 2
        header = {"Authorization": "Bearer secret"}
        prompts = [{"id": "a", "text": "Grade this essay: x"}]
        answer = client.post("/v1/match", json={"prompts": prompts}, headers=header).json()
        assert answer["results"][0]["matches"][0]["campaign_id"] == GRADES
        assert client.post("/v1/match", json={"prompts": prompts * 2}, headers=header).status_code == 413
    assert StoreSource(load().settings).state()
