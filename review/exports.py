"""Rows as files to take away: CSV that no spreadsheet takes for formulas, JSON Lines, Parquet."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from defusedcsv import csv

Row = Mapping[str, Any]


def as_csv(rows: Iterable[Row], columns: Sequence[str]) -> bytes:
    """UTF-8 with a header. Text that a spreadsheet would compute gets an apostrophe before it."""
    made = io.StringIO(newline="")
    writer = csv.writer(made)
    writer.writerow(columns)
    writer.writerows([_tame(row[name]) for name in columns] for row in rows)
    return made.getvalue().encode("utf-8", "replace")


def as_jsonl(rows: Iterable[Row], columns: Sequence[str]) -> bytes:
    """An object a line, plain ASCII; days and times as ISO 8601."""
    lines = (json.dumps({name: row[name] for name in columns}, default=str) for row in rows)
    return "".join(f"{line}\n" for line in lines).encode()


def as_parquet(rows: Iterable[Row], schema: pa.Schema) -> bytes:
    """With the columns of `schema`, whatever the rows are."""
    table = pa.Table.from_pylist([{name: row[name] for name in schema.names} for row in rows], schema)
    made = io.BytesIO()
    pq.write_table(table, made)
    return made.getvalue()


def _tame(value: Any) -> Any:
    """What defusedcsv leaves alone: spreadsheets pass over white space, and some begin a formula after it."""
    if value is None:
        return ""
    return f"'{value}" if isinstance(value, str) and value[:1].isspace() else value
