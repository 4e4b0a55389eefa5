"""Text from prompts, made harmless for a terminal or a title.

Rich passes escape sequences through, so whatever came from outside goes through `safe_text` (nothing is lost,
what cannot be seen is spelled out) or `plain_text` (what cannot be seen is left out) before it is shown.
"""

from __future__ import annotations

from typing import Final

ELLIPSIS: Final = "…"

_UNSEEN: Final = frozenset(
    map(
        chr,
        [
            *range(0xFE00, 0xFE0E),  # variation selectors, less the two that choose text or emoji
            *range(0xE0100, 0xE01F0),
            0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F, 0x2800, 0x3164, 0xFFA0,
        ],
    )
)  # fmt: skip
"""Characters that show nothing though `str.isprintable` lets them pass."""


def safe_text(text: str, limit: int | None = None, *, multiline: bool = False) -> str:
    r"""`text` with control, format, bidi and invisible characters spelled out (ESC becomes `\x1b`).

    Args:
        limit: most characters of the result; the last is then an ellipsis.
        multiline: keep line feeds and tabs; CR LF counts as one line feed.
    """
    if multiline:
        text = text.replace("\r\n", "\n")
    if limit is not None:
        text = text[: limit + 1]  # each character becomes at least one, so the rest cannot show
    kept = "\n\t" if multiline else ""
    shown = "".join(c if is_seen(c) or c in kept else _spelled(c) for c in text)
    return _cut(shown, limit)


def plain_text(text: str, limit: int | None = None, *, multiline: bool = False) -> str:
    """`text` with control, format, bidi and invisible characters left out and white space run together.

    Args:
        limit: most characters of the result; the last is then an ellipsis.
        multiline: keep line breaks, at most two in a row, and the indentation after them.
    """
    if multiline:
        lines = [_seen_only(line).rstrip() for line in text.splitlines()]
        kept = [line for i, line in enumerate(lines) if line or (i and lines[i - 1])]
        return _cut("\n".join(kept).strip("\n"), limit)
    return _cut(" ".join(_seen_only(text).split()), limit)


def is_seen(character: str) -> bool:
    """Whether a character shows something; typographic spaces do."""
    return character.isprintable() and character not in _UNSEEN


def _seen_only(text: str) -> str:
    return "".join(c if is_seen(c) else " " for c in text if is_seen(c) or c.isspace())


def _spelled(character: str) -> str:
    code = ord(character)
    if character.isspace() and code >= 0xA0 and code not in (0x2028, 0x2029):
        return " "  # no-break, ideographic and other typographic spaces
    named = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(character)
    if named:
        return named
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _cut(text: str, limit: int | None) -> str:
    if limit is None or len(text) <= limit:
        return text
    return text[: max(limit - 1, 0)].rstrip() + ELLIPSIS if limit > 0 else ""
