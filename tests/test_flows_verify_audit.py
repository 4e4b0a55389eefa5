from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from console import keep_apart, shoal
from run_examples import GRADES, publish_example

from campaigns.entries import Verdict
from campaigns.store import Store


def test_a_log_that_was_cut_below_what_a_run_noted_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_apart(tmp_path, monkeypatch)
    run = publish_example(tmp_path)
    with Store.open_url(f"sqlite:///{tmp_path / 'shoal.db'}") as store:
        for _ in range(3):
            store.decide(GRADES, Verdict.WATCH, reason="small", author="ben")
        noted = store.audit_head()
    manifest = run.path / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_bytes()) | {"audit": noted.as_json()}))
    assert "audit:" not in shoal("--home", str(tmp_path), "verify").stdout
    with sqlite3.connect(tmp_path / "shoal.db") as database:
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f"DROP TRIGGER {name}")
        database.execute("DELETE FROM audit WHERE sequence = 3")
    database.close()
    result = shoal("--home", str(tmp_path), "verify")
    assert result.exit_code == 7
    assert f"the log ends at row 2, and the run {run.run_id} noted row 3" in result.stdout
