"""Canaries are drawn from seed and day, look like the day, and are called as nobody else may be."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from ingest_examples import row, rows

from campaigns.records import PLANTED, PROMPTS, RESERVED_PREFIX, TRAFFIC, Reason
from campaigns.runs import Run
from campaigns.settings import Settings, load
from embeddings.scaffold import minimum_accounts
from ingest.stage import ingest
from simulation.canaries import CANARIES, COVER, _template, plant
from simulation.draws import stream

DAY = date(2026, 1, 5)


def settings_of(**changes: Any) -> Settings:
    return load({"canaries.min_prompts": 40, **changes}, environment={}).settings


def planted_in(
    folder: Path, traffic: list[dict[str, Any]], settings: Settings | None = None, day: date = DAY
) -> tuple[Run, pa.Table]:
    """Take the rows in and plant; the run, and what was planted."""
    settings = settings or settings_of()
    folder.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(traffic, TRAFFIC), folder / "traffic.parquet")
    run = Run(folder / "run", day, 1, "f")
    ingest(run, settings, str(folder / "traffic.parquet"))
    plant(run, settings)
    return run, pq.read_table(run.path / "canaries" / "part-0000.parquet")


def test_they_follow_from_seed_and_day_and_not_from_row_order_or_partitions(tmp_path: Path) -> None:
    traffic = rows(60)
    _, first = planted_in(tmp_path / "a", traffic)
    shuffled = [traffic[n] for n in np.random.default_rng(3).permutation(60)]
    _, again = planted_in(
        tmp_path / "b", shuffled, settings_of(**{"ingest.partitions": 3, "flow.workers": 1})
    )
    assert again.equals(first)
    assert first.num_rows > 0
    _, other = planted_in(tmp_path / "c", traffic, settings_of(seed=8))
    assert set(other["prompt"].to_pylist()).isdisjoint(first["prompt"].to_pylist())
    assert set(other["account_id"].to_pylist()).isdisjoint(first["account_id"].to_pylist())


def test_a_secret_key_makes_them_unforeseeable(tmp_path: Path) -> None:
    environment = {"SHOAL_SECRET_KEY": "hush", "SHOAL_CANARIES__MIN_PROMPTS": "40"}
    keyed = load(environment=environment).settings
    _, plain = planted_in(tmp_path / "a", rows(60))
    _, first = planted_in(tmp_path / "b", rows(60), keyed)
    _, again = planted_in(tmp_path / "c", rows(60), keyed)
    assert again.equals(first)
    assert set(first["prompt"].to_pylist()).isdisjoint(plain["prompt"].to_pylist())


def test_each_day_has_templates_of_its_own() -> None:
    for canary in CANARIES:
        told = {
            _template(
                canary, stream(seed, RESERVED_PREFIX, canary.name, (DAY + timedelta(days=n)).toordinal())
            )
            for n in range(60)
            for seed in (1, 2)
        }
        assert len(told) == 120
        assert all(text.count("<passage>") == 1 for text in told)
        assert not any(mark in text for text in told for mark in "{}[]|")


def test_they_look_like_rows_of_the_day(tmp_path: Path) -> None:
    run, table = planted_in(tmp_path / "a", rows(60))
    assert table.schema.equals(PROMPTS)
    assert {moment.date() for moment in table["created_at"].to_pylist()} == {DAY}
    for name in ("account_id", "prompt_id"):
        assert pc.all(pc.starts_with(table[name], RESERVED_PREFIX)).as_py()
    assert len(set(table["prompt_id"].to_pylist())) == table.num_rows
    assert pc.all(pc.less(table["account_created_at"], table["created_at"])).as_py()
    truth = run.planted()
    assert truth.schema.equals(PLANTED)
    assert sorted(set(truth["text_key"].to_pylist())) == sorted(set(table["text_key"].to_pylist()))
    assert pc.sum(truth["n_prompts"]).as_py() == table.num_rows
    cover = pc.sum(truth.filter(pc.is_null(truth["canary"]))["n_prompts"]).as_py()
    assert cover / table.num_rows == pytest.approx(COVER, abs=0.06)
    assert [part.parent.name for part in run.searched_parts()] == ["prompts"] * 8 + ["canaries"]
    assert all(part.parent.name == "prompts" for part in run.prompt_parts())


def test_their_size_follows_the_floor_of_the_day(tmp_path: Path) -> None:
    settings = settings_of(**{"scaffold.reference_prompts": 60, "canaries.size": 2})
    run, table = planted_in(tmp_path / "a", rows(60), settings)
    fewest = minimum_accounts(settings.scaffold, 60)
    assert fewest == 8
    truth = dict(zip(run.planted()["text_key"].to_pylist(), run.planted()["canary"].to_pylist(), strict=True))
    for canary in CANARIES:
        mine = table.filter(pa.array([truth[key] == canary.name for key in table["text_key"].to_pylist()]))
        assert len(pc.unique(mine["account_id"])) == 2 * fewest * canary.accounts
        assert mine.num_rows == 2 * fewest * canary.accounts * canary.prompts


def test_a_text_that_somebody_sent_is_not_planted(tmp_path: Path) -> None:
    _, table = planted_in(tmp_path / "a", rows(60))
    text = table["prompt"][0].as_py()
    real = [*rows(59), row(59, prompt=text)]
    _, without = planted_in(tmp_path / "b", real)
    assert text not in without["prompt"].to_pylist()
    assert without.num_rows == table.num_rows - pc.sum(pc.equal(table["prompt"], text)).as_py()


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"canaries.enabled": False}, "canaries.enabled is off"),
        ({"canaries.min_prompts": 61}, "60 prompts, canaries need 61"),
    ],
)
def test_a_run_without_canaries_says_so(tmp_path: Path, changes: dict[str, Any], why: str) -> None:
    run, table = planted_in(tmp_path / "a", rows(60), settings_of(**changes))
    assert table.num_rows == run.planted().num_rows == 0
    assert plant(run, settings_of(**changes)) == {"planted": 0, "accounts": 0, "why_not": why}


@pytest.mark.parametrize("key", ["", "secret"])
def test_real_rows_that_are_called_so_are_quarantined(tmp_path: Path, key: str) -> None:
    traffic = [
        row(0, account_id=f"{RESERVED_PREFIX}acc_1"),
        row(1, prompt_id=f"{RESERVED_PREFIX}p_1"),
        row(2, account_id="shoal-canary"),
        *rows(60)[3:],
    ]
    settings = load({"canaries.min_prompts": 40}, environment={"SHOAL_SECRET_KEY": key}).settings
    run, _ = planted_in(tmp_path / "a", traffic, settings)
    aside = run.table("quarantine").to_pylist()
    assert [(one["row"], one["reason"]) for one in aside] == [
        (0, Reason.RESERVED_ID),
        (1, Reason.RESERVED_ID),
    ]
    assert {one["detail"] for one in aside} == {
        f"account_id begins with {RESERVED_PREFIX}", f"prompt_id begins with {RESERVED_PREFIX}"
    }  # fmt: skip
    assert run.prompts(["prompt_id"]).num_rows == 58
