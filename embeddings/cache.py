"""Vectors on disk, found by the text they belong to: no text is embedded twice.

    $SHOAL_HOME/cache/vectors/<encoder fingerprint>/<first half of the SHA-256>.shard

A shard is written once, whole, and never changed:

    magic, 8 bytes | rows, dimension: uint64 | keys (rows, 16) | float16 (rows, dimension) | SHA-256

Keys are `campaigns.records.text_key` of the text, sorted; numbers are little-endian. Shards are named by
their content, so writers need no lock: two of them write different files, or the same bytes. A shard is
checked against its SHA-256 before its first use in a process and memory-mapped from then on. A damaged shard
is deleted, which costs encoding its texts again.
"""

from __future__ import annotations

import hashlib
import logging
import mmap
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from campaigns import files
from campaigns.errors import IntegrityError
from campaigns.failpoints import failpoint
from campaigns.records import text_key
from embeddings.encode import Encoder

MAGIC = b"shoalv1\n"
MAX_SMALL_SHARDS = 64
"""More small shards than this are merged into one."""
LARGE_ROWS = 65_536
"""A shard of this many rows is never rewritten, which bounds how often a vector is."""

Keys = NDArray[np.bytes_]
"""Text keys, (n,) of dtype S16."""

_SUFFIX = ".shard"
_KEY = np.dtype("S16")
_HEADER = len(MAGIC) + 16
_DIGEST = 32
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Embedded:
    """Vectors of the texts of one call, in call order.

    Attributes:
        vectors: float32 (n, d), unit length; each follows from the float16 values in the cache.
        truncated: bool (n,), texts of which the encoder read the beginning only.
        n_encoded: distinct texts that went through the encoder.
        n_cached: distinct texts that were in the cache.
    """

    vectors: NDArray[np.float32]
    truncated: NDArray[np.bool_]
    n_encoded: int
    n_cached: int

    @property
    def n_truncated(self) -> int:
        return int(self.truncated.sum())


@dataclass(frozen=True, slots=True)
class _Shard:
    keys: Keys
    vectors: NDArray[np.float16]


class VectorCache:
    """The cached vectors of one encoder. `dropped` counts damaged shards that were deleted."""

    def __init__(self, folder: Path, dimension: int) -> None:
        self.folder = folder
        self.dimension = dimension
        self.dropped = 0
        self._shards: dict[str, _Shard] = {}

    def get(self, keys: Keys) -> tuple[NDArray[np.float16], NDArray[np.bool_]]:
        """Look vectors up.

        Returns:
            float16 (n, d), zero where unknown; and bool (n,), whether the key was found.
        """
        self._refresh()
        vectors = np.zeros((len(keys), self.dimension), np.float16)
        found = np.zeros(len(keys), dtype=bool)
        for shard in self._shards.values():
            wanted = np.flatnonzero(~found)
            position = np.searchsorted(shard.keys, keys[wanted])
            position[position == len(shard.keys)] = 0
            hit = shard.keys[position] == keys[wanted]
            vectors[wanted[hit]] = shard.vectors[position[hit]]
            found[wanted[hit]] = True
        return vectors, found

    def put(self, keys: Keys, vectors: NDArray[np.float16]) -> None:
        """Store vectors, durably on return.

        Raises:
            IntegrityError: a vector is not finite.
            DiskFullError: no room; what was stored before stays.
        """
        if not np.isfinite(vectors).all():
            raise IntegrityError("a vector that is not finite cannot be cached", where=str(self.folder))
        if len(keys) == 0:
            return
        self._write(keys, vectors)
        small = [path for path in self._paths() if _rows_of_size(path, self.dimension) < LARGE_ROWS]
        if len(small) > MAX_SMALL_SHARDS:
            self._merge(small)

    def _merge(self, paths: list[Path]) -> None:
        """Write one shard that holds the rows of several, then delete those.

        Each process deletes only what it has itself written again, so two that merge at once lose nothing.
        """
        self._refresh()
        merged = {path: self._shards[path.name] for path in paths if path.name in self._shards}
        if len(merged) < 2:
            return  # another process was faster
        written = self._write(
            np.concatenate([shard.keys for shard in merged.values()]),
            np.concatenate([shard.vectors for shard in merged.values()]),
        )
        for path in merged.keys() - {written}:
            path.unlink(missing_ok=True)

    def _write(self, keys: Keys, vectors: NDArray[np.float16]) -> Path:
        keys, first = np.unique(keys.astype(_KEY), return_index=True)
        content = b"".join(
            (
                MAGIC,
                np.array([len(keys), self.dimension], "<u8").tobytes(),
                keys.tobytes(),
                vectors[first].astype("<f2").tobytes(),
            )
        )
        digest = hashlib.sha256(content)
        path = self.folder / f"{digest.hexdigest()[:32]}{_SUFFIX}"
        files.write_bytes(path, content + digest.digest())
        return path

    def _paths(self) -> list[Path]:
        found = self.folder.glob(f"*{_SUFFIX}")
        return sorted(path for path in found if not path.name.startswith(files.TEMPORARY_PREFIX))

    def _refresh(self) -> None:
        """Open shards that appeared since the last look, also those of others; forget deleted ones."""
        paths = self._paths()
        opened = {path.name: self._shards.get(path.name) or self._open(path) for path in paths}
        self._shards = {name: shard for name, shard in opened.items() if shard is not None}

    def _open(self, path: Path) -> _Shard | None:
        try:
            with path.open("rb") as handle:
                data = mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ)
        except FileNotFoundError:
            return None  # another process has merged it since
        except ValueError:
            data = None  # an empty file cannot be mapped
        shard = None if data is None else self._parse(data)
        if shard is None:
            _log.warning("deleting a damaged vector shard: %s", path)
            path.unlink(missing_ok=True)
            self.dropped += 1
        return shard

    def _parse(self, data: mmap.mmap) -> _Shard | None:
        """The shard in `data`, or None if a single byte is not what was written."""
        content = memoryview(data)[:-_DIGEST]
        if len(data) < _HEADER + _DIGEST or hashlib.sha256(content).digest() != data[-_DIGEST:]:
            return None
        rows, dimension = (int(value) for value in np.frombuffer(content, "<u8", 2, len(MAGIC)))
        if data[: len(MAGIC)] != MAGIC or dimension != self.dimension:
            return None
        keys = np.frombuffer(content, _KEY, rows, _HEADER)
        vectors = np.frombuffer(content, "<f2", rows * dimension, _HEADER + keys.nbytes)
        return _Shard(keys, vectors.reshape(rows, dimension))


