from __future__ import annotations

import gzip
import io
import json
import logging
import os
import subprocess
import sys
import unicodedata
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ingest_examples import (
    DAY,
    MIDNIGHT,
    Row,
    as_json,
    csv_bytes,
    jsonl,
    new_run,
    row,
    rows,
    table,
    take,
    write,
)

from campaigns import files
from campaigns.errors import InputError, QuarantineLimitError, UsageError
from campaigns.failpoints import KILLED
from campaigns.records import PROMPTS, QUARANTINE, IngestCounts, Reason, text_key
from campaigns.settings import Settings
from ingest.pseudonyms import KINDS, pseudonym
from ingest.stage import ingest, only_day

FORMATS = ["parquet", "jsonl", "ndjson", "json", "jsonl.gz", "jsonl.zst", "csv", "csv.gz", "csv.zst"]


# -- the plain way -------------------------------------------------------------------------------------


def test_every_column_arrives_as_it_was_sent(tmp_path: Path) -> None:
    sent = rows(20)
    taken = take(tmp_path / "run", write(tmp_path / "t.parquet", sent))
    assert taken.counts == IngestCounts(rows_in=20, accepted=20, copies=0, quarantined=0)
    assert taken.prompts() == [one | {"text_key": text_key(one["prompt"])} for one in sent]


@pytest.mark.parametrize("ending", FORMATS)
def test_all_formats_are_equal(tmp_path: Path, ending: str) -> None:
    sent = [
        *rows(30),
        row(100, prompt='two\nlines, a comma and a "quote"\r\nand more'),
        row(101, prompt="\x00 NUL, \u202eright to left\u202c, zero\u200bwidth, 日本語, 🦈"),
        row(102, system_prompt="with\nnewline", model=None, asn=None, account_created_at=None),
    ]
    expected = take(tmp_path / "a", write(tmp_path / "t.parquet", sent))
    found = take(tmp_path / "b", write(tmp_path / f"t.{ending}", sent))
    assert found.counts == expected.counts
    assert found.prompts() == expected.prompts()


def test_one_file_per_partition_even_when_empty(tmp_path: Path) -> None:
    taken = take(tmp_path / "run", write(tmp_path / "t.parquet", [row(1)]), partitions=5)
    parts = taken.run.prompt_parts()
    assert [part.name for part in parts] == [f"part-{n:04d}.parquet" for n in range(5)]
    assert all(files.read_parquet(part).schema == PROMPTS for part in parts)
    assert sorted(files.read_parquet(part).num_rows for part in parts) == [0, 0, 0, 0, 1]


def test_an_account_lives_in_one_partition_and_parts_are_sorted(tmp_path: Path) -> None:
    taken = take(tmp_path / "run", write(tmp_path / "t.parquet", rows(200)[::-1]))
    seen: dict[str, str] = {}
    for part in taken.run.prompt_parts():
        found = files.read_parquet(part)
        ids = found["prompt_id"].to_pylist()
        assert ids == sorted(ids)
        for account in set(found["account_id"].to_pylist()):
            assert seen.setdefault(account, part.name) == part.name
    assert len(set(seen.values())) > 1


def test_text_is_normalised_before_copies_are_counted(tmp_path: Path) -> None:
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    sent = [row(1, prompt=composed), row(2, prompt=decomposed, system_prompt=decomposed)]
    taken = take(tmp_path / "run", write(tmp_path / "t.parquet", sent))
    assert taken.counts == IngestCounts(rows_in=2, accepted=1, copies=1, quarantined=0)
    first, second = taken.prompts()
    assert first["prompt"] == second["prompt"] == second["system_prompt"] == composed
    assert first["text_key"] == text_key(composed)


def test_progress_is_told_of_every_row(tmp_path: Path) -> None:
    told: list[int] = []
    source = write(tmp_path / "t.jsonl", rows(25))
    knobs = Settings(ingest={"batch_rows": 10})
    ingest(new_run(tmp_path / "run"), knobs, str(source), progress=told.append)
    assert told == [10, 10, 5]


def test_folder_of_many_days_gives_the_day_of_the_run(tmp_path: Path) -> None:
    for day in range(4):
        moved = [row(10 * day + i, created_at=MIDNIGHT + timedelta(days=day - 1, hours=i)) for i in range(5)]
        write(tmp_path / "traffic" / f"day={day}" / "t.parquet", moved)
    taken = take(tmp_path / "run", tmp_path / "traffic")
    assert taken.counts == IngestCounts(rows_in=5, accepted=5, copies=0, quarantined=0, other_days=15)
    assert taken.ids() == [f"p{n:05d}" for n in range(10, 15)]


def test_the_day_ends_at_midnight_utc(tmp_path: Path) -> None:
    last = MIDNIGHT + timedelta(days=1) - timedelta(microseconds=1)
    edges = [MIDNIGHT - timedelta(microseconds=1), MIDNIGHT, last, MIDNIGHT + timedelta(days=1)]
    sent = [row(n, created_at=moment) for n, moment in enumerate(edges)]
    taken = take(tmp_path / "run", write(tmp_path / "t.parquet", sent))
    assert taken.ids() == ["p00001", "p00002"]
    assert taken.counts.other_days == 2


