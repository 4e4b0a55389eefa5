"""Files to take away, and the row in the audit log that says who took them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

import pyarrow as pa
from starlette.responses import Response

from campaigns.audit import Action, append
from campaigns.sessions import SignedIn
from review.exports import as_csv, as_jsonl, as_parquet
from review.web.desk import Desk


class Kind(StrEnum):
    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"


_TYPES: Final = {
    Kind.CSV: "text/csv; charset=utf-8",
    Kind.JSONL: "application/x-ndjson",
    Kind.PARQUET: "application/vnd.apache.parquet",
}


def written(rows: Sequence[Mapping[str, Any]], schema: pa.Schema, kind: Kind) -> bytes:
    if kind == Kind.PARQUET:
        return as_parquet(rows, schema)
    return (as_csv if kind == Kind.CSV else as_jsonl)(rows, schema.names)


def download(
    desk: Desk, user: SignedIn, body: bytes, kind: Kind, name: str, subject: str, details: Mapping[str, Any]
) -> Response:
    """A file called `name` and the ending of its kind. Nothing leaves before the log has its row.

    Args:
        subject: what was exported, as the audit log names it; `details` say how much of it.
    """
    with desk.store.writing() as session:
        append(
            session,
            actor=user.user,
            action=Action.EXPORTED,
            subject=subject,
            details={**details, "format": kind},
            at=desk.clock(),
        )
    return Response(
        body,
        media_type=_TYPES[kind],
        headers={"Content-Disposition": f'attachment; filename="{name}.{kind}"'},
    )
