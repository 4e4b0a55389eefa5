from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from erasure_examples import OWN, SHARED, SLOT, everything, plant, settings_of
from run_examples import GRADES, publish_example
from sqlalchemy import select
from store_examples import MONDAY, TUESDAY
from typer.testing import CliRunner

from campaigns.audit import Action, select_audit
from campaigns.delivery_tables import MessageRow
from campaigns.entries import Verdict
from campaigns.failpoints import KILLED
from campaigns.retention import Cleared, retain
from campaigns.review_tables import TicketRow
from campaigns.runs import attempts
from campaigns.store import Store
from flows.cli import app

LATER = datetime(2027, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("planted") / "home"
    home.mkdir()
    plant(home)
    return home


@pytest.fixture
def home(planted: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(planted, tmp_path / "home"))


def retained(home: Path, at: datetime = LATER, *, dry_run: bool = False, **periods: Any) -> Cleared:
    settings = settings_of(home, **{f"retention.{name}": value for name, value in periods.items()})
    with Store.open(settings) as store:
        return retain(settings, store, author="ada", dry_run=dry_run, clock=lambda: at)


def verified(home: Path) -> None:
    result = CliRunner().invoke(app, ["--home", str(home), "verify"])
    assert result.exit_code == 0, result.output


def test_without_a_period_nothing_goes(home: Path) -> None:
    before = everything(home / "runs")
    assert retained(home) == Cleared()
    assert everything(home / "runs") == before


def test_texts_of_old_runs_go_and_what_was_found_stays(home: Path) -> None:
    at = datetime(2026, 1, 16, tzinfo=UTC)
    (old,), (young,) = attempts(home, MONDAY), attempts(home, TUESDAY)
    accounts, digest = old.table("accounts"), old.manifest()["digest"]
    assert retained(home, at, prompt_days=10).prompts == 1
    said = b"".join(everything(old.path).values())
    assert not any(text.encode() in said for text in (OWN, SHARED, SLOT))
    assert OWN.encode() in b"".join(everything(young.path).values())
    assert old.table("accounts").equals(accounts)
    assert old.manifest()["digest"] == digest  # no result holds a prompt
    assert set(old.prompts(["prompt"])["prompt"].to_pylist()) == {""}
    assert len(old.manifest()["cleared"]) == 1
    verified(home)
    assert retained(home, at, prompt_days=10) == Cleared()


def test_attempts_that_nothing_rests_on_go(home: Path) -> None:
    publish_example(home, MONDAY, force=True)  # the second attempt is what the day points to
    assert retained(home, run_days=10).runs == 1
    assert [run.attempt for run in attempts(home, MONDAY)] == [2]
    verified(home)


def test_an_attempt_that_was_decided_on_stays(home: Path) -> None:
    publish_example(home, TUESDAY, force=True)  # the confirmation was about the first
    assert retained(home, run_days=10).runs == 0
    assert len(attempts(home, TUESDAY)) == 2


def test_bodies_go_once_every_sink_is_done_with_them(home: Path) -> None:
    with Store.open(settings_of(home)) as store:
        store.undo(store.standing(GRADES)[GRADES].id, reason="no", author="bo")
        store.decide(GRADES, Verdict.CONFIRMED, reason="yes", author="bo")  # nobody has it yet
    assert retained(home, message_days=10).messages == 1
    assert retained(home, message_days=10).messages == 0
    with Store.open(settings_of(home)) as store, store.reading() as session:
        assert [row.body for row in session.scalars(select(MessageRow))] == [None, None, None]


def test_old_vectors_and_tickets_go(home: Path) -> None:
    with Store.open(settings_of(home)) as store, store.writing() as session:
        for number, over in enumerate((40, 20)):
            at = LATER - timedelta(days=over)
            session.add(TicketRow(secret_sha256=str(number), kind="local", details={}, expires_at=at))
    (shard,) = (home / "cache").rglob("*.shard")
    os.utime(shard, (0, 0))
    found = retained(home, cache_days=10, session_days=30)
    assert (found.cache, found.sessions) == (1, 1)
    assert not shard.exists()


def test_a_dry_run_counts_the_same_and_changes_nothing(home: Path) -> None:
    publish_example(home, MONDAY, force=True)
    periods: dict[str, Any] = {"prompt_days": 10, "run_days": 10, "message_days": 10}
    before = everything(home / "runs")
    counted = retained(home, dry_run=True, **periods)
    assert everything(home / "runs") == before
    assert retained(home, **periods) == counted == Cleared(prompts=2, runs=1, messages=1)


def test_what_was_cleared_is_in_the_audit_log(home: Path) -> None:
    retained(home, prompt_days=10)
    with Store.open(settings_of(home)) as store, store.reading() as session:
        (row,) = select_audit(session, action=Action.CLEARED)
    assert row.details["cleared"]["prompts"] == 2
    assert row.details["days"]["prompt_days"] == 10


@pytest.mark.parametrize(
    "point", ["rewrite:staged", "rewrite:ready", "rewrite:moved:2", "rewrite:ledger", "retain:store"]
)
def test_killed_at_any_point_the_next_call_ends_it(home: Path, point: str) -> None:
    child = subprocess.run(
        [sys.executable, "-c", _CHILD, str(home)],
        env={**os.environ, "SHOAL_FAILPOINT": point, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        check=False,
    )
    assert child.returncode == KILLED, child.stderr
    retained(home, prompt_days=10)
    assert OWN.encode() not in b"".join(everything(home / "runs").values())
    for day in (MONDAY, TUESDAY):
        assert len(attempts(home, day)[0].manifest()["cleared"]) == 1
    verified(home)


_CHILD = """
import sys
from datetime import UTC, datetime
from campaigns.retention import retain
from campaigns.settings import load
from campaigns.store import Store
settings = load({"home": sys.argv[1], "retention.prompt_days": 10}, environment={}).settings
with Store.open(settings) as store:
    retain(settings, store, author="ada", clock=lambda: datetime(2027, 1, 1, tzinfo=UTC))
"""


def test_the_command_tells_each_kind_with_its_setting(home: Path) -> None:
    call = ["--home", str(home), "--set", "retention.prompt_days=1", "retain", "--dry-run"]
    result = CliRunner().invoke(app, [*call, "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["prompts"] == 2
    assert "retention.prompt_days" in CliRunner().invoke(app, call).stdout


@pytest.mark.slow
@pytest.mark.usefixtures("server")
def test_the_flow_clears_what_the_command_would(home: Path) -> None:
    from flows.maintain import keep_what_is_needed

    assert keep_what_is_needed({"home": str(home), "retention.prompt_days": 1})["prompts"] == 2
