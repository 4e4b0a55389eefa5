"""Single prompts of a run, found without reading its texts; and where a prompt is that the run does not have."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from campaigns.errors import UsageError
from campaigns.runs import Run

Row = dict[str, Any]
_COLUMNS = ["prompt_id", "account_id", "text_key", "prompt"]


def find_prompt(run: Run, prompt_id: str) -> Row | None:
    """prompt_id, account_id, text_key and prompt; None if the run did not accept it."""
    table = _rows(run, pc.field("prompt_id") == prompt_id, _COLUMNS)
    found: list[Row] = table.slice(0, 1).to_pylist()
    return found[0] if found else None


def first_senders(run: Run, keys: Iterable[bytes], not_by: str) -> dict[bytes, Row]:
    """Of each text key the row of `find_prompt` with the smallest id; rows of the account `not_by` come last."""
    wanted = pc.field("text_key").isin(pa.array(sorted(set(keys)), pa.binary(16)))
    sent = pl.DataFrame(_rows(run, wanted, _COLUMNS))
    first = sent.sort(pl.col("account_id") == not_by, "prompt_id").unique("text_key", keep="first")
    return {row["text_key"]: row for row in first.iter_rows(named=True)}


def absent(run: Run, prompt_id: str, others: Iterable[Run]) -> UsageError:
    """Why the run does not have the prompt: set aside, of another day, or unknown.

    Args:
        others: runs of other days, in the order in which to look.
    """
    quarantine = run.table("quarantine", ["prompt_id", "source", "row", "reason", "detail"])
    rejected = quarantine.filter(pc.equal(quarantine["prompt_id"], prompt_id)).to_pylist()
    if rejected:
        row = rejected[0]
        detail = f" ({row['detail']})" if row["detail"] else ""
        return UsageError(
            f"prompt {prompt_id!r} was set aside: {row['reason']}{detail}",
            where=f"row {row['row']} of {row['source']}, {run.run_id}",
            hint="It was never looked at. Correct the export and run the day again with --force.",
        )
    for other in others:
        if find_prompt(other, prompt_id) is not None:
            return UsageError(
                f"prompt {prompt_id!r} is not of {run.day}",
                where=run.run_id,
                hint=f"It is of {other.day}: add --day {other.day}.",
            )
    return UsageError(
        f"no prompt {prompt_id!r}",
        where=run.run_id,
        hint="Ids are those of the traffic; members.parquet of the run lists those in campaigns.",
    )


def _rows(run: Run, wanted: pc.Expression, columns: list[str]) -> pa.Table:
    """Parts are sorted by prompt id: for one id, most row groups are never read."""
    return pa.concat_tables(
        pq.read_table(
            part, columns=columns, filters=wanted, partitioning=None, page_checksum_verification=True
        )
        for part in run.prompt_parts()
    )
