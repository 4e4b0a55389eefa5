from __future__ import annotations

import io
import json
import re
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from run_examples import GRADES, HOSTILE, LEDGER, publish_example
from sqlalchemy.orm import Session
from store_examples import MONDAY, NOON
from web_examples import Opened, opened, words

from campaigns.audit import Action, Anchor, Verified, append, select_audit
from campaigns.entries import AllowKind, Verdict
from campaigns.runs import Run
from campaigns.sessions import Role
from campaigns.store import Store
from review.web.verified import badge

KEY = "a key of the tests"
ROW = re.compile(r'<th scope="row" class="number">([\d,]+)</th>')


@pytest.fixture
def home(tmp_path: Path) -> Path:
    publish_example(tmp_path)
    return tmp_path


def say(store: Store, n: int = 1, subject: str = GRADES, action: Action = Action.DECIDED) -> None:
    with store.writing() as session:
        for number in range(n):
            details = {"reason": f"number {number} {HOSTILE}", "kept": None, "wordings": [1, 2]}
            append(session, actor="ben", action=action, subject=subject, details=details, at=NOON)


def rows_of(html: str) -> list[int]:
    return [int(number.replace(",", "")) for number in ROW.findall(html)]


def overwrite(home: Path, statement: str) -> None:
    """As somebody who gets at the file, and takes the guards away first."""
    with sqlite3.connect(home / "shoal.db") as database:
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type='trigger'").fetchall():
            database.execute(f"DROP TRIGGER {name}")
        database.execute(statement)
    database.close()


def test_rows_say_when_who_what_and_to_what(home: Path) -> None:
    with opened(home, Role.VIEWER) as page:
        say(page.store)
        html = page.text("/audit")
    assert f'href="/campaigns/{GRADES}"' in html
    shown = words(html)
    assert "2026-01-09 12:00 UTC ben decided Grading:" in shown
    assert "kept none" in shown
    assert "wordings 1 , 2" in shown
    assert "</script><!--" not in html
    assert "\x1b" not in html


def test_pages_show_every_row_once_the_latest_first(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("review.web.pages.audit.PAGE", 7)
    with opened(home) as page:
        say(page.store, 25)
        seen: list[int] = []
        before: str | None = ""
        while before is not None:
            html = page.text(f"/audit{before}")
            seen += rows_of(html)
            older = re.search(r'name="before" value="(\d+)"', html)
            before = f"?before={older[1]}" if older else None
    assert seen == list(range(26, 0, -1))


def test_filters_by_person_action_and_subject_go_by_form(home: Path) -> None:
    with opened(home) as page:
        say(page.store)
        say(page.store, subject=LEDGER, action=Action.RELABELLED)
        page.store.add_allow(AllowKind.ORGANIZATION, "org-1", reason="ours", author="ops")

        def found(**wanted: str) -> list[int]:
            answer = page.client.post("/audit", data=wanted, headers={"HX-Request": "true"})
            assert answer.status_code == 200
            assert "<html" not in answer.text
            return rows_of(answer.text)

        assert found() == [4, 3, 2, 1]
        assert found(actor="ben") == [3, 2]
        assert found(action=Action.RELABELLED) == [3]
        assert found(subject=f" {GRADES} ") == [2]
        assert found(subject="organization org-1", actor="ops") == [4]
        assert found(actor="ben", subject="organization org-1") == []
        assert found(before="3") == [2, 1]
        assert found(action="no such action") == [4, 3, 2, 1]
        whole = page.client.post("/audit", data={"actor": "ben"})
        assert '<option value="ben" selected>' in whole.text
        assert rows_of(page.text(f"/audit?campaign={GRADES}")) == [2]


def test_without_a_key_the_badge_says_that_rows_can_be_made_up(home: Path) -> None:
    with opened(home) as page:
        shown = words(page.text("/audit/badge"))
    assert "The log is whole. Verified 1 row, not keyed" in shown
    assert "No run has noted it yet" in shown


def test_with_a_key_the_badge_says_from_which_row_on(home: Path) -> None:
    with opened(home) as page:
        say(page.store)
    with opened(home, secret_key=KEY) as page:
        say(page.store)
        assert "Verified 4 rows, keyed from row 3" in words(page.text("/audit/badge"))


def test_a_changed_row_is_named(home: Path) -> None:
    with opened(home) as page:
        say(page.store, 3)
    overwrite(home, "UPDATE audit SET actor = 'mallory' WHERE sequence = 2")
    with opened(home) as page:
        shown = words(page.text("/audit"))
    assert "The log was tampered with" in shown
    assert "audit: row 2 is not what was written" in shown


def test_a_row_that_no_column_type_reads_is_told_and_breaks_no_page(home: Path) -> None:
    with opened(home) as page:
        say(page.store, 3)
    overwrite(home, "UPDATE audit SET details = 'not json', at = 'never' WHERE sequence = 2")
    with opened(home) as page:
        shown = words(page.text("/audit"))
        assert "audit: row 2 is not" in shown
        assert "A row of this page cannot be read" in shown


def test_a_log_that_does_not_reach_what_a_run_noted_was_cut(home: Path) -> None:
    with opened(home) as page:
        say(page.store, 3)
        head = page.store.audit_head()
    manifest = Run(home / "runs" / str(MONDAY) / "1", MONDAY, 1, "f1").path / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_bytes()) | {"audit": head.as_json()}))
    with opened(home) as page:
        assert "It reaches what 1 run noted of it" in words(page.text("/audit/badge"))
    overwrite(home, "DELETE FROM audit WHERE sequence > 2")
    with opened(home, Role.VIEWER) as page:
        found = badge(page.desk)
    assert not found.sound
    assert any(f"the run {MONDAY}.1" in problem for problem in found.problems)


