"""The store: what publishing leaves behind, what readers see meanwhile, what the queries answer."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta
from multiprocessing.context import ForkServerContext
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from sqlalchemy import func, select, text
from store_examples import MONDAY, NOON, TUESDAY, WEDNESDAY, a_campaign, a_run, a_wording, publish_now

from campaigns import files
from campaigns.entries import AllowKind, CampaignRecord, Event, Lineage, PublishedRun, Sleep, template_hash
from campaigns.errors import IntegrityError, LockHeldError, UsageError
from campaigns.failpoints import ENVIRONMENT_VARIABLE, KILLED
from campaigns.locks import held
from campaigns.publish import publish
from campaigns.records import (
    ACCOUNTS,
    BRIDGES,
    CAMPAIGNS,
    EVIDENCE,
    MAP,
    MEMBERS,
    OPERATORS,
    PREVALENCE,
    PREVALENCE_ACCOUNTS,
    QUARANTINE,
    VARIANTS,
    Tier,
)
from campaigns.runs import open_run
from campaigns.settings import Settings
from campaigns.store import Store
from campaigns.tables import Base, RunRow, WordingRow


def everything(store: Store) -> dict[str, list[tuple[object, ...]]]:
    """All rows of all tables but the locks, in an order of their own."""
    with store.reading() as session:
        return {
            name: sorted((tuple(row) for row in session.execute(select(table))), key=repr)
            for name, table in Base.metadata.tables.items()
            if name != "day_locks"
        }


# -- publishing ----------------------------------------------------------------------------------------


def test_a_published_run_is_read_back_as_it_went_in(store: Store) -> None:
    assert publish_now(store, a_run(), [a_campaign("c2"), a_campaign("c1", tier=Tier.ACTIONABLE, score=0.9)])

    assert store.current_run(MONDAY) == a_run()
    assert store.current_run(TUESDAY) is None
    assert store.latest_day() == MONDAY
    assert store.published_days() == [MONDAY]
    first, second = store.campaigns()
    assert (first.campaign_id, first.tier, first.score) == ("c1", Tier.ACTIONABLE, 0.9)
    assert (second.campaign_id, second.first_day, second.last_day, second.state) == (
        "c2",
        MONDAY,
        MONDAY,
        "open",
    )
    history = store.campaign("c2")
    assert history.latest.template == "Grade this essay: {text}"
    (entry,) = history.lineage
    assert (entry.day, entry.event, entry.figures, entry.other_id) == (
        MONDAY,
        Event.MINTED,
        {"overlap": 0.125},
        None,
    )


def test_publishing_the_same_run_again_changes_nothing(store: Store) -> None:
    publish_now(store, a_run(), [a_campaign("c1")])
    before = everything(store)
    later = replace(a_run(), published_at=NOON + timedelta(hours=5))
    assert publish_now(store, later, [a_campaign("c1")]) is False
    assert everything(store) == before


def test_a_run_id_never_stands_for_two_digests(store: Store) -> None:
    publish_now(store, a_run(), [a_campaign("c1")])
    before = everything(store)
    with pytest.raises(IntegrityError, match="another digest"):
        publish_now(store, a_run(digest="else"), [])
    assert everything(store) == before


def test_a_new_attempt_replaces_what_the_day_said(store: Store) -> None:
    publish_now(store, a_run(MONDAY), [a_campaign("stays"), a_campaign("only monday")])
    publish_now(store, a_run(TUESDAY), [a_campaign("stays")])
    publish_now(store, a_run(MONDAY, 2), [a_campaign("new", title="New")])

    assert store.current_run(MONDAY) == a_run(MONDAY, 2)
    assert [c.campaign_id for c in store.campaigns(MONDAY)] == ["new"]
    stays = store.campaign("stays")
    assert (stays.first_day, stays.last_day) == (TUESDAY, TUESDAY)
    assert [entry.day for entry in stays.lineage] == [TUESDAY]
    with pytest.raises(UsageError, match="no campaign 'only monday'"):
        store.campaign("only monday")


def test_an_earlier_attempt_can_be_put_back(store: Store) -> None:
    publish_now(store, a_run(attempt=1), [a_campaign("c1")])
    with_first = everything(store)
    publish_now(store, a_run(attempt=2), [a_campaign("c2")])
    publish_now(store, a_run(attempt=1), [a_campaign("c1")])
    again = everything(store)
    assert len(again.pop("runs")) == 2
    assert len(with_first.pop("runs")) == 1
    # Lineage rows are new rows; what they say is the same.
    assert [row[1:] for row in again.pop("lineage")] == [row[1:] for row in with_first.pop("lineage")]
    assert again == with_first


def test_the_store_follows_a_plain_model_through_random_publishes(store: Store) -> None:
    """Any order of days, repeats, overlaps: the store says what the last attempt of each day said."""
    rng = np.random.default_rng(7)
    days = [MONDAY + timedelta(days=n) for n in range(5)]
    truth: dict[date, dict[str, CampaignRecord]] = {}
    for attempt in range(1, 25):
        day = days[rng.integers(5)]
        names = [f"c{n}" for n in range(8) if rng.random() < 0.4]
        truth[day] = {
            name: a_campaign(
                name, title=f"{name} by {attempt}", feature=attempt, score=round(rng.random(), 3)
            )
            for name in names
        }
        publish_now(store, a_run(day, attempt), list(truth[day].values()))

        seen = {name: sorted(d for d in truth if name in truth[d]) for d in truth for name in truth[d]}
        assert {c.campaign_id: (c.first_day, c.last_day, c.title) for c in store.campaigns()} == {
            name: (on[0], on[-1], truth[on[-1]][name].title) for name, on in seen.items()
        }
        probe = days[rng.integers(5)]
        expected = {
            name: (max(earlier), truth[max(earlier)][name].wordings[0].features.tolist())
            for name, on in seen.items()
            if (earlier := [d for d in on if d < probe])
        }
        known = store.known_campaigns(before=probe, latest_days=1)
        assert {
            one.campaign_id: (one.last_day, wording.features.tolist())
            for one in known
            for wording in one.wordings
        } == expected
        assert [one.campaign_id for one in known] == sorted(expected)


def test_backfill_in_any_order_says_the_same(store_url: str, tmp_path: Path) -> None:
    runs = [(a_run(day), [a_campaign("c1", title=f"Title of {day}")]) for day in (MONDAY, TUESDAY, WEDNESDAY)]
    with (
        Store.open_url(store_url) as shuffled,
        Store.open_url(f"sqlite:///{tmp_path / 'other.db'}") as ordered,
    ):
        for run, campaigns in (runs[2], runs[0], runs[1]):
            publish_now(shuffled, run, campaigns)
        for run, campaigns in runs:
            publish_now(ordered, run, campaigns)
        assert shuffled.campaigns() == ordered.campaigns()
        assert shuffled.campaign("c1") == ordered.campaign("c1")
        assert shuffled.campaigns()[0].title == "Title of 2026-01-07"


def test_more_campaigns_than_a_statement_has_parameters(store: Store) -> None:
    """SQLite allows 32,766 of them, PostgreSQL 65,535."""
    names = {f"c{n:05}" for n in range(6_600)}
    publish_now(store, a_run(MONDAY), [a_campaign(name) for name in sorted(names)[:200]])
    publish_now(store, a_run(TUESDAY), [a_campaign(name) for name in names])
    assert {c.campaign_id for c in store.campaigns(TUESDAY)} == names
    assert len(store.known_campaigns(before=WEDNESDAY, latest_days=1)) == len(names)


def test_a_run_without_campaigns_is_published_too(store: Store) -> None:
    assert publish_now(store, a_run(), [])
    assert store.current_run(MONDAY) == a_run()
    assert store.campaigns() == []
    assert store.known_campaigns(before=TUESDAY, latest_days=1) == []


def test_one_campaign_cannot_be_two_families(store: Store) -> None:
    with pytest.raises(IntegrityError, match="c1 appears more than once"):
        publish_now(store, a_run(), [a_campaign("c1"), a_campaign("c1")])
    assert store.latest_day() is None


def test_a_core_needs_a_weight_for_each_feature(store: Store) -> None:
    broken = replace(a_campaign("c1"), wordings=(replace(a_wording(), weights=np.ones(3, np.float32)),))
    with pytest.raises(ValueError, match="does not have one weight"):
        publish_now(store, a_run(), [broken])


@pytest.mark.parametrize("figure", [float("nan"), float("inf")])
def test_figures_are_finite(store: Store, figure: float) -> None:
    lineage = (Lineage(event=Event.KEPT, reason="like c1", figures={"overlap": figure}, other_id="c1"),)
    with pytest.raises(ValueError, match="is not finite"):
        publish_now(store, a_run(), [replace(a_campaign("c1"), lineage=lineage)])
    assert store.latest_day() is None


@pytest.mark.parametrize(
    ("hostile", "kept"),
    [
        ("nul \x00 inside", "nul \ufffd inside"),
        ("half a pair \ud83d", "half a pair \ufffd"),
        ("\x1b]8;;x\x07 \u202e \u200b 漢字 😀", "\x1b]8;;x\x07 \u202e \u200b 漢字 😀"),
        ("'; DROP TABLE runs; --", "'; DROP TABLE runs; --"),
    ],
)
def test_hostile_text_is_stored_on_any_database(store: Store, hostile: str, kept: str) -> None:
    publish_now(store, a_run(), [replace(a_campaign("c1"), title=hostile, template=hostile)])
    (campaign,) = store.campaigns()
    assert (campaign.title, campaign.template) == (kept, kept)
    with pytest.raises(UsageError, match="no campaign"):
        store.campaign(hostile)


# -- crashes and readers -------------------------------------------------------------------------------


def publish_and_die(url: str, failpoint: str, run: PublishedRun, campaigns: list[CampaignRecord]) -> None:
    os.environ[ENVIRONMENT_VARIABLE] = failpoint
    with Store.open_url(url) as store:
        publish_now(store, run, campaigns)


@pytest.mark.parametrize(
    ("failpoint", "survives"), [("publish:before_commit", False), ("publish:committed", True)]
)
def test_a_kill_round_the_commit_leaves_all_or_nothing(
    store: Store, store_url: str, processes: ForkServerContext, failpoint: str, survives: bool
) -> None:
    publish_now(store, a_run(attempt=1), [a_campaign("c1"), a_campaign("c2")])
    old = everything(store)
    attempt = (a_run(attempt=2), [a_campaign("c2", title="Second"), a_campaign("c3")])
    process = processes.Process(target=publish_and_die, args=(store_url, failpoint, *attempt))
    process.start()
    process.join()
    assert process.exitcode == KILLED

    if survives:
        assert store.current_run(MONDAY) == attempt[0]
    else:
        assert everything(store) == old
    # The killed holder's lease has long to run, yet the day can be taken up at once.
    assert publish_now(store, *attempt) is not survives
    assert [c.campaign_id for c in store.campaigns(MONDAY)] == ["c2", "c3"]
    assert store.verify() == []


def flip(url: str, attempts: int) -> None:
    with Store.open_url(url) as store:
        for attempt in range(attempts):
            publish_now(store, *flipped(attempt))


def flipped(attempt: int) -> tuple[PublishedRun, list[CampaignRecord]]:
    """Attempts that share a campaign and differ in everything else: ids, how many, what they are called."""
    names = ["shared", *(f"c{attempt}-{n}" for n in range(20 + attempt % 3))]
    return a_run(attempt=attempt + 1), [a_campaign(name, title=f"by {attempt + 1}") for name in names]


def test_readers_never_see_a_mixed_state(store: Store, store_url: str, processes: ForkServerContext) -> None:
    attempts = 40
    publish_now(store, *flipped(0))
    writer = processes.Process(target=flip, args=(store_url, attempts))
    writer.start()
    states = set()
    while writer.is_alive():
        rows = store.campaigns(MONDAY)
        (run_id,) = {row.run_id for row in rows}
        attempt = int(run_id.rpartition(".")[2])
        assert {row.title for row in rows} == {f"by {attempt}"}
        assert {row.campaign_id for row in rows} == {c.campaign_id for c in flipped(attempt - 1)[1]}
        history = store.campaign("shared")  # three statements
        number = history.latest.run_id.rpartition(".")[2]
        assert history.latest.title == f"by {number}"
        assert [entry.reason for entry in history.lineage] == [f"by {number}: nothing like it"]
        states.add(run_id)
    assert writer.exitcode == 0
    assert store.current_run(MONDAY) == a_run(attempt=attempts)
    assert len(states) > 3


def test_a_reader_does_not_stop_a_writer(store: Store) -> None:
    publish_now(store, a_run(attempt=1), [])
    with store.reading() as session:
        assert session.scalar(select(func.count()).select_from(RunRow)) == 1
        publish_now(store, a_run(attempt=2), [])
        assert session.scalar(select(func.count()).select_from(RunRow)) == 1
    with store.reading() as session:
        assert session.scalar(select(func.count()).select_from(RunRow)) == 2


def test_a_writer_that_waits_too_long_is_told_why(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("campaigns.database.WAIT_SECONDS", 1)
    with (
        Store.open_url(store_url) as store,
        store.writing(),
        pytest.raises(LockHeldError, match="the store is busy"),
        store.writing(),
    ):
        pass


# -- queries -------------------------------------------------------------------------------------------


def test_campaigns_of_a_day_and_of_a_tier(store: Store) -> None:
    publish_now(store, a_run(MONDAY), [a_campaign("a", tier=Tier.ACTIONABLE), a_campaign("b", score=0.7)])
    publish_now(store, a_run(TUESDAY), [a_campaign("a", tier=Tier.BENIGN), a_campaign("c", score=0.7)])

    assert [c.campaign_id for c in store.campaigns()] == ["b", "c", "a"]
    assert [c.campaign_id for c in store.campaigns(MONDAY)] == ["b", "a"]
    assert [c.campaign_id for c in store.campaigns(tier=Tier.BENIGN)] == ["a"]
    assert store.campaigns(tier=Tier.ACTIONABLE) == []  # `a` was, on a day that is not its latest
    assert [c.campaign_id for c in store.campaigns(MONDAY, tier=Tier.ACTIONABLE)] == ["a"]
    (monday,) = store.campaigns(MONDAY, tier=Tier.ACTIONABLE)
    assert (monday.day, monday.last_day) == (MONDAY, TUESDAY)


def test_a_day_that_is_run_again_does_not_meet_its_own_ids(store: Store) -> None:
    publish_now(store, a_run(MONDAY), [a_campaign("a", feature=1)])
    publish_now(store, a_run(TUESDAY), [a_campaign("a", feature=2), a_campaign("b", feature=3)])

    assert store.known_campaigns(before=MONDAY, latest_days=1) == []
    (known,) = store.known_campaigns(before=TUESDAY, latest_days=1)
    assert (known.campaign_id, known.last_day, known.first_free) == ("a", MONDAY, 1)
    (wording,) = known.wordings
    for array, kind, values in (
        (wording.features, np.uint64, [1, 2**64 - 1]),
        (wording.weights, np.float32, [1.5, 0.1]),
        (wording.direction, np.float16, [0.6, 0.8]),
    ):
        assert array.dtype == kind
        assert array.tolist() == np.array(values, kind).tolist()
    later = store.known_campaigns(before=WEDNESDAY, latest_days=1)
    assert [(one.campaign_id, one.last_day) for one in later] == [("a", TUESDAY), ("b", TUESDAY)]


def test_a_wording_is_known_from_its_latest_day_and_runs_from_the_latest_days(store: Store) -> None:
    first = replace(a_campaign("a"), wordings=(a_wording(1), a_wording(2, 1), a_wording(3, 2)))
    publish_now(store, a_run(MONDAY), [first])
    publish_now(store, a_run(TUESDAY), [replace(a_campaign("a"), wordings=(a_wording(4), a_wording(5, 1)))])
    (known,) = store.known_campaigns(before=WEDNESDAY, latest_days=2)
    assert [(one.variant, one.day, int(one.features[0])) for one in known.wordings] == [
        (0, TUESDAY, 4),
        (1, TUESDAY, 5),
        (2, MONDAY, 3),
    ]
    assert known.first_free == 3
    assert known.runs == ("runs/2026-01-06/1", "runs/2026-01-05/1")
    assert store.known_campaigns(before=WEDNESDAY, latest_days=1)[0].runs == ("runs/2026-01-06/1",)


def test_a_campaign_that_was_taken_in_is_so_until_it_is_seen_again(store: Store) -> None:
    taken = {"b": [Lineage(event=Event.MERGED, reason="a sends it", figures={}, other_id="a")]}
    publish_now(store, a_run(MONDAY), [a_campaign("a"), a_campaign("b")])
    publish_now(store, a_run(TUESDAY), [a_campaign("a")], taken)
    merged = [one.merged_into for one in store.known_campaigns(before=WEDNESDAY, latest_days=1)]
    assert merged == [None, "a"]
    assert [one.merged_into for one in store.known_campaigns(before=TUESDAY, latest_days=1)] == [None, None]
    assert [(one.day, one.event) for one in store.campaign("b").lineage][-1] == (TUESDAY, Event.MERGED)
    publish_now(store, a_run(WEDNESDAY), [a_campaign("b")])
    after = store.known_campaigns(before=WEDNESDAY + timedelta(days=1), latest_days=1)
    assert [one.merged_into for one in after] == [None, None]


@pytest.mark.parametrize("backwards", [False, True])
def test_states_follow_from_days_and_lineage_in_any_order_of_runs(store: Store, *, backwards: bool) -> None:
    """`a` is seen on Monday, `b` from the ninth day on; it takes `c` in on the tenth, which returns on the twelfth."""
    on = {0: ["a", "c"], 8: ["b", "c"], 9: ["b"], 11: ["b", "c"]}
    taken = {9: {"c": [Lineage(event=Event.MERGED, reason="b sends it", figures={}, other_id="b")]}}
    sleep = Sleep(dormant_days=7, retire_days=10)

    def publish_day(number: int) -> None:
        run = a_run(MONDAY + timedelta(days=number))
        with held(store, run.day, lease_seconds=60) as lock:
            publish(store, lock, run, [a_campaign(name) for name in on[number]], taken.get(number), sleep)

    def states() -> dict[str, str]:
        return {one.campaign_id: one.state for one in store.campaigns()}

    for number in (0, 8):
        publish_day(number)
    assert states() == {"a": "dormant", "b": "open", "c": "open"}
    publish_day(9)
    assert states() == {"a": "dormant", "b": "open", "c": "merged"}
    publish_day(11)
    if backwards:
        publish_day(9)
    assert states() == {"a": "retired", "b": "open", "c": "open"}


def test_a_history_tells_of_wordings_gaps_and_relatives(store: Store) -> None:
    split = Lineage(event=Event.SPLIT, reason="a wording of a", figures={}, other_id="a")
    two = replace(a_campaign("a"), wordings=(a_wording(1), a_wording(2, 1)))
    publish_now(store, a_run(MONDAY), [two])
    publish_now(store, a_run(TUESDAY), [replace(a_campaign("b"), lineage=(split,))])
    publish_now(store, a_run(WEDNESDAY), [a_campaign("a")])
    history = store.campaign("a")
    assert history.published == (MONDAY, TUESDAY, WEDNESDAY)
    assert history.wordings == {0: (MONDAY, WEDNESDAY), 1: (MONDAY,)}
    assert [(one.campaign_id, one.day, one.event) for one in history.related] == [("b", TUESDAY, Event.SPLIT)]
    assert store.campaign("b").related == ()


def test_the_allow_list_holds_until_its_last_day(store: Store) -> None:
    ends = store.add_allow(
        AllowKind.ORGANIZATION,
        "org-1",
        reason="its own app",
        author="ada",
        expires_on=TUESDAY,
        clock=lambda: NOON,
    )
    stays = store.add_allow(AllowKind.TEMPLATE, template_hash("Hi  {name}"), reason="course", author="bo")
    assert ends.created_at == NOON
    assert store.allowed(MONDAY) == store.allowed(TUESDAY) == [ends, stays]
    assert store.allowed(WEDNESDAY) == [stays]
    assert store.allow_list() == [ends, stays]

    store.remove_allow(stays.id, author="ada")
    assert store.allow_list() == [ends]
    with pytest.raises(UsageError, match=f"no allow-list entry {stays.id}"):
        store.remove_allow(stays.id, author="ada")
    again = store.add_allow(AllowKind.CAMPAIGN, "c1", reason="a benchmark", author="bo")
    assert again.id > stays.id


@pytest.mark.parametrize("missing", ["value", "reason", "author"])
def test_an_allow_list_entry_says_who_and_why(store: Store, missing: str) -> None:
    given = {"value": "c1", "reason": "a course", "author": "ada", missing: " \t"}
    with pytest.raises(UsageError, match=f"needs {missing}"):
        store.add_allow(AllowKind.CAMPAIGN, given["value"], reason=given["reason"], author=given["author"])
    assert store.allow_list() == []


def test_a_template_hash_ignores_how_space_and_accents_are_written() -> None:
    assert template_hash("Caf\u00e9 {name}\n") == template_hash("Cafe\u0301   {name}")
    assert template_hash("Cafe {name}") != template_hash("Caf\u00e9 {name}")


# -- opening, settings, damage -------------------------------------------------------------------------


def test_a_store_opens_in_the_home_folder_by_default(tmp_path: Path) -> None:
    home = tmp_path / "a #home? 100%" / "var"
    with Store.open(Settings(home=home)) as store, store.writing() as session:
        found = {
            name: session.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10_000}
    assert (home / "shoal.db").exists()


def test_the_store_url_wins_over_home(tmp_path: Path, store_url: str) -> None:
    with Store.open(Settings(home=tmp_path / "home", store_url=store_url)) as store:
        assert store.published_days() == []
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    "url", ["mysql://h/d", "sqlite://", "sqlite:///:memory:", "postgresql+asyncpg://h/d", "not a url", ""]
)
def test_a_store_url_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match=r"URL|not supported"):
        Store.open_url(url)


def test_a_server_out_of_reach_is_named_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot reach the store") as caught:
        Store.open_url(f"postgresql+psycopg://shoal:s3cret@/shoal?host={tmp_path}")
    assert "s3cret" not in str(caught.value)
    assert tmp_path.name in caught.value.where


def test_a_folder_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot open the store"):
        Store.open_url(f"sqlite:///{tmp_path / 'missing' / 'shoal.db'}")


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "shoal.db"
    path.write_bytes(b"prompt_id,account_id\n" * 500)
    with pytest.raises(IntegrityError, match="not a SQLite database"):
        Store.open_url(f"sqlite:///{path}")
    assert path.read_bytes().startswith(b"prompt_id")


def test_damage_in_the_middle_is_found(tmp_path: Path) -> None:
    path = tmp_path / "shoal.db"
    with Store.open_url(f"sqlite:///{path}") as store:
        publish_now(store, a_run(), [a_campaign(f"c{n}") for n in range(200)])
        assert store.verify() == []
    with closing(sqlite3.connect(path)) as connection:
        [page] = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'lineage'").fetchone()
    data = bytearray(path.read_bytes())
    data[(page - 1) * 4096 : page * 4096] = bytes(4096)
    path.write_bytes(data)
    with Store.open_url(f"sqlite:///{path}") as store:
        assert store.verify() != []


def test_a_torn_wording_is_refused_and_named(store: Store) -> None:
    publish_now(store, a_run(), [a_campaign("c1")])
    with store.writing() as session:
        session.get_one(WordingRow, ("c1", MONDAY, 0)).weights = b"\x00" * 5
    with pytest.raises(IntegrityError, match="wording of campaign c1 on 2026-01-05 is damaged"):
        store.known_campaigns(before=TUESDAY, latest_days=1)
    assert store.verify() == ["store: a wording of campaign c1 on 2026-01-05 is damaged"]


def test_a_row_that_refers_to_nothing_is_found(tmp_path: Path) -> None:
    path = tmp_path / "shoal.db"
    with Store.open_url(f"sqlite:///{path}") as store:
        publish_now(store, a_run(), [])
        with sqlite3.connect(path) as connection:  # foreign keys are off by default
            connection.execute("DELETE FROM runs")
        connection.close()
        assert store.verify() == ["store: row 1 of days has no runs"]


def test_a_run_folder_describes_itself(tmp_path: Path) -> None:
    run = open_run(tmp_path, MONDAY, "f1")
    schemas = {
        "members": MEMBERS,
        "campaigns": CAMPAIGNS,
        "accounts": ACCOUNTS,
        "evidence": EVIDENCE,
        "variants": VARIANTS,
        "operators": OPERATORS,
        "bridges": BRIDGES,
        "map": MAP,
        "quarantine": QUARANTINE,
        "prevalence": PREVALENCE,
        "prevalence_accounts": PREVALENCE_ACCOUNTS,
    }
    for name, schema in schemas.items():
        files.write_parquet(run.path / f"{name}.parquet", pa.Table.from_pylist([], schema=schema))
    with pytest.raises(UsageError, match="not complete"):
        PublishedRun.of(run, tmp_path, {})
    manifest = run.finish({})
    described = PublishedRun.of(run, tmp_path, {"accepted": 1}, clock=lambda: NOON)
    assert described == PublishedRun(
        run_id="2026-01-05.1",
        day=MONDAY,
        attempt=1,
        fingerprint="f1",
        digest=manifest["digest"],
        path="runs/2026-01-05/1",
        counts={"accepted": 1},
        manifest_sha256=files.sha256_file(run.path / "manifest.json"),
        published_at=NOON,
    )
