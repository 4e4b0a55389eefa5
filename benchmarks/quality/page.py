"""The figures of `docs/quality.md`: tables between markers, the words around them are ours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from benchmarks.measure import ROOT
from benchmarks.results import Cell, Result, number
from campaigns import files
from campaigns.errors import InputError

PAGE = ROOT / "docs" / "quality.md"
CHART = ROOT / "docs" / "images" / "quality.png"


def write(page: Path, blocks: Mapping[str, str]) -> None:
    """Replace what stands between the markers of each block; all or nothing.

    Raises:
        InputError: the page lacks a block.
    """
    text = page.read_text(encoding="utf-8")
    for name, block in blocks.items():
        text = filled(text, name, block, where=str(page))
    files.write_bytes(page, text.encode())


def filled(text: str, name: str, block: str, *, where: str = "") -> str:
    start, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    found = re.compile(f"{re.escape(start)}.*?{re.escape(end)}", re.DOTALL)
    if not found.search(text):
        raise InputError(
            f"no place for {name!r}", where=where, hint=f"Put {start} and {end} where it belongs."
        )
    return found.sub(lambda _: f"{start}\n\n{block}\n\n{end}", text)


def markdown(result: Result) -> str:
    """Title, table and figures; numbers to the right."""
    words = [all(isinstance(row[at], str) for row in result.rows) for at in range(len(result.columns))]
    lines = [
        f"**{result.title}**",
        "",
        _line(result.columns),
        _line(tuple("---" if word else "--:" for word in words)),
        *(_line(row) for row in result.rows),
    ]
    if result.figures:
        lines += ["", " · ".join(f"{figure.name}: {figure}" for figure in result.figures)]
    return "\n".join(lines)


def _line(cells: tuple[Cell, ...]) -> str:
    texts = [cell.strip() if isinstance(cell, str) else number(cell) for cell in cells]
    return f"| {' | '.join(text.replace('|', chr(92) + '|') for text in texts)} |"
