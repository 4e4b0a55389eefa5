"""Files that are only added to: `jsonl`, exact and for programs; `csv`, for people and their spreadsheets.

A file that holds enough messages is closed: its SHA-256 lies beside it, and the next message begins another. Nothing
counts as delivered before the disk has it. What a kill left half written is cut off before more is added, and a message
that the open file holds already is not written twice.
"""

from __future__ import annotations

import csv
import errno
import io
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from defusedcsv import csv as safe_csv
from filelock import FileLock

from campaigns.display import safe_text
from campaigns.entries import Clock, utc_now
from campaigns.errors import IntegrityError
from campaigns.files import fsync_folder, sha256_file, write_bytes
from enforcement.sinks import Outcome, Outgoing, Result

CHECKSUM: Final = ".sha256"


class Form(Protocol):
    """How messages stand in a file. `head` begins each."""

    suffix: str
    head: bytes

    def lines(self, outgoing: Outgoing) -> bytes: ...

    def held(self, data: bytes) -> Iterator[tuple[str, int]]:
        """Id of each message that is whole, and where it ends in `data`, which follows the head.

        Raises:
            ValueError: a line that is whole is not one of ours.
        """


class JsonLines:
    """A body a line."""

    suffix = ".jsonl"
    head = b""

    def lines(self, outgoing: Outgoing) -> bytes:
        return outgoing.body + b"\n"

    def held(self, data: bytes) -> Iterator[tuple[str, int]]:
        for line, end in _whole_lines(data):
            yield _text(json.loads(line), "message_id"), end


class Csv:
    """An account a row; a message that names none, as withdrawals do, is a row without one.

    What cannot be seen is spelled out, and a cell that a spreadsheet would compute begins with an apostrophe: ids are
    exact in the other form only.
    """

    suffix = ".csv"
    columns: Final = (
        "message_id",
        "row",
        "rows",
        "version",
        "effect",
        "campaign_id",
        "decided_at",
        "day",
        "objective",
        "account_id",
        "strength",
        "reasons",
    )
    head = (",".join(columns) + "\n").encode()

    def lines(self, outgoing: Outgoing) -> bytes:
        body: dict[str, Any] = json.loads(outgoing.body)
        accounts = body["accounts"] or [{"account_id": "", "strength": "", "reasons": []}]
        objective = body["found"]["objective"] if body["found"] else ""
        made = io.StringIO(newline="")
        writer = safe_csv.writer(made, lineterminator="\n")
        for number, account in enumerate(accounts, 1):
            cells = (
                outgoing.message_id,
                number,
                len(accounts),
                *(body[name] for name in ("version", "effect", "campaign_id", "decided_at", "day")),
                objective,
                account["account_id"],
                account["strength"],
                "; ".join(account["reasons"]),
            )
            writer.writerow([cell(one) for one in cells])
        return made.getvalue().encode()

    def held(self, data: bytes) -> Iterator[tuple[str, int]]:
        for line, end in _whole_lines(data):
            cells = next(csv.reader([line.decode()], strict=True), [])
            if len(cells) != len(self.columns):
                raise ValueError("a row has not the right number of cells")
            message_id, row, rows = cells[:3]
            if row == rows:
                yield message_id, end


@dataclass(slots=True)
class _File:
    """The file that is added to. `size`: how long it was when this process last looked."""

    path: Path
    size: int = 0
    ids: set[str] = field(default_factory=set)


class FileSink:
    """Safe beside other processes: they take turns, batch by batch."""

    def __init__(self, name: str, form: Form, folder: Path, most: int, *, clock: Clock = utc_now) -> None:
        """
        Args:
            most: messages after which a file is closed. A batch is never torn, so one may hold a few more.
        """
        self.name = name
        self._form = form
        self._folder = folder
        self._most = most
        self._clock = clock
        self._file: _File | None = None

    def send(self, batch: Sequence[Outgoing]) -> Sequence[Result]:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with FileLock(self._folder / f".{self.name}.lock"):
                self._add(batch)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise
            why = f"the file cannot be written: {error.strerror or type(error).__name__}"
            return [Result(Outcome.FAILED, why)] * len(batch)
        except IntegrityError as error:
            return [Result(Outcome.FAILED, str(error))] * len(batch)
        return [Result(Outcome.DELIVERED)] * len(batch)

    def close(self) -> None:
        """The last file stays open: a later drain adds to it."""

    def _add(self, batch: Sequence[Outgoing]) -> None:
        file = self._current()
        if len(file.ids) >= self._most:
            digest = sha256_file(file.path)
            write_bytes(_beside(file.path), f"{digest}  {file.path.name}\n".encode())
            file = self._begun()
        new = [one for one in batch if one.message_id not in file.ids]
        with file.path.open("ab") as handle:
            if file.size == 0:
                handle.write(self._form.head)
            handle.writelines(self._form.lines(one) for one in new)
            handle.flush()
            os.fsync(handle.fileno())  # also what is there already: whoever wrote it may have died before
            file.size = handle.tell()
        if self._file is not file:
            fsync_folder(self._folder)
        file.ids |= {one.message_id for one in new}
        self._file = file

    def _current(self) -> _File:
        every = sorted(self._folder.glob(f"[0-9]*{self._form.suffix}"))
        if not every or _beside(every[-1]).exists():
            return self._begun()
        if self._file and (self._file.path, self._file.size) == (every[-1], every[-1].stat().st_size):
            return self._file
        return self._read(every[-1])

    def _begun(self) -> _File:
        numbers = [int(path.name.split("-")[0]) for path in self._folder.glob(f"[0-9]*{self._form.suffix}")]
        number = max(numbers, default=0) + 1
        return _File(self._folder / f"{number:06}-{self._clock():%Y%m%dT%H%M%SZ}{self._form.suffix}")

    def _read(self, path: Path) -> _File:
        """What another process, or one before, left; what is half written is cut off.

        Raises:
            IntegrityError: it holds what no sender wrote.
        """
        data, head = path.read_bytes(), self._form.head
        file = _File(path)
        if data.startswith(head):
            file.size = len(head)
            try:
                for message_id, end in self._form.held(data[len(head) :]):
                    file.ids.add(message_id)
                    file.size = len(head) + end
            except (ValueError, csv.Error) as error:
                raise IntegrityError(
                    "a file of the hand-off is damaged",
                    where=path.name,
                    hint="Move it away; the next drain begins another.",
                ) from error
        os.truncate(path, file.size)
        return file


def _beside(path: Path) -> Path:
    return path.with_name(path.name + CHECKSUM)


def _whole_lines(data: bytes) -> Iterator[tuple[bytes, int]]:
    """Each line that ends, and where."""
    start = 0
    while (end := data.find(b"\n", start) + 1) > 0:
        yield data[start : end - 1], end
        start = end


def _text(value: Any, name: str) -> str:
    """
    Raises:
        ValueError: there is no such text.
    """
    if not isinstance(value, dict) or not isinstance(value.get(name), str):
        raise ValueError(f"no {name}")
    return str(value[name])


def cell(value: object) -> object:
    """A value as a cell shows it, on one line."""
    if not isinstance(value, str) or (value.isascii() and value.isprintable()):
        return value
    return safe_text(value)
