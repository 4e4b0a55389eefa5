"""Traffic to try ingest on: a few plain rows, every format to write them in, and one call to take them in."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from campaigns import files
from campaigns.records import TRAFFIC, IngestCounts
from campaigns.runs import Run
from campaigns.settings import Settings
from ingest.stage import ingest

DAY = date(2026, 1, 5)
MIDNIGHT = datetime(2026, 1, 5, tzinfo=UTC)

Row = dict[str, Any]


def row(number: int = 0, **changes: Any) -> Row:
    """A full and valid row; equal numbers give equal rows."""
    made: Row = {
        "prompt_id": f"p{number:05d}",
        "account_id": f"account-{number % 7}",
        "created_at": MIDNIGHT + timedelta(seconds=number),
        "prompt": f"Explain topic {number} to a beginner.",
        "system_prompt": "You are a tutor." if number % 2 else None,
        "organization_id": f"org-{number % 3}",
        "api_key_id": f"key-{number % 5}",
        "model": "large-1",
        "user_agent": "sdk/1.0",
        "ip": f"192.0.2.{number % 250}",
        "asn": 64500 + number % 4,
        "country": "NZ",
        "payment_fingerprint": None,
        "account_created_at": MIDNIGHT - timedelta(days=number % 9 + 1),
        "input_tokens": number,
        "output_tokens": 2 * number,
    }
    return made | changes


def rows(n: int) -> list[Row]:
    return [row(number) for number in range(n)]


def as_json(found: Mapping[str, Any]) -> str:
    return json.dumps(found, ensure_ascii=False, default=lambda moment: moment.isoformat())


def jsonl(found: Sequence[Mapping[str, Any]]) -> bytes:
    return "".join(as_json(one) + "\n" for one in found).encode("utf-8", "surrogatepass")


def csv_bytes(found: Sequence[Mapping[str, Any]], names: Sequence[str] | None = None) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(names or found[0]))
    writer.writeheader()
    for one in found:
        writer.writerow({k: v.isoformat() if isinstance(v, datetime) else v for k, v in one.items()})
    return out.getvalue().encode()


def table(found: Sequence[Mapping[str, Any]]) -> pa.Table:
    lenient = pa.schema([field.with_nullable(True) for field in TRAFFIC])
    return pa.Table.from_pylist([dict(one) for one in found], schema=lenient)


def write(path: Path, found: Sequence[Row]) -> Path:
    """Write rows in the format that the ending of `path` names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        pq.write_table(table(found), path)
        return path
    data = csv_bytes(found, TRAFFIC.names) if ".csv" in path.suffixes else jsonl(found)
    if path.suffix == ".gz":
        data = gzip.compress(data)
    elif path.suffix == ".zst":
        data = pa.compress(data, "zstd", asbytes=True)
    path.write_bytes(data)
    return path


@dataclass(frozen=True)
class Taken:
    """What a run of the stage left behind."""

    run: Run
    counts: IngestCounts

    def prompts(self) -> list[Row]:
        found: list[Row] = self.run.prompts().sort_by("prompt_id").to_pylist()
        return found

    def ids(self) -> list[str]:
        return [one["prompt_id"] for one in self.prompts()]

    def quarantine(self) -> list[Row]:
        found: list[Row] = files.read_parquet(self.run.path / "quarantine.parquet").to_pylist()
        return found

    def faults(self) -> list[tuple[str | None, int, str]]:
        """(prompt_id, row, reason) of the quarantined rows."""
        return [(one["prompt_id"], one["row"], one["reason"]) for one in self.quarantine()]


def new_run(folder: Path) -> Run:
    folder.mkdir(parents=True, exist_ok=True)
    return Run(folder, DAY, 1, "fingerprint")


def take(folder: Path, source: Path | str, *, key: str = "", **knobs: Any) -> Taken:
    """Run the stage. Nearly everything may be quarantined, unless a test says otherwise."""
    settings = Settings(ingest={"max_quarantine_share": 1.0, "partitions": 3} | knobs, secret_key=key)
    run = new_run(folder)
    return Taken(run, ingest(run, settings, str(source)))
