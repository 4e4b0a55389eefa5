from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest
from run_examples import GRADES, HOSTILE, LEDGER, publish_example
from store_examples import MONDAY, TUESDAY, WEDNESDAY
from web_examples import opened, words

from campaigns import files
from campaigns.entries import AllowKind, Verdict, template_hash
from campaigns.records import PROMPTS
from campaigns.runs import Run
from campaigns.sessions import Role
from ingest.pseudonyms import is_pseudonym, pseudonym
from review.web.day_bars import HEIGHT, day_bars

PASSER_BY = f"acct-1{HOSTILE}"
KEY = "a key of the tests"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    publish_example(tmp_path, MONDAY)
    publish_example(tmp_path, WEDNESDAY)
    return tmp_path


def shown(home: Path, account: str) -> str:
    with opened(home) as page:
        return words(page.text(f"/accounts/{page.desk.links.reference(account)}"))


def test_an_account_shows_its_campaigns_day_by_day_and_why(home: Path) -> None:
    text = shown(home, "acct-2")
    assert f"In 1 campaign from {MONDAY} to {WEDNESDAY}" in text
    assert f"{WEDNESDAY} 2 100 % 0.90 core 1 reason reason" in text
    assert f"{MONDAY} 2 100 % 0.90 core" in text
    assert "Balance the ledger" not in text
    assert f"{MONDAY} 1 50 % 0.40 border" in shown(home, PASSER_BY)


def test_of_an_account_in_no_campaign_nothing_is_known(home: Path) -> None:
    text = shown(home, "acct-nobody")
    assert "Nothing is known of this account: no campaign of the days" in text
    assert "acct-nobody" in text


def test_days_before_are_on_the_next_page(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("review.web.pages.accounts.PAGE", 1)
    with opened(home) as page:
        reference = page.desk.links.reference("acct-2")
        first = page.text(f"/accounts/{reference}")
        assert f"/accounts/{reference}?before={WEDNESDAY}" in first
        assert f"{MONDAY} 2 100 %" not in words(first)
        assert f"{MONDAY} 2 100 %" in words(page.text(f"/accounts/{reference}?before={WEDNESDAY}"))


def test_a_confirmation_names_the_core_of_its_campaign_in_its_run_and_nobody_else(home: Path) -> None:
    with opened(home) as page:
        page.store.decide(GRADES, Verdict.CONFIRMED, reason=f"dealt out {HOSTILE}", author="ben", day=MONDAY)
    assert "Named by decisions" in shown(home, "acct-2")
    assert f"run {MONDAY}.1: dealt out" in shown(home, "acct-2")
    assert "No decision that stands names it" in shown(home, PASSER_BY)
    assert "No decision that stands names it" in shown(home, "acct-3")


def test_a_decision_that_was_taken_back_or_only_watches_names_nobody(home: Path) -> None:
    with opened(home) as page:
        made = page.store.decide(GRADES, Verdict.CONFIRMED, reason="seen", author="ben")
        page.store.undo(made.id, reason="not yet", author="ben")
        page.store.decide(LEDGER, Verdict.WATCH, reason="small", author="ben")
    assert "Named by decisions" not in shown(home, "acct-2")
    text = shown(home, "acct-3")
    assert "Named by decisions" not in text
    assert "watch small" in text


def test_where_the_files_of_a_decided_run_are_gone_nobody_can_tell(home: Path) -> None:
    with opened(home) as page:
        page.store.decide(GRADES, Verdict.CONFIRMED, reason="seen", author="ben", day=MONDAY)
    shutil.rmtree(home / "runs" / str(MONDAY))
    text = shown(home, "acct-2")
    assert "Of 1 confirmation nobody can tell" in text
    assert f"The files of {MONDAY} are gone or damaged" in text
    assert f"{WEDNESDAY} 2 100 %" in text


def test_entries_of_the_allow_list_that_touch_it_are_listed(home: Path) -> None:
    run = Run(home / "runs" / str(WEDNESDAY) / "1", WEDNESDAY, 1, "f1")
    rows = [row | {"organization_id": "org-7"} for row in run.table("prompts/part-0000").to_pylist()]
    files.write_parquet(run.path / "prompts" / "part-0000.parquet", pa.Table.from_pylist(rows, PROMPTS))
    with opened(home) as page:
        template = page.store.campaign(GRADES).days[0].template
        for kind, value, reason in (
            (AllowKind.CAMPAIGN, GRADES, "a course"),
            (AllowKind.TEMPLATE, template_hash(template), "viral"),
            (AllowKind.ORGANIZATION, "org-7", "load test"),
            (AllowKind.ORGANIZATION, "org-8", "somebody else"),
            (AllowKind.CAMPAIGN, LEDGER, "another campaign"),
        ):
            page.store.add_allow(kind, value, reason=reason, author="ops", expires_on=date(2026, 1, 8))
    text = shown(home, "acct-2")
    assert "Of organization org-7" in text
    for told in ("a course ops 2026-01-08 over", "viral", "load test"):
        assert told in text
    assert "somebody else" not in text
    assert "another campaign" not in text


def test_an_account_between_campaigns_says_which(home: Path) -> None:
    text = shown(home, HOSTILE)
    assert "Nothing is known" in text
    assert f"{MONDAY}: Grading:" in text
    assert "and Balance the ledger" in text


def test_an_id_is_looked_up_by_a_form_and_never_stands_in_the_address(home: Path) -> None:
    with opened(home, Role.VIEWER) as page:
        assert 'name="account"' in page.text("/accounts")
        answer = page.client.post("/accounts", data={"account": " acct-2 "})
        assert answer.status_code == 303
        assert "acct" not in answer.headers["location"]
        assert "In 1 campaign" in words(page.text(answer.headers["location"]))
        assert page.client.post("/accounts", data={"account": " "}).status_code == 400


def test_with_a_key_the_id_of_the_traffic_finds_its_pseudonym(home: Path) -> None:
    own = pseudonym(pa.array(["alice@mail.example"]), KEY.encode(), "acc")[0].as_py()
    assert is_pseudonym(own, "acc")
    assert not is_pseudonym("alice@mail.example", "acc")
    assert not is_pseudonym(own, "org")
    with opened(home, secret_key=KEY) as page:
        for given in ("alice@mail.example", own):
            answer = page.client.post("/accounts", data={"account": given})
            reference = answer.headers["location"].removeprefix("/accounts/")
            assert page.desk.links.account(reference) == own


def test_a_reference_that_was_altered_is_refused(home: Path) -> None:
    with opened(home) as page:
        reference = page.desk.links.reference("acct-2")
        for altered in (reference[:-4], reference[::-1], "x", "a" * 10_000):
            assert page.client.get(f"/accounts/{altered}").status_code == 400


def test_days_that_nobody_published_are_marked_and_are_no_zero() -> None:
    found = day_bars({MONDAY: 4, WEDNESDAY: 2}, [MONDAY, WEDNESDAY])
    assert found is not None
    assert [(bar.day, bar.count, bar.published) for bar in found.bars] == [
        (MONDAY, 4, True),
        (TUESDAY, 0, False),
        (WEDNESDAY, 2, True),
    ]
    first, between, last = found.bars
    assert first.height == pytest.approx(2 * last.height)
    assert between.height == 0
    assert all(bar.y + bar.height == HEIGHT for bar in found.bars)
    assert day_bars({}, []) is None
