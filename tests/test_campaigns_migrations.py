"""Migrations: there and back, killed half-way, several processes at once, schemas from elsewhere."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from dataclasses import replace
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from people_examples import derived, repeated
from sqlalchemy import CheckConstraint, MetaData, Table, event, inspect, text
from store_examples import MONDAY, NOON, TUESDAY, WEDNESDAY, a_campaign, a_run, a_wording, publish_now

from campaigns import database
from campaigns.database import Database, migrate, migration_config
from campaigns.entries import Verdict
from campaigns.errors import IntegrityError, UsageError
from campaigns.failpoints import ENVIRONMENT_VARIABLE, KILLED
from campaigns.store import Store
from campaigns.tables import Base

MIGRATIONS = Path(database.__file__).parent / "migrations"


def tables(url: str) -> set[str]:
    opened = Database(url)
    with opened.reader.begin() as connection:
        found = set(inspect(connection).get_table_names())
    opened.close()
    return found


def execute(url: str, statement: str) -> None:
    opened = Database(url)
    with opened.writer.begin() as connection:
        connection.execute(text(statement))
    opened.close()


def test_the_migrations_make_exactly_the_models(store_url: str) -> None:
    opened = Database(store_url)
    migrate(opened)
    with opened.reader.begin() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []
        found = inspect(connection)
        for name, table in Base.metadata.tables.items():
            checks = {check["name"] for check in found.get_check_constraints(name)}
            assert checks == {c.name for c in table.constraints if isinstance(c, CheckConstraint)}
            assert {key["name"] for key in found.get_foreign_keys(name)} == {
                key.name for key in table.foreign_key_constraints
            }
    opened.close()


def test_up_down_up(store_url: str) -> None:
    opened = Database(store_url)
    migrate(opened)
    with opened.writer.begin() as connection:
        command.downgrade(migration_config(connection), "base")
    assert tables(store_url) == {"alembic_version"}
    migrate(opened)
    opened.close()
    with Store.open_url(store_url) as store:
        assert publish_now(store, a_run(), [a_campaign("c1")])


def test_a_run_of_the_first_schema_has_no_sum_of_its_manifest(store_url: str) -> None:
    opened = Database(store_url)
    with opened.writer.begin() as connection:
        command.upgrade(migration_config(connection), "0001")
    opened.close()
    execute(
        store_url,
        "INSERT INTO runs (run_id, day, attempt, fingerprint, digest, path, counts, published_at)"
        " VALUES ('2026-01-05.1', '2026-01-05', 1, 'f', 'd', 'p', '{}', '2026-01-06 00:00:00')",
    )
    execute(store_url, "INSERT INTO days VALUES ('2026-01-05', '2026-01-05.1')")
    with Store.open_url(store_url) as store:
        run = store.current_run(MONDAY)
    assert run is not None
    assert (run.digest, run.manifest_sha256) == ("d", None)


def test_decisions_are_added_to_a_store_that_has_campaigns(store_url: str) -> None:
    with Store.open_url(store_url) as store:
        publish_now(store, a_run(), [a_campaign("c1")])
    opened = Database(store_url)
    with opened.writer.begin() as connection:
        command.downgrade(migration_config(connection), "0002")
    assert "decisions" not in tables(store_url)
    opened.close()
    with Store.open_url(store_url) as store:
        assert [c.campaign_id for c in store.campaigns()] == ["c1"]
        decided = store.decide("c1", Verdict.WATCH, reason="new", author="ada")
        assert store.decisions() == [decided]


def fill_of_0007(url: str) -> None:
    """Four campaigns on two days, with every kind of decision, as the version before wrote them."""
    opened = Database(url)
    with opened.writer.begin() as connection:
        command.upgrade(migration_config(connection), "0007")
        known = MetaData()
        known.reflect(connection)

        def add(table: str, *rows: dict[str, Any]) -> None:
            connection.execute(known.tables[table].insert(), list(rows))

        days = {"2026-01-05.1": MONDAY, "2026-01-06.1": TUESDAY}
        digests = {"attempt": 1, "fingerprint": "f", "digest": "d", "path": "p", "counts": {}}
        add(
            "runs",
            *({"run_id": run, "day": day, **digests, "published_at": NOON} for run, day in days.items()),
        )
        add("days", *({"day": day, "current_run_id": run} for run, day in days.items()))
        seen = {"c1": [MONDAY, TUESDAY], "c2": [MONDAY], "c3": [TUESDAY], "c4": [MONDAY]}
        add(
            "campaigns",
            *({"campaign_id": name, "first_day": on[0], "last_day": on[-1]} for name, on in seen.items()),
        )
        figures = {"n_accounts": 5, "objective": "code", "template": "t {text}"}
        add(
            "campaign_days",
            *(
                {
                    "campaign_id": name,
                    "day": day,
                    "run_id": f"{day}.1",
                    "title": f"{name} of {day}",
                    "tier": "review" if day == MONDAY else "actionable",
                    "score": 0.5 + number / 10,
                    "n_prompts": 10 * number + day.day,
                    **figures,
                }
                for number, (name, on) in enumerate(seen.items())
                for day in on
            ),
        )
        said = {"day": MONDAY, "run_id": "2026-01-05.1", "reason": "r", "author": "ada", "created_at": NOON}
        decided = (
            ("c1", "watch"),
            ("c1", "confirmed"),
            ("c2", "dismissed"),
            ("c3", "watch"),
            ("gone", "confirmed"),
        )
        for name, verdict in decided:
            add("decisions", {"campaign_id": name, "verdict": verdict, "undoes": None, **said})
        add("decisions", {"campaign_id": "c1", "verdict": None, "undoes": 2, **said})
        add("decisions", {"campaign_id": "c3", "verdict": None, "undoes": 4, **said})
    opened.close()


def test_campaigns_of_before_repeat_their_latest_day_and_what_was_decided(store_url: str) -> None:
    fill_of_0007(store_url)
    for _ in range(2):  # again after a way back
        with Store.open_url(store_url) as store:
            with store.reading() as session:
                assert repeated(session) == derived(session)
            found = {one.campaign_id: (one.title, one.verdict, one.tier) for one in store.campaigns()}
            assert found == {
                "c1": ("c1 of 2026-01-06", "watch", "actionable"),
                "c2": ("c2 of 2026-01-05", "dismissed", "review"),
                "c3": ("c3 of 2026-01-06", None, "actionable"),
                "c4": ("c4 of 2026-01-05", None, "review"),
            }
            assert len(store.decisions()) == 7
            assert [(one.value, one.expires_on) for one in store.allow_list()] == [("c2", None)]
            assert store.verify() == []
        opened = Database(store_url)
        with opened.writer.begin() as connection:
            command.downgrade(migration_config(connection), "0007")
        opened.close()
    assert "audit" not in tables(store_url)


def test_people_go_on_where_they_were_before_the_migration(store_url: str) -> None:
    fill_of_0007(store_url)
    with Store.open_url(store_url) as store:
        store.undo(3, reason="no course", author="ada")
        store.decide("c4", Verdict.CONFIRMED, reason="cards", author="ada")
        publish_now(store, a_run(WEDNESDAY), [a_campaign("c2"), a_campaign("gone")])
        with store.reading() as session:
            assert repeated(session) == derived(session)
        verdicts = {one.campaign_id: one.verdict for one in store.campaigns()}
        assert verdicts == {"c1": "watch", "c2": None, "c3": None, "c4": "confirmed", "gone": "confirmed"}
        assert store.audit_head().sequence == 2


def test_opening_again_writes_nothing(store_url: str) -> None:
    with Store.open_url(store_url) as first:
        publish_now(first, a_run(), [a_campaign("c1")])
        with first.writing(), Store.open_url(store_url) as second:  # would wait for its turn to write
            assert second.latest_day() == MONDAY


# -- crashes and contention ----------------------------------------------------------------------------


def die_after_tables(url: str, number: int) -> None:
    made: list[str] = []

    def count(table: Table, *_: object, **__: object) -> None:
        made.append(table.name)
        if len(made) == number:
            os._exit(KILLED)

    event.listen(Table, "after_create", count)
    Store.open_url(url)


def die_at_the_commit(url: str) -> None:
    os.environ[ENVIRONMENT_VARIABLE] = "migrate:before_commit"
    Store.open_url(url)


@pytest.mark.parametrize("number", [1, 4, 9])
def test_a_migration_killed_between_two_tables_leaves_none(
    store_url: str, processes: ForkServerContext, number: int
) -> None:
    process = processes.Process(target=die_after_tables, args=(store_url, number))
    process.start()
    process.join()
    assert process.exitcode == KILLED
    assert tables(store_url) == set()
    with Store.open_url(store_url) as store:
        assert publish_now(store, a_run(), [a_campaign("c1")])


def test_a_migration_killed_at_its_commit_starts_over(store_url: str, processes: ForkServerContext) -> None:
    process = processes.Process(target=die_at_the_commit, args=(store_url,))
    process.start()
    process.join()
    assert process.exitcode == KILLED
    assert tables(store_url) == set()
    with Store.open_url(store_url) as store:
        assert store.published_days() == []


def open_when_told(url: str, go: Connection, answer: Connection) -> None:
    answer.send("ready")
    go.poll(None)
    with Store.open_url(url) as store:
        answer.send(store.published_days())


def test_processes_that_open_a_fresh_store_at_once(store_url: str, processes: ForkServerContext) -> None:
    wait_here, start_all = processes.Pipe(duplex=False)
    openers = []
    for _ in range(6):
        ours, theirs = processes.Pipe()
        process = processes.Process(target=open_when_told, args=(store_url, wait_here, theirs))
        process.start()
        theirs.close()
        openers.append((process, ours))
    assert [ours.recv() for _, ours in openers] == ["ready"] * 6
    start_all.send("go")
    assert [ours.recv() for _, ours in openers] == [[]] * 6
    for process, _ in openers:
        process.join()
        assert process.exitcode == 0


def test_the_switch_to_wal_waits_for_a_writer(tmp_path: Path) -> None:
    path = tmp_path / "shoal.db"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    other.execute("PRAGMA user_version=1")
    later = threading.Timer(0.3, other.execute, ["COMMIT"])
    later.start()
    with Store.open_url(f"sqlite:///{path}") as store:
        assert store.published_days() == []
    later.join()
    other.close()


# -- schemas from elsewhere ----------------------------------------------------------------------------


def test_a_newer_schema_is_refused_and_left_alone(store_url: str) -> None:
    Store.open_url(store_url).close()
    before = tables(store_url)
    execute(store_url, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(UsageError, match="schema 9999, which this version of Shoal does not know") as caught:
        Store.open_url(store_url)
    assert "upgrade" in caught.value.hint
    assert tables(store_url) == before


def test_cores_of_before_become_the_first_wording(store_url: str) -> None:
    wordings = (a_wording(7), a_wording(8, 1))
    with Store.open_url(store_url) as store:
        publish_now(store, a_run(), [replace(a_campaign("c1"), wordings=wordings)])
    opened = Database(store_url)
    with opened.writer.begin() as connection:
        command.downgrade(migration_config(connection), "0003")
    assert "campaign_cores" in tables(store_url)
    opened.close()
    with Store.open_url(store_url) as store:
        (known,) = store.known_campaigns(TUESDAY, latest_days=1)
    (wording,) = known.wordings
    assert (wording.variant, wording.features.tolist()) == (0, wordings[0].features.tolist())
    assert (len(wording.direction), wording.encoder) == (0, "")
    assert "answers" in tables(store_url)


def test_tables_of_somebody_else_are_not_taken_over(store_url: str) -> None:
    execute(store_url, "CREATE TABLE runs (distance INTEGER)")
    with pytest.raises(IntegrityError, match="tables that Shoal did not make: runs"):
        Store.open_url(store_url)
    assert tables(store_url) == {"runs"}


def test_a_new_migration_can_be_drawn_up_from_the_template(
    store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(database, "_MIGRATIONS", copy)
    opened = Database(store_url)
    migrate(opened)
    with opened.writer.begin() as connection:
        config = migration_config(connection)
        command.revision(config, "nothing changes", autogenerate=True, rev_id="0010")
    written = (copy / "versions" / "0010_nothing_changes.py").read_text()
    assert 'down_revision = "0009"' in written.replace("'", '"')
    assert "op.create" not in written
    assert "op.drop" not in written
    migrate(opened)
    with opened.reader.begin() as connection:
        assert MigrationContext.configure(connection).get_current_revision() == "0010"
    opened.close()