def test_a_fault_on_another_day_is_that_day_s_affair(tmp_path: Path) -> None:
    sent = [row(1), row(2, prompt="", created_at=MIDNIGHT - timedelta(days=3))]
    taken = take(tmp_path / "run", write(tmp_path / "t.parquet", sent))
    assert taken.counts == IngestCounts(rows_in=1, accepted=1, copies=0, quarantined=0, other_days=1)


def test_a_second_pass_takes_whole_accounts_and_counts_what_it_passes_over(tmp_path: Path) -> None:
    sent = [
        row(1, account_id="a"),
        row(2, account_id="b"),
        row(3, account_id="a", prompt=""),
        row(4, account_id="b", prompt=""),
        row(5, account_id=None),
        row(6, account_id="a", created_at=MIDNIGHT - timedelta(days=3)),
        row(7, account_id="b", created_at=MIDNIGHT - timedelta(days=3)),
    ]
    source = write(tmp_path / "t.parquet", sent)
    settings = Settings(ingest={"batch_rows": 2, "max_quarantine_share": 0.3})
    run = new_run(tmp_path / "run")
    found = ingest(run, settings, str(source), accounts=pa.array(["a", "z"]))
    assert found == IngestCounts(
        rows_in=2,
        accepted=1,
        copies=0,
        quarantined=1,
        by_reason={Reason.EMPTY: 1},
        other_days=2,
        other_accounts=3,
    )  # half of its rows are bad, a fifth of those of the day
    assert found.balanced
    assert found.as_counts()["other_accounts"] == 3
    assert run.prompts(["prompt_id"])["prompt_id"].to_pylist() == ["p00001"]


def test_a_second_pass_chooses_among_pseudonyms(tmp_path: Path) -> None:
    source = write(tmp_path / "t.parquet", [row(1, account_id="a"), row(2, account_id="b")])
    chosen = pseudonym(pa.array(["b"]), b"key", KINDS["account_id"])
    run = new_run(tmp_path / "run")
    found = ingest(run, Settings(secret_key="key"), str(source), accounts=chosen)
    assert (found.rows_in, found.other_accounts) == (1, 1)
    assert run.prompts(["account_id"])["account_id"].to_pylist() == chosen.to_pylist()


# -- valid, if odd -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["t.parquet", "t.jsonl", "t.csv", "t.jsonl.gz"])
def test_empty_file_is_a_valid_run(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"")
    taken = take(tmp_path / "run", tmp_path / name)
    assert taken.counts == IngestCounts(rows_in=0, accepted=0, copies=0, quarantined=0)
    assert taken.run.prompts().schema == PROMPTS
    assert files.read_parquet(taken.run.path / "quarantine.parquet").schema == QUARANTINE


@pytest.mark.parametrize("name", ["t.parquet", "t.csv", "t.csv.gz", "t.jsonl.zst"])
def test_file_without_rows_is_a_valid_run(tmp_path: Path, name: str) -> None:
    taken = take(tmp_path / "run", write(tmp_path / name, []))
    assert taken.counts == IngestCounts(rows_in=0, accepted=0, copies=0, quarantined=0)


@pytest.mark.parametrize(
    ("sent", "accepted", "copies"),
    [
        pytest.param([row(1)], 1, 0, id="one prompt"),
        pytest.param([row(n, prompt="same") for n in range(50)], 1, 49, id="all identical"),
        pytest.param(rows(50), 50, 0, id="all unique"),
        pytest.param([row(n, account_id="only") for n in range(50)], 50, 0, id="one account"),
    ],
)
def test_counts_of_plain_extremes(tmp_path: Path, sent: list[Row], accepted: int, copies: int) -> None:
    taken = take(tmp_path / "run", write(tmp_path / "t.jsonl", sent))
    assert taken.counts == IngestCounts(len(sent), accepted, copies, 0)


@pytest.mark.parametrize("ending", ["parquet", "jsonl", "csv"])
def test_optional_columns_may_be_absent(tmp_path: Path, ending: str) -> None:
    required = ["prompt_id", "account_id", "created_at", "prompt"]
    sent = [{name: one[name] for name in required} for one in rows(5)]
    source = tmp_path / f"t.{ending}"
    if ending == "parquet":
        pq.write_table(table(sent).select(required), source)
    else:
        source.write_bytes(csv_bytes(sent) if ending == "csv" else jsonl(sent))
    taken = take(tmp_path / "run", source)
    assert taken.counts.accepted == 5
    assert all(one[name] is None for one in taken.prompts() for name in PROMPTS.names[4:-1])


def test_a_hundred_thousand_copies_of_hi(tmp_path: Path) -> None:
    n = 100_000
    sent = pa.table(
        {
            "prompt_id": [f"p{i}" for i in range(n)],
            "account_id": [f"a{i % 999}" for i in range(n)],
            "created_at": pa.array([MIDNIGHT] * n, pa.timestamp("us", "UTC")),
            "prompt": ["hi"] * n,
        }
    )
    pq.write_table(sent, tmp_path / "t.parquet")
    taken = take(tmp_path / "run", tmp_path / "t.parquet")
    assert taken.counts == IngestCounts(rows_in=n, accepted=1, copies=n - 1, quarantined=0)


