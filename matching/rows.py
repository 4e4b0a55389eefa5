"""Rows of any traffic as matching reads them: four columns, loosely typed, the bad ones set aside.

Nothing that one row says stops the others. A value that cannot be read costs its row; a file that turns out to be
damaged, or to lack a column, costs the rest of that file. Only a system that does not hand a file over stops the work.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import IO, Final

import pyarrow as pa
import pyarrow.compute as pc

from campaigns.errors import InputError
from campaigns.records import REQUIRED_COLUMNS, Reason
from ingest.batches import Batch, ReadOptions
from ingest.checks import Limits, judge, quarantine_rows, rejected
from ingest.columns import Column, coerce_loosely, expected_type
from ingest.pseudonyms import KINDS, pseudonym
from ingest.readers import read
from ingest.sources import Kind, SourceFile, UnreadableFileError

STDIN: Final = "-"


@dataclass(frozen=True, slots=True)
class Rows:
    """A batch. `accepted` has the four required columns, `prompt` in form NFC; `set_aside` is of schema QUARANTINE.

    `fault` is why the rest of the file is left out; then `set_aside` has one row that says so. `other_days` counts rows
    passed over.
    """

    accepted: pa.Table
    set_aside: pa.Table
    fault: InputError | None = None
    other_days: int = 0

    @property
    def n_rows(self) -> int:
        return int(self.accepted.num_rows + self.set_aside.num_rows)


def rows_of(file: SourceFile, options: ReadOptions, limits: Limits, key: bytes) -> Iterator[Rows]:
    """The batches of a file, in order; the same ones each time.

    Args:
        key: of the pseudonyms; empty: accounts stay as they are.

    Raises:
        InputError: the system does not hand the file over.
    """
    batches = read(file, options)
    while True:
        try:
            batch = next(batches, None)
            if batch is None:
                return
            _refuse_missing(batch, file)
        except UnreadableFileError as error:
            yield _left_out(file, InputError(f"the file cannot be read: {error}", where=file.name,
                                             hint="It is damaged or cut short. Export it again."))  # fmt: skip
            return
        except InputError as error:
            if isinstance(error.__cause__, OSError):
                raise
            yield _left_out(file, error)
            return
        yield _checked(batch, file, limits, key)


def stdin_file(stream: IO[bytes]) -> SourceFile:
    """JSON Lines from a stream, as a file of unknown size."""
    return SourceFile(_Stream(stream), STDIN, "stdin", sys.maxsize, Kind.JSONL, None)


class _Stream:
    """A file system of one file, which is a stream. It stays open: it is not ours to close."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def open(self, path: str, mode: str) -> AbstractContextManager[IO[bytes]]:  # noqa: ARG002  -- as fsspec has it
        return nullcontext(self._stream)


def _refuse_missing(batch: Batch, file: SourceFile) -> None:
    missing = [name for name in REQUIRED_COLUMNS if name not in batch.columns]
    if batch.fixed and missing:
        raise InputError(
            f"required column {missing[0]!r} is missing (expected {expected_type(missing[0])})",
            where=file.name,
            hint=f"The file has {', '.join(sorted(map(repr, batch.columns))[:20])}. Rename or add it.",
        )


def _left_out(file: SourceFile, fault: InputError) -> Rows:
    row = quarantine_rows(file.name, [(-1, Reason.UNREADABLE_FILE, fault.what)])
    return Rows(pa.table({name: pa.array([]) for name in REQUIRED_COLUMNS}), row, fault)


def _checked(batch: Batch, file: SourceFile, limits: Limits, key: bytes) -> Rows:
    typed = {name: _typed(name, batch) for name in REQUIRED_COLUMNS}
    values = {name: column.values for name, column in typed.items()}
    if key:
        values["account_id"] = pseudonym(values["account_id"], key, KINDS["account_id"])
    verdicts = judge(typed, batch.too_long, limits)
    accepted = pa.table(values)
    if not verdicts.accepted.all():
        accepted = accepted.filter(pa.array(verdicts.accepted))
    column = accepted.schema.get_field_index("prompt")
    accepted = accepted.set_column(column, "prompt", _composed(accepted["prompt"].combine_chunks()))
    return Rows(accepted, rejected(batch, values, verdicts, file.name), other_days=verdicts.other_days)


def _composed(prompts: pa.Array) -> pa.Array:
    """In form NFC. ASCII is, and need not be looked at again."""
    other = pc.invert(pc.string_is_ascii(prompts))
    return pc.replace_with_mask(prompts, other, pc.utf8_normalize(prompts.filter(other), form="NFC"))


def _typed(name: str, batch: Batch) -> Column:
    found = batch.columns.get(name)
    if found is None:
        found = pa.nulls(len(batch.rows))
    return coerce_loosely(name, found, batch.wrong.get(name))
