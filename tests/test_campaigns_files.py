"""Writing is all or nothing, and damage is found."""

from __future__ import annotations

import errno
import io
import resource
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from campaigns import files
from campaigns.errors import DiskFullError


def half_written(path: Path, error: Exception) -> None:
    with files.atomic_path(path) as temporary:
        temporary.write_text("half")
        raise error


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    files.write_json(path, {"old": 1})
    with pytest.raises(RuntimeError):
        half_written(path, RuntimeError())
    assert path.read_text() == '{\n "old": 1\n}\n'
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_told_with_its_remedy(tmp_path: Path, code: int) -> None:
    path = tmp_path / "a.bin"
    with pytest.raises(DiskFullError) as caught:
        half_written(path, OSError(code, "full"))
    assert caught.value.exit_code == 6
    assert "run the same command again" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_an_array_that_does_not_fit_keeps_the_reason_of_the_system(tmp_path: Path) -> None:
    """A limit on file size stands in for a disk that fills up after the header: both cut a write short."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64_000, hard))
    try:
        with pytest.raises(OSError, match="File too large") as caught:
            files.write_array(tmp_path / "a.npy", np.zeros(1_000_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.errno == errno.EFBIG
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_up_under_an_array_is_told_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secrets.token_hex", lambda _: "known")
    (tmp_path / f"{files.TEMPORARY_PREFIX}known-a.npy").symlink_to("/dev/full")  # every write: no room
    with pytest.raises(DiskFullError):
        files.write_array(tmp_path / "a.npy", np.zeros(1_000_000))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "array",
    [
        np.arange(12, dtype=np.float32).reshape(3, 4),
        np.asfortranarray(np.arange(12).reshape(3, 4)),
        np.arange(12).reshape(3, 4)[:, ::2],
        np.empty((0, 384), np.float32),
        np.array(["2026-01-05"], "datetime64[D]"),
    ],
    ids=["plain", "columns first", "strided", "empty", "dates"],
)
def test_an_array_is_written_as_numpy_would(tmp_path: Path, array: NDArray[Any]) -> None:
    files.write_array(tmp_path / "a.npy", array)
    expected = io.BytesIO()
    np.save(expected, np.ascontiguousarray(array))
    assert (tmp_path / "a.npy").read_bytes() == expected.getvalue()
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), array)


def test_other_errors_of_the_system_stay_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(PermissionError):
        half_written(tmp_path / "a", PermissionError(errno.EACCES, "no"))


def test_equal_values_are_equal_bytes(tmp_path: Path) -> None:
    files.write_json(tmp_path / "a", {"x": 1, "ä": [2]})
    files.write_json(tmp_path / "b", {"ä": [2], "x": 1})
    assert files.sha256_file(tmp_path / "a") == files.sha256_file(tmp_path / "b")


def test_a_flipped_byte_in_a_parquet_page_is_found(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    rng = np.random.default_rng(0)
    files.write_parquet(path, pa.table({"x": rng.integers(0, 1 << 60, 5_000)}))
    whole = files.read_parquet(path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(OSError, match="CRC"):
        files.read_parquet(path)
    assert whole.num_rows == 5_000


def test_leftovers_of_a_crash_are_removed(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / f"{files.TEMPORARY_PREFIX}1-x").write_text("half")
    (tmp_path / "kept").write_text("whole")
    assert files.remove_leftovers(tmp_path) == 1
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == ["kept"]
    assert files.remove_leftovers(tmp_path / "absent") == 0