@pytest.mark.parametrize("ending", ["parquet", "jsonl", "csv"])
@pytest.mark.parametrize(
    "prompt",
    [
        "a\x00b",
        "\x00",
        "\u202eabc\u202c",
        "z\u200be\u200dr\ufeffo",
        "\u0645\u0631\u062d\u0628\u0627",
        "\x1b[31mred\x1b[0m",
        "=1+1",
    ],
)
def test_hostile_text_is_content_and_kept(tmp_path: Path, ending: str, prompt: str) -> None:
    taken = take(tmp_path / "run", write(tmp_path / f"t.{ending}", [row(1, prompt=prompt)]))
    assert [one["prompt"] for one in taken.prompts()] == [unicodedata.normalize("NFC", prompt)]


def test_unknown_columns_are_kept_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    sent = [row(2, plan="free", seats=3), row(1), row(3, tags=["a", "b"], prompt="")]
    with caplog.at_level(logging.WARNING):
        taken = take(tmp_path / "run", write(tmp_path / "t.jsonl", sent), partitions=1)
    assert "'plan', 'seats', 'tags'" in caplog.text
    assert files.read_parquet(taken.run.path / "extras.parquet").to_pylist() == [
        {"prompt_id": "p00001", "plan": None, "seats": None, "tags": None},
        {"prompt_id": "p00002", "plan": "free", "seats": "3", "tags": None},
    ]


def test_no_extras_file_without_unknown_columns(tmp_path: Path) -> None:
    taken = take(tmp_path / "run", write(tmp_path / "t.jsonl", rows(2)))
    assert sorted(p.name for p in taken.run.path.iterdir()) == ["prompts", "quarantine.parquet"]


# -- rows set aside ------------------------------------------------------------------------------------

BAD_ROWS = [
    pytest.param({"prompt_id": None}, Reason.NULL, id="no id"),
    pytest.param({"prompt_id": ""}, Reason.NULL, id="empty id"),
    pytest.param({"account_id": None}, Reason.NULL, id="no account"),
    pytest.param({"created_at": None}, Reason.NULL, id="no time"),
    pytest.param({"prompt": ""}, Reason.EMPTY, id="empty"),
    pytest.param({"prompt": " \t\r\n\u00a0\u3000"}, Reason.EMPTY, id="whitespace"),
    pytest.param({"prompt": "\u200b\u200d\ufeff\u00ad\U000e0001"}, Reason.EMPTY, id="invisible"),
    pytest.param({"created_at": datetime(2199, 1, 1, tzinfo=UTC)}, Reason.FUTURE, id="future"),
    pytest.param({"prompt": "x" * 1_001}, Reason.TOO_LONG, id="too long"),
    pytest.param({"prompt": "é" * 501}, Reason.TOO_LONG, id="too long in bytes"),
    pytest.param({"system_prompt": "x" * 1_001}, Reason.TOO_LONG, id="system prompt too long"),
]


@pytest.mark.parametrize("ending", ["parquet", "jsonl", "csv"])
@pytest.mark.parametrize(("change", "reason"), BAD_ROWS)
def test_bad_row_is_set_aside_with_its_reason(
    tmp_path: Path, ending: str, change: Row, reason: Reason
) -> None:
    sent = [row(0), row(1, **change), row(2)]
    taken = take(tmp_path / "run", write(tmp_path / f"t.{ending}", sent), max_prompt_bytes=1_000)
    identity = change.get("prompt_id", "p00001") or None
    assert taken.ids() == ["p00000", "p00002"]
    assert taken.faults() == [(identity, 1, str(reason))]
    assert taken.counts == IngestCounts(3, 2, 0, 1, {str(reason): 1})
    assert [one["source"] for one in taken.quarantine()] == [f"t.{ending}"]


def test_null_prompt_is_null_where_the_format_can_say_so(tmp_path: Path) -> None:
    for ending in ("parquet", "jsonl"):
        taken = take(tmp_path / ending, write(tmp_path / f"t.{ending}", [row(0), row(1, prompt=None)]))
        assert taken.faults() == [("p00001", 1, str(Reason.NULL))]


def test_prompt_at_the_limit_is_kept(tmp_path: Path) -> None:
    sent = write(tmp_path / "t.jsonl", [row(1, prompt="x" * 1_000)])
    assert take(tmp_path / "run", sent, max_prompt_bytes=1_000).counts.accepted == 1


@pytest.mark.parametrize("ending", ["parquet", "jsonl", "csv.gz"])
def test_ten_megabyte_prompt(tmp_path: Path, ending: str) -> None:
    sent = write(tmp_path / f"t.{ending}", [row(0), row(1, prompt="word " * 2_000_000), row(2)])
    taken = take(tmp_path / "run", sent)
    assert taken.ids() == ["p00000", "p00002"]
    assert [(number, reason) for _, number, reason in taken.faults()] == [(1, str(Reason.TOO_LONG))]


