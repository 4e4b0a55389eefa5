"""Accepted rows: spread over partitions of accounts, checked for repeated ids across all, written at last.

Rows wait in memory until they pass a budget; then each partition's share goes to a spill file. What stays in
memory for the whole day is 8 bytes per row (a hash of its id) and, while the day is written, 16 bytes per
distinct text. A partition is loaded as a whole to be sorted, so its size bounds the rest.

A repeated `prompt_id` leaves one survivor: the smallest row by (created_at, account_id, prompt, the other
columns), so the order of the input never decides.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from campaigns import files
from campaigns.errors import UsageError
from campaigns.failpoints import failpoint
from campaigns.records import PROMPTS, TRAFFIC

MEMORY_BYTES = 256 << 20
"""Rows held in memory before they are spilled."""
EXTRA = "extra:"
"""Unknown columns travel under this prefix, so that none can pose as one of ours."""
ORIGIN = "origin"
"""File number and row of the file in one integer; see `origins`."""
ID_HASH = "id_hash"

_ROW_BITS = 40
_LARGEST_COLUMN_BYTES = 2**31 - 1
_SURVIVOR_ORDER = [
    "prompt_id",
    *("created_at", "account_id", "prompt"),
    *(n for n in TRAFFIC.names if n not in {"prompt_id", "created_at", "account_id", "prompt"}),
    ORIGIN,
]


def origins(file: int, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Where rows come from: the file's number in the high bits, the row in the low 40."""
    return (file << _ROW_BITS) | rows


