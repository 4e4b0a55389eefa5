"""The folder that a pass over traffic writes, and how far the pass came.

    matches/part-0000.parquet     finished parts; nothing that is written changes again
    unfinished/checkpoint.json    written before everything and after each part: where to go on
    unfinished/accounts-0000.parquet  unfinished/quarantine-0000.parquet
    counts.parquet  accounts.parquet  quarantine.parquet
    manifest.json                 written last: the pass is complete, and `unfinished` goes

A pass that was killed goes on after its last finished part. What it wrote beyond that is written again, the same.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from campaigns import files
from campaigns.errors import InputError, IntegrityError, UsageError
from campaigns.failpoints import failpoint
from campaigns.records import QUARANTINE, UTC_MICROSECONDS
from campaigns.runs import MANIFEST
from matching.counts import MatchCounts

MATCHES = pa.schema(
    [
        pa.field("prompt_id", pa.string(), nullable=False),
        pa.field("account_id", pa.string(), nullable=False),
        pa.field("created_at", UTC_MICROSECONDS, nullable=False),
        pa.field("campaign_id", pa.string(), nullable=False),
        pa.field("variant", pa.int32(), nullable=False),
        pa.field("strength", pa.float32(), nullable=False),
        pa.field("whole", pa.bool_(), nullable=False),
        pa.field("slots", pa.list_(pa.string()), nullable=False),
        pa.field("how", pa.string(), nullable=False),
    ]
)
"""One row per prompt and campaign, in the order of the traffic; of one prompt the strongest first.

`how`: by the "template", or by the "wording", its words alone (`matching.known.How`); then there are no slots.
"""

COUNTS = pa.schema(
    [
        pa.field("campaign_id", pa.string(), nullable=False),
        pa.field("account_id", pa.string(), nullable=False),
        pa.field("n_prompts", pa.int64(), nullable=False),
        pa.field("by_words", pa.int64(), nullable=False),
        pa.field("of_prompts", pa.int64(), nullable=False),
    ]
)
"""`n_prompts` of the account's `of_prompts` in the traffic belong to the campaign, `by_words` of them by words alone.

An account with nothing else is not named: words alone are a hint. Sort: campaign_id, account_id.
"""

TOTALS = pa.schema(
    [pa.field("account_id", pa.string(), nullable=False), pa.field("n_prompts", pa.int64(), nullable=False)]
)
"""Every account of the traffic and all its prompts. Sort: account_id."""

SENT = pa.schema(
    [
        pa.field("account_id", pa.string(), nullable=False),
        pa.field("campaign_id", pa.string()),
        pa.field("n_prompts", pa.int64(), nullable=False),
        pa.field("by_words", pa.int64(), nullable=False),
    ]
)
"""Prompts of an account in a part: all of them (campaign null), and those of each campaign; some by words alone."""

CHOSEN = "chosen.parquet"
"""What a second pass over the traffic looks at; `matching.second_pass` writes it."""

_SUMS = ("counts.parquet", "accounts.parquet", "quarantine.parquet")
_UNFINISHED = "unfinished"
_LOCK = ".lock"
_AGAIN = "Choose another folder with --out, or match again from the start with --force."


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Parts that are finished, and where to go on: `batches` of file number `file` are done.

    `latest` is the last moment that was not yet the future when the pass began. `fault` is the first reason for which a
    file was left out: what, where, hint.
    """

    fingerprint: str
    latest: str
    parts: int = 0
    file: int = 0
    batches: int = 0
    counts: MatchCounts = field(default_factory=MatchCounts)
    fault: tuple[str, str, str] | None = None

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        counts = MatchCounts.from_json(value.pop("counts"))
        fault = value.pop("fault")
        return cls(**value, counts=counts, fault=None if fault is None else tuple(fault))

    def refuse_if_nothing_was_read(self) -> None:
        """
        Raises:
            InputError: every file was left out.
        """
        if self.fault is not None and self.counts.quarantined == self.counts.rows_in:
            what, where, hint = self.fault
            raise InputError(what, where=where, hint=hint)