JSON_BAD_VALUES = [
    pytest.param({"prompt": 5}, id="prompt is a number"),
    pytest.param({"prompt": {"text": "hi"}}, id="prompt is an object"),
    pytest.param({"account_id": ["a"]}, id="account is a list"),
    pytest.param({"created_at": "yesterday"}, id="time is a word"),
    pytest.param({"created_at": "2026-02-30T00:00:00Z"}, id="no such date"),
    pytest.param({"created_at": True}, id="time is a truth"),
    pytest.param({"created_at": 10**30}, id="time beyond all units"),
    pytest.param({"asn": "AS-NONE"}, id="asn is a word"),
    pytest.param({"asn": 1.5}, id="asn is a fraction"),
    pytest.param({"input_tokens": 2**31}, id="tokens overflow"),
    pytest.param({"model": {"name": "x"}}, id="model is an object"),
    pytest.param({"model": 1.5}, id="model is a fraction"),
    pytest.param({"account_created_at": "soon"}, id="account time is a word"),
]


@pytest.mark.parametrize("change", JSON_BAD_VALUES)
def test_value_of_the_wrong_type_costs_its_row(tmp_path: Path, change: Row) -> None:
    taken = take(tmp_path / "run", write(tmp_path / "t.jsonl", [row(0), row(1, **change), row(2)]))
    assert taken.ids() == ["p00000", "p00002"]
    assert taken.faults() == [("p00001", 1, str(Reason.BAD_VALUE))]
    assert taken.quarantine()[0]["detail"].startswith(f"{next(iter(change))}: expected ")


def test_numbers_may_name_things_in_optional_columns(tmp_path: Path) -> None:
    sent = [row(0, organization_id=42, asn="64500", input_tokens=7.0, output_tokens="8")]
    found = take(tmp_path / "run", write(tmp_path / "t.jsonl", sent)).prompts()[0]
    assert found["organization_id"] == "42"
    assert (found["asn"], found["input_tokens"], found["output_tokens"]) == (64500, 7, 8)


@pytest.mark.parametrize(
    "line",
    [
        b"not json",
        b"[1, 2]",
        b'"text"',
        b"12",
        b"null",
        b'{"prompt_id": ',
        b'{"a": NaN}',
        b"[" * 100_000,
        b'{"a":1}{"b":2}',
    ],
)
def test_line_that_is_no_json_object(tmp_path: Path, line: bytes) -> None:
    (tmp_path / "t.jsonl").write_bytes(jsonl([row(0)]) + line + b"\n\n" + jsonl([row(2)]))
    taken = take(tmp_path / "run", tmp_path / "t.jsonl")
    assert taken.ids() == ["p00000", "p00002"]
    assert taken.faults() == [(None, 1, str(Reason.BAD_VALUE))]


def test_csv_row_with_too_few_fields(tmp_path: Path) -> None:
    good = csv_bytes([row(0), row(2)]).split(b"\r\n")
    (tmp_path / "t.csv").write_bytes(b"\r\n".join([*good[:2], b"a,b,c", *good[2:]]))
    taken = take(tmp_path / "run", tmp_path / "t.csv")
    assert taken.ids() == ["p00000", "p00002"]
    assert taken.faults() == [(None, 1, str(Reason.BAD_VALUE))]
    assert taken.quarantine()[0]["detail"] == "expected 16 fields, found 3"


@pytest.mark.parametrize("ending", ["jsonl", "csv"])
def test_invalid_utf8_costs_its_row_only(tmp_path: Path, ending: str) -> None:
    sent = [row(0), row(1, prompt="bad BYTE"), row(2)]
    data = write(tmp_path / f"t.{ending}", sent).read_bytes().replace(b"BYTE", b"\xff\xfe\xc0")
    (tmp_path / f"t.{ending}").write_bytes(data)
    taken = take(tmp_path / "run", tmp_path / f"t.{ending}")
    assert taken.ids() == ["p00000", "p00002"]
    assert taken.faults() == [("p00001", 1, str(Reason.INVALID_UTF8))]


def test_lone_surrogate_in_json_is_invalid(tmp_path: Path) -> None:
    line = as_json(row(1, prompt="HERE")).replace("HERE", r"\ud800").encode()
    (tmp_path / "t.jsonl").write_bytes(jsonl([row(0)]) + line + b"\n")
    assert take(tmp_path / "run", tmp_path / "t.jsonl").faults() == [("p00001", 1, str(Reason.INVALID_UTF8))]


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.string()])
def test_invalid_utf8_in_parquet(tmp_path: Path, kind: pa.DataType) -> None:
    prompts = pa.array([b"fine", b"\xff\xfe", b"good"], pa.binary())
    if kind == pa.string():  # Parquet marks it as text, but nobody checked
        prompts = pa.Array.from_buffers(pa.string(), 3, prompts.buffers())
    sent = table(rows(3)).set_column(
        3, "prompt", prompts.cast(kind) if kind == pa.large_binary() else prompts
    )
    pq.write_table(sent, tmp_path / "t.parquet")
    taken = take(tmp_path / "run", tmp_path / "t.parquet")
    assert [one["prompt"] for one in taken.prompts()] == ["fine", "good"]
    assert taken.faults() == [("p00001", 1, str(Reason.INVALID_UTF8))]


