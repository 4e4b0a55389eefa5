from __future__ import annotations

from pathlib import Path

import pyarrow as pa
from store_examples import MONDAY, NOON

from campaigns import files, tombstones
from campaigns.keys import shared_key
from campaigns.records import Reason
from campaigns.runs import open_run
from campaigns.settings import load
from campaigns.store import Store
from ingest.stage import ingest


def bury(store: Store, account: str) -> str:
    digest = tombstones.digest(shared_key(store, tombstones.KEY), account)
    with store.writing() as session:
        tombstones.bury(session, [digest], reason="asked", author="ada", at=NOON)
    return digest


def test_nobody_is_recognised_where_nobody_was_erased(store: Store) -> None:
    assert tombstones.recogniser(store) is None


def test_exactly_the_erased_are_recognised(store: Store) -> None:
    bury(store, "acct-2")
    recognise = tombstones.recogniser(store)
    assert recognise is not None
    asked = pa.array(["acct-2", "acct-22", None, "acct-2", "acct"])
    assert recognise(asked).tolist() == [True, False, False, True, False]
    assert recognise(pa.array([], pa.string())).tolist() == []


def test_a_second_burial_keeps_the_first_word(store: Store) -> None:
    digest = bury(store, "acct-2")
    with store.writing() as session:
        tombstones.close(session, [digest], {"prompts": 3})
        tombstones.bury(session, [digest], reason="again", author="bo", at=NOON)
        tombstones.close(session, [digest], {"prompts": 0})
    found = tombstones.find(store, ["someone", "acct-2"])
    assert found is not None
    assert (found.reason, found.author, found.counts) == ("asked", "ada", {"prompts": 3})


def test_rows_of_an_erased_account_are_set_aside_without_their_ids(store: Store, tmp_path: Path) -> None:
    bury(store, "acct-2")
    rows = [
        {"prompt_id": f"p{n}", "account_id": account, "created_at": at, "prompt": f"text {n}"}
        for n, (account, at) in enumerate(
            [
                ("acct-1", "2026-01-05T10:00:00Z"),
                ("acct-2", "2026-01-05T11:00:00Z"),
                ("acct-2", "2026-01-06T11:00:00Z"),  # another day's
                ("acct-2", "2999-01-06T11:00:00Z"),  # in the future, and so another day's too
                ("acct-3", "2026-01-05T12:00:00Z"),
            ]
        )
    ]
    source = tmp_path / "traffic.parquet"
    table = pa.Table.from_pylist(rows)
    moments = table["created_at"].cast(pa.timestamp("us", tz="UTC"))
    files.write_parquet(source, table.set_column(2, "created_at", moments))
    run = open_run(tmp_path, MONDAY, "f")
    settings = load({"ingest.max_quarantine_share": 1.0}, environment={}).settings
    counts = ingest(run, settings, str(source), recognise=tombstones.recogniser(store))
    assert counts.balanced
    assert (counts.accepted, counts.quarantined, counts.other_days) == (2, 1, 2)
    (aside,) = run.table("quarantine").to_pylist()
    assert aside == {
        "prompt_id": None,
        "account_id": None,
        "source": "traffic.parquet",
        "row": 1,
        "reason": Reason.ERASED.value,
        "detail": "",
    }
