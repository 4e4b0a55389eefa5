"""What stands in a slot: number, name, code, question, list, url or free text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from campaigns.records import Slot

SAMPLES = 5
SAMPLE_CHARACTERS = 200
_LOOKED_AT, _CHARACTERS = 60, 1_000
"""Distinct values whose kind is judged, and the characters of each that are looked at."""

_AGREEMENT = 0.6
_NAME_WORDS = 4
_NAME_CHARACTERS, _NUMBER_CHARACTERS = 60, 40

_QUESTION_MARKS: Final = ("?", "？", "؟", "\u037e")
_CLOSERS: Final = "\"'”’»)]」』 "
_LIST_MARKS: Final = "-*•·–"
_CODE_WORDS: Final = (
    "```",
    "def ",
    "return ",
    "import ",
    "#include",
    "function ",
    "class ",
    "SELECT ",
    "=>",
    "</",
    "();",
    "};",
)
_CODE_MARKS: Final = "{}[]();=<>_\\`|&#$"


def slot(values: Sequence[str]) -> Slot:
    """A slot of these values, one per member, in any order. Empty values do not count."""
    distinct = {value for value in values if value}
    ordered = sorted(distinct, key=lambda value: (len(value), value))
    step = -(-len(ordered) // _LOOKED_AT) or 1
    votes = Counter(kind_of(value) for value in ordered[::step])
    kind = "text"
    if votes:
        best, count = min(votes.items(), key=lambda item: (-item[1], item[0]))
        kind = best if count >= _AGREEMENT * votes.total() else "text"
    samples = tuple(cut(value) for value in ordered[:SAMPLES])
    return Slot(kind, len(distinct), samples)


def kind_of(value: str) -> str:
    """The kind of one value. Looks at a bounded head of it, with string methods only."""
    value = value[:_CHARACTERS].strip()
    if _is_number(value):
        return "number"
    if _is_url(value):
        return "url"
    if _is_code(value):
        return "code"
    if value.rstrip(_CLOSERS).endswith(_QUESTION_MARKS):
        return "question"
    if _is_list(value):
        return "list"
    if _is_name(value):
        return "name"
    return "text"


def cut(value: str) -> str:
    """At most `SAMPLE_CHARACTERS` of a value; the last of them then an ellipsis."""
    return value if len(value) <= SAMPLE_CHARACTERS else value[: SAMPLE_CHARACTERS - 1] + "…"


def _is_number(value: str) -> bool:
    if len(value) > _NUMBER_CHARACTERS:
        return False
    digits = sum(character.isdigit() for character in value)
    others = [c for c in value if not c.isdigit() and not c.isspace()]
    return digits > 0 and len(others) <= digits + 2 and all(c in "+-.,:/%°$€£¥₹()#" for c in others)


def _is_url(value: str) -> bool:
    head = value[:8].lower()
    return head.startswith(("http://", "https://", "www.", "ftp://")) and not any(c.isspace() for c in value)


def _is_code(value: str) -> bool:
    if "```" in value:
        return True
    words = sum(word in value for word in _CODE_WORDS)
    marks = sum(map(value.count, _CODE_MARKS))
    indented = sum(line.startswith(("    ", "\t")) for line in value.splitlines())
    begins = value.startswith(_CODE_WORDS)
    return (
        marks >= 0.08 * len(value) + 3 or (begins and marks > 0) or (marks >= 4 and max(words, indented) >= 2)
    )


def _is_list(value: str) -> bool:
    lines = [line.strip() for line in value.splitlines() if line.strip()]
    marked = sum(
        line[0] in _LIST_MARKS or (line[0].isdigit() and line[1:4].lstrip("0123456789")[:1] in ".)")
        for line in lines
    )
    if len(lines) >= 2 and marked >= 0.6 * len(lines):
        return True
    for separator in (",", ";", "、", "،", "，", "|"):
        items = [item.strip() for item in value.split(separator)]
        if len(items) >= 3 and all(item and len(item.split()) <= 3 and len(item) <= 30 for item in items):
            return True
    return False


def _is_name(value: str) -> bool:
    """A few words that begin with a capital, or a few characters of a script without capitals."""
    words = value.split()
    if not 0 < len(words) <= _NAME_WORDS or len(value) > _NAME_CHARACTERS:
        return False
    if any(
        not (c.isalnum() or c.isspace() or c in "-.'’&·・_" or c.isidentifier() or not c.isascii())
        for c in value
    ):
        return False
    if value[-1] in ".!。！":
        return False
    first = [word[0] for word in words]
    if all(c.isupper() or c.isdigit() for c in first):
        return True
    letters = [c for c in value if c.isalpha()]
    uncased = bool(letters) and all(c.lower() == c.upper() for c in letters)
    return uncased and len(letters) <= 12 and not any(c in "，。、？！：；" for c in value)
