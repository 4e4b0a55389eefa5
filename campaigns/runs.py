"""Run folders: what each stage wrote, how far a run came, and the manifest that makes it complete.

    $SHOAL_HOME/runs/2026-01-05/1/       one attempt at one day
        stages/ingest.json               written last by a stage: its files, their SHA-256, rows, counts, seconds
        prompts/part-0000.parquet        ... stage outputs ...
        canaries/part-0000.parquet       planted prompts, which only discovery sees
        members.parquet  campaigns.parquet  accounts.parquet  evidence.parquet  variants.parquet
        operators.parquet  bridges.parquet  map.parquet  quarantine.parquet
        prevalence.parquet  prevalence_accounts.parquet
        manifest.json                    written last of all: the run is complete

A stage is a plain function (run, settings) -> counts. `Run.stage` wraps it: a stage whose marker exists
and whose files are still what they were is not done again, so a run that died goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from campaigns import files
from campaigns.errors import IntegrityError, UsageError
from campaigns.failpoints import failpoint
from campaigns.records import PLANTED

FORMAT = 1
MANIFEST = "manifest.json"
DISCARDED_PREFIX = ".discarded-"
RESULTS = (
    "members", "campaigns", "accounts", "evidence", "variants", "operators", "bridges", "map", "quarantine",
    "prevalence", "prevalence_accounts",
)  # fmt: skip
_DAY_NAME = re.compile(r"\d{4}-\d{2}-\d{2}")
DIGESTED = (
    "members", "campaigns", "accounts", "evidence", "variants", "operators", "bridges",
    "prevalence", "prevalence_accounts",
)  # fmt: skip
"""The results that the digest of a run covers."""

Counts = dict[str, int | float | str]


@dataclass(frozen=True, slots=True)
class StageRecord:
    """What a completed stage left behind. `files` maps a path in the run folder to its SHA-256.

    `inputs` names what the stage rests on besides the run's fingerprint, such as what the store said; empty: nothing.
    """

    name: str
    files: dict[str, str]
    counts: Counts
    seconds: float
    inputs: str = ""

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> StageRecord:
        return cls(
            value["name"],
            dict(value["files"]),
            dict(value["counts"]),
            value["seconds"],
            value.get("inputs", ""),
        )

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Run:
    """One attempt at one day. `fingerprint` names input, settings and versions: only equal ones may be resumed."""

    path: Path
    day: date
    attempt: int
    fingerprint: str

    @property
    def run_id(self) -> str:
        return f"{self.day.isoformat()}.{self.attempt}"

    @property
    def complete(self) -> bool:
        return (self.path / MANIFEST).exists()

    # -- stages ----------------------------------------------------------------------------------------

    def stage(
        self,
        name: str,
        work: Callable[[], Counts],
        outputs: Iterable[str],
        optional: Iterable[str] = (),
        *,
        inputs: str = "",
    ) -> StageRecord:
        """Do `work` unless its outputs are already there and rest on the same `inputs`; then record it.

        Args:
            outputs: glob patterns, relative to the run folder, of the files that `work` writes.
            optional: more patterns, that need not match.
            inputs: see `StageRecord`.

        Raises:
            IntegrityError: `work` left one of its patterns without a file.
        """
        done = self.completed(name)
        if done is not None and done.inputs == inputs:
            return done
        failpoint(f"{name}:before")
        started = time.perf_counter()
        counts = work()
        failpoint(f"{name}:done")
        written: dict[str, str] = {}
        required = tuple(outputs)
        for pattern in (*required, *optional):
            found = sorted(self.path.glob(pattern))
            if not found and pattern in required:
                raise IntegrityError(f"stage {name} wrote nothing for {pattern}", where=str(self.path))
            written.update({str(p.relative_to(self.path)): files.sha256_file(p) for p in found})
        record = StageRecord(name, written, counts, round(time.perf_counter() - started, 3), inputs)
        files.write_json(self._marker(name), record.to_json())
        failpoint(f"{name}:recorded")
        return record

    def completed(self, name: str) -> StageRecord | None:
        """The stage's record, or None if it has to be done (again): no marker, or a file that changed."""
        marker = self._marker(name)
        if not marker.exists():
            return None
        try:
            record = StageRecord.from_json(json.loads(marker.read_bytes()))
        except (ValueError, KeyError, TypeError):
            return None
        intact = all(
            (self.path / file).exists() and files.sha256_file(self.path / file) == digest
            for file, digest in record.files.items()
        )
        return record if intact else None

    def records(self) -> list[StageRecord]:
        """Completed stages, in the order they were recorded."""
        markers = sorted((self.path / "stages").glob("*.json"), key=lambda p: p.stat().st_mtime_ns)
        return [StageRecord.from_json(json.loads(marker.read_bytes())) for marker in markers]

    def written_by(self, *names: str) -> str:
        """One SHA-256 over what the named stages recorded as written: the `inputs` of a stage that reads it.

        Raises:
            UsageError: one of them is not completed.
        """
        recorded: dict[str, str] = {}
        for name in names:
            record = self.completed(name)
            if record is None:
                raise UsageError(f"stage {name} has not been done", where=str(self.path))
            recorded.update(record.files)
        return hashlib.sha256(json.dumps(recorded, sort_keys=True).encode()).hexdigest()

    def _marker(self, name: str) -> Path:
        return self.path / "stages" / f"{name}.json"

    # -- completion ------------------------------------------------------------------------------------

    def finish(self, extra: Mapping[str, Any]) -> dict[str, Any]:
        """Write the manifest: every result file with SHA-256 and rows, the digest, the stages, and `extra`."""
        tables = {name: files.read_parquet(self.path / f"{name}.parquet") for name in RESULTS}
        manifest: dict[str, Any] = {
            "format": FORMAT,
            "run_id": self.run_id,
            "day": self.day.isoformat(),
            "fingerprint": self.fingerprint,
            "completed_at": datetime.now(UTC).isoformat(),
            "files": {
                f"{name}.parquet": {
                    "sha256": files.sha256_file(self.path / f"{name}.parquet"),
                    "rows": table.num_rows,
                }
                for name, table in tables.items()
            },
            "digest": digest_tables({name: tables[name] for name in DIGESTED}),
            "stages": [record.to_json() for record in self.records()],
            **extra,
        }
        files.write_json(self.path / MANIFEST, manifest)
        return manifest

    def reopen(self) -> None:
        """Take the manifest away from a run that was never published, so that its stages are looked at again."""
        (self.path / MANIFEST).unlink(missing_ok=True)
        files.fsync_folder(self.path)

    @property
    def second_pass(self) -> bool:
        """Whether the complete run counted its day again, over all prompts of the accounts that it looked at.

        Raises:
            UsageError, IntegrityError: as `manifest`.
        """
        return "second_pass" in self.manifest()

    def manifest_sha256(self) -> str:
        return files.sha256_file(self.path / MANIFEST)

    def manifest(self) -> dict[str, Any]:
        path = self.path / MANIFEST
        try:
            value: dict[str, Any] = json.loads(path.read_bytes())
        except FileNotFoundError:
            raise UsageError(
                "the run is not complete", where=str(self.path), hint="Run the day again; it resumes."
            ) from None
        except ValueError:
            raise IntegrityError(
                "the manifest is damaged", where=str(path), hint="Run the day again with --force."
            ) from None
        return value

    def verify(self) -> list[str]:
        """Compare every result and stage file with its recorded SHA-256; return what is wrong, in words."""
        manifest = self.manifest()
        recorded = {name: entry["sha256"] for name, entry in manifest["files"].items()}
        for stage in manifest["stages"]:
            recorded.update(stage["files"])
        problems = []
        for name, digest in sorted(recorded.items()):
            path = self.path / name
            if not path.exists():
                problems.append(f"{self.run_id}: {name} is missing")
            elif files.sha256_file(path) != digest:
                problems.append(f"{self.run_id}: {name} is not what was written")
        return problems

    def table(self, name: str, columns: list[str] | None = None) -> pa.Table:
        """A Parquet file of the run by its name without the ending."""
        return files.read_parquet(self.path / f"{name}.parquet", columns)

    def prompt_parts(self) -> list[Path]:
        return sorted((self.path / "prompts").glob("part-*.parquet"))

    def searched_parts(self) -> list[Path]:
        """What families are sought in: the accepted prompts, and after them what was planted among them.

        No account is in two parts. Whatever says something about the traffic reads `prompt_parts`.
        """
        return self.prompt_parts() + sorted((self.path / "canaries").glob("part-*.parquet"))

    def planted(self) -> pa.Table:
        """The texts that were planted, schema PLANTED; none of a run that nothing was planted in."""
        path = self.path / "canaries" / "planted.parquet"
        return files.read_parquet(path) if path.exists() else PLANTED.empty_table()

    def prompts(self, columns: list[str] | None = None) -> pa.Table:
        """All accepted prompts; name the columns you need."""
        return pa.concat_tables([files.read_parquet(part, columns) for part in self.prompt_parts()])

    def cores(self, n_families: int) -> list[tuple[NDArray[np.uint64], NDArray[np.float32]]]:
        """Features, ascending, and weights of each family's core, from `family_cores`; empty where it has none."""
        table = self.table("family_cores").sort_by([("family", "ascending"), ("feature", "ascending")])
        bounds = np.searchsorted(table["family"].to_numpy(), np.arange(n_families + 1))
        features, weights = table["feature"].to_numpy(), table["weight"].to_numpy()
        return [(features[a:b], weights[a:b]) for a, b in pairwise(bounds)]

    def texts(self, columns: list[str]) -> pa.Table:
        """The distinct texts of the traffic, columns of schema TEXTS; none of what was planted."""
        table = self.table("texts", sorted({*columns, "text_key"}))
        planted = pc.is_in(table["text_key"], value_set=self.planted()["text_key"])
        return table.filter(pc.invert(planted)).select(columns)

    def texts_of(self, keys: pa.Array, characters: int | None = None, *, planted: bool = False) -> pa.Table:
        """(text_key, prompt) of the given text keys, one row each, sorted by key; reads part by part.

        With `characters`, only that many of each prompt; with `planted`, those of planted texts too.
        """
        found = []
        for part in self.searched_parts() if planted else self.prompt_parts():
            table = files.read_parquet(part, ["text_key", "prompt"])
            table = table.filter(pc.is_in(table["text_key"], value_set=keys))
            if characters is not None:
                table = table.set_column(1, "prompt", pc.utf8_slice_codeunits(table["prompt"], 0, characters))
            found.append(table)
        table = pa.concat_tables(found).sort_by("text_key")
        if table.num_rows < 2:
            return table
        key_column = table["text_key"].combine_chunks()
        first = pc.not_equal(key_column[1:], key_column[:-1])
        return table.filter(pa.concat_arrays([pa.array([True]), first]))


