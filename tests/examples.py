"""Small runs made by hand, for tests of stages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa

from campaigns import files
from campaigns.records import PROMPTS, text_key
from campaigns.runs import Run, open_run

DAY = date(2026, 1, 5)


def run_with_prompts(
    home: Path, rows: Sequence[tuple[str, str, str | None, str]], partitions: int = 2
) -> Run:
    """A run whose ingest is done: rows of (prompt_id, account_id, organization_id, prompt)."""
    run = open_run(home, DAY, "f")
    accounts = sorted({account for _, account, _, _ in rows})
    for part in range(partitions):
        mine = sorted(row for row in rows if accounts.index(row[1]) % partitions == part)
        columns: dict[str, list[object]] = {name: [None] * len(mine) for name in PROMPTS.names}
        columns["prompt_id"] = [row[0] for row in mine]
        columns["account_id"] = [row[1] for row in mine]
        columns["organization_id"] = [row[2] for row in mine]
        columns["prompt"] = [row[3] for row in mine]
        columns["created_at"] = [datetime(2026, 1, 5, 12, tzinfo=UTC)] * len(mine)
        columns["text_key"] = [text_key(row[3]) for row in mine]
        files.write_parquet(
            run.path / "prompts" / f"part-{part:04}.parquet", pa.table(columns, schema=PROMPTS)
        )
    return run