def keys_of(texts: Sequence[str]) -> Keys:
    return np.array([text_key(text) for text in texts], dtype=_KEY)


def embed(
    texts: Sequence[str],
    encoder: Encoder,
    cache: VectorCache,
    batch_size: int,
    on_batch: Callable[[int], None] | None = None,
) -> Embedded:
    """Vectors of `texts`, of which only those not yet cached are encoded, each once.

    Each batch is cached as soon as it is encoded, so a crash costs one batch. Vectors are returned as the
    cache holds them, so that a second run gets the same bits as the first.

    Args:
        on_batch: called with the number of texts of each batch, after it is cached.
    """
    keys, first, row_of_text = np.unique(keys_of(texts), return_index=True, return_inverse=True)
    halves, found = cache.get(keys)
    missing = np.flatnonzero(~found)
    lengths = np.array([len(texts[i]) for i in first[missing]], dtype=np.int64)
    missing = missing[np.argsort(lengths, kind="stable")]  # like lengths together: less padding
    for start in range(0, len(missing), batch_size):
        batch = missing[start : start + batch_size]
        halves[batch] = encoder.encode([texts[i] for i in first[batch]]).astype(np.float16)
        cache.put(keys[batch], halves[batch])
        failpoint("embed:batch")
        if on_batch is not None:
            on_batch(len(batch))
    truncated = encoder.truncated([texts[i] for i in first])
    return Embedded(
        vectors=_unit(halves)[row_of_text],
        truncated=truncated[row_of_text],
        n_encoded=len(missing),
        n_cached=len(keys) - len(missing),
    )


def _unit(halves: NDArray[np.float16]) -> NDArray[np.float32]:
    """Rows of length one; in float64, where the order of a sum does not show in the float32 result."""
    wide = halves.astype(np.float64)
    length = np.sqrt((wide * wide).sum(axis=1, keepdims=True))
    unit: NDArray[np.float32] = (wide / np.where(length == 0, 1, length)).astype(np.float32)
    return unit


def _rows_of_size(path: Path, dimension: int) -> int:
    """Rows of a shard by the size of its file; a file that is gone has too many to be merged."""
    try:
        return (path.stat().st_size - _HEADER - _DIGEST) // (_KEY.itemsize + 2 * dimension)
    except FileNotFoundError:
        return LARGE_ROWS


def drop(folder: Path, keys: Collection[bytes]) -> int:
    """Write the shards of an encoder anew without some vectors; how many that were. Damaged shards go whole.

    A shard is deleted after the one in its place is there, so a crash leaves at most both.
    """
    going = np.array(sorted(keys), _KEY)
    dropped = 0
    for path in sorted(folder.glob(f"*{_SUFFIX}")) if len(going) else []:
        with path.open("rb") as handle:
            head = np.frombuffer(handle.read(_HEADER)[len(MAGIC) :], "<u8")
        if len(head) != 2:
            path.unlink()
            continue
        cache = VectorCache(folder, int(head[1]))
        shard = cache._open(path)
        theirs = np.isin(shard.keys, going) if shard is not None else np.zeros(0, dtype=bool)
        if shard is not None and theirs.any():
            dropped += int(theirs.sum())
            if not theirs.all():
                cache._write(shard.keys[~theirs], shard.vectors[~theirs])
            failpoint("erase:shard")
            path.unlink(missing_ok=True)
    return dropped
