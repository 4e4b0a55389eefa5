from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ingest_examples import Row, row, table

from campaigns import files
from campaigns.errors import UsageError
from campaigns.records import PROMPTS, TEXT_KEY, text_key
from ingest.partitions import EXTRA, ORIGIN, Partitions, digests, hashes, origins, split_origins


def accepted(found: Sequence[Row], file: int = 0, **extras: list[str]) -> pa.Table:
    rows = table(found)
    keys = pa.array([text_key(one["prompt"]) for one in found], TEXT_KEY)
    rows = rows.append_column("text_key", keys).cast(PROMPTS)
    rows = rows.append_column(ORIGIN, pa.array(origins(file, np.arange(len(found)))))
    for name, values in extras.items():
        rows = rows.append_column(EXTRA + name, pa.array(values))
    return rows


def written(folder: Path) -> list[Row]:
    parts = sorted((folder / "prompts").glob("part-*.parquet"))
    found: list[Row] = (
        pa.concat_tables([files.read_parquet(p) for p in parts]).sort_by("prompt_id").to_pylist()
    )
    return found


@pytest.mark.parametrize("memory_bytes", [0, 20_000, 1 << 30])
def test_spilling_changes_nothing(tmp_path: Path, memory_bytes: int) -> None:
    everything = [row(n) for n in range(300)] + [row(n, prompt="copy") for n in range(300, 310)]
    partitions = Partitions(tmp_path / "spill", 4, memory_bytes)
    for start in range(0, 310, 50):
        partitions.add(accepted(everything[start : start + 50], start))
    spilled = (tmp_path / "spill").exists()
    assert spilled is (memory_bytes < 1 << 30)
    assert partitions.repeated_ids().num_rows == 0
    assert partitions.write(tmp_path / "prompts", tmp_path / "extras.parquet") == (310, 301)
    partitions.close()
    assert not (tmp_path / "spill").exists()
    assert written(tmp_path) == [one | {"text_key": text_key(one["prompt"])} for one in everything]


@pytest.mark.parametrize("memory_bytes", [0, 1 << 30])
def test_repeated_ids_are_found_across_partitions_and_spills(tmp_path: Path, memory_bytes: int) -> None:
    partitions = Partitions(tmp_path / "spill", 4, memory_bytes)
    partitions.add(accepted([row(1, account_id="b"), row(2)], 0))
    partitions.add(accepted([row(1, account_id="c"), row(3)], 1))
    partitions.add(accepted([row(4), row(1, account_id="a")], 2))
    losers = partitions.repeated_ids()
    file, number = split_origins(losers[ORIGIN].to_numpy())
    assert sorted(zip(losers["account_id"].to_pylist(), file.tolist(), number.tolist(), strict=True)) == [
        ("b", 0, 0),
        ("c", 1, 0),
    ]
    partitions.write(tmp_path / "prompts", tmp_path / "extras.parquet")
    first = written(tmp_path)[0]
    assert (first["prompt_id"], first["account_id"]) == ("p00001", "a")
    assert len(written(tmp_path)) == 4


def test_dropped_file_leaves_no_row_and_no_rival(tmp_path: Path) -> None:
    partitions = Partitions(tmp_path / "spill", 2)
    partitions.add(accepted([row(1, account_id="a"), row(2)], 0))
    partitions.add(accepted([row(1, account_id="b")], 1))
    partitions.drop_file(0)
    assert partitions.repeated_ids().num_rows == 0
    partitions.write(tmp_path / "prompts", tmp_path / "extras.parquet")
    assert [one["account_id"] for one in written(tmp_path)] == ["b"]


def test_extras_of_different_files_are_joined(tmp_path: Path) -> None:
    partitions = Partitions(tmp_path / "spill", 1)
    partitions.add(accepted([row(2)], 0, plan=["free"]))
    partitions.add(accepted([row(1)], 1, seats=["3"]))
    assert partitions.extra_names() == ["plan", "seats"]
    partitions.write(tmp_path / "prompts", tmp_path / "extras.parquet")
    assert files.read_parquet(tmp_path / "extras.parquet").to_pylist() == [
        {"prompt_id": "p00001", "plan": None, "seats": "3"},
        {"prompt_id": "p00002", "plan": "free", "seats": None},
    ]


def test_names_of_extras_are_told_without_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    partitions = Partitions(tmp_path / "spill", 2, 0)
    partitions.add(accepted([row(2)], 0, plan=["free"]))
    partitions.add(accepted([row(1), row(3)], 1, seats=["3", "4"], plan=["x", "y"]))
    partitions.add(accepted([row(4)], 2, damaged=["z"]))
    partitions.drop_file(2)
    monkeypatch.setattr(files, "read_parquet", None)
    assert partitions.extra_names() == ["plan", "seats"]


def test_an_extra_column_cannot_pose_as_ours(tmp_path: Path) -> None:
    partitions = Partitions(tmp_path / "spill", 1)
    partitions.add(accepted([row(1)], 0, **{ORIGIN: ["x"], "id_hash": ["y"]}))
    partitions.write(tmp_path / "prompts", tmp_path / "extras.parquet")
    assert files.read_parquet(tmp_path / "extras.parquet").to_pylist() == [
        {"prompt_id": "p00001", "id_hash": "y", "origin": "x"}
    ]


def test_leftovers_of_a_killed_run_are_not_read(tmp_path: Path) -> None:
    killed = Partitions(tmp_path / "spill", 1, 0)
    killed.add(accepted([row(1)]))
    fresh = Partitions(tmp_path / "spill", 1, 0)
    fresh.add(accepted([row(2)]))
    fresh.write(tmp_path / "prompts", tmp_path / "extras.parquet")
    assert [one["prompt_id"] for one in written(tmp_path)] == ["p00002"]


def test_partition_too_large_to_sort(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.partitions._LARGEST_COLUMN_BYTES", 1_000)
    partitions = Partitions(tmp_path / "spill", 1)
    partitions.add(accepted([row(1, prompt="x" * 2_000)]))
    with pytest.raises(UsageError, match=r"ingest\.partitions"):
        partitions.write(tmp_path / "prompts", tmp_path / "extras.parquet")


@given(st.lists(st.text(max_size=20)))
def test_digests_are_text_keys(texts: list[str]) -> None:
    assert digests(pa.array(texts, pa.string()), 16) == [text_key(text) for text in texts]
    assert digests(pa.array(["skipped", *texts], pa.string())[1:], 16) == [text_key(text) for text in texts]


def test_hashes_are_stable() -> None:
    assert hashes(pa.array(["account-1"])).tolist() == [
        int.from_bytes(digests(pa.array(["account-1"]), 8)[0], "little")
    ]


@given(st.integers(0, 2**22), st.integers(0, 2**40 - 1))
def test_origins_round_trip(file: int, number: int) -> None:
    found_file, found_row = split_origins(origins(file, np.array([number])))
    assert (found_file.item(), found_row.item()) == (file, number)
