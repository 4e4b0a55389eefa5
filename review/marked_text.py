"""Text cut into what shows and what does not, so that a page can show both; a template cut into constants and slots.

Nothing is lost: the originals of the segments, put together, are the text. Pages show a segment that does not show by
its label, and the rest as it is.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby, pairwise
from typing import Final

from campaigns.display import is_seen
from campaigns.records import Template

MOST_NAMED: Final = 3
"""Different characters that a label names before it says that there are more."""

_BIDI: Final = {
    "\u061c": "ALM", "\u200e": "LRM", "\u200f": "RLM", "\u202a": "LRE", "\u202b": "RLE", "\u202c": "PDF",
    "\u202d": "LRO", "\u202e": "RLO", "\u2066": "LRI", "\u2067": "RLI", "\u2068": "FSI", "\u2069": "PDI",
}  # fmt: skip
_SHORT: Final = {
    **_BIDI,
    "\u00ad": "SHY", "\u034f": "CGJ", "\u180e": "MVS", "\u200b": "ZWSP", "\u200c": "ZWNJ", "\u200d": "ZWJ",
    "\u2028": "LSEP", "\u2029": "PSEP", "\u2060": "WJ", "\ufeff": "BOM", "\x7f": "DEL",
}  # fmt: skip
_C0: Final = (
    "NUL", "SOH", "STX", "ETX", "EOT", "ENQ", "ACK", "BEL", "BS", "HT", "LF", "VT", "FF", "CR", "SO", "SI",
    "DLE", "DC1", "DC2", "DC3", "DC4", "NAK", "SYN", "ETB", "CAN", "EM", "SUB", "ESC", "FS", "GS", "RS", "US",
)  # fmt: skip
_CONTROL_PICTURES: Final = 0x2400
"""From here on Unicode has pictures of the C0 characters. Their names are those that the characters lack."""
_PLAIN: Final = frozenset("\n\t")


class Kind(StrEnum):
    """What a segment is; of a run of several kinds the first of these that is in it."""

    BIDI = "bidi"
    CONTROL = "control"
    INVISIBLE = "invisible"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Segment:
    """
    Attributes:
        text: the original; of all segments together, the whole.
        label: short, such as `ZWSP ×3`; empty for plain text.
        name: what the label stands for, such as `U+200B ZERO WIDTH SPACE`; of several, up to `MOST_NAMED`.
    """

    kind: Kind
    text: str
    label: str = ""
    name: str = ""

    @property
    def unseen(self) -> bool:
        return self.kind != Kind.PLAIN


def marked(text: str) -> Iterator[Segment]:
    """Plain text and runs of characters that show nothing, in turn. Spaces, line feeds and tabs are plain.

    A run is one segment however long, so nobody makes a page of labels out of a prompt of nothing.
    """
    for plain, run in groupby(pairwise(text + " "), key=_is_plain):
        found = "".join(character for character, _ in run)
        yield Segment(Kind.PLAIN, found) if plain else _unseen(found)


@dataclass(frozen=True, slots=True)
class TemplatePart:
    """A constant, or a slot with its number, from 1, and its kind; a constant has 0 and none."""

    text: str
    slot: int = 0
    kind: str = ""


def template_parts(template: Template) -> Iterator[TemplatePart]:
    """In order; the texts, put together, are `template.display()`."""
    number = 0
    for part in template.parts:
        if isinstance(part, str):
            yield TemplatePart(part)
        else:
            number += 1
            yield TemplatePart("{" + part.kind + "}", number, part.kind)


def slots_in(display: str) -> Iterator[TemplatePart]:
    """As `template_parts`, of `Template.display()`. Words in braces that senders wrote look like slots too."""
    number = 0
    for place, text in enumerate(_SLOT.split(display)):
        if place % 2:
            number += 1
            yield TemplatePart("{" + text + "}", number, text)
        elif text:
            yield TemplatePart(text)


_SLOT: Final = re.compile(r"\{(number|name|code|url|question|list|text)\}")


def _is_plain(pair: tuple[str, str]) -> bool:
    """Of a character and the one after it."""
    character, after = pair
    return (
        is_seen(character)
        or character in _PLAIN
        or (character == "\r" and after == "\n")
        or unicodedata.category(character) == "Zs"
    )


def _unseen(run: str) -> Segment:
    different = list(dict.fromkeys(run))
    more = ["…"] if len(different) > MOST_NAMED else []
    label = " ".join([*map(_short, different[:MOST_NAMED]), *more])
    if len(run) > len(different):
        label += f" ×{len(run):,}"
    kinds = {_kind(character) for character in different}
    name = ", ".join([*map(_name, different[:MOST_NAMED]), *more])
    return Segment(next(kind for kind in Kind if kind in kinds), run, label, name)


def _kind(character: str) -> Kind:
    if character in _BIDI:
        return Kind.BIDI
    return Kind.CONTROL if unicodedata.category(character) == "Cc" else Kind.INVISIBLE


def _short(character: str) -> str:
    code = ord(character)
    if code < len(_C0):
        return _C0[code]
    return _SHORT.get(character, f"U+{code:04X}")


def _name(character: str) -> str:
    code = ord(character)
    pictured = chr(_CONTROL_PICTURES + code) if code < len(_C0) else character
    name = unicodedata.name(pictured, "").removeprefix("SYMBOL FOR ")
    return f"U+{code:04X} {name or _UNNAMED.get(unicodedata.category(character), 'UNASSIGNED')}"


_UNNAMED: Final = {"Cc": "CONTROL", "Co": "PRIVATE USE", "Cs": "SURROGATE"}
