"""Known campaigns and traffic of ours, with the truth beside it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from campaigns.covers import Cover
from campaigns.entries import KnownMatcher
from campaigns.records import MatcherState, Slot, Template
from labeling.cover_words import cover_words
from labeling.sought import words_of
from labeling.template import template_to_json

SLOT = Slot("text", 0, ())
MONDAY = date(2026, 1, 5)
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)

GRADE = ("Grade the following essay from one to ten and give your reasons: ", SLOT)
TIDE = ("Explain the tide to a sailor of ", SLOT, " in the words of a poet, then sum up in ", SLOT, " lines.")
LEDGER = (SLOT, " Balance the ledger above and name every entry that looks wrong.")


def entry(
    campaign_id: str,
    parts: Sequence[str | Slot],
    *,
    variant: int = 0,
    state: MatcherState = MatcherState.USABLE,
    anywhere: bool = True,
    template_json: str = "",
    cover: Cover | None = None,
) -> KnownMatcher:
    return KnownMatcher(
        campaign_id=campaign_id,
        variant=variant,
        day=MONDAY,
        template_json=template_json or template_to_json(Template(tuple(parts), 0.5, 40.0, 1.0)),
        state=state,
        reason="0 of 9000 prompts outside families match",
        anywhere=anywhere,
        organic_matches=0,
        organic_prompts=9_000,
        collision_bound=0.0003,
        cover=cover,
    )


def cover_of(text: str, part: float = 0.6, state: MatcherState = MatcherState.USABLE) -> Cover:
    """Each word of a text tells 5 nats, and so much of them must be there."""
    words = cover_words(words_of([text]))[1].tolist()
    return Cover(
        state=state,
        reason="0 of 9000 prompts outside families do",
        words=tuple(words),
        weights=(5_000,) * len(words),
        least=round(5_000 * part * len(words)),
        typical=round(5_000 * 0.8 * len(words)),
        organic_matches=0,
        organic_prompts=9_000,
        collision_bound=0.0003,
    )


KNOWN = [entry("c-grade", GRADE), entry("c-ledger", LEDGER), entry("c-tide", TIDE)]


def filled(parts: Sequence[str | Slot], *values: str) -> str:
    given = iter(values)
    return "".join(part if isinstance(part, str) else next(given) for part in parts)


def row(number: int, prompt: Any, **changes: Any) -> dict[str, Any]:
    return {
        "prompt_id": f"p{number:05d}",
        "account_id": f"account-{number % 7}",
        "created_at": NOON + timedelta(seconds=number),
        "prompt": prompt,
    } | changes


def planted(n: int = 240) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Rows, and the campaign of each prompt id that belongs to one: every sixth is of each of three."""
    texts = [
        lambda i: (filled(GRADE, f"essay number {i} on lamps"), "c-grade"),
        lambda i: (f"What is the way from {i} Mill Lane to the harbour?", ""),
        lambda i: (filled(TIDE, f"town {i}", str(i % 9)), "c-tide"),
        lambda i: (f"Write {i} lines on a heron, please.", ""),
        lambda i: (filled(LEDGER, f"May: {i} in, {i + 3} out."), "c-ledger"),
        lambda i: (f"Grade this, or do not: you give your {i} reasons later.", ""),
    ]
    made = [texts[i % 6](i) for i in range(n)]
    rows = [row(i, prompt) for i, (prompt, _) in enumerate(made)]
    return rows, {row["prompt_id"]: name for row, (_, name) in zip(rows, made, strict=True) if name}


def write_parquet(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(list(rows)), path)
    return path


def json_lines(rows: Sequence[dict[str, Any]]) -> bytes:
    return b"".join(
        json.dumps(row, ensure_ascii=False, default=lambda moment: moment.isoformat()).encode() + b"\n"
        for row in rows
    )


def write_json(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(json_lines(rows))
    return path