@dataclass(frozen=True, slots=True)
class Folder:
    path: Path

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else writes here meanwhile. The system lets go when a process dies.

        Raises:
            UsageError: another pass is at work here.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.path / _LOCK)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            raise UsageError(
                "another pass is at work in the folder",
                where=str(self.path),
                hint="Wait for it, or choose another folder with --out.",
            ) from None
        try:
            yield
        finally:
            lock.release()

    def finished(self) -> dict[str, Any] | None:
        """The manifest, if there is one.

        Raises:
            IntegrityError: it is damaged.
        """
        return _json(self.path / MANIFEST)

    def unfinished(self) -> Checkpoint | None:
        """
        Raises:
            IntegrityError: the checkpoint is damaged.
        """
        value = _json(self._checkpoint)
        return None if value is None else Checkpoint.from_json(value)

    def clear(self) -> None:
        """Delete what a pass has written here, and nothing else; nothing at all if no pass has left its mark."""
        if not (self.path / MANIFEST).exists() and not self._checkpoint.exists():
            return
        for name in (MANIFEST, *_SUMS, CHOSEN):
            (self.path / name).unlink(missing_ok=True)
        for name in ("matches", _UNFINISHED):
            shutil.rmtree(self.path / name, ignore_errors=True)

    def begin(self, fingerprint: str, latest: str) -> Checkpoint:
        """Where to go on, or the start.

        Raises:
            UsageError: another pass has begun or ended here.
        """
        files.remove_leftovers(self.path)
        found = self.unfinished()
        if found is not None:
            if found.fingerprint != fingerprint:
                raise UsageError(
                    "an unfinished pass over other traffic or campaigns is here",
                    where=str(self.path),
                    hint=_AGAIN,
                )
            return found
        if (self.path / MANIFEST).exists() or (self.path / "matches").exists():
            raise UsageError("the folder holds other matches", where=str(self.path), hint=_AGAIN)
        start = Checkpoint(fingerprint, latest)
        self.record(start)
        return start

    def record(self, checkpoint: Checkpoint) -> None:
        files.write_json(self._checkpoint, asdict(checkpoint))

    def write_part(
        self,
        number: int,
        matches: Iterable[pa.Table],
        sent: Iterable[pa.Table],
        quarantine: Iterable[pa.Table],
    ) -> None:
        files.write_parquet(
            self.path / "matches" / f"part-{number:04d}.parquet",
            pa.concat_tables([MATCHES.empty_table(), *matches]),
        )
        failpoint("match:part")
        totals = pl.DataFrame(pa.concat_tables([SENT.empty_table(), *sent]))
        totals = totals.group_by("account_id", "campaign_id").agg(pl.sum("n_prompts", "by_words"))
        files.write_parquet(self._piece("accounts", number), totals.to_arrow().cast(SENT))
        files.write_parquet(
            self._piece("quarantine", number), pa.concat_tables([QUARANTINE.empty_table(), *quarantine])
        )
        failpoint("match:written")

    def finish(self, checkpoint: Checkpoint, extra: dict[str, Any]) -> dict[str, Any]:
        """Sum up the parts and write the manifest.

        Raises:
            IntegrityError: the figures do not add up.
        """
        counts, parts = checkpoint.counts, range(checkpoint.parts)
        if counts.rows_in != counts.matched + counts.unmatched + counts.quarantined:
            raise IntegrityError(f"rows were lost or doubled: {counts}", where=str(self.path))
        self._write_quarantine(parts)
        totals = self._totals(parts)
        files.write_parquet(self.path / "accounts.parquet", _of_accounts(totals))
        files.write_parquet(self.path / "counts.parquet", _counts(totals))
        failpoint("match:summed")
        names = [f"matches/part-{number:04d}.parquet" for number in parts]
        manifest = {
            "format": 1,
            "fingerprint": checkpoint.fingerprint,
            "counts": asdict(counts),
            "files": {
                name: {
                    "sha256": files.sha256_file(self.path / name),
                    "rows": pq.read_metadata(self.path / name).num_rows,
                }
                for name in [*names, *_SUMS]
            },
            **extra,
        }
        files.write_json(self.path / MANIFEST, manifest)
        failpoint("match:finished")
        self.tidy()
        return manifest

    def tidy(self) -> None:
        shutil.rmtree(self.path / _UNFINISHED, ignore_errors=True)

    def _write_quarantine(self, parts: Iterable[int]) -> None:
        with (
            files.atomic_path(self.path / "quarantine.parquet") as temporary,
            pq.ParquetWriter(temporary, QUARANTINE, compression="zstd", write_page_checksum=True) as writer,
        ):
            for number in parts:
                writer.write_table(files.read_parquet(self._piece("quarantine", number)))

    def _totals(self, parts: Iterable[int]) -> pl.DataFrame:
        """Columns of SENT. Memory grows with the accounts of the traffic, not with its rows."""
        sent = [pl.scan_parquet(self._piece("accounts", number)) for number in parts]
        if not sent:
            return pl.DataFrame(SENT.empty_table())
        return (
            pl.concat(sent)
            .group_by("account_id", "campaign_id")
            .agg(pl.sum("n_prompts", "by_words"))
            .collect()
        )

    def _piece(self, name: str, number: int) -> Path:
        return self.path / _UNFINISHED / f"{name}-{number:04d}.parquet"

    @property
    def _checkpoint(self) -> Path:
        return self.path / _UNFINISHED / "checkpoint.json"


def _of_accounts(totals: pl.DataFrame) -> pa.Table:
    everything = totals.filter(pl.col("campaign_id").is_null())
    return everything.select(TOTALS.names).sort("account_id").to_arrow().cast(TOTALS)


def _counts(totals: pl.DataFrame) -> pa.Table:
    everything = totals.filter(pl.col("campaign_id").is_null()).select("account_id", of_prompts="n_prompts")
    found = totals.drop_nulls("campaign_id").join(everything, on="account_id", how="left")
    return found.select(COUNTS.names).sort("campaign_id", "account_id").to_arrow().cast(COUNTS)


def _json(path: Path) -> dict[str, Any] | None:
    try:
        value: dict[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError:
        raise IntegrityError("the file is damaged", where=str(path), hint=_AGAIN) from None
    return value
