"""JSON Lines and CSV to batches.

Python's own parsers read record by record: one bad record costs itself and nothing else.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from itertools import chain
from typing import NoReturn

import numpy as np
import pyarrow as pa

from campaigns.errors import InputError
from campaigns.records import TRAFFIC, Reason
from ingest.adapters import Shape, detect
from ingest.batches import Batch, Parsed, ReadOptions, record_batches, refuse_repeated
from ingest.lines import split_records
from ingest.sources import SourceFile

LINE_SLACK_BYTES = 1 << 20
"""How much longer than the longest prompt a record may be: its other columns and the escapes of its text."""
OTLP_LINE_BYTES = 64 << 20
"""A line of OTLP/JSON is an export of many spans, so it may be this long."""


def read_jsonl(file: SourceFile, options: ReadOptions) -> Iterator[Batch]:
    chunks = file.chunks()
    head = next(chunks, b"")
    is_otlp = options.shape is Shape.OTEL or b'"resourceSpans"' in head[:4096]
    limit = OTLP_LINE_BYTES if is_otlp else options.max_prompt_bytes + LINE_SLACK_BYTES
    first: bytes | None = None
    objects = 0

    def parsed() -> Iterator[tuple[Parsed, int]]:
        nonlocal first, objects
        for records in split_records(chain([head], chunks), limit):
            for record in records:
                first = record if first is None else first
                value = _parse_json(record, limit)
                objects += isinstance(value, dict)
                yield value, len(record or b"")

    yield from record_batches(parsed(), file, options)
    if not objects and first is not None and (first.startswith(b"[") or first.strip() == b"{"):
        raise InputError(
            "the file is one JSON document, not one JSON object per line",
            where=file.name,
            hint="Rewrite it as JSON Lines: `jq -c '.[]' FILE` for an array, `jq -c . FILE` for an object.",
        )


def _parse_json(record: bytes | None, limit: int) -> Parsed:
    if record is None:
        return Reason.TOO_LONG, f"the line is longer than {limit} bytes"
    try:
        # Bytes that are no UTF-8 pass as lone surrogates; `columns` finds them when the row's id is known.
        value = _JSON.decode(record.decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError):
        return Reason.BAD_VALUE, "the line is not JSON"
    return value if isinstance(value, dict) else (Reason.BAD_VALUE, "the line is not a JSON object")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_JSON = json.JSONDecoder(parse_constant=_no_constant)


def read_csv(file: SourceFile, options: ReadOptions) -> Iterator[Batch]:
    limit = options.max_prompt_bytes + LINE_SLACK_BYTES
    csv.field_size_limit(max(csv.field_size_limit(), limit))
    records = (record for found in split_records(file.chunks(), limit, quoted=True) for record in found)
    header = next(records, b"")
    if not header:
        return
    names = _parse_csv(header)
    if names is None:
        raise InputError(
            "the first line is not a CSV header", where=file.name, hint="Write the column names first."
        )
    refuse_repeated(names, file)

    def parsed() -> Iterator[tuple[Parsed, int]]:
        for record in records:
            if record is None:
                yield (Reason.TOO_LONG, f"the row is longer than {limit} bytes"), 0
                continue
            fields = _parse_csv(record)
            if fields is None:
                yield (Reason.BAD_VALUE, "the row is not CSV"), 0
            elif len(fields) != len(names):
                yield (Reason.BAD_VALUE, f"expected {len(names)} fields, found {len(fields)}"), 0
            else:
                yield dict(zip(names, fields, strict=True)), len(record)

    if (options.shape or detect(names)) is Shape.TRAFFIC:
        yield Batch({name: pa.nulls(0) for name in names if name in TRAFFIC.names}, np.arange(0), fixed=True)
    yield from record_batches(parsed(), file, options)


def _parse_csv(record: bytes) -> list[str] | None:
    try:
        return next(csv.reader([record.decode("utf-8", "surrogateescape")], strict=True))
    except (csv.Error, StopIteration):
        return None
