"""What leaves as a file: every account with its strength, no formula, no prompt, and a row in the audit log."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from httpx import Response
from run_examples import GRADES, HOSTILE, publish_example
from store_examples import MONDAY, TUESDAY
from web_examples import Opened, opened, signed_in

from campaigns import files
from campaigns.audit import Action, select_audit
from campaigns.records import ACCOUNTS
from campaigns.sessions import Role

FORMULA = "=cmd|'/c calc'!A1"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Opened]:
    """One account is called like a formula."""
    run = publish_example(tmp_path)
    rows = run.table("accounts").to_pylist()
    rows = [row | ({"account_id": FORMULA} if row["account_id"] == "acct-2" else {}) for row in rows]
    files.write_parquet(run.path / "accounts.parquet", pa.Table.from_pylist(rows, ACCOUNTS))
    with opened(tmp_path, Role.ANALYST) as found:
        yield found


def exported(desk: Opened, name: str, day: Any = MONDAY) -> Response:
    answer: Response = desk.client.post(f"/campaigns/{GRADES}/{name}?day={day}")
    return answer


def expected(desk: Opened) -> list[dict[str, Any]]:
    """Accounts of the campaign, the surest first."""
    rows = desk.desk.tables(desk.desk.published()).table("accounts").to_pylist()
    return sorted((row for row in rows if row["campaign_id"] == GRADES), key=lambda row: -row["strength"])


def test_json_lines_hold_every_account_as_it_is(desk: Opened) -> None:
    answer = exported(desk, "accounts.jsonl")
    rows = [json.loads(line) for line in answer.text.splitlines()]
    assert rows == [{"day": str(MONDAY), "run_id": f"{MONDAY}.1", **row} for row in expected(desk)]


def test_parquet_holds_the_same_with_types(desk: Opened) -> None:
    table = pq.read_table(io.BytesIO(exported(desk, "accounts.parquet").content))
    assert table.select(ACCOUNTS.names).to_pylist() == expected(desk)
    assert set(table["day"].to_pylist()) == {MONDAY}


def test_csv_holds_the_same_and_no_formula(desk: Opened) -> None:
    answer = exported(desk, "accounts.csv")
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert [float(row["strength"]) for row in rows] == [row["strength"] for row in expected(desk)]
    assert [row["reasons"] for row in rows] == [f"reason {HOSTILE}"] * 2
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "-", "@", "\t"))]
    assert (
        rows[0]["account_id"].endswith(FORMULA.replace("|", "\\|")) or FORMULA[1:5] in rows[0]["account_id"]
    )


def test_the_evidence_leaves_in_figures_and_in_words(desk: Opened) -> None:
    rows = [json.loads(line) for line in exported(desk, "evidence.jsonl").text.splitlines()]
    assert [row["signal"] for row in rows] == [
        "made together",
        "shared clock",
        "slot uniqueness",
        "synchrony",
    ]
    assert rows[0]["controls"] == [number / 100 for number in range(21)]


@pytest.mark.parametrize("name", ["accounts.csv", "accounts.jsonl", "accounts.parquet", "evidence.jsonl"])
def test_no_prompt_leaves_and_the_log_tells_who_took_how_much(desk: Opened, name: str) -> None:
    answer = exported(desk, name)
    assert answer.status_code == 200
    assert b"Grade this essay" not in answer.content
    kind, ending = name.split(".")
    assert answer.headers["Content-Disposition"] == (
        f'attachment; filename="shoal-{GRADES}-{kind}-{MONDAY}.{ending}"'
    )
    with desk.store.reading() as session:
        (row,) = select_audit(session, subjects=[GRADES])
    assert (row.actor, row.action) == ("ada", Action.EXPORTED)
    what = {"accounts": ("accounts", 2), "evidence": ("signals", 4)}[kind]
    assert row.details == {what[0]: what[1], "run": f"{MONDAY}.1", "format": ending}


@pytest.mark.parametrize("name", ["accounts.csv", "evidence.jsonl"])
def test_a_viewer_takes_nothing_away(desk: Opened, name: str) -> None:
    viewer = signed_in(desk.app, desk.store, Role.VIEWER)
    assert viewer.post(f"/campaigns/{GRADES}/{name}").status_code == 403
    with desk.store.reading() as session:
        assert select_audit(session, subjects=[GRADES]) == []


def test_what_is_not_there_leaves_neither_a_file_nor_a_row(desk: Opened) -> None:
    assert exported(desk, "accounts.csv", TUESDAY).status_code == 400
    assert exported(desk, "accounts.exe").status_code == 422
    with desk.store.reading() as session:
        assert select_audit(session, subjects=[GRADES]) == []