def open_run(home: Path, day: date, fingerprint: str, *, force: bool = False) -> Run:
    """The run to work on: an unfinished one with this fingerprint; else the newest if it is finished with this
    fingerprint (it may still have to be published); else a new attempt.

    With `force`, a finished run is never taken up again. Folders of unfinished attempts with another fingerprint are
    removed: nobody can resume them. The caller holds the day lock.
    """
    _clean(home / "runs" / day.isoformat())
    unfinished = [run for run in attempts(home, day) if not run.complete]
    for run in unfinished:
        if run.fingerprint != fingerprint:
            discard(run.path)
    for run in unfinished:
        if run.fingerprint == fingerprint:
            files.remove_leftovers(run.path)
            return run
    newest = max(attempts(home, day), key=lambda run: run.attempt, default=None)
    if newest is not None and newest.fingerprint == fingerprint and not force:
        return newest
    number = newest.attempt + 1 if newest is not None else 1
    path = home / "runs" / day.isoformat() / str(number)
    files.write_json(
        path / "run.json", {"day": day.isoformat(), "attempt": number, "fingerprint": fingerprint}
    )
    return Run(path, day, number, fingerprint)


def discard(path: Path) -> None:
    """Delete a run folder. It loses its name first: half deleted, it could pass for a run of another fingerprint."""
    unnamed = path.with_name(f"{DISCARDED_PREFIX}{secrets.token_hex(4)}")
    path.rename(unnamed)
    files.fsync_folder(path.parent)
    failpoint("discard:renamed")
    shutil.rmtree(unnamed)


