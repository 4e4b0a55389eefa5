from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import IO

import fsspec  # type: ignore[import-untyped]
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ingest_examples import jsonl, rows, take, write

from campaigns.errors import InputError
from ingest.lines import split_records
from ingest.sources import Kind, SourceFile, UnreadableFileError, find, read_errors, source_fingerprint


def names(source: Path | str) -> list[str]:
    return [file.name for file in find(str(source))]


def fill(folder: Path, *paths: str) -> Path:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(b"x")
    return folder


def test_a_folder_is_read_in_name_order_without_hidden_and_foreign_files(tmp_path: Path) -> None:
    fill(
        tmp_path,
        "b.jsonl",
        "a/z.parquet",
        "a/y.csv.gz",
        "README.md",
        ".hidden.csv",
        "_tmp/x.csv",
        "c.parquet.gz",
    )
    assert names(tmp_path) == ["a/y.csv.gz", "a/z.parquet", "b.jsonl"]


def test_globs(tmp_path: Path) -> None:
    fill(tmp_path, "day=1/a.csv", "day=2/b.jsonl", "day=2/notes.txt", "other/c.csv")
    assert names(f"{tmp_path}/day=*/*") == ["day=1/a.csv", "day=2/b.jsonl"]
    assert names(f"{tmp_path}/day=*") == ["day=1/a.csv", "day=2/b.jsonl"]
    assert names(f"{tmp_path}/**/*.csv") == ["day=1/a.csv", "other/c.csv"]


def test_one_file_goes_by_its_own_name(tmp_path: Path) -> None:
    (file,) = find(str(fill(tmp_path, "Day.JSONL.GZ") / "Day.JSONL.GZ"))
    assert (file.name, file.kind, file.compression, file.size) == ("Day.JSONL.GZ", Kind.JSONL, "gzip", 1)


def test_a_path_with_glob_characters_may_be_real(tmp_path: Path) -> None:
    assert names(fill(tmp_path, "day=[1]/a.csv") / "day=[1]") == ["a.csv"]


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("missing.csv", "no such file or folder"),
        ("*.csv", "no traffic file matches"),
        ("folder", "no traffic file matches"),
        ("folder/notes.txt", "not a kind of file that can be read"),
    ],
)
def test_nothing_to_read(tmp_path: Path, source: str, what: str) -> None:
    fill(tmp_path, "folder/notes.txt")
    with pytest.raises(InputError) as caught:
        find(str(tmp_path / source))
    assert caught.value.what == what
    assert caught.value.hint


def test_unknown_protocol() -> None:
    with pytest.raises(InputError, match="not a path or URL"):
        find("teleport://bucket/traffic")


def test_urls_go_through_fsspec(tmp_path: Path) -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe("/bucket/day/b.jsonl", jsonl(rows(4)[2:]))
    memory.pipe("/bucket/day/a.jsonl.gz", gzip.compress(jsonl(rows(2))))
    try:
        assert names("memory://bucket/day") == ["a.jsonl.gz", "b.jsonl"]
        assert take(tmp_path / "run", "memory://bucket/day/*.jsonl*").counts.accepted == 4
    finally:
        memory.rm("/bucket", recursive=True)


def test_fingerprint_follows_names_and_content_not_the_place(tmp_path: Path) -> None:
    for place in ("one", "two"):
        write(tmp_path / place / "a.jsonl", rows(3))
        write(tmp_path / place / "b.jsonl", rows(5))
    first = source_fingerprint(str(tmp_path / "one"))
    assert len(first) == 64
    assert source_fingerprint(str(tmp_path / "two")) == first
    data = bytearray((tmp_path / "two" / "b.jsonl").read_bytes())
    data[20] ^= 1
    (tmp_path / "two" / "b.jsonl").write_bytes(data)
    assert source_fingerprint(str(tmp_path / "two")) != first
    (tmp_path / "one" / "a.jsonl").rename(tmp_path / "one" / "c.jsonl")
    assert source_fingerprint(str(tmp_path / "one")) != first


def test_unreadable_file_has_a_fingerprint_and_ends_in_quarantine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Object stores raise `OSError` without an errno when the bytes of one object are not to be had."""
    folder = tmp_path / "traffic"
    write(folder / "a.jsonl", rows(3))
    write(folder / "b.jsonl", rows(5)[3:])
    healthy = source_fingerprint(str(folder))
    plain = SourceFile.open

    def broken(file: SourceFile) -> IO[bytes]:
        if file.name == "b.jsonl":
            raise OSError("object is archived")
        return plain(file)

    monkeypatch.setattr(SourceFile, "open", broken)
    assert source_fingerprint(str(folder)) == source_fingerprint(str(folder)) != healthy
    found = take(tmp_path / "run", folder)
    assert (found.counts.accepted, found.counts.quarantined) == (3, 1)
    assert found.quarantine()[0]["detail"] == "object is archived"


def test_damage_is_told_from_a_failing_system(tmp_path: Path) -> None:
    (file,) = find(str(fill(tmp_path, "a.csv") / "a.csv"))
    with pytest.raises(UnreadableFileError, match="cut short"), read_errors(file):
        raise pa.ArrowInvalid("cut short\nsecond line")
    with pytest.raises(UnreadableFileError), read_errors(file):
        raise OSError("inflate failed")
    with pytest.raises(InputError, match="Input/output error"), read_errors(file):
        raise OSError(5, "Input/output error")


def test_file_that_vanishes_stops_the_run(tmp_path: Path) -> None:
    (file,) = find(str(write(tmp_path / "a.jsonl", rows(1))))
    os.unlink(tmp_path / "a.jsonl")  # noqa: PTH108
    with pytest.raises(InputError, match="No such file"):
        list(file.chunks())


# -- records -------------------------------------------------------------------------------------------


def split(data: bytes, limit: int = 1_000, *, quoted: bool = False, step: int = 7) -> list[bytes | None]:
    chunks = [data[start : start + step] for start in range(0, len(data), step)]
    return [record for found in split_records(chunks, limit, quoted=quoted) for record in found]


def test_lines_of_every_ending() -> None:
    assert split(b"\xef\xbb\xbfone\r\ntwo\n\n  \nthree") == [b"one", b"two", b"three"]
    assert split(b"") == []


def test_only_the_long_line_is_lost() -> None:
    data = b"short\n" + b"x" * 50 + b"\nlast\n"
    assert split(data, limit=20) == [b"short", None, b"last"]
    assert split(b"x" * 21, limit=20) == [None]
    assert split(b"x" * 20, limit=20) == [b"x" * 20]


def test_quotes_hold_a_record_together() -> None:
    data = b'a,"one\ntwo"\r\nb,"say ""hi""\n\n",c\nd\n'
    assert split(data, quoted=True) == [b'a,"one\ntwo"', b'b,"say ""hi""\n\n",c', b"d"]
    assert split(b'a,"' + b"x\n" * 50 + b'"\nb\n', limit=20, quoted=True) == [None, b"b"]


def test_quotes_mean_nothing_in_json_lines() -> None:
    assert split(b'{"a": "b\n"c"}\n') == [b'{"a": "b', b'"c"}']


@given(
    st.lists(
        st.binary(min_size=1, max_size=30).filter(lambda b: b.strip() and not set(b) & set(b'"\r\n\xef'))
    ),
    st.integers(1, 40),
    st.booleans(),
)
def test_chunks_may_cut_anywhere(records: list[bytes], step: int, quoted: bool) -> None:
    expected = [record if len(record) <= 20 else None for record in records]
    assert split(b"\n".join(records), limit=20, quoted=quoted, step=step) == expected
