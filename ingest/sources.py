"""Where traffic comes from: a file, a folder, a glob or an object-store URL becomes files in name order.

fsspec speaks to stores (`s3://`, `gs://`, `memory://`, ...) and to the local file system. A file is called by
its name relative to the place that was asked for, so that the same files give the same run wherever they
are mounted.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import IO, Any, cast

import pyarrow as pa

from campaigns.errors import InputError

GLOB_CHARACTERS = "*?["
CHUNK_BYTES = 1 << 20
BOMB_BYTES = 256 << 20
BOMB_RATIO = 200
"""Data that grows past `BOMB_BYTES` *and* past `BOMB_RATIO` times its stored size is a bomb, not traffic."""


class Kind(StrEnum):
    PARQUET = "Parquet"
    JSONL = "JSON Lines"
    CSV = "CSV"


KINDS = {
    ".parquet": Kind.PARQUET,
    ".pq": Kind.PARQUET,
    ".jsonl": Kind.JSONL,
    ".ndjson": Kind.JSONL,
    ".json": Kind.JSONL,
    ".csv": Kind.CSV,
}
COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
_ENDINGS = "Known endings: .parquet .jsonl .ndjson .json .csv, the text ones also with .gz or .zst."


class UnreadableFileError(Exception):
    """The bytes of one file are damaged. The stage makes a quarantine row of it; it never leaves the room."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of traffic. `name` is what quarantine rows and messages call it; `size` is in stored bytes."""

    filesystem: Any
    path: str
    name: str
    size: int
    kind: Kind
    compression: str | None

    def open(self) -> IO[bytes]:
        return cast(IO[bytes], self.filesystem.open(self.path, "rb"))

    def chunks(self) -> Iterator[bytes]:
        """The decompressed bytes, `CHUNK_BYTES` at a time.

        Raises:
            UnreadableFileError: the compression is broken, or the file is a bomb.
        """
        with read_errors(self), self.open() as raw:
            stream = raw
            if self.compression:
                stream = pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), self.compression)
            total = 0
            while chunk := stream.read(CHUNK_BYTES):
                total += len(chunk)
                refuse_bomb(total, self.size)
                yield chunk


@contextmanager
def read_errors(file: SourceFile) -> Iterator[None]:
    """Tell damaged bytes from a system that does not hand them over.

    Arrow reports damage as `ArrowInvalid` or as an `OSError` without an errno. An errno means the disk, the
    network or a permission: such a file may be whole, so the run stops instead of going on without it.
    """
    try:
        yield
    except pa.ArrowInvalid as error:
        raise UnreadableFileError(_first_line(error)) from error
    except OSError as error:
        if error.errno is None:
            raise UnreadableFileError(_first_line(error)) from error
        raise InputError(
            f"the file cannot be opened or read: {error.strerror or error}",
            where=file.path,
            hint="Check that it exists and that you may read it, then run the same command again.",
        ) from error


def refuse_bomb(unpacked: int, stored: int) -> None:
    if unpacked > BOMB_BYTES and unpacked > BOMB_RATIO * stored:
        raise UnreadableFileError(f"unpacks to more than {BOMB_RATIO} times its size")


def find(source: str) -> list[SourceFile]:
    """The files of `source`, sorted by name.

    In folders and globs, files of another kind and names that start with a dot or underscore are passed over.

    Raises:
        InputError: nothing is there, or nothing of a known kind.
    """
    filesystem, path = _filesystem(source)
    with _listing_errors(source):
        if filesystem.isfile(path):
            return [_named_file(filesystem, path)]
        if filesystem.isdir(path):
            root, paths = path, _visible(filesystem.find(path), path)
        elif any(character in path for character in GLOB_CHARACTERS):
            root, paths = _glob_root(path), _expand(filesystem, path)
        else:
            raise InputError("no such file or folder", where=source, hint="Check the path after --input.")
        files = [_describe(filesystem, found, root) for found in paths]
    known = sorted((file for file in files if file is not None), key=lambda file: file.name)
    if not known:
        raise InputError("no traffic file matches", where=source, hint=_ENDINGS)
    return known


def source_fingerprint(source: str) -> str:
    """SHA-256 over the sorted (name, size, SHA-256 of the content) of the files of `source`, in hex.

    `unreadable` stands for the content of a file whose bytes are not to be had: the stage sets it aside.

    Raises:
        InputError: there is no file, or the system does not hand one over.
    """
    digest = hashlib.sha256()
    for file in find(source):
        try:
            content = _sha256(file)
        except UnreadableFileError:
            content = "unreadable"
        digest.update(json.dumps([file.name, file.size, content]).encode())
    return digest.hexdigest()


def _sha256(file: SourceFile) -> str:
    digest = hashlib.sha256()
    with read_errors(file), file.open() as raw:
        while chunk := raw.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _filesystem(source: str) -> tuple[Any, str]:
    import fsspec  # type: ignore[import-untyped]

    try:
        filesystem, path = fsspec.core.url_to_fs(source)
    except ImportError as error:
        raise InputError(
            f"this kind of URL needs a driver: {error}", where=source, hint="Install it and retry."
        ) from None
    except ValueError as error:
        raise InputError(f"not a path or URL that can be read: {error}", where=source) from None
    return filesystem, str(path)


@contextmanager
def _listing_errors(source: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(
            f"the traffic cannot be listed: {error.strerror or error}",
            where=source,
            hint="Check the path and your access to it.",
        ) from error


def _named_file(filesystem: Any, path: str) -> SourceFile:
    file = _describe(filesystem, path, posixpath.dirname(path))
    if file is None:
        raise InputError("not a kind of file that can be read", where=path, hint=_ENDINGS)
    return file


def _describe(filesystem: Any, path: str, root: str) -> SourceFile | None:
    stem, ending = posixpath.splitext(path)
    compression = COMPRESSIONS.get(ending.lower())
    kind = KINDS.get(posixpath.splitext(stem)[1].lower() if compression else ending.lower())
    if kind is None or (compression and kind is Kind.PARQUET):
        return None
    size = int(filesystem.size(path) or 0)
    return SourceFile(filesystem, path, posixpath.relpath(path, root or "/"), size, kind, compression)


def _expand(filesystem: Any, pattern: str) -> list[str]:
    """What a glob matches; a folder among the matches stands for its files."""
    paths: list[str] = []
    for match in filesystem.glob(pattern):
        paths += _visible(filesystem.find(match), match) if filesystem.isdir(match) else [match]
    return sorted(set(paths))


def _visible(paths: list[str], root: str) -> list[str]:
    return [p for p in paths if not any(part[0] in "._" for part in posixpath.relpath(p, root).split("/"))]


def _glob_root(pattern: str) -> str:
    """The folder above the first part that holds a glob character."""
    fixed = []
    for part in pattern.split("/"):
        if any(character in part for character in GLOB_CHARACTERS):
            break
        fixed.append(part)
    return "/".join(fixed)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:200]
