"""Files that were handed off, without the accounts that were erased.

What receivers have read they have; these are our copies. A file that was closed is open while it is written anew, so
one without its checksum that is not the last was left by a crash: it gets its checksum.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Collection, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from defusedcsv import csv as safe_csv
from filelock import FileLock

from campaigns.erasure import without_entries
from campaigns.failpoints import failpoint
from campaigns.files import sha256_file, write_bytes
from enforcement.sinks.files import CHECKSUM, Csv, cell

_ACCOUNT: Final = Csv.columns.index("account_id")


def erase_handed_off(folder: Path, ids: Collection[str]) -> int:
    """Write the files anew that name one of the accounts; how many that were."""
    changed = 0
    for name, without in _FORMS.items():
        paths = sorted(folder.glob(f"[0-9]*.{name}"))
        if not paths:
            continue
        with FileLock(folder / f".{name}.lock"):
            for path in paths:
                before = path.read_bytes()
                after = without(before, set(ids))
                beside = path.with_name(path.name + CHECKSUM)
                closed = beside.exists()
                if after != before:
                    changed += 1
                    beside.unlink(missing_ok=True)
                    failpoint("erase:handed_off")
                    write_bytes(path, after)
                if (closed and after != before) or (not closed and path != paths[-1]):
                    write_bytes(beside, f"{sha256_file(path)}  {path.name}\n".encode())
    return changed


def _jsonl(data: bytes, ids: set[str]) -> bytes:
    return b"".join(_line(line, ids) for line in data.splitlines(keepends=True))


def _line(line: bytes, ids: set[str]) -> bytes:
    if not line.endswith(b"\n"):
        return b""  # a sender died here, and the next one would cut it off
    body = json.loads(line)
    made = without_entries(body, ids)
    return line if made == body else json.dumps(made, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def _csv(data: bytes, ids: set[str]) -> bytes:
    """Rows of a message are numbered, and its last one says that it is whole."""
    rows = list(csv.reader(io.StringIO(data.decode(), newline=""), strict=True))
    shown = {_as_shown(name) for name in ids}
    if not any(len(row) == len(Csv.columns) and row[_ACCOUNT] in shown for row in rows):
        return data
    made = io.StringIO(newline="")
    writer = csv.writer(made, lineterminator="\n")
    writer.writerow(rows[0])
    for _, of_one in groupby(rows[1:], key=lambda row: row[0]):
        writer.writerows(_renumbered(list(of_one), shown))
    return made.getvalue().encode()


def _renumbered(rows: list[list[str]], shown: set[str]) -> Iterator[list[str]]:
    left = [row for row in rows if row[_ACCOUNT] not in shown]
    if not left:
        left = [[*rows[0][:_ACCOUNT], *[""] * (len(Csv.columns) - _ACCOUNT)]]
    for number, row in enumerate(left, 1):
        yield [row[0], str(number), str(len(left)), *row[3:]]


def _as_shown(name: str) -> str:
    made = io.StringIO(newline="")
    safe_csv.writer(made, lineterminator="\n").writerow([cell(name)])
    cells: list[str] = next(csv.reader([made.getvalue()]))
    return cells[0]


_FORMS: Final[dict[str, Callable[[bytes, set[str]], Any]]] = {"jsonl": _jsonl, "csv": _csv}
