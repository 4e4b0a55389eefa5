"""Files to batches of rows as they stand in the file, whatever the format.

A batch is bounded twice, by rows and by the bytes of its text, so that neither a long file nor long rows fill
the memory. Text formats go through Python's own parsers record by record: one bad record then costs itself
and nothing else. A record that never became a row (broken JSON, a wrong number of fields, too long a
line) is reported beside the rows.
"""

from __future__ import annotations

import csv
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import IO, Any, NoReturn

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from campaigns.errors import InputError
from campaigns.records import TRAFFIC, Reason
from ingest.adapters import Row, Shape, adapter, detect
from ingest.columns import Mask, decoded, from_values
from ingest.lines import split_records
from ingest.sources import Kind, SourceFile, read_errors, refuse_bomb

log = logging.getLogger(__name__)

BATCH_BYTES = 64 << 20
"""A batch ends at the row that takes its text past this."""
LINE_SLACK_BYTES = 1 << 20
"""How much longer than the longest prompt a record may be: its other columns and the escapes of its text."""
OTLP_LINE_BYTES = 64 << 20
"""A line of OTLP/JSON is an export of many spans, so it may be this long."""
MAX_EXTRA_COLUMNS = 64
"""Unknown columns kept per file. JSON rows can invent names at will; further ones are dropped with a warning."""

