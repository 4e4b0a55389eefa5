"""The proof of an erasure: everything below a home and every table of the store, looked through for what had to go.

Tables are read column by column, for they are compressed; everything else byte by byte. An id counts where it is a
whole cell, or a whole word of a sentence; a text where it is a cell, or inside one if it is long; a key anywhere.
"""

from __future__ import annotations

import json
import mmap
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.all_tables import METADATA
from campaigns.gone import PROMPTS, SENTENCES, Gone, whole_word
from campaigns.records import TEXT_KEY

LEAST_BYTES: Final = 6
"""Of an id that is sought byte by byte: numbers and vectors hold any shorter one."""
_STORE: Final = "shoal.db"
_OWN: Final = ("runs", "cache", "matches", "handoff", _STORE)
"""What Shoal itself writes below a home. The rest, such as traffic that somebody keeps there, is not its to change."""


@dataclass(frozen=True, slots=True)
class Hit:
    """`kind` is id, prompt, text or key; `ours`: whether Shoal wrote the place and can change it."""

    where: str
    kind: str
    count: int
    ours: bool = True


@dataclass(slots=True)
class Scan:
    """What was looked at, and what was found."""

    tables: int = 0
    files: int = 0
    bytes: int = 0
    rows: int = 0
    hits: list[Hit] = field(default_factory=list)
    in_audit: dict[str, int] = field(default_factory=dict)
    """What the audit log quotes, by kind. The file of the store holds as much, and no more."""

    @property
    def ours(self) -> list[Hit]:
        return [hit for hit in self.hits if hit.ours]

    @property
    def foreign(self) -> list[Hit]:
        return [hit for hit in self.hits if not hit.ours]


def scan(
    home: Path, session: Session, gone: Gone, outside: Iterable[Path] = (), skip: Iterable[str] = ()
) -> Scan:
    """
    Args:
        outside: more folders that Shoal writes to.
        skip: names of files directly below `home` that are part of the erasure itself.
    """
    found = Scan()
    sought = _Sought(gone)
    _store(session, sought, found)
    left_out = {home / name for name in skip}
    for path in sorted(home.rglob("*")):
        if path.is_file() and path not in left_out:
            name = path.relative_to(home)
            _file(path, name.as_posix(), name.parts[0].startswith(_OWN), sought, found)
    for folder in outside:
        for path in sorted(folder.rglob("*")) if folder.is_dir() and not folder.is_relative_to(home) else []:
            if path.is_file():
                _file(path, str(path), True, sought, found)
    return found


def files_with(folder: Path, gone: Gone) -> list[Path]:
    """Files below a folder that hold an id or a text, byte by byte."""
    sought = _Sought(gone)
    return [
        path for path in sorted(folder.rglob("*")) if path.is_file() and any(n for _, n in _raw(path, sought))
    ]


class _Sought:
    """What is sought, in the forms in which it may stand."""

    def __init__(self, gone: Gone) -> None:
        self.ids = pa.array(sorted(gone.ids), pa.string())
        self.prompts = pa.array(sorted(gone.prompts), pa.string())
        self.keys = pa.array(sorted(gone.keys), TEXT_KEY)
        self.texts = pa.array(sorted(gone.texts), pa.string())
        self.long = gone.long_texts
        self.words = "|".join(whole_word(name) for name in sorted(gone.ids))
        self.as_bytes = {
            "id": _pattern(
                rb"(?<![\w-])" + re.escape(form) + rb"(?![\w-])"
                for name in gone.ids
                if len(name.encode()) >= LEAST_BYTES
                for form in _forms(name)
            ),
            "text": _pattern(re.escape(form) for text in gone.long_texts for form in _forms(text)),
            "key": _pattern(re.escape(key) for key in gone.keys | gone.cached),
        }

    def in_strings(
        self, values: pa.ChunkedArray, *, sentences: bool, traffic: bool
    ) -> Iterator[tuple[str, int]]:
        yield "id", _count(pc.is_in(values, value_set=self.ids))
        yield "text", _count(pc.is_in(values, value_set=self.texts))
        if sentences and self.words:
            whole = pc.invert(pc.is_in(values, value_set=self.ids))
            yield "id", _count(pc.and_(whole, pc.match_substring_regex(values, self.words)))
        for text in () if traffic else self.long:
            yield "text", _count(pc.match_substring(values, text))


