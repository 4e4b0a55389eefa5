"""How many accounts a decision names: against plain sets, over several campaigns and runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from people_examples import a_target
from run_examples import GRADES, LEDGER, publish_example
from store_examples import MONDAY, TUESDAY

from campaigns import files
from campaigns.errors import IntegrityError
from campaigns.named import Named, accounts_file, named_accounts
from campaigns.records import ACCOUNTS

RUNS = ("2026-01-05.1", "2026-01-05.2", "2026-01-06.1")


def write(home: Path, run_id: str, rows: list[tuple[str, str, bool]]) -> None:
    table = pa.Table.from_pylist(
        [
            {
                "campaign_id": name,
                "account_id": account,
                "is_core": core,
                "n_prompts": 1,
                "share": 1.0,
                "strength": 0.5,
                "reasons": [],
            }
            for name, account, core in sorted(rows)
        ],
        schema=ACCOUNTS,
    )
    files.write_parquet(accounts_file(home, run_id), table)


def test_passers_by_are_not_named(tmp_path: Path) -> None:
    publish_example(tmp_path)
    both = named_accounts(tmp_path, [a_target(GRADES), a_target(LEDGER)])
    assert both == Named({GRADES: 1, LEDGER: 1}, 2)


def test_an_account_counts_once_however_many_campaigns_and_runs_name_it(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    named: dict[tuple[str, str], set[str]] = {}
    for run_id in RUNS:
        rows = {
            (f"c{rng.integers(30):02}", f"acct-{rng.integers(400)}"): bool(rng.random() < 0.6)
            for _ in range(20_000)  # more than two row groups
        }
        write(tmp_path, run_id, [(name, account, core) for (name, account), core in rows.items()])
        for (name, account), core in rows.items():
            if core:
                named.setdefault((run_id, name), set()).add(account)
    for size in (1, 2, 7, 30):
        chosen = [
            (RUNS[rng.integers(len(RUNS))], f"c{n:02}") for n in rng.choice(30, size, replace=False).tolist()
        ]
        found = named_accounts(tmp_path, [a_target(name, run_id) for run_id, name in chosen])
        assert found.per_campaign == {name: len(named[run_id, name]) for run_id, name in chosen}
        assert found.together == len(set.union(*(named[one] for one in chosen)))


def test_nobody_is_named_where_there_is_nothing(tmp_path: Path) -> None:
    write(tmp_path, RUNS[0], [("c1", "acct-1", False)])
    assert named_accounts(tmp_path, []) == Named({}, 0)
    assert named_accounts(tmp_path, [a_target("c1"), a_target("c9")]) == Named({"c1": 0, "c9": 0}, 0)
    write(tmp_path, RUNS[1], [])
    assert named_accounts(tmp_path, [a_target("c1", RUNS[1])]) == Named({"c1": 0}, 0)


def test_accounts_that_are_gone_or_damaged_are_an_error_and_not_nobody(tmp_path: Path) -> None:
    elsewhere = replace(a_target("c1", RUNS[2]), day=TUESDAY)
    with pytest.raises(IntegrityError, match="the accounts of a run are gone") as gone:
        named_accounts(tmp_path, [elsewhere])
    assert str(MONDAY + timedelta(days=1)) in gone.value.where
    write(tmp_path, RUNS[2], [("c1", f"acct-{number}", True) for number in range(2_000)])
    path = accounts_file(tmp_path, RUNS[2])
    whole = path.read_bytes()
    for damaged in (b"", whole[:-9], whole[:400] + bytes(200) + whole[600:]):
        path.write_bytes(damaged)
        with pytest.raises(IntegrityError, match="the accounts of a run are damaged"):
            named_accounts(tmp_path, [elsewhere])
