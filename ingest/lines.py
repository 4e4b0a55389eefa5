"""A stream of bytes to records, with a bound on how long one may be.

A record ends at a newline; in CSV only at one outside quotes, which the parity of the quotes so far tells
(RFC 4180 doubles a quote inside a quoted value, so parity is all it takes). A record over the limit is
counted and dropped while it streams by: a line of ten gigabytes costs time but no memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ingest.sources import UnreadableFileError

_BOM = b"\xef\xbb\xbf"


def split_records(
    chunks: Iterable[bytes], limit: int, *, quoted: bool = False
) -> Iterator[list[bytes | None]]:
    """The records of each chunk, without line ends and blank lines; None stands for one over `limit` bytes.

    Raises:
        UnreadableFileError: the stream ends inside quotes, so nobody can tell where the last records were.
    """
    parts: list[bytes] = []
    size = 0
    inside = False
    first = True
    for chunk in chunks:
        if first:
            chunk, first = chunk.removeprefix(_BOM), False
        done: list[bytes | None] = []
        *ended, rest = chunk.split(b"\n")
        for piece in ended:
            if quoted and piece.count(b'"') % 2:
                inside = not inside
            size += len(piece) + inside
            if size <= limit:
                parts.append(piece + b"\n" if inside else piece)
            else:
                parts.clear()
            if not inside:
                _close(done, parts, size, limit)
                size = 0
        if quoted and rest.count(b'"') % 2:
            inside = not inside
        size += len(rest)
        if size <= limit:
            parts.append(rest)
        else:
            parts.clear()
        yield done
    if inside:
        raise UnreadableFileError("a quoted value is never closed")
    last: list[bytes | None] = []
    _close(last, parts, size, limit)
    yield last


def _close(done: list[bytes | None], parts: list[bytes], size: int, limit: int) -> None:
    if size > limit:
        done.append(None)
    else:
        record = b"".join(parts).rstrip(b"\r")
        if record.strip():
            done.append(record)
    parts.clear()
