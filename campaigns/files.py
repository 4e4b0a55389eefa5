"""The one way to write a file: whole, durable, or not at all.

Write to a temporary name in the same folder, fsync, `os.replace`, fsync the folder. A reader sees the
old file or the new one; a crash leaves at worst a `.tmp-*` file that nobody reads.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.lib import format as npy
from numpy.typing import NDArray

from campaigns.errors import DiskFullError

TEMPORARY_PREFIX = ".tmp-"
GROUP_ROWS = 8_192
"""Rows of a row group: as much is decoded by who wants a few rows of a sorted table. Whole tables read no slower."""
_CHUNK_BYTES = 1 << 20


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on a clean exit it replaces `path`, else it is removed.

    Raises:
        DiskFullError: the device has no room. `path` keeps what it held.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}-{path.name}"
    try:
        yield temporary
        with temporary.open("rb+") as handle:
            os.fsync(handle.fileno())
        temporary.replace(path)
        fsync_folder(path.parent)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFullError(
                "no room left on the disk",
                where=str(path),
                hint="Free some space and run the same command again.",
            ) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def write_json(path: Path, value: Any) -> None:
    """Sorted keys, so that equal values are equal bytes."""
    write_bytes(path, (json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode())


def write_parquet(path: Path, table: pa.Table) -> None:
    """Zstandard pages with checksums, so that a flipped byte is found on reading."""
    with atomic_path(path) as temporary:
        pq.write_table(
            table, temporary, row_group_size=GROUP_ROWS, compression="zstd", write_page_checksum=True
        )


def read_parquet(path: Path, columns: list[str] | None = None) -> pa.Table:
    return pq.read_table(path, columns=columns, page_checksum_verification=True, partitioning=None)


def write_array(path: Path, array: NDArray[Any]) -> None:
    """NumPy's own format, without pickle, the bytes that `np.save` would write.

    Not by `np.save`: when the disk is full it raises an error that does not say so.
    """
    array = np.ascontiguousarray(array)
    with atomic_path(path) as temporary, temporary.open("wb") as handle:
        npy.write_array_header_1_0(handle, npy.header_data_from_array_1_0(array))
        handle.write(array.reshape(-1).view(np.uint8).data)


def sha256_file(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while chunk := handle.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_leftovers(folder: Path) -> int:
    """Delete temporary files that a crash left below `folder`; return how many there were."""
    leftovers = list(folder.rglob(f"{TEMPORARY_PREFIX}*")) if folder.exists() else []
    for path in leftovers:
        path.unlink(missing_ok=True)
    return len(leftovers)
