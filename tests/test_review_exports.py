from __future__ import annotations

import csv
import io
import json
import re
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st

from review.exports import as_csv, as_jsonl, as_parquet

SCHEMA = pa.schema([("title", pa.string()), ("n", pa.int64()), ("day", pa.date32())])
TITLES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "title": st.one_of(st.none(), TITLES),
            "n": st.integers(-(2**60), 2**60),
            "day": st.one_of(st.none(), st.dates(date(1900, 1, 1))),
            "left out": st.just("no column"),
        }
    )
)
COMPUTED = tuple("=+-@\t\r")
NUMBER = re.compile(r"-?[0-9,.]+")


@given(ROWS)
def test_parquet_gives_back_the_columns_of_its_schema(rows: list[dict[str, Any]]) -> None:
    table = pq.read_table(io.BytesIO(as_parquet(rows, SCHEMA)))
    assert table.schema.equals(SCHEMA)
    assert table.to_pylist() == [{name: row[name] for name in SCHEMA.names} for row in rows]


@given(ROWS)
def test_a_line_of_json_is_a_row_in_plain_ascii(rows: list[dict[str, Any]]) -> None:
    body = as_jsonl(rows, SCHEMA.names).decode("ascii")
    found = [json.loads(line) for line in body.split("\n")[:-1]]
    assert [one["title"] for one in found] == [row["title"] for row in rows]
    assert [one["day"] for one in found] == [row["day"] and row["day"].isoformat() for row in rows]
    assert all(list(one) == SCHEMA.names for one in found)


@given(ROWS)
def test_no_text_leads_a_cell_with_what_a_spreadsheet_computes(rows: list[dict[str, Any]]) -> None:
    body = as_csv(rows, SCHEMA.names).decode()
    header, *found = list(csv.reader(io.StringIO(body, newline="")))
    assert header == SCHEMA.names
    assert len(found) == len(rows)
    for (title, n, _), row in zip(found, rows, strict=True):
        assert not title.lstrip().startswith(COMPUTED) or NUMBER.fullmatch(title)
        if row["title"] and row["title"][0].isalnum():
            assert title == row["title"]
        assert int(n) == row["n"]
