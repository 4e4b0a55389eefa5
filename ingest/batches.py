"""Batches: rows as they stand in a file, whatever its format, and how records become them.

A batch is bounded twice, by rows and by the bytes of its text, so that neither a long file nor long rows fill
the memory. A record that never became a row (broken JSON, a wrong number of fields, too long a line) is
reported beside the rows.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from campaigns.errors import InputError
from campaigns.records import TRAFFIC, Reason
from ingest.adapters import Row, Shape, adapter, detect
from ingest.columns import Mask, decoded, from_values
from ingest.sources import SourceFile

log = logging.getLogger(__name__)

BATCH_BYTES = 64 << 20
"""A batch ends at the row that takes its text past this."""
MAX_EXTRA_COLUMNS = 64
"""Unknown columns kept per file. JSON rows can invent names at will; more are dropped with a warning."""

_KNOWN = frozenset(TRAFFIC.names)
"""Arrow makes the list of names anew each time it is asked, which costs more than a record."""

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
    `too_long` those left out for their size. `fixed`: a column absent here is absent from the whole file.
    """

    columns: dict[str, pa.Array]
    rows: npt.NDArray[np.int64]
    wrong: dict[str, Mask] = field(default_factory=dict)
    too_long: dict[str, Mask] = field(default_factory=dict)
    lost: list[Loss] = field(default_factory=list)
    fixed: bool = False


def record_batches(
    items: Iterable[tuple[Parsed, int]], file: SourceFile, options: ReadOptions
) -> Iterator[Batch]:
    """Gather (record or loss, size in bytes) into batches; the first record tells the shape of the file."""
    extras = Extras(file)
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
    return _plain if shape is Shape.TRAFFIC else adapter(shape, options.account_fields)


def _plain(record: Row) -> Iterator[Row]:
    """The record itself. Unknown values become text here, where nesting too deep costs one record only."""
    yield {name: value if name in _KNOWN else json_text(value) for name, value in record.items()}


def _batch(rows: list[Row], numbers: list[int], lost: list[Loss], extras: Extras) -> Batch:
    columns: dict[str, pa.Array] = {}
    wrong: dict[str, Mask] = {}
    for name in dict.fromkeys(chain.from_iterable(rows)):
        values = [row.get(name) for row in rows]
        if name in TRAFFIC.names:
            columns[name], mask = from_values(name, values)
            if mask is not None:
                wrong[name] = mask
        elif extras.admit(name):
            columns[name] = pa.array(values, pa.string())
    return Batch(columns, np.array(numbers, dtype=np.int64), wrong=wrong, lost=lost)


class Extras:
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


def as_text(column: pa.Array) -> pa.Array:
    """Any column as text: text as it is (what is no UTF-8 replaced), nested values as JSON."""
    column = decoded(column)
    try:
        return column.cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return pa.array([_scalar_text(scalar) for scalar in column], pa.string())


def _scalar_text(scalar: pa.Scalar) -> str | None:
    """Null where Python cannot hold the value: text inside a list that is no UTF-8, a time beyond its years."""
    try:
        value = scalar.as_py()
    except (ValueError, OverflowError):
        return None
    return json_text(value.decode("utf-8", "replace") if isinstance(value, bytes) else value)


def json_text(value: Any) -> str | None:
    if value is None:
        return None
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def refuse_repeated(names: Sequence[str], file: SourceFile) -> None:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise InputError(
            f"column {repeated[0]!r} appears more than once", where=file.name, hint="Rename one of them."
        )
