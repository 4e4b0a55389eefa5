"""Parquet files to batches.

A small file can unpack to a huge one: a dictionary that names one long text a million times, or pages that
are all zeros. So row groups are refused by their ratio, read a bounded number of rows at a time, and text
stays a dictionary until it is known to fit.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import IO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from campaigns.records import TRAFFIC, Reason
from ingest.adapters import Shape, detect
from ingest.batches import (
    BATCH_BYTES,
    Batch,
    Extras,
    Parsed,
    ReadOptions,
    as_text,
    record_batches,
    refuse_repeated,
)
from ingest.columns import Mask, decoded
from ingest.sources import SourceFile, read_errors, refuse_bomb


def read_parquet(file: SourceFile, options: ReadOptions) -> Iterator[Batch]:
    with read_errors(file), file.open() as raw:
        parquet = _open_parquet(raw)
        names = parquet.schema_arrow.names
        refuse_repeated(names, file)
        shape = options.shape or detect(names)
        if shape is not Shape.TRAFFIC:
            yield from record_batches(_parquet_records(parquet, options), file, options)
            return
        extras = Extras(file)
        wanted = _wanted(names, options.only)
        if not parquet.metadata.num_rows:
            empty = {f.name: pa.array([], f.type) for f in parquet.schema_arrow}
            yield Batch(empty, np.arange(0), fixed=True)
        first_row = 0
        for batch in _parquet_batches(parquet, options, wanted):
            yield from _pieces(batch, first_row, options.max_prompt_bytes, extras)
            first_row += batch.num_rows


def _wanted(names: list[str], only: tuple[str, ...] | None) -> list[str]:
    """All of them if one of `only` is not there: whoever refuses the file for it then names what it has."""
    return list(only) if only and set(only) <= set(names) else names


def _open_parquet(raw: IO[bytes]) -> pq.ParquetFile:
    """Text is read as dictionaries: a value that a small file repeats a million times is then held once."""
    schema = pq.read_metadata(raw).schema
    leaves = [schema.column(i) for i in range(len(schema))]
    texts = [leaf.name for leaf in leaves if leaf.physical_type == "BYTE_ARRAY" and leaf.path == leaf.name]
    return pq.ParquetFile(raw, read_dictionary=texts, page_checksum_verification=True)


def _parquet_batches(
    parquet: pq.ParquetFile, options: ReadOptions, columns: list[str]
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


def _pieces(batch: pa.RecordBatch, first_row: int, longest: int, extras: Extras) -> Iterator[Batch]:
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
            name: column[start:stop] if name in TRAFFIC.names else as_text(column[start:stop])
            for name, column in columns.items()
            if name in TRAFFIC.names or extras.admit(name)
        }
        marks = {name: mask[start:stop] for name, mask in too_long.items()}
        yield Batch(kept, np.arange(first_row + start, first_row + stop), too_long=marks, fixed=True)


def _cuts(weight: npt.NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    part = np.cumsum(weight) // BATCH_BYTES
    edges = [0, *(np.flatnonzero(np.diff(part)) + 1).tolist(), len(weight)]
    return pairwise(edges)


def _parquet_records(parquet: pq.ParquetFile, options: ReadOptions) -> Iterator[tuple[Parsed, int]]:
    for batch in _parquet_batches(parquet, options, parquet.schema_arrow.names):
        plain = pa.RecordBatch.from_arrays([_readable(c) for c in batch.columns], names=batch.schema.names)
        size = plain.nbytes // max(1, plain.num_rows)
        for record in _python_records(plain):
            yield record, size


def _readable(column: pa.Array) -> pa.Array:
    """Plain values; times as text, since a record is JSON to its adapter."""
    column = decoded(column)
    return column.cast(pa.string()) if pa.types.is_timestamp(column.type) else column


def _python_records(batch: pa.RecordBatch) -> Iterator[Parsed]:
    """Arrow stops at the first value that Python cannot hold; then row by row, so that it costs one row."""
    try:
        yield from batch.to_pylist()
    except (ValueError, OverflowError):
        for number in range(batch.num_rows):
            try:
                yield from batch.slice(number, 1).to_pylist()
            except UnicodeDecodeError:
                yield Reason.INVALID_UTF8, "the record"
            except (ValueError, OverflowError):
                yield Reason.BAD_VALUE, "the record"
