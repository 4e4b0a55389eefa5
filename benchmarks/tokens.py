"""Is the tokenizer fast, and linear whatever the text?

Beside `str.split` of plain Python on the same texts, and on hostile texts beside ordinary ones: nobody should be
able to write a prompt that costs much more than its bytes.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from benchmarks.measure import alternately, growth
from benchmarks.results import Figure, Result
from benchmarks.samples import prompts_of, traffic
from campaigns.tokens import tokenize

HOSTILE = {
    "one word": "a",
    "a mark on each letter": "e\u0301",
    "all combining marks": "\u0301",
    "marks of a script with marks": "\u0915\u0941",
    "all ideographs": "\u5b57",
    "all punctuation": "!",
    "invisible between letters": "a\u200b",
    "apostrophes in a word": "a'",
    "a letter that folds to 18": "\ufdfa",
    "spaces": " ",
}
"""What is repeated, to one text of a given size."""


def tokens(prompts: int, folder: Path, *, hostile_bytes: int = 1_000_000) -> Result:
    """Speed on a simulated day; nanoseconds per byte of one hostile text of `hostile_bytes`, and of four times that."""
    ordinary = prompts_of(traffic(prompts, folder)).cast(pa.large_string())
    python = ordinary.to_pylist()
    size = sum(len(text.encode()) for text in python)
    tokenize(ordinary.slice(0, 1))  # compiled before the clock runs
    ours, split = alternately(lambda: tokenize(ordinary), lambda: [text.split() for text in python])
    rows: list[tuple[str, float, float, float]] = [("ordinary prompts", 1e9 * ours / size, 1.0, 1.0)]
    for name, unit in HOSTILE.items():
        texts = [_text(unit, hostile_bytes * k) for k in (1, 4)]
        small, large = alternately(*(lambda text=text: tokenize(text) for text in texts), repeat=3)
        per_byte = large / _bytes(texts[1])
        rows.append((name, 1e9 * per_byte, per_byte * size / ours, growth((1, 4), (small, large))))
    hostile = rows[1:]
    return Result(
        "Tokenizer",
        (
            Figure("tokenizer", size / ours / 1e6, "MB/s"),
            Figure("str.split", size / split / 1e6, "MB/s"),
            Figure("tokenizer over str.split", split / ours, "x"),
            Figure("costliest hostile byte over ordinary", max(row[2] for row in hostile), "x"),
            Figure("steepest growth of a hostile text", max(row[3] for row in hostile), "n^"),
        ),
        ("text", "ns per byte", "over ordinary", "growth exponent"),
        tuple(rows),
    )


def _text(unit: str, size: int) -> pa.Array:
    return pa.array([unit * max(1, size // len(unit.encode()))], pa.large_string())


def _bytes(text: pa.Array) -> int:
    return len(text[0].as_py().encode())
