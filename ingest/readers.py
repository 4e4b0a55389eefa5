"""One file to its batches, by its kind."""

from __future__ import annotations

from collections.abc import Iterator

from ingest.batches import Batch, ReadOptions
from ingest.parquet_files import read_parquet
from ingest.sources import Kind, SourceFile
from ingest.text_files import read_csv, read_jsonl


def read(file: SourceFile, options: ReadOptions) -> Iterator[Batch]:
    """The batches of a file, in order.

    Raises:
        UnreadableFileError: the file is damaged; batches already handed out may be part of the damage.
        InputError: the file as a whole is not what its name says.
    """
    if file.size == 0:
        return
    if file.kind is Kind.PARQUET:
        yield from read_parquet(file, options)
    elif file.kind is Kind.CSV:
        yield from read_csv(file, options)
    else:
        yield from read_jsonl(file, options)