# -- repeated ids --------------------------------------------------------------------------------------


def test_repeated_id_leaves_the_smallest_row_across_files_and_partitions(tmp_path: Path) -> None:
    early = row(1, account_id="zoe", prompt="b")
    rivals = [
        row(1, account_id="zoe", prompt="c"),
        row(1, account_id="zoe", prompt="b", model="x-large"),
        row(1, account_id="adam", created_at=MIDNIGHT + timedelta(seconds=2)),
        early,
    ]
    for number, rival in enumerate(rivals):
        write(tmp_path / "traffic" / f"{number}.parquet", [rival, row(10 + number)])
    taken = take(tmp_path / "run", tmp_path / "traffic")
    assert taken.counts == IngestCounts(8, 5, 0, 3, {str(Reason.DUPLICATE_ID): 3})
    assert taken.prompts()[0] == early | {"text_key": text_key("b")}
    assert [(one["source"], one["row"]) for one in taken.quarantine()] == [
        (f"{n}.parquet", 0) for n in range(3)
    ]


def test_rejected_row_does_not_count_as_a_rival(tmp_path: Path) -> None:
    sent = [row(1, prompt=""), row(1)]
    taken = take(tmp_path / "run", write(tmp_path / "t.parquet", sent))
    assert taken.ids() == ["p00001"]
    assert taken.counts.by_reason == {str(Reason.EMPTY): 1}


# -- files that stop the run ---------------------------------------------------------------------------


def refused(tmp_path: Path, source: Path) -> InputError:
    with pytest.raises(InputError) as caught:
        take(tmp_path / "run", source)
    assert list((tmp_path / "run").iterdir()) == []
    assert caught.value.exit_code == 3
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize("ending", ["parquet", "jsonl", "csv"])
def test_missing_required_column(tmp_path: Path, ending: str) -> None:
    sent = [{name: value for name, value in one.items() if name != "account_id"} for one in rows(3)]
    source = tmp_path / f"t.{ending}"
    if ending == "parquet":
        pq.write_table(table(rows(3)).drop_columns(["account_id"]), source)
    else:
        source.write_bytes(csv_bytes(sent) if ending == "csv" else jsonl(sent))
    error = refused(tmp_path, source)
    assert error.what == "required column 'account_id' is missing (expected string)"
    assert error.where == f"t.{ending}"


def test_missing_column_of_an_empty_table(tmp_path: Path) -> None:
    pq.write_table(table([]).drop_columns(["prompt"]), tmp_path / "t.parquet")
    assert "'prompt' is missing" in refused(tmp_path, tmp_path / "t.parquet").what


@pytest.mark.parametrize(
    ("name", "values", "found"),
    [
        ("prompt", pa.array([1, 2, 3]), "int64"),
        ("prompt", pa.array([["a"], ["b"], ["c"]]), "list<element: string>"),
        ("account_id", pa.array([1.5, 2.5, 3.5]), "double"),
        ("created_at", pa.array([True, False, True]), "bool"),
        ("created_at", pa.array([date(2026, 1, 5)] * 3), "date32[day]"),
    ],
)
def test_retyped_required_column_in_parquet(tmp_path: Path, name: str, values: pa.Array, found: str) -> None:
    good = table(rows(3))
    pq.write_table(good.set_column(good.schema.get_field_index(name), name, values), tmp_path / "t.parquet")
    error = refused(tmp_path, tmp_path / "t.parquet")
    assert error.what.startswith(f"column '{name}' has the wrong type: expected ")
    assert error.what.endswith(f"found {found}")


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [("prompt", 5, "values of other types"), ("created_at", "noon", "text that cannot be read as one")],
)
def test_retyped_required_column_in_json(tmp_path: Path, name: str, value: Any, found: str) -> None:
    source = write(tmp_path / "t.jsonl", [row(n, **{name: value}) for n in range(3)])
    error = refused(tmp_path, source)
    assert error.what.startswith(f"column '{name}' has the wrong type")
    assert error.what.endswith(f"found {found}")


@pytest.mark.parametrize(
    "text", ["2026-01-05T10:00:00", "2026-01-05 10:00", "2026-01-05", "2026-01-05T10:00:00.5"]
)
@pytest.mark.parametrize("ending", ["jsonl", "csv"])
def test_naive_text(tmp_path: Path, ending: str, text: str) -> None:
    source = write(tmp_path / f"t.{ending}", [row(0), row(1, created_at=text)])
    error = refused(tmp_path, source)
    assert (error.what, error.where) == ("created_at has no time zone", f"t.{ending}, row 1")


def test_naive_parquet_column(tmp_path: Path) -> None:
    naive = table(rows(3))["created_at"].cast(pa.timestamp("us"))
    pq.write_table(table(rows(3)).set_column(2, "created_at", naive), tmp_path / "t.parquet")
    error = refused(tmp_path, tmp_path / "t.parquet")
    assert (error.what, error.where) == ("created_at has no time zone", "t.parquet")


@pytest.mark.parametrize("data", [b'[{"prompt_id": "a"}]\n', b'{\n  "prompt_id": "a"\n}\n'])
def test_json_document_instead_of_lines(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "t.json").write_bytes(data)
    assert "one JSON document" in refused(tmp_path, tmp_path / "t.json").what