def split_origins(origin: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """(file numbers, rows)"""
    return origin >> _ROW_BITS, origin & ((1 << _ROW_BITS) - 1)


def digests(texts: pa.Array, size: int) -> list[bytes]:
    """BLAKE2b of each value of a string array without nulls, read in place."""
    if not len(texts):
        return []
    _, offset_buffer, data = texts.buffers()
    offsets = np.frombuffer(offset_buffer, np.int32)[texts.offset : texts.offset + len(texts) + 1].tolist()
    view = memoryview(data) if data is not None else memoryview(b"")
    return [hashlib.blake2b(view[start:stop], digest_size=size).digest() for start, stop in pairwise(offsets)]


def hashes(texts: pa.Array) -> npt.NDArray[np.uint64]:
    """The first 64 bits of BLAKE2b-64 of each value."""
    return np.frombuffer(b"".join(digests(texts, 8)), dtype="<u8")


class Partitions:
    """The rows of a day: `add`, then `repeated_ids`, then `write`. `close` removes the spill files."""

    def __init__(self, folder: Path, n_partitions: int, memory_bytes: int = MEMORY_BYTES) -> None:
        self._folder = folder
        self._n = n_partitions
        self._memory_bytes = memory_bytes
        self._waiting: list[list[pa.Table]] = [[] for _ in range(n_partitions)]
        self._waiting_bytes = 0
        self._spills = 0
        self._id_hashes: list[npt.NDArray[np.uint64]] = []
        self._extra_files: dict[str, set[int]] = {}
        self._dropped_files: set[int] = set()
        self._dropped_rows = np.empty(0, dtype=np.int64)
        shutil.rmtree(folder, ignore_errors=True)

    def add(self, rows: pa.Table) -> None:
        """Take rows with the columns of PROMPTS, `ORIGIN`, and extra ones under `EXTRA`."""
        if not rows.num_rows:
            return
        self._note_extras(rows)
        ids = hashes(rows["prompt_id"].combine_chunks())
        self._id_hashes.append(ids)
        rows = rows.append_column(ID_HASH, pa.array(ids))
        accounts = rows["account_id"].combine_chunks().dictionary_encode()
        part = (hashes(accounts.dictionary) % self._n).astype(np.int64)[accounts.indices.to_numpy()]
        order = np.argsort(part, kind="stable")
        edges = np.searchsorted(part[order], np.arange(self._n + 1)).tolist()
        rows = rows.take(pa.array(order))
        for number in range(self._n):
            if edges[number] < edges[number + 1]:
                self._waiting[number].append(rows.slice(edges[number], edges[number + 1] - edges[number]))
        self._waiting_bytes += rows.nbytes
        if self._waiting_bytes > self._memory_bytes:
            self._spill()

    def drop_file(self, file: int) -> None:
        """Forget every row of a file that turned out to be damaged."""
        self._dropped_files.add(file)

    def repeated_ids(self) -> pa.Table:
        """The rows that lose to another with the same `prompt_id`; they will not be written.

        Returns:
            (prompt_id, account_id, ORIGIN)
        """
        suspects = _repeated(self._id_hashes)
        found = []
        for number in range(self._n) if len(suspects) else ():
            rows = self._load(number)
            found.append(
                rows.filter(pa.array(np.isin(rows[ID_HASH].to_numpy(), suspects))).select(_SURVIVOR_ORDER)
            )
        if not found:
            return pa.table(
                {
                    "prompt_id": pa.array([], pa.string()),
                    "account_id": pa.array([], pa.string()),
                    ORIGIN: pa.array([], pa.int64()),
                }
            )
        rows = (
            pa.concat_tables(found)
            .sort_by([(name, "ascending") for name in _SURVIVOR_ORDER])
            .combine_chunks()
        )
        ids = rows["prompt_id"].combine_chunks()
        same = np.zeros(len(ids), dtype=np.bool_)
        same[1:] = pc.equal(ids[1:], ids[:-1]).to_numpy(zero_copy_only=False)
        losers = rows.filter(pa.array(same)).select(["prompt_id", "account_id", ORIGIN])
        self._dropped_rows = losers[ORIGIN].to_numpy()
        return losers

    def write(self, prompts: Path, extras: Path) -> tuple[int, int]:
        """Write every partition below `prompts`, and `extras` if there are unknown columns.

        Returns:
            (rows, distinct texts)
        """
        n_rows = 0
        keys: list[pa.Array] = []
        for number in range(self._n):
            rows = self._load(number)
            n_rows += rows.num_rows
            keys.append(pc.unique(rows["text_key"]))
            files.write_parquet(
                prompts / f"part-{number:04d}.parquet", rows.select(PROMPTS.names).cast(PROMPTS)
            )
            failpoint("ingest:part")
        self._write_extras(extras)
        return n_rows, len(pc.unique(pa.chunked_array(keys)))

    def close(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def extra_names(self) -> list[str]:
        """Unknown columns of the files that are kept, sorted."""
        return sorted(name for name, found in self._extra_files.items() if found - self._dropped_files)

    def _note_extras(self, rows: pa.Table) -> None:
        """Remember which files have which unknown columns: spilled rows are not read again to tell."""
        names = [name.removeprefix(EXTRA) for name in rows.schema.names if name.startswith(EXTRA)]
        if names:
            file, _ = split_origins(rows[ORIGIN].to_numpy())
            numbers = np.unique(file).tolist()
            for name in names:
                self._extra_files.setdefault(name, set()).update(numbers)

    def _write_extras(self, path: Path) -> None:
        names = self.extra_names()
        if not names:
            return
        schema = pa.schema([("prompt_id", pa.string()), *((name, pa.string()) for name in names)])
        with (
            files.atomic_path(path) as temporary,
            pq.ParquetWriter(temporary, schema, compression="zstd", write_page_checksum=True) as writer,
        ):
            for number in range(self._n):
                rows = self._load(number)
                columns = [rows["prompt_id"], *(_column(rows, EXTRA + name) for name in names)]
                writer.write_table(pa.table(columns, schema=schema))

    def _load(self, number: int) -> pa.Table:
        """The kept rows of a partition, sorted by `prompt_id`."""
        rows = pa.concat_tables(self._parts(number), promote_options="default")
        if rows.num_rows:
            file, _ = split_origins(rows[ORIGIN].to_numpy())
            gone = np.isin(file, list(self._dropped_files)) | np.isin(
                rows[ORIGIN].to_numpy(), self._dropped_rows
            )
            if gone.any():
                rows = rows.filter(pa.array(~gone))
        if rows["prompt"].nbytes > _LARGEST_COLUMN_BYTES:
            raise UsageError(
                "a partition holds more than 2 GiB of prompts",
                where="ingest.partitions",
                hint=f"Raise it (now {self._n}) so that accounts are spread over more parts.",
            )
        return rows.sort_by([("prompt_id", "ascending"), (ORIGIN, "ascending")])

    def _parts(self, number: int) -> Iterable[pa.Table]:
        yield _EMPTY
        for spill in range(self._spills):
            path = self._spill_path(spill, number)
            if path.exists():
                yield files.read_parquet(path)
        yield from self._waiting[number]

    def _spill(self) -> None:
        for number, tables in enumerate(self._waiting):
            if tables:
                table = pa.concat_tables(tables, promote_options="default")
                files.write_parquet(self._spill_path(self._spills, number), table)
                tables.clear()
        self._spills += 1
        self._waiting_bytes = 0

    def _spill_path(self, spill: int, number: int) -> Path:
        return self._folder / f"{spill:06d}" / f"part-{number:04d}.parquet"


_EMPTY = pa.schema(
    [
        *(field.with_nullable(True) for field in PROMPTS),
        pa.field(ORIGIN, pa.int64()),
        pa.field(ID_HASH, pa.uint64()),
    ]
).empty_table()
"""Gives the columns of a partition that no row fell into."""


def _column(rows: pa.Table, name: str) -> pa.ChunkedArray:
    return (
        rows[name] if name in rows.schema.names else pa.chunked_array([pa.nulls(rows.num_rows, pa.string())])
    )


def _repeated(parts: list[npt.NDArray[np.uint64]]) -> npt.NDArray[np.uint64]:
    """Hashes that occur more than once. Ids are then compared in full, as hashes may collide."""
    everything = np.sort(np.concatenate(parts)) if parts else np.empty(0, dtype=np.uint64)
    return np.unique(everything[1:][everything[1:] == everything[:-1]])