def _pattern(forms: Iterable[bytes]) -> re.Pattern[bytes] | None:
    alternatives = sorted(set(forms), key=len, reverse=True)
    return re.compile(b"|".join(alternatives)) if alternatives else None


def _forms(text: str) -> set[bytes]:
    """As UTF-8, and as JSON writes it, in ASCII and not."""
    return {
        text.encode("utf-8", "replace"),
        json.dumps(text)[1:-1].encode(),
        json.dumps(text, ensure_ascii=False)[1:-1].encode("utf-8", "replace"),
    }


def _count(mask: Any) -> int:
    return int(pc.sum(mask).as_py() or 0)


# -- files ---------------------------------------------------------------------------------------------


def _file(path: Path, name: str, ours: bool, sought: _Sought, found: Scan) -> None:
    found.files += 1
    found.bytes += path.stat().st_size
    told = _parquet(path, name, sought, found) if path.suffix == ".parquet" else _raw(path, sought)
    counts: dict[str, int] = {}
    for kind, number in told:
        counts[kind] = counts.get(kind, 0) + number
    found.hits += [
        Hit(name, kind, number, ours and not (name == _STORE and number <= found.in_audit.get(kind, 0)))
        for kind, number in counts.items()
        if number
    ]


def _parquet(path: Path, name: str, sought: _Sought, found: Scan) -> Iterator[tuple[str, int]]:
    inside = name.partition("/")[2].partition("/")[2].partition("/")[2]
    traffic = inside.startswith(PROMPTS)
    file = pq.ParquetFile(path)
    for number in range(file.metadata.num_row_groups):
        table = file.read_row_group(number)
        found.rows += table.num_rows
        for column in table.schema:
            values = table[column.name]
            if pa.types.is_list(values.type):
                values = pc.list_flatten(values)
            yield from _column(column.name, values, sought, traffic=traffic)


def _column(
    name: str, values: pa.ChunkedArray, sought: _Sought, *, traffic: bool
) -> Iterator[tuple[str, int]]:
    if pa.types.is_string(values.type):
        if "prompt_id" in name:
            yield "prompt", _count(pc.is_in(values, value_set=sought.prompts))
        yield from sought.in_strings(values, sentences=name in SENTENCES, traffic=traffic)
    elif values.type == TEXT_KEY:
        yield "key", _count(pc.is_in(values, value_set=sought.keys))


def _raw(path: Path, sought: _Sought) -> Iterator[tuple[str, int]]:
    if path.stat().st_size == 0:
        return
    with path.open("rb") as handle, mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for kind, pattern in sought.as_bytes.items():
            if pattern is not None:
                yield kind, sum(1 for _ in pattern.finditer(data))


# -- the store -----------------------------------------------------------------------------------------


def _store(session: Session, sought: _Sought, found: Scan) -> None:
    """Every row of every table. The audit log is nobody's to change: what a reason quotes there is told apart."""
    for table in METADATA.sorted_tables:
        found.tables += 1
        counts: dict[str, int] = {}
        rows = session.execute(select(table)).mappings().all()
        found.rows += len(rows)
        for row in rows if table.name == "audit" else []:
            _quoted(row, sought, found)
        for column in table.columns:
            texts = [_text(row[column]) for row in rows if isinstance(row[column], str | dict | list)]
            values = pa.chunked_array([pa.array(texts, pa.string())])
            free = column.name in SENTENCES or table.name == "audit" or column.name == "body"
            for kind, number in sought.in_strings(values, sentences=free, traffic=False):
                counts[kind] = counts.get(kind, 0) + number
        where = f"store: {table.name}"
        found.hits += [
            Hit(where, kind, number, table.name != "audit") for kind, number in counts.items() if number
        ]


def _quoted(row: Any, sought: _Sought, found: Scan) -> None:
    """A subject stands in the table and in its index."""
    for text in (row["subject"], row["subject"], row["actor"], json.dumps(row["details"], sort_keys=True)):
        for kind, pattern in sought.as_bytes.items():
            if pattern is not None:
                number = len(pattern.findall(text.encode()))
                found.in_audit[kind] = found.in_audit.get(kind, 0) + number


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