def test_repeated_column_name(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"prompt,prompt\nx,y\n")
    assert refused(tmp_path, tmp_path / "t.csv").what == "column 'prompt' appears more than once"


# -- damaged files and bombs ---------------------------------------------------------------------------


def damaged(kind: str) -> bytes:
    out = io.BytesIO()
    if kind == "parquet":
        pq.write_table(table(rows(50)), out)
        return out.getvalue()[:-40]
    whole = jsonl(rows(6_000)) if kind == "jsonl.gz" else csv_bytes(rows(6_000))
    packed: bytes = gzip.compress(whole) if kind == "jsonl.gz" else pa.compress(whole, "zstd", asbytes=True)
    return packed[: len(packed) * 3 // 4]


@pytest.mark.parametrize("kind", ["parquet", "jsonl.gz", "csv.zst"])
@pytest.mark.parametrize("batch_rows", [500, 20_000])
def test_broken_file_in_the_middle_of_a_folder(tmp_path: Path, kind: str, batch_rows: int) -> None:
    write(tmp_path / "traffic" / "a.parquet", [row(80_001)])
    (tmp_path / "traffic" / f"b.{kind}").write_bytes(damaged(kind))
    write(tmp_path / "traffic" / "c.parquet", [row(80_002)])
    taken = take(tmp_path / "run", tmp_path / "traffic", batch_rows=batch_rows)
    assert taken.ids() == ["p80001", "p80002"]
    assert taken.faults() == [(None, -1, str(Reason.UNREADABLE_FILE))]
    assert taken.counts == IngestCounts(3, 2, 0, 1, {str(Reason.UNREADABLE_FILE): 1})
    assert taken.quarantine()[0]["source"] == f"b.{kind}"


@pytest.mark.parametrize("kind", ["parquet", "jsonl.gz", "csv.zst"])
def test_broken_file_alone_stops_the_run(tmp_path: Path, kind: str) -> None:
    (tmp_path / f"t.{kind}").write_bytes(damaged(kind))
    error = refused(tmp_path, tmp_path / f"t.{kind}")
    assert error.what.startswith("no file can be read: ")
    assert error.where == f"t.{kind}"


def test_damaged_page_leaves_the_whole_file_out(tmp_path: Path) -> None:
    write(tmp_path / "traffic" / "a.parquet", [row(80_001)])
    source = tmp_path / "traffic" / "b.parquet"
    pq.write_table(table(rows(1_000)), source, row_group_size=100, write_page_checksum=True)
    group = pq.read_metadata(source).row_group(8).column(3)
    data = bytearray(source.read_bytes())
    data[group.dictionary_page_offset + group.total_compressed_size // 2] ^= 0xFF
    source.write_bytes(data)
    taken = take(tmp_path / "run", tmp_path / "traffic", batch_rows=50)
    assert taken.ids() == ["p80001"]
    assert taken.counts.quarantined == 1


def test_unclosed_quote_is_a_damaged_file(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(csv_bytes(rows(3)) + b'p9,a,"never closed\n')
    assert "never closed" in refused(tmp_path, tmp_path / "t.csv").what


def test_endless_line_is_set_aside_without_being_held(tmp_path: Path) -> None:
    bomb = b'{"prompt": "' + b"a" * 30_000_000 + b'"}\n'
    (tmp_path / "t.jsonl.gz").write_bytes(gzip.compress(jsonl([row(0)]) + bomb + jsonl([row(2)])))
    taken = take(tmp_path / "run", tmp_path / "t.jsonl.gz")
    assert taken.ids() == ["p00000", "p00002"]
    assert taken.faults() == [(None, 1, str(Reason.TOO_LONG))]


def test_bomb_by_ratio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.sources.BOMB_BYTES", 1 << 20)
    (tmp_path / "t.jsonl.gz").write_bytes(gzip.compress(b"\n" * 30_000_000))
    assert "unpacks to more than 200 times its size" in refused(tmp_path, tmp_path / "t.jsonl.gz").what


def test_parquet_that_repeats_a_huge_text_costs_little(tmp_path: Path) -> None:
    """Twenty thousand mentions of one 5 MB text: 100 GB, if anybody wrote it out."""
    n = 20_000
    prompts = pa.DictionaryArray.from_arrays(np.zeros(n, np.int32), ["x" * 5_000_000])
    sent = pa.table(
        {
            "prompt_id": [f"p{i}" for i in range(n)],
            "account_id": ["a"] * n,
            "created_at": pa.array([MIDNIGHT] * n, pa.timestamp("us", "UTC")),
            "prompt": prompts,
        }
    )
    pq.write_table(sent, tmp_path / "t.parquet")
    taken = take(tmp_path / "run", tmp_path / "t.parquet")
    assert taken.counts == IngestCounts(n, 0, 0, n, {str(Reason.TOO_LONG): n})


def test_json_rows_that_invent_columns(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    sent = [row(n, **{f"invented-{n}": "x"}) for n in range(300)]
    taken = take(tmp_path / "run", write(tmp_path / "t.jsonl", sent))
    assert taken.counts.accepted == 300
    assert len(files.read_parquet(taken.run.path / "extras.parquet").schema) == 1 + 64
    assert "more than 64 unknown columns" in caplog.text


# -- limits and days -----------------------------------------------------------------------------------


def test_too_many_bad_rows_stop_the_run_but_can_be_looked_at(tmp_path: Path) -> None:
    sent = [row(n, prompt="" if n < 3 else "fine") for n in range(10)]
    source = write(tmp_path / "t.jsonl", sent)
    with pytest.raises(QuarantineLimitError) as caught:
        take(tmp_path / "run", source, max_quarantine_share=0.25)
    assert caught.value.exit_code == 4
    assert caught.value.what == "3 of 10 rows were set aside (30%, limit 25%)"
    assert "prompt is empty: 3" in caught.value.hint
    assert files.read_parquet(tmp_path / "run" / "quarantine.parquet").num_rows == 3
    assert not (tmp_path / "run" / "prompts").exists()
    assert take(tmp_path / "again", source, max_quarantine_share=0.3).counts.quarantined == 3


def test_quarantine_is_sorted_and_holds_no_prompt_text(tmp_path: Path) -> None:
    secret = "canary" * 300
    for name in ("b", "a"):
        write(tmp_path / "traffic" / f"{name}.jsonl", [row(n, prompt=secret) for n in range(3)])
    taken = take(tmp_path / "run", tmp_path / "traffic", max_prompt_bytes=100)
    places = [(one["source"], one["row"]) for one in taken.quarantine()]
    assert places == [(f"{name}.jsonl", n) for name in "ab" for n in range(3)]
    assert "canary" not in str(taken.quarantine())


def test_pseudonyms_reach_prompts_and_quarantine(tmp_path: Path) -> None:
    sent = [row(1, account_id="alice"), row(2, account_id="alice", prompt="")]
    taken = take(tmp_path / "run", write(tmp_path / "t.jsonl", sent), key="secret")
    (kept,), (fault,) = taken.prompts(), taken.quarantine()
    assert kept["account_id"] == fault["account_id"]
    assert kept["account_id"].startswith("acc_")
    assert [kept[name][:4] for name in ("organization_id", "api_key_id", "ip")] == ["org_", "key_", "net_"]
    assert kept["payment_fingerprint"] is None
    assert kept["model"] == "large-1"


def test_only_day(tmp_path: Path) -> None:
    sent = [row(n) for n in range(3)] + [
        row(9, created_at=datetime(2199, 1, 1, tzinfo=UTC)),
        row(8, created_at=None),
    ]
    for ending in ("parquet", "jsonl", "csv"):
        assert only_day(str(write(tmp_path / f"t.{ending}", sent))) == DAY


def test_only_day_names_the_days_when_there_are_several(tmp_path: Path) -> None:
    sent = [row(n, created_at=MIDNIGHT + timedelta(days=n)) for n in range(7)]
    with pytest.raises(UsageError, match=r"7 days: 2026-01-05, .*2026-01-09 and 2 more.*--day") as caught:
        only_day(str(write(tmp_path / "t.parquet", sent)))
    assert caught.value.exit_code == 2


def test_only_day_of_nothing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no rows that tell its day"):
        only_day(str(write(tmp_path / "t.parquet", [])))


BAD_TIMES = [
    pytest.param(None, id="missing"),
    pytest.param(pa.array([date(2026, 1, 5)] * 3), id="date"),
    pytest.param(pa.array([True, False, True]), id="bool"),
    pytest.param(pa.array([MIDNIGHT.replace(tzinfo=None)] * 3), id="naive"),
    pytest.param(pa.array(["noon"] * 3), id="words"),
    pytest.param(pa.array(["2026-01-05 10:00"] * 3), id="naive text"),
]


@pytest.mark.parametrize("ending", ["parquet", "jsonl", "csv"])
@pytest.mark.parametrize("times", BAD_TIMES)
def test_bad_times_are_told_alike_with_and_without_a_day(
    tmp_path: Path, ending: str, times: pa.Array | None
) -> None:
    sent = table(rows(3)).drop_columns(["created_at"])
    if times is not None:
        sent = sent.append_column("created_at", times)
    source = tmp_path / f"t.{ending}"
    if ending == "parquet":
        pq.write_table(sent, source)
    elif ending == "jsonl":
        source.write_text("".join(as_json(one) + "\n" for one in sent.to_pylist()))
    else:
        source.write_bytes(csv_bytes(sent.to_pylist()))
    with pytest.raises(InputError) as without:
        only_day(str(source))
    expected = refused(tmp_path, source)
    assert str(without.value) == str(expected)
    assert "created_at" in expected.what


def test_only_day_leaves_a_damaged_file_out(tmp_path: Path) -> None:
    later = [row(n, created_at=MIDNIGHT + timedelta(days=1)) for n in range(6_000)]
    packed = gzip.compress(jsonl(later))
    (tmp_path / "b.jsonl.gz").write_bytes(packed[: len(packed) * 3 // 4])
    with pytest.raises(InputError, match="no file can be read"):
        only_day(str(tmp_path))
    write(tmp_path / "a.parquet", rows(3))
    assert only_day(str(tmp_path), Settings(ingest={"batch_rows": 100})) == DAY


# -- properties ----------------------------------------------------------------------------------------

POISON = [
    lambda r: as_json(r | {"prompt": ""}),
    lambda r: as_json(r | {"prompt": None}),
    lambda r: as_json(r | {"prompt": 7}),
    lambda r: as_json(r | {"prompt_id": "p00000"}),
    lambda r: as_json(r | {"created_at": "never"}),
    lambda r: as_json(r | {"created_at": 99_999_999_999}),
    lambda r: as_json(r | {"asn": "x"}),
    lambda r: as_json(r | {"prompt": "y" * 2_000}),
    lambda r: as_json(r)[:-9],
    lambda r: as_json(r).replace("topic", r"\udfff"),
    lambda _: "\x01",
]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_one_percent_poison_is_counted_exactly(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """in = accepted + copies + quarantined, and only the poisoned rows are lost."""
    n = 400
    folder = tmp_path_factory.mktemp("poison")
    at = data.draw(st.lists(st.integers(1, n - 1), min_size=1, max_size=n // 100, unique=True))
    poison = {number: data.draw(st.sampled_from(POISON)) for number in at}
    texts = data.draw(st.integers(1, n))
    sent = [row(number, prompt=f"Explain topic {number % texts}.") for number in range(n)]
    lines = [poison[i](one) if i in poison else as_json(one) for i, one in enumerate(sent)]
    (folder / "t.jsonl").write_text("\n".join(lines), encoding="utf-8")
    taken = take(
        folder / "run",
        folder / "t.jsonl",
        max_prompt_bytes=1_000,
        batch_rows=data.draw(st.integers(n // 8, n)),
    )
    healthy = [one for number, one in enumerate(sent) if number not in poison]
    assert taken.ids() == [one["prompt_id"] for one in healthy]
    distinct = len({one["prompt"] for one in healthy})
    counts = taken.counts
    assert counts.balanced
    assert (counts.rows_in, counts.accepted, counts.quarantined) == (n, distinct, len(poison))
    assert sum(counts.by_reason.values()) == len(poison)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**32 - 1),
    n_files=st.integers(1, 4),
    partitions=st.integers(1, 9),
    batch_rows=st.integers(20, 200),
    ending=st.sampled_from(["parquet", "jsonl", "csv"]),
)
def test_order_partitions_and_batches_do_not_matter(
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
    n_files: int,
    partitions: int,
    batch_rows: int,
    ending: str,
) -> None:
    folder = tmp_path_factory.mktemp("order")
    sent = [*rows(120), *[row(n, prompt="", account_id=f"x{n}") for n in range(200, 210)]]
    sent += [row(n, model=f"m{version}", account_id=f"r{version}") for n in range(20) for version in range(3)]
    expected = take(folder / "a", write(folder / "plain.parquet", sent))
    shuffled = np.random.default_rng(seed).permutation(len(sent))
    for number, chunk in enumerate(np.array_split(shuffled, n_files)):
        write(folder / "parts" / f"{number}.{ending}", [sent[i] for i in chunk])
    found = take(folder / "b", folder / "parts", partitions=partitions, batch_rows=batch_rows)
    assert found.prompts() == expected.prompts()
    assert found.counts == expected.counts
    assert Counter(one[2] for one in found.faults()) == Counter(one[2] for one in expected.faults())


def test_same_bytes_for_shuffled_rows(tmp_path: Path) -> None:
    sent = rows(100)
    taken = [
        take(tmp_path / str(i), write(tmp_path / f"{i}.parquet", order))
        for i, order in enumerate((sent, sent[::-1]))
    ]
    first, second = ([files.sha256_file(part) for part in one.run.prompt_parts()] for one in taken)
    assert first == second


def test_stage_can_be_repeated_in_the_same_folder(tmp_path: Path) -> None:
    source = write(tmp_path / "t.jsonl", rows(10))
    first = take(tmp_path / "run", source)
    again = take(tmp_path / "run", source)
    assert again.counts == first.counts
    assert again.prompts() == first.prompts()


def test_killed_while_writing_and_run_again(tmp_path: Path) -> None:
    source = write(tmp_path / "t.parquet", rows(50))
    expected = take(tmp_path / "clean", source)
    program = (
        "from pathlib import Path; from ingest_examples import take;"
        f"take(Path({str(tmp_path / 'run')!r}), {str(source)!r})"
    )
    environment = os.environ | {"SHOAL_FAILPOINT": "ingest:part:2", "PYTHONPATH": os.pathsep.join(sys.path)}
    killed = subprocess.run([sys.executable, "-c", program], env=environment, check=False)
    assert killed.returncode == KILLED
    assert len(list((tmp_path / "run" / "prompts").iterdir())) == 2
    assert take(tmp_path / "run", source).prompts() == expected.prompts()


def test_counts_survive_json(tmp_path: Path) -> None:
    taken = take(tmp_path / "run", write(tmp_path / "t.jsonl", [row(0), row(1, prompt="")]))
    assert json.loads(json.dumps(taken.counts.by_reason)) == {"prompt is empty": 1}