Loss = tuple[int, Reason, str]
"""(row, reason, detail) of a record that is no row."""
Parsed = Row | tuple[Reason, str]
"""A record, or why it is none."""


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """`shape` None: told by each file. `only`: read no more than these columns, where the format allows."""

    batch_rows: int
    max_prompt_bytes: int
    shape: Shape | None = None
    account_fields: tuple[str, ...] | None = None
    only: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one file.

    `columns` holds known columns as found and unknown ones as text; all have as many values as `rows`, which
    has each row's number in the file (int64). `wrong` marks values that their column's array could not hold,
    `too_long` those that were left out for their size. `fixed`: a column absent here is absent from the whole file.
    """

    columns: dict[str, pa.Array]
    rows: npt.NDArray[np.int64]
    wrong: dict[str, Mask] = field(default_factory=dict)
    too_long: dict[str, Mask] = field(default_factory=dict)
    lost: list[Loss] = field(default_factory=list)
    fixed: bool = False


def read(file: SourceFile, options: ReadOptions) -> Iterator[Batch]:
    """The batches of a file, in order.

    Raises:
        UnreadableFileError: the file is damaged; batches already handed out may be part of the damage.
        InputError: the file as a whole is not what its name says.
    """
    if file.size == 0:
        return
    if file.kind is Kind.PARQUET:
        yield from _read_parquet(file, options)
    elif file.kind is Kind.CSV:
        yield from _read_csv(file, options)
    else:
        yield from _read_jsonl(file, options)


# -- Parquet -------------------------------------------------------------------------------------------


def _read_parquet(file: SourceFile, options: ReadOptions) -> Iterator[Batch]:
    with read_errors(file), file.open() as raw:
        parquet = _open_parquet(raw)
        names = parquet.schema_arrow.names
        _refuse_repeated(names, file)
        shape = options.shape or detect(names)
        if shape is not Shape.TRAFFIC:
            yield from _record_batches(_parquet_records(parquet, file, options), file, options)
            return
        extras = _Extras(file)
        wanted = [name for name in names if not options.only or name in options.only]
        if not parquet.metadata.num_rows:
            empty = {f.name: pa.array([], f.type) for f in parquet.schema_arrow}
            yield Batch(empty, np.arange(0), fixed=True)
        first_row = 0
        for batch in _parquet_batches(parquet, file, options, wanted):
            yield from _pieces(batch, first_row, options.max_prompt_bytes, extras)
            first_row += batch.num_rows


def _open_parquet(raw: IO[bytes]) -> pq.ParquetFile:
    """Text is read as dictionaries: a value that a small file repeats a million times is then held once."""
    schema = pq.ParquetFile(raw).schema
    leaves = [schema.column(i) for i in range(len(schema))]
    texts = [leaf.name for leaf in leaves if leaf.physical_type == "BYTE_ARRAY" and leaf.path == leaf.name]
    return pq.ParquetFile(raw, read_dictionary=texts)


def _parquet_batches(
    parquet: pq.ParquetFile, file: SourceFile, options: ReadOptions, columns: list[str]
) -> Iterator[pa.RecordBatch]:
    for number in range(parquet.metadata.num_row_groups):
        group = parquet.metadata.row_group(number)
        if not group.num_rows:
            continue
        stored = sum(group.column(i).total_compressed_size for i in range(group.num_columns))
        refuse_bomb(group.total_byte_size, stored)
        row_bytes = max(1, group.total_byte_size // group.num_rows)
        rows = min(options.batch_rows, max(1, BATCH_BYTES // row_bytes))
        yield from parquet.iter_batches(rows, row_groups=[number], columns=columns)


def _pieces(batch: pa.RecordBatch, first_row: int, longest: int, extras: _Extras) -> Iterator[Batch]:
    """The rows of a record batch, in pieces whose text is bounded once it is no longer a dictionary."""
    columns: dict[str, pa.Array] = {}
    too_long: dict[str, Mask] = {}
    weight = np.zeros(batch.num_rows, dtype=np.int64)
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        columns[name] = column
        if not pa.types.is_dictionary(column.type):
            continue
        lengths = pc.binary_length(column.dictionary)
        row_lengths = lengths.take(column.indices).fill_null(0).to_numpy(zero_copy_only=False)
        long = row_lengths > longest
        if name in TRAFFIC.names and long.any():
            too_long[name] = long
            short = pc.if_else(pc.less_equal(lengths, longest), column.dictionary, None)
            columns[name] = pa.DictionaryArray.from_arrays(column.indices, short)
            row_lengths = np.where(long, 0, row_lengths)
        weight += row_lengths
    for start, stop in _cuts(weight):
        kept = {
            name: column[start:stop] if name in TRAFFIC.names else _as_text(column[start:stop])
            for name, column in columns.items()
            if name in TRAFFIC.names or extras.admit(name)
        }
        marks = {name: mask[start:stop] for name, mask in too_long.items()}
        yield Batch(kept, np.arange(first_row + start, first_row + stop), too_long=marks, fixed=True)


def _cuts(weight: npt.NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    part = np.cumsum(weight) // BATCH_BYTES
    edges = [0, *(np.flatnonzero(np.diff(part)) + 1).tolist(), len(weight)]
    return zip(edges[:-1], edges[1:], strict=True)


def _parquet_records(
    parquet: pq.ParquetFile, file: SourceFile, options: ReadOptions
) -> Iterator[tuple[Parsed, int]]:
    for batch in _parquet_batches(parquet, file, options, parquet.schema_arrow.names):
        plain = pa.RecordBatch.from_arrays([decoded(c) for c in batch.columns], names=batch.schema.names)
        size = plain.nbytes // max(1, plain.num_rows)
        for record in plain.to_pylist():
            yield record, size


# -- text ----------------------------------------------------------------------------------------------


def _read_jsonl(file: SourceFile, options: ReadOptions) -> Iterator[Batch]:
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

    yield from _record_batches(parsed(), file, options)
    if not objects and first is not None and (first.startswith(b"[") or first.strip() == b"{"):
        raise InputError(
            "the file is one JSON document, not one JSON object per line",
            where=file.name,
            hint="Rewrite it as JSON Lines, for example with `jq -c '.[]' FILE` (an array) or `jq -c . FILE`.",
        )


def _parse_json(record: bytes | None, limit: int) -> Parsed:
    if record is None:
        return Reason.TOO_LONG, f"the line is longer than {limit} bytes"
    try:
        # Bytes that are no UTF-8 pass through as lone surrogates; `columns` finds them with the row's id at hand.
        value = _JSON.decode(record.decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError):
        return Reason.BAD_VALUE, "the line is not JSON"
    return value if isinstance(value, dict) else (Reason.BAD_VALUE, "the line is not a JSON object")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_JSON = json.JSONDecoder(parse_constant=_no_constant)


def _read_csv(file: SourceFile, options: ReadOptions) -> Iterator[Batch]:
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
    _refuse_repeated(names, file)

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
    yield from _record_batches(parsed(), file, options)


def _parse_csv(record: bytes) -> list[str] | None:
    try:
        return next(csv.reader([record.decode("utf-8", "surrogateescape")], strict=True))
    except (csv.Error, StopIteration):
        return None


# -- records to batches --------------------------------------------------------------------------------


def _record_batches(
    items: Iterable[tuple[Parsed, int]], file: SourceFile, options: ReadOptions
) -> Iterator[Batch]:
    """Gather (record or its loss, size in bytes) into batches; the first record tells the shape of the file."""
    extras = _Extras(file)
    expand: Callable[[Row], Iterable[Row]] | None = None
    rows: list[Row] = []
    numbers: list[int] = []
    lost: list[Loss] = []
    size = next_row = 0
    for item, length in items:
        if isinstance(item, tuple):
            lost.append((next_row, *item))
            made: list[Row] = []
        else:
            expand = expand or _expansion(options.shape or detect(item), options)
            try:
                made = list(expand(item))
            except RecursionError:
                made = []
                lost.append((next_row, Reason.BAD_VALUE, "the record is nested too deeply"))
        rows += made
        numbers += range(next_row, next_row + len(made))
        next_row += max(1, len(made))
        size += length
        if len(rows) + len(lost) >= options.batch_rows or size >= BATCH_BYTES:
            yield _batch(rows, numbers, lost, extras)
            rows, numbers, lost, size = [], [], [], 0
    if rows or lost:
        yield _batch(rows, numbers, lost, extras)


def _expansion(shape: Shape, options: ReadOptions) -> Callable[[Row], Iterable[Row]]:
    return (lambda record: (record,)) if shape is Shape.TRAFFIC else adapter(shape, options.account_fields)


def _batch(rows: list[Row], numbers: list[int], lost: list[Loss], extras: _Extras) -> Batch:
    columns: dict[str, pa.Array] = {}
    wrong: dict[str, Mask] = {}
    for name in dict.fromkeys(chain.from_iterable(rows)):
        values = [row.get(name) for row in rows]
        if name in TRAFFIC.names:
            columns[name], mask = from_values(name, values)
            if mask is not None:
                wrong[name] = mask
        elif extras.admit(name):
            columns[name] = pa.array([_json_text(value) for value in values], pa.string())
    return Batch(columns, np.array(numbers, dtype=np.int64), wrong=wrong, lost=lost)


# -- unknown columns -----------------------------------------------------------------------------------


class _Extras:
    """Which unknown columns of a file are kept."""

    def __init__(self, file: SourceFile) -> None:
        self._file = file
        self._names: set[str] = set()
        self._full = False

    def admit(self, name: str) -> bool:
        if name in self._names:
            return True
        if len(self._names) < MAX_EXTRA_COLUMNS:
            self._names.add(name)
            return True
        if not self._full:
            self._full = True
            log.warning(
                "%s has more than %d unknown columns; further ones are dropped",
                self._file.name,
                MAX_EXTRA_COLUMNS,
            )
        return False


def _as_text(column: pa.Array) -> pa.Array:
    """Any column as text: text as it is (what is no UTF-8 replaced), nested values as JSON."""
    column = decoded(column)
    if pa.types.is_nested(column.type):
        return pa.array([_json_text(value) for value in column.to_pylist()], pa.string())
    try:
        return column.cast(pa.string())
    except pa.ArrowInvalid:
        values = column.cast(pa.large_binary()).to_pylist()
        return pa.array([None if v is None else v.decode("utf-8", "replace") for v in values], pa.string())


def _json_text(value: Any) -> str | None:
    if value is None:
        return None
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def _refuse_repeated(names: Sequence[str], file: SourceFile) -> None:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise InputError(
            f"column {repeated[0]!r} appears more than once", where=file.name, hint="Rename one of them."
        )
