"""Pages read back: the text that they show, with what their chips stand for in its place."""

from __future__ import annotations

import re
from html.parser import HTMLParser

_VOID = frozenset({"meta", "link", "input", "br", "hr", "img"})
_POINT = re.compile(r"U\+([0-9A-F]{4,6})")
_TIMES = re.compile(r"×([\d,]+)$")


class _Texts(HTMLParser):
    """Originals of the elements that have a class, a text for each."""

    def __init__(self, wanted: str) -> None:
        super().__init__(convert_charrefs=True)
        self._wanted = wanted
        self._depth = 0
        self._inside = 0
        self._chip: tuple[int, str, str] | None = None
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _VOID:
            return
        self._depth += 1
        classes = (dict(attrs).get("class") or "").split()
        if not self._inside and self._wanted in classes:
            self._inside = self._depth
            self.found.append("")
        if self._inside and "unseen" in classes:
            self._chip = (self._depth, dict(attrs).get("title") or "", "")

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID:
            return
        if self._chip and self._chip[0] == self._depth:
            _, names, label = self._chip
            self._chip = None
            self.found[-1] += _stands_for(names, label)
        if self._inside == self._depth:
            self._inside = 0
        self._depth -= 1

    def handle_data(self, data: str) -> None:
        if self._chip:
            depth, names, label = self._chip
            self._chip = (depth, names, label + data)
        elif self._inside:
            self.found[-1] += data


def originals(html: str, wanted: str) -> list[str]:
    """The texts of the elements of class `wanted`, each as it was sent."""
    reader = _Texts(wanted)
    reader.feed(html)
    reader.close()
    return reader.found


def _stands_for(names: str, label: str) -> str:
    """Of a chip that names all its characters, one of each or one of them several times."""
    run = "".join(chr(int(code, 16)) for code in _POINT.findall(names))
    times = _TIMES.search(label)
    return run * int(times[1].replace(",", "")) if times else run
