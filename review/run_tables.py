"""The tables of published runs, as far as they were read, kept in memory.

A published run never changes, so what was once read of it holds for good. Tables are sorted by what they are asked for,
and a file says of each row group what it holds: who wants one campaign decodes a few thousand rows, not the table.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from campaigns import files
from campaigns.errors import IntegrityError
from campaigns.runs import Run

MOST_BYTES: Final = 256 << 20

_PARSED: Final = 4
"""Bytes in memory for one of a footer in its file, at most."""


class Sized(Protocol):
    """Arrow tables and numpy arrays are; so is what is made of them and adds them up."""

    @property
    def nbytes(self) -> int: ...


S = TypeVar("S", bound=Sized)


class Memory:
    """Values by key, of any number of runs. What was asked for least recently goes when all exceed `most_bytes`.

    Safe between threads. A value is made once, by the first to ask; others who ask for it wait, who asks for another
    does not. The latest value stays even if it alone is larger.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._values: OrderedDict[Hashable, Any] = OrderedDict()
        self._making: dict[Hashable, threading.Lock] = {}
        self._bytes = 0

    @property
    def nbytes(self) -> int:
        return self._bytes

    def value(self, key: Hashable, make: Callable[[], S]) -> S:
        """What `key` stands for; made if it is not there. What `make` raises is raised, and nothing is kept."""
        with self._lock:
            found: S | None = self._kept(key)
            if found is not None:
                return found
            making = self._making.setdefault(key, threading.Lock())
        with making:
            with self._lock:
                found = self._kept(key)
            if found is not None:
                return found
            try:
                made = make()
                self._keep(key, made)
            finally:
                with self._lock:
                    self._making.pop(key, None)
        return made

    def _kept(self, key: Hashable) -> Any:
        """None: nothing is. It counts as asked for."""
        if key not in self._values:
            return None
        self._values.move_to_end(key)
        return self._values[key]

    def _keep(self, key: Hashable, made: Sized) -> None:
        with self._lock:
            before = self._values.pop(key, None)
            self._values[key] = made
            self._bytes += made.nbytes - (0 if before is None else before.nbytes)
            while self._bytes > self._most_bytes and len(self._values) > 1:
                _, gone = self._values.popitem(last=False)
                self._bytes -= gone.nbytes


@dataclass(frozen=True, slots=True)
class _Footer:
    """What a file says of itself; `places` are those of the flat columns among the leaves."""

    metadata: pq.FileMetaData
    places: dict[str, int]

    @property
    def nbytes(self) -> int:
        return _PARSED * int(self.metadata.serialized_size)

    def may_hold(self, column: str, value: Any) -> Iterator[int]:
        """Row groups whose bounds do not rule out that the column has this value."""
        place = self.places[column]
        for number in range(self.metadata.num_row_groups):
            bounds = self.metadata.row_group(number).column(place).statistics
            if bounds is None or not bounds.has_min_max or bounds.min <= value <= bounds.max:
                yield number


class RunTables:
    """The tables of one published run. Cheap to make: what was read lies in `memory`, which outlives it.

    Every read raises IntegrityError where a file is missing or its checksums do not hold.
    """

    def __init__(self, run: Run, memory: Memory | None = None) -> None:
        self.run = run
        self._memory = memory or Memory()
        self._key = (str(run.path), run.fingerprint)

    @classmethod
    def of(cls, run: Run | RunTables) -> RunTables:
        return run if isinstance(run, RunTables) else cls(run)

    @property
    def day(self) -> date:
        return self.run.day

    @property
    def run_id(self) -> str:
        return self.run.run_id

    def has(self, name: str) -> bool:
        """Whether the run, maybe of an earlier version, has such a table."""
        return self._path(name).exists()

    def table(self, name: str, columns: Sequence[str] | None = None, *, keep: bool = True) -> pa.Table:
        """A whole table, or some of its columns.

        Args:
            keep: not for what something small is made of, once.
        """
        wanted = None if columns is None else list(columns)

        def read() -> pa.Table:
            with _damage_in_words(self._path(name)):
                return files.read_parquet(self._path(name), wanted)

        key = (*self._key, "table", name, None if wanted is None else tuple(wanted))
        return self._memory.value(key, read) if keep else read()

    def rows(
        self, name: str, column: str, value: Any, columns: Sequence[str] | None = None, *, keep: bool = True
    ) -> pa.Table:
        """The rows that have `value` in `column`, a string or a whole number, in the order of the table.

        Args:
            columns: None: all.
            keep: not for prompts, which are large; `column` alone is kept then.
        """
        wanted = None if columns is None else list(columns)
        footer = self._memory.value((*self._key, "footer", name), lambda: self._footer(name))
        found = []
        for number in footer.may_hold(column, value):
            asked = self._group(footer, name, number, [column])[column]
            mask = pc.equal(asked, pa.scalar(value, asked.type))
            if pc.any(mask).as_py():
                found.append(self._group(footer, name, number, wanted, keep=keep).filter(mask))
        if found:
            return pa.concat_tables(found)
        empty = footer.metadata.schema.to_arrow_schema().empty_table()
        return empty if wanted is None else empty.select(wanted)

    def made(self, name: str, make: Callable[[], S]) -> S:
        """What `make` computes from the whole run, computed once."""
        return self._memory.value((*self._key, "made", name), make)

    def _group(
        self, footer: _Footer, name: str, number: int, columns: list[str] | None, *, keep: bool = True
    ) -> pa.Table:
        def read() -> pa.Table:
            with (
                _damage_in_words(self._path(name)),
                pq.ParquetFile(
                    self._path(name), metadata=footer.metadata, page_checksum_verification=True
                ) as file,
            ):
                return file.read_row_group(number, columns)

        wanted = None if columns is None else tuple(columns)
        return self._memory.value((*self._key, "group", name, number, wanted), read) if keep else read()

    def _footer(self, name: str) -> _Footer:
        with _damage_in_words(self._path(name)):
            metadata = pq.read_metadata(self._path(name))
        leaves = [metadata.schema.column(place).path for place in range(len(metadata.schema))]
        return _Footer(metadata, {leaf: place for place, leaf in enumerate(leaves)})

    def _path(self, name: str) -> Path:
        return self.run.path / f"{name}.parquet"


@contextmanager
def _damage_in_words(path: Path) -> Iterator[None]:
    """Arrow reports damage as `ArrowInvalid` or as an `OSError` without an errno; with one the disk is at fault."""
    try:
        yield
    except FileNotFoundError:
        raise IntegrityError("a file of the run is missing", where=str(path), hint=_HINT) from None
    except (pa.ArrowInvalid, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise IntegrityError("a file of the run is damaged", where=str(path), hint=_HINT) from error


_HINT: Final = "`shoal verify` says what else is; restore the run, or do the day again."