def test_the_log_is_checked_once_for_each_head_and_then_from_there(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    walked = []

    def noted(session: Session, anchors: Sequence[Anchor], *, since: Verified | None = None) -> Verified:
        walked.append(0 if since is None else since.rows)
        return verify(session, anchors, since=since)

    from review.web import verified

    verify = verified.verify_audit
    monkeypatch.setattr(verified, "verify_audit", noted)
    with opened(home) as page:
        assert [badge(page.desk).rows, badge(page.desk).rows] == [1, 1]
        assert walked == [0]
        say(page.store)
        assert badge(page.desk).rows == 2
        assert walked == [0, 1]


# -- exports -------------------------------------------------------------------------------------------

EVERYTHING = {"tier": "all", "decision": "all", "state": "all"}


def export(page: Opened, kind: str, **wanted: str) -> bytes:
    answer = page.client.post(f"/queue/export.{kind}", data=EVERYTHING | wanted)
    assert answer.status_code == 200
    assert answer.headers["content-disposition"] == f'attachment; filename="shoal-queue-{MONDAY}.{kind}"'
    return answer.content


def test_all_kinds_of_export_hold_the_same_campaigns(home: Path) -> None:
    with opened(home, Role.ANALYST) as page:
        page.store.decide(LEDGER, Verdict.WATCH, reason="small", author="ben")
        lines = [json.loads(line) for line in export(page, "jsonl").splitlines()]
        table = pq.read_table(io.BytesIO(export(page, "parquet"))).to_pylist()
        text = export(page, "csv").decode()
    assert [row["campaign_id"] for row in lines] == [GRADES, LEDGER]
    assert [
        {**row, "first_day": str(row["first_day"]), "last_day": str(row["last_day"])} for row in table
    ] == lines
    assert [row["verdict"] for row in lines] == [None, "watch"]
    assert text.splitlines()[0] == ",".join(lines[0])
    assert f"{GRADES},{MONDAY}.1," in text


def test_an_export_holds_what_passes_the_filter_and_leaves_a_row_in_the_log(home: Path) -> None:
    with opened(home, Role.ANALYST) as page:
        lines = export(page, "jsonl", words="balance", sort="prompts").splitlines()
        with page.store.reading() as session:
            noted = select_audit(session, limit=1)[0]
    assert [json.loads(line)["campaign_id"] for line in lines] == [LEDGER]
    assert (noted.actor, noted.action, noted.subject) == ("ada", Action.EXPORTED, "queue")
    assert (noted.details["campaigns"], noted.details["format"]) == (1, "jsonl")
    assert noted.details["filter"]["search"] == "balance"


def test_an_export_in_several_steps_holds_each_campaign_once(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("review.web.pages.queue_export._AT_ONCE", 1)
    with opened(home) as page:
        assert len(export(page, "jsonl").splitlines()) == 2
        assert export(page, "jsonl", words="nothing like it") == b""


def test_viewers_do_not_export(home: Path) -> None:
    with opened(home, Role.VIEWER) as page:
        assert page.client.post("/queue/export.csv", data=EVERYTHING).status_code == 403
        assert "/queue/export" not in page.text("/queue")
    with opened(home) as page:
        assert page.client.post("/queue/export.exe", data=EVERYTHING).status_code == 422
        assert 'formaction="/queue/export.csv"' in page.text("/queue?tier=all&decision=all&state=all")