def _clean(folder: Path) -> None:
    """Delete what a crash left of discarded attempts, and attempts that died before they had a header.

    Raises:
        IntegrityError: a finished attempt has lost its header.
    """
    for path in list(folder.iterdir()) if folder.exists() else []:
        if path.name.startswith(DISCARDED_PREFIX):
            shutil.rmtree(path)
        elif path.name.isdecimal() and not (path / "run.json").exists():
            if (path / MANIFEST).exists():
                raise IntegrityError(
                    "the header of a finished run is missing",
                    where=str(path),
                    hint="Restore run.json, or move the folder away and run the day again.",
                )
            discard(path)


def attempts(home: Path, day: date) -> list[Run]:
    """Every attempt at a day, the oldest first."""
    folder = home / "runs" / day.isoformat()
    if not folder.exists():
        return []
    found = []
    for path in folder.iterdir():
        if not path.name.isdecimal():
            continue
        header = path / "run.json"
        if header.exists():
            try:
                value = json.loads(header.read_bytes())
                found.append(Run(path, day, int(value["attempt"]), str(value["fingerprint"])))
            except (ValueError, KeyError, TypeError):
                raise IntegrityError(
                    "the header of a run is damaged",
                    where=str(header),
                    hint="Move the folder away and run the day again.",
                ) from None
    return sorted(found, key=lambda run: run.attempt)


def days(home: Path) -> list[date]:
    """Days that have a run folder, in order."""
    folder = home / "runs"
    names = [path.name for path in folder.iterdir()] if folder.exists() else []
    return sorted(date.fromisoformat(name) for name in names if _DAY_NAME.fullmatch(name))


def digest_tables(tables: Mapping[str, pa.Table]) -> str:
    """SHA-256 over the sorted rows of the tables; no wall-clock value is among them."""
    digest = hashlib.sha256()
    for name in sorted(tables):
        digest.update(name.encode())
        for row in sorted(_rows(tables[name])):
            digest.update(row.encode())
    return digest.hexdigest()


def _rows(table: pa.Table) -> Iterator[str]:
    for batch in table.to_batches(max_chunksize=10_000):
        for row in batch.to_pylist():
            yield json.dumps(row, sort_keys=True, ensure_ascii=False, default=str)
