"""Changing a folder that never changes: only to take something out of it, and whole or not at all.

    .rewriting/members.parquet ...   what will stand in the place of the files of these names
    .rewriting/log.json              written last: from here on the change is made, whoever dies

A folder without the log is as it was; what else is staged is thrown away. With it the change is carried to its end by
`finish`, as often as it takes. (Redo log: J. Gray and A. Reuter, "Transaction Processing", 1993.)
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from campaigns import files
from campaigns.entries import Clock, utc_now
from campaigns.errors import IntegrityError
from campaigns.failpoints import failpoint
from campaigns.locks import DayLock
from campaigns.runs import DIGESTED, MANIFEST, Run, digest_tables
from campaigns.store import Store
from campaigns.tables import RunRow

FOLDER: Final = ".rewriting"
_LOG: Final = "log.json"


@dataclass(slots=True)
class Staged:
    """The files of a folder as they will be. What is not put stays as it is."""

    folder: Path
    names: set[str] = field(default_factory=set)

    @classmethod
    def begin(cls, folder: Path) -> Staged:
        """Throw away what a crash left without its log."""
        shutil.rmtree(folder / FOLDER, ignore_errors=True)
        return cls(folder)

    def tables(self) -> Iterator[tuple[str, pa.Table]]:
        """Every Parquet file of the folder by its path in it, as it is now."""
        for path in sorted(self.folder.rglob("*.parquet")):
            name = path.relative_to(self.folder)
            if not any(part.startswith(".") for part in name.parts):
                yield name.as_posix(), files.read_parquet(path)

    def put_table(self, name: str, table: pa.Table) -> None:
        files.write_parquet(self._path(name), table)

    def put_array(self, name: str, array: NDArray[Any]) -> None:
        files.write_array(self._path(name), array)

    def put_json(self, name: str, value: Any) -> None:
        files.write_json(self._path(name), value)

    def room_for(self, name: str) -> Path:
        """Where another may write the file."""
        path = self._path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def table(self, name: str) -> pa.Table:
        """As it will be."""
        path = self.folder / FOLDER / name
        return files.read_parquet(path if path.exists() else self.folder / name)

    def array(self, name: str) -> NDArray[Any]:
        """As it is now, a copy."""
        return np.load(self.folder / name)  # type: ignore[no-any-return]

    def sha256(self, name: str) -> str:
        return files.sha256_file(self.folder / FOLDER / name)

    def rows(self, name: str) -> int:
        return int(pq.read_metadata(self.folder / FOLDER / name).num_rows)

    def ready(self, log: Mapping[str, Any]) -> None:
        """From here on the change is made; `finish` carries it out.

        Args:
            log: what `finish` needs to know besides.
        """
        failpoint("rewrite:staged")
        last = [name for name in (MANIFEST,) if name in self.names]
        order = [*sorted(self.names - {*last}), *last]
        files.write_json(self.folder / FOLDER / _LOG, {"files": order, **log})
        failpoint("rewrite:ready")

    def _path(self, name: str) -> Path:
        self.names.add(name)
        return self.folder / FOLDER / name


def begun(folder: Path) -> dict[str, Any] | None:
    """The log of a change that is made and not carried to its end."""
    try:
        found: dict[str, Any] = json.loads((folder / FOLDER / _LOG).read_bytes())
    except FileNotFoundError:
        return None
    return found


def move(folder: Path, log: Mapping[str, Any]) -> None:
    """Put the staged files in place, the manifest last; those that are there already are passed over."""
    for name in log["files"]:
        staged = folder / FOLDER / name
        if staged.exists():
            staged.replace(folder / name)
            files.fsync_folder((folder / name).parent)
            failpoint("rewrite:moved")


def clear(folder: Path) -> None:
    """Forget the change, which is carried to its end."""
    shutil.rmtree(folder / FOLDER, ignore_errors=True)
    files.fsync_folder(folder)


# -- runs ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Note:
    """What the manifest says of the change, in its list `under`, with the digests before and after."""

    under: str
    counts: Mapping[str, int]


def refuse_damaged(run: Run) -> None:
    """
    Raises:
        IntegrityError: a file is not what was written. New checksums would make it look sound.
    """
    problems = run.verify()
    if problems:
        raise IntegrityError(
            problems[0],
            where=str(run.path),
            hint="Restore the run, or move its folder away and do the day again; then run this command again.",
        )


def commit(store: Store, lock: DayLock, run: Run, staged: Staged, note: Note, clock: Clock = utc_now) -> None:
    """Change a complete run: its files, the checksums of its stages and its manifest, and its row in the ledger.

    Raises:
        FencedError: the lock was released or taken over. The change is staged; `finish` makes it.
    """
    if not staged.names:
        clear(run.path)
        return
    changed = {name: staged.sha256(name) for name in staged.names}
    _put_markers(run, staged, changed)
    manifest = _manifest(run, staged, changed, note, clock())
    staged.put_json(MANIFEST, manifest)
    staged.ready({"digest": manifest["digest"], "manifest_sha256": staged.sha256(MANIFEST)})
    finish(store, lock, run)


def finish(store: Store, lock: DayLock, run: Run) -> bool:
    """Carry a change of the run to its end; False if none was begun."""
    log = begun(run.path)
    if log is None:
        return False
    move(run.path, log)
    with store.writing() as session:
        lock.check(session)
        row = session.get(RunRow, run.run_id)
        if row is not None:
            row.digest, row.manifest_sha256 = log["digest"], log["manifest_sha256"]
        failpoint("rewrite:before_ledger")
    failpoint("rewrite:ledger")
    clear(run.path)
    return True


def _put_markers(run: Run, staged: Staged, changed: Mapping[str, str]) -> None:
    """Markers keep their times: the order of the stages follows from these."""
    for marker in sorted((run.path / "stages").glob("*.json")):
        value = json.loads(marker.read_bytes())
        theirs = value["files"].keys() & changed.keys()
        if theirs:
            name = f"stages/{marker.name}"
            value["files"] |= {file: changed[file] for file in theirs}
            staged.put_json(name, value)
            was = marker.stat()
            os.utime(staged.room_for(name), ns=(was.st_atime_ns, was.st_mtime_ns))


def _manifest(
    run: Run, staged: Staged, changed: Mapping[str, str], note: Note, at: datetime
) -> dict[str, Any]:
    manifest = run.manifest()
    before = manifest["digest"]
    for name in manifest["files"].keys() & changed.keys():
        manifest["files"][name] = {"sha256": changed[name], "rows": staged.rows(name)}
    for stage in manifest["stages"]:
        stage["files"] |= {name: changed[name] for name in stage["files"].keys() & changed.keys()}
    if any(f"{name}.parquet" in changed for name in DIGESTED):
        manifest["digest"] = digest_tables({name: staged.table(f"{name}.parquet") for name in DIGESTED})
    told = {
        "at": at.isoformat(),
        "digest_before": before,
        "digest_after": manifest["digest"],
        "counts": dict(note.counts),
    }
    manifest.setdefault(note.under, []).append(told)
    return manifest
